"""The permission grid: every route × method × role × {own, same area, other area, other organisation, anonymous}.

What is expected stands in `grid.csv`, read line by line by people: y let in, n kept out (refused, hidden or sent to sign in).
What the relations mean is in `visit.py`. `pytest tests/web/test_grid.py --write-grid` writes the tables anew, to be read again
before they are committed.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.test import Client

from cells import EXPECTED, TABLE, WHOLE_NUMBERS, always_asked, cell, read
from seeds import NIGHTLY, fresh_seed
from visit import CITY, COLUMNS, DISTRICT, SISTER, TAIAN, WITHOUT_RULE, Route, ask, guarded, routes
from zhaoliang.kernel.acts import ACTS, QUESTIONS, Declaration
from zhaoliang.kernel.roles import BUREAU_ROLES, ORGANISATION_ROLES, Access, Actor, Assignment, Reach, Role

GRANTS = Path(__file__).with_name("grants.csv")
METHODS = ("GET", "POST")
GUARDED = guarded()


@pytest.fixture(scope="module", autouse=True)
def menus_without_numbers() -> Iterator[None]:
    """The numbers in the bureau's side bar are counted anew for each page and say nothing of who may enter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zhaoliang.web.bureau.nav.work", SimpleNamespace(counts=lambda request: {}))
        yield


@pytest.fixture(scope="module")
def written(request: pytest.FixtureRequest) -> Iterator[dict[tuple[str, str], dict[str, str]] | None]:
    """Where cells go with --write-grid; None otherwise."""
    if not request.config.getoption("--write-grid"):
        yield None
        return
    found: dict[tuple[str, str], dict[str, str]] = {}
    yield found
    with TABLE.open("w", encoding="utf-8", newline="") as target:
        table = csv.DictWriter(target, ["route", "method", *COLUMNS], lineterminator="\n")
        table.writeheader()
        order = {route.name: index for index, route in enumerate(GUARDED)}
        for key in sorted(found, key=lambda key: (order[key[0]], key[1])):
            table.writerow({"route": key[0], "method": key[1], **found[key]})


def drawn(expected: dict[str, str], dice: random.Random) -> list[str]:
    """The columns that a run asks: those always asked, and every eighth of the others."""
    return [column for column in COLUMNS if always_asked(column, expected) or dice.randrange(8) == 0]


@pytest.mark.mission("B5", "I6")
def test_every_route_says_what_it_asks() -> None:
    without = [route.name for route in GUARDED if route.rule is None]
    assert without == [], "decorate the view with @page, or excuse it here with a reason"
    excused = {route.name for route in routes() if route.excused}
    assert {name.removeprefix("components:") for name in excused} >= set(WITHOUT_RULE), "an excuse without its route"


@pytest.mark.mission("B5")
def test_the_table_has_a_line_for_every_route_and_no_other(pytestconfig: pytest.Config) -> None:
    if not pytestconfig.getoption("--write-grid"):
        assert {name for name, _ in EXPECTED} == {route.name for route in GUARDED}
        assert all(list(row) == COLUMNS and set(row.values()) <= {"y", "n"} for row in EXPECTED.values())


@pytest.mark.sized
@pytest.mark.mission("B5")
@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
@pytest.mark.parametrize("method", METHODS)
def test_a_route_lets_in_whom_the_table_says(
    route: Route,
    method: str,
    clients: dict[str, Client],
    address: Callable[[Route], str],
    written: dict[tuple[str, str], dict[str, str]] | None,
) -> None:
    url = address(route)
    everybody = cell(ask(clients["everybody"], method, url))
    if everybody == "-":
        assert (route.name, method) not in EXPECTED or written is not None
        return
    expected = EXPECTED.get((route.name, method), {})
    everywhere = written is not None or NIGHTLY
    if method == "GET" and route.name not in WHOLE_NUMBERS and not everywhere:
        # `test_privacy.py` opens every page as the columns that a run draws, and holds the answers against the same table.
        assert expected or everybody == "n", "a page without its line"
        return
    asked = COLUMNS if everywhere else drawn(expected, random.Random(fresh_seed()))
    found = {column: cell(ask(clients[column], method, url)) for column in asked}
    if "-" in found.values():
        assert "y" not in found.values()
        assert (route.name, method) not in EXPECTED or written is not None
        return
    if written is not None:
        written[route.name, method] = found
        return
    assert found == {column: expected[column] for column in asked}


@pytest.mark.mission("B5")
@pytest.mark.parametrize(
    "path", ["/nothing/", "/bureau/nothing/", "/desk/nothing/", "/my/nothing/", "/admin/", "/.env"]
)
def test_an_unknown_address_leads_nowhere(path: str, clients: dict[str, Client]) -> None:
    assert {column: ask(client, "GET", path).status_code for column, client in clients.items()} == dict.fromkeys(
        clients, 404
    )


# The same below the pages: what each act and question grants.

DECLARED = {**ACTS, **QUESTIONS}
REACHES = {Reach.SELF: "own file", Reach.ORGANISATION: "own organisation", Reach.REGION: "own region", Reach.ANY: "any"}
OWN = Access(CITY, DISTRICT, frozenset({1}), 1)


def declared() -> dict[tuple[str, str], dict[str, str]]:
    return {
        (name, one.kind): {
            **{role.value: REACHES[one.grants[role]] if role in one.grants else "" for role in Role},
            "public": "y" if one.public else "",
        }
        for name, one in sorted(DECLARED.items())
        if not name.startswith("tests.")
    }


@pytest.mark.mission("B5")
def test_acts_and_questions_grant_what_the_table_says(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--write-grid"):
        with GRANTS.open("w", encoding="utf-8", newline="") as target:
            columns = ["route", "method", *(role.value for role in Role), "public"]
            table = csv.DictWriter(target, columns, lineterminator="\n")
            table.writeheader()
            table.writerows({"route": name, "method": kind, **row} for (name, kind), row in declared().items())
        return
    assert declared() == read(GRANTS)


def _actor(role: Role, region: int = CITY, organisation: int | None = None, person: int = 99) -> Actor:
    return Actor(7, person, "测试", (Assignment(role, region, CITY, organisation),))


@pytest.mark.mission("B5")
@pytest.mark.parametrize("declaration", [DECLARED[name] for name in sorted(DECLARED)], ids=lambda one: one.name)
def test_no_grant_reaches_beyond_its_holder(declaration: Declaration) -> None:
    if declaration.public:
        return
    # Anybody signed in may object to what is published; that is no look at a file and no power over it.
    open_to = {Role.WORKER, Role.PROVIDER} if declaration.name == "subsidies.object" else set()
    for role in BUREAU_ROLES:
        assert not declaration.allows(_actor(role, TAIAN), OWN), f"{role} of another city"
        assert not declaration.allows(_actor(role, SISTER), OWN), f"{role} of a sister district"
        granted = role in declaration.grants
        assert declaration.allows(_actor(role, CITY), OWN) == granted
        assert declaration.allows(_actor(role, DISTRICT), OWN) == granted
    for role in ORGANISATION_ROLES - open_to:
        reach = declaration.grants.get(role)
        assert reach is not Reach.ANY
        if reach is not Reach.REGION:
            assert not declaration.allows(_actor(role, CITY, organisation=2), OWN), f"{role} of another organisation"
            assert declaration.allows(_actor(role, CITY, organisation=1), OWN) == (role in declaration.grants)
        assert not declaration.allows(_actor(role, TAIAN, organisation=2), OWN), f"{role} of another city"
    for role in {Role.WORKER} - open_to:
        assert not declaration.allows(_actor(role, CITY, person=2), OWN), "another person"
        assert declaration.allows(_actor(role, CITY, person=1), OWN) == (role in declaration.grants)
    assert not declaration.allows(Actor(None, None, "未登录"), OWN)

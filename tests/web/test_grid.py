"""The permission grid: every route × method × role × {own, same area, other area, other organisation, anonymous}.

What is expected stands in `grid.csv`, read line by line by people: y let in, n kept out (refused, hidden or sent to sign in).
Relations: officers are of the object's city (`own`), of a sister district (`same`), of another city (`other`); staff of
organisations are of the object's own one, of another one in the same city (`rival`), of one in another city (`other`);
workers are the person the object is about (`own`), another of the same city (`same`), one of another city (`other`).
`pytest tests/web/test_grid.py --write-grid` writes the table anew, to be read again before it is committed.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from factories.identity import sign_in
from world import AT, World
from zhaoliang.attendance.models import Attendance
from zhaoliang.catalogue.models import Catalogue
from zhaoliang.certificates.models import Certificate
from zhaoliang.classes.models import ClassSession, Enrolment, RefusedRoster, RosterImport, TrainingClass
from zhaoliang.evaluation.models import Exam
from zhaoliang.funds.models import Account
from zhaoliang.kernel.acts import ACTS, QUESTIONS, Declaration
from zhaoliang.kernel.identifiers.invent import Inventor
from zhaoliang.kernel.identifiers.resident_id import Sex
from zhaoliang.kernel.roles import (
    BUREAU_ROLES,
    ORGANISATION_ROLES,
    Access,
    Actor,
    Assignment,
    Place,
    Reach,
    Role,
    system_actor,
)
from zhaoliang.payments.models import BankReturn, PaymentBatch
from zhaoliang.registry import services as registry
from zhaoliang.registry.models import Organisation, Person, User
from zhaoliang.subsidies.models import Claim, ClaimLine, Objection
from zhaoliang.vouchers.models import VoucherBatch
from zhaoliang.web.access import PageRule
from zhaoliang.web.portal import texts

TABLE = Path(__file__).with_name("grid.csv")
GRANTS = Path(__file__).with_name("grants.csv")
CITY, DISTRICT, SISTER, TAIAN, NATION = 120000, 120110, 120101, 370900, 100000
METHODS = ("GET", "POST")
FOUNDED = date(2026, 1, 5)
CLOCK = system_actor()

OFFICERS = sorted(BUREAU_ROLES)
STAFF = sorted(ORGANISATION_ROLES)
COLUMNS = [
    *(f"{role} {relation}" for role in OFFICERS for relation in ("own", "same", "other")),
    *(f"{role} {relation}" for role in STAFF for relation in ("own", "rival", "other")),
    *(f"worker {relation}" for relation in ("own", "same", "other")),
    "anonymous",
]

# Routes without a page rule, each with the reason; every other route must have one.
WITHOUT_RULE = {
    "healthz": "for the operator's probe, tells nothing",
    "readyz": "for the operator's probe, tells nothing",
    "metrics": "for the operator's collector, counts by route only",
    "display": "keeps the reader's own type size in a cookie",
    "gallery": "404 outside DEBUG",
    "gallery-face": "404 outside DEBUG",
    "worker:home": "leads to the first page, which asks",
    "account_login": "allauth; tests/web/identity",
    "account_logout": "allauth; tests/web/identity",
    "account_inactive": "allauth; tests/web/identity",
    "account_reauthenticate": "allauth; tests/web/identity",
    "account_change_password": "allauth, own account only; tests/web/identity",
    "openid_connect_callback": "the identity service's way back; tests/web/identity",
}
WITHOUT_RULE_PREFIXES = {
    "mfa_": "allauth, own account only; tests/web/identity",
    "api:": "keys and scopes; tests/api",
}


@dataclass(frozen=True)
class Route:
    """One address of the platform."""

    name: str
    pattern: str
    view: Any

    @property
    def rule(self) -> PageRule | None:
        return getattr(self.view, "page", None)

    @property
    def excused(self) -> bool:
        plain = self.name.removeprefix("components:")
        return plain in WITHOUT_RULE or any(plain.startswith(start) for start in WITHOUT_RULE_PREFIXES)


def routes(resolver: URLResolver | None = None, prefix: str = "", names: str = "") -> list[Route]:
    """Every address under a resolver."""
    found: list[Route] = []
    for entry in (resolver or get_resolver()).url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            found.append(Route(f"{names}{entry.name or pattern}", pattern, entry.callback))
        else:
            found += routes(entry, pattern, f"{names}{entry.namespace}:" if entry.namespace else names)
    return found


GUARDED = [route for route in routes() if not route.excused]


@pytest.fixture(scope="module")
def stage(world: World, request: pytest.FixtureRequest) -> Iterator[World]:
    """The world with the clock stopped; everything that this module adds is rolled back after it."""
    with pytest.MonkeyPatch.context() as patch, transaction.atomic():
        patch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: AT))
        yield world
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def objects(stage: World) -> dict[tuple[str, str], Any]:
    """One object for each (face, kind of address): those of a person are all of the same person."""
    here = {"city_code": CITY}
    line = stage.played.line
    enrolment = Enrolment.objects.get(**here, pk=line.enrolment_id)
    autumn = Claim.objects.exclude(training_class=stage.played.training_class).get(**here)
    # In publicity, so that the public can object.
    Claim.objects.filter(**here, pk=autumn.pk).update(
        state="publicity", publicity_from=AT.date() - timedelta(days=1), publicity_until=AT.date() + timedelta(days=4)
    )
    autumn.refresh_from_db()
    objection = Objection.objects.create(**here, claim=autumn, text="测试异议", raised_at=AT)
    winter = TrainingClass.objects.get(**here, state="filed", starts_on=date(2026, 12, 7))
    refused = RosterImport.objects.get(**here, imported=0)
    RefusedRoster.objects.get_or_create(
        **here, training_class=refused.training_class, defaults={"roster_import": refused, "content": ""}
    )
    session = ClassSession.objects.filter(**here, training_class=winter).earliest("id")
    project = winter.project
    batch = VoucherBatch.objects.get(**here, name="焊工·高级工 长期券")
    attendance = Attendance.objects.filter(**here, enrolment=enrolment).earliest("id")
    certificate = Certificate.objects.get(**here, pk=line.certificate_id)
    return {
        ("bureau", "classes"): winter,
        ("bureau", "claims"): autumn,
        ("bureau", "claim-lines"): ClaimLine.objects.filter(**here, claim=autumn).earliest("id"),
        ("bureau", "objections"): objection,
        ("bureau", "projects"): project,
        ("bureau", "catalogues"): Catalogue.objects.get(**here),
        ("bureau", "vouchers"): batch,
        ("bureau", "funds"): Account.objects.get(**here, kind="budget"),
        ("bureau", "payments"): PaymentBatch.objects.filter(**here).earliest("id"),
        ("bureau", "bank-returns"): BankReturn.objects.filter(**here).earliest("id"),
        ("bureau", "trace"): line,
        ("bureau", "people"): line.person,
        ("bureau", "organisations"): stage.played.training_class.provider,
        ("desk", "classes"): winter,
        ("desk", "imports"): refused,
        ("desk", "sessions"): session,
        ("desk", "attendance"): attendance,
        ("desk", "enrolments"): Enrolment.objects.filter(**here, training_class=winter).earliest("id"),
        ("desk", "exams"): Exam.objects.get(**here, training_class=stage.played.training_class),
        ("desk", "certificates"): certificate,
        ("desk", "claims"): autumn,
        ("desk", "projects"): project,
        ("my", "find"): batch,
        ("my", "vouchers"): line.voucher,
        ("my", "classes"): enrolment,
        ("my", "sessions"): attendance,
        ("my", "certificates"): certificate,
        ("my", "subsidies"): line,
        ("", "projects"): project,
        ("", "publicity"): autumn,
    }


@pytest.fixture(scope="module")
def clients(stage: World) -> dict[str, Client]:
    """A signed-in client for each column of the table, and `everybody`, who holds every role everywhere."""
    inventor = Inventor(20261123, region_code=TAIAN)
    training_class, person = stage.played.training_class, stage.played.line.person
    school, evaluator = training_class.provider, training_class.project.evaluator
    rival = Organisation.objects.exclude(pk__in=[school.pk, evaluator.pk]).get(city_code=CITY, state="listed")
    far = registry.register_organisation(
        actor=CLOCK,
        at=AT,
        place=Place(TAIAN, TAIAN),
        name="泰安测试职业培训学校",
        short_name="泰安测试",
        uscc=inventor.uscc(),
        kind="private_provider",
        region_code=TAIAN,
    )
    stranger = registry.register_person(
        actor=CLOCK,
        at=AT,
        place=Place(TAIAN, TAIAN),
        name="甲某测",
        document_type="resident_id",
        document_number=inventor.resident_id(birth=date(1990, 1, 1), sex=Sex.MALE),
        region_code=TAIAN,
    )
    another = Person.objects.filter(city_code=CITY, enrolments__isnull=False).exclude(pk=person.pk).earliest("id")
    made: dict[str, User] = {}
    for role in OFFICERS:
        for relation, region in (("own", CITY), ("same", SISTER), ("other", TAIAN)):
            made[f"{role} {relation}"] = _user(f"grid-{role}-{relation}", role, region)
    for role in STAFF:
        own = evaluator if role is Role.EVALUATOR else school
        for relation, organisation in (("own", own), ("rival", rival), ("other", far)):
            made[f"{role} {relation}"] = _user(
                f"grid-{role}-{relation}", role, organisation.city_code, organisation=organisation
            )
    for relation, who in (("own", person), ("same", another), ("other", stranger)):
        made[f"worker {relation}"] = _user(f"grid-worker-{relation}", Role.WORKER, who.city_code, person=who)
    everybody = _user("grid-everybody", Role.WORKER, CITY, person=person)
    for role in (*OFFICERS, *STAFF):
        _assign(everybody, role, NATION if role in BUREAU_ROLES else CITY, school if role in STAFF else None)
    made["everybody"] = everybody
    return {column: sign_in(Client(), user) for column, user in made.items()} | {"anonymous": Client()}


def _user(
    username: str, role: Role, region: int, *, organisation: Organisation | None = None, person: Person | None = None
) -> User:
    city = organisation.city_code if organisation else region // 100 * 100 if region != SISTER else CITY
    user = registry.create_user(
        actor=CLOCK,
        at=AT,
        place=Place(city, region, person_id=person.pk if person else None),
        username=username.replace("_", "-"),
        name="测试人员",
        person_id=person.pk if person else None,
        city_code=city,
    )
    _assign(user, role, region, organisation)
    return user


def _assign(user: User, role: Role, region: int, organisation: Organisation | None) -> None:
    registry.assign_role(
        actor=CLOCK,
        at=AT,
        place=Place(user.city_code or CITY, region),
        user=user,
        role=role,
        region_code=region,
        organisation=organisation,
        valid_from=FOUNDED,
    )


@pytest.fixture(scope="module")
def address(stage: World, objects: dict[tuple[str, str], Any]) -> Callable[[Route], str]:
    """The address of a route in this world."""
    target = _user("grid-target", Role.REVIEWER, DISTRICT)
    role = target.assignments.get()
    document = texts.documents(AT.date())[0].document.id

    def build(route: Route) -> str:
        parts = route.pattern.split("/")
        kwargs: dict[str, Any] = {}
        if "<path:document>" in parts:
            kwargs["document"] = document
        if "<int:city>" in parts:
            face = parts[0] if parts[0] in ("bureau", "desk", "my") else ""
            found = objects[face, parts[parts.index("<int:city>") - 1]]
            kwargs |= {"city": found.city_code, "pk": found.pk}
        elif "<int:pk>" in parts:
            assert "users" in parts, f"no object is known for {route.pattern}"
            kwargs["pk"] = target.pk
            if "<int:role>" in parts:
                kwargs["role"] = role.pk
        return reverse(route.name, kwargs=kwargs)

    return build


def ask(client: Client, method: str, url: str) -> HttpResponse:
    """The answer to a request whose effects are taken back."""
    with transaction.atomic():
        answer = client.get(url) if method == "GET" else client.post(url)
        transaction.set_rollback(True)
    return answer


def cell(answer: Any) -> str:
    """y: let in, n: kept out, -: no such method."""
    assert answer.status_code < 500 or answer.status_code == 503, answer.status_code
    if answer.status_code == 405:
        return "-"
    if answer.status_code in (301, 302):
        return "n" if answer["Location"].startswith("/sign-in/") else "y"
    if answer.status_code == 403:
        refusal = answer.context["refusal"] if answer.context and "refusal" in answer.context else None
        # Let in by role, then refused because two different people are asked for.
        return "y" if refusal is not None and refusal.code == "same_person" else "n"
    return "n" if answer.status_code in (401, 404) else "y"


def read(table: Path) -> dict[tuple[str, str], dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as source:
        return {(row.pop("route"), row.pop("method")): row for row in csv.DictReader(source)}


EXPECTED = read(TABLE) if TABLE.exists() else {}


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


@pytest.mark.mission("B5", "I6")
def test_every_route_says_what_it_asks() -> None:
    without = [route.name for route in GUARDED if route.rule is None]
    assert without == [], "decorate the view with @page, or excuse it here with a reason"
    excused = {route.name for route in routes() if route.excused and route.rule is None}
    assert {name.removeprefix("components:") for name in excused} >= set(WITHOUT_RULE), "an excuse without its route"


@pytest.mark.mission("B5")
def test_the_table_has_a_line_for_every_route_and_no_other(pytestconfig: pytest.Config) -> None:
    if not pytestconfig.getoption("--write-grid"):
        assert {name for name, _ in EXPECTED} == {route.name for route in GUARDED}
        assert all(list(row) == COLUMNS and set(row.values()) <= {"y", "n"} for row in EXPECTED.values())


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
    if cell(ask(clients["everybody"], method, url)) == "-":
        assert (route.name, method) not in EXPECTED or written is not None
        return
    found = {column: cell(ask(clients[column], method, url)) for column in COLUMNS}
    if written is not None:
        written[route.name, method] = found
        return
    assert found == EXPECTED[route.name, method]


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

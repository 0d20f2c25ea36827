"""Canaries: no ID number, phone, card or account of the demo's people in a page, an address, a log line or a plain column.

The same walk through all pages holds every answer against the permission grid too (`test_grid.py` asks the rest of it).
"""

from __future__ import annotations

import io
import logging
import random
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
import structlog.testing
from django.db import connection
from django.http import HttpRequest
from django.test import Client

from cells import EXPECTED, WHOLE_NUMBERS, always_asked, cell
from seeds import NIGHTLY, fresh_seed
from visit import CITY, COLUMNS, Route, ask, guarded
from world import World
from zhaoliang.classes.models import TrainingClass
from zhaoliang.kernel.db.national import national
from zhaoliang.payments.models import PaymentLine
from zhaoliang.registry.models import Organisation, Person
from zhaoliang.web import middleware
from zhaoliang.web.bureau import work

pytestmark = pytest.mark.mission("B1")

ROUTES = [route for route in guarded() if route.name not in WHOLE_NUMBERS]
_NUMBERS = re.compile(r"\d{11,}[Xx]?")


@pytest.fixture(scope="module")
def canaries(stage: World) -> dict[str, str]:
    """Each number that must stay hidden, and whose it is."""
    found: dict[str, str] = {}
    for person in Person.objects.filter(city_code=CITY):
        for kind in ("document_number", "phone", "card_number"):
            found[getattr(person, kind)] = f"{kind} of person {person.pk}"
    for organisation in Organisation.objects.filter(city_code=CITY):
        for kind in ("phone", "account_number"):
            found[getattr(organisation, kind)] = f"{kind} of organisation {organisation.pk}"
    for line in PaymentLine.objects.filter(city_code=CITY):
        found[line.account_number] = f"account of payment line {line.pk}"
    for held in TrainingClass.objects.filter(city_code=CITY):
        found[held.responsible_phone] = f"responsible_phone of class {held.pk}"
    found.pop("", None)
    assert len(found) > 3 * 90
    assert all(len(number) >= 11 for number in found)
    return found


def seen(text: str, canaries: dict[str, str]) -> set[str]:
    """Whose numbers stand in a text."""
    lengths = {len(number) for number in canaries}
    found = set()
    for match in _NUMBERS.finditer(text):
        digits = match.group().upper()
        for length in lengths:
            for start in range(len(digits) - length + 1):
                if owner := canaries.get(digits[start : start + length]):
                    found.add(owner)
    return found


def readable(answer: Any) -> str:
    """All text of an answer: its headers, and its body, unpacked where it is a workbook."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    text = str(dict(answer.headers)) + body.decode("utf-8", "ignore")
    if body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(body)) as book:
            text += " ".join(book.read(name).decode("utf-8", "ignore") for name in book.namelist())
    return text


@pytest.fixture
def log_lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """What was logged so far, at any level: the program's own events and the standard library's records."""
    events, records = structlog.testing.LogCapture(), list[str]()

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(f"{record.getMessage()} {record.exc_text or ''}")

    handler, root, level = Keep(), logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    monkeypatch.setattr(
        middleware, "log", structlog.wrap_logger(None, processors=[events], wrapper_class=structlog.BoundLogger)
    )
    yield lambda: [*map(str, events.entries), *records]
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def menus_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers in the bureau's side bar are the same on each of an officer's pages: counted on the first of them."""
    counted: dict[Any, dict[str, int]] = {}

    def counts(request: HttpRequest) -> dict[str, int]:
        if request.user.pk not in counted:
            counted[request.user.pk] = work.counts(request)
        return counted[request.user.pk]

    monkeypatch.setattr("zhaoliang.web.bureau.nav.work", SimpleNamespace(counts=counts))


@pytest.mark.usefixtures("menus_counted_once")
@pytest.mark.sized
@pytest.mark.mission("B1", "B5", "F4", "I6")
@pytest.mark.parametrize("column", COLUMNS)
def test_every_page_lets_in_whom_the_table_says_and_no_address_or_log_line_shows_a_number(
    column: str,
    clients: dict[str, Client],
    address: Callable[[Route], str],
    canaries: dict[str, str],
    log_lines: Callable[[], list[str]],
) -> None:
    client, dice = clients[column], random.Random(fresh_seed())
    asked = [
        route
        for route in ROUTES
        if NIGHTLY or always_asked(column, EXPECTED.get((route.name, "GET"), {})) or dice.randrange(8) == 0
    ]
    shown: dict[str, set[str]] = {}
    wrong: dict[str, str] = {}
    for route in asked:
        url = address(route)
        answer = ask(client, "GET", url)
        if found := seen(url, canaries) | seen(readable(answer), canaries):
            shown[route.name] = found
        # Where nobody may look, who is kept out need not learn that there is nothing to see.
        expected = EXPECTED.get((route.name, "GET"), {column: "n-"})[column]
        if (mark := cell(answer)) not in expected:
            wrong[route.name] = mark
    assert shown == {}
    assert wrong == {}
    assert len(log_lines()) >= len(asked)
    assert seen("\n".join(log_lines()), canaries) == set()


@pytest.mark.mission("B1", "G3")
def test_the_bank_file_alone_holds_whole_accounts(
    clients: dict[str, Client], address: Callable[[Route], str], canaries: dict[str, str]
) -> None:
    [route] = [route for route in guarded() if route.name in WHOLE_NUMBERS]
    found = seen(readable(ask(clients["fund_officer own"], "GET", address(route))), canaries)
    assert any(owner.startswith("account of payment line") for owner in found)


@pytest.mark.mission("B1")
def test_looking_for_a_number_leaves_none_behind(
    clients: dict[str, Client], canaries: dict[str, str], log_lines: Callable[[], list[str]]
) -> None:
    number = next(number for number, owner in canaries.items() if owner.startswith("document_number"))
    for path in ("/bureau/people/", "/check/"):
        answer = clients["reviewer own"].post(path, {"document_number": number, "number": number, "name": "甲某子"})
        assert seen(str(answer.headers.get("Location", "")), canaries) == set()
    assert seen("\n".join(log_lines()), canaries) == set()


def _rows(table: str) -> Iterable[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT t::text FROM {connection.ops.quote_name(table)} t")
        while chunk := cursor.fetchmany(500):
            yield from (row[0] for row in chunk)


@pytest.mark.mission("B1")
def test_no_column_of_any_table_holds_a_number_in_the_clear(stage: World, canaries: dict[str, str]) -> None:
    plain: dict[str, set[str]] = {}
    read = 0
    with national(), connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        tables = [row[0] for row in cursor.fetchall()]
        for table in tables:
            for row in _rows(table):
                read += 1
                if found := seen(row, canaries):
                    plain.setdefault(table, set()).update(found)
    assert plain == {}
    assert read > 10_000

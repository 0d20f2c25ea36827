"""How many SQL statements each page costs, against the committed figures of `queries.csv`.

Each page is opened in the played demo by somebody whom `grid.csv` lets in. A page that costs more than its line says fails, one
that costs less too: a figure with slack would hide the next rise. `pytest tests/web/test_queries.py --write-queries` writes the
figures anew, to be read before they are committed.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from visit import COLUMNS, Route, ask, guarded
from zhaoliang.kernel.db.config import APP_ROLE
from zhaoliang.kernel.db.models import CityModel

TABLE, GRID = Path(__file__).with_name("queries.csv"), Path(__file__).with_name("grid.csv")
# Whoever visits is the same from one run to the next: the face's own people first, then the first of the grid's columns.
HOSTS = ("anonymous", "worker own", "provider own", "evaluator own", "reviewer own", "fund_officer own", *COLUMNS)
# Two that hold a file or a decision to what it was made from, which a copied row belies; one that reads block by block.
LEFT_OUT = frozenset({"bureau:bank_file", "bureau:trace", "bureau:audit_verify"})
_VALUE = re.compile(r"'(?:[^']|'')*'|\b\d+\b")
_LIST = re.compile(r"\(\?(?:, \?)+\)")
_CURSOR = re.compile(r'"_django_curs_\w+"')

pytestmark = pytest.mark.mission("N2")


def visitors() -> dict[str, str]:
    """Who opens each page: a column of the grid that it lets in."""
    with GRID.open(encoding="utf-8", newline="") as source:
        return {
            row["route"]: next(column for column in HOSTS if row[column] == "y")
            for row in csv.DictReader(source)
            if row["method"] == "GET" and "y" in row.values()
        }


def shape(statement: str) -> str:
    """A statement without its values: what two rounds of the same loop have in common."""
    return _LIST.sub("(?)", _VALUE.sub("?", _CURSOR.sub("cursor", statement)))


def statements(client: Client, url: str) -> Counter[str] | None:
    """What a page asks of the database; None where it leads on or is not there."""
    # The first look has warmed what a process keeps.
    if ask(client, "GET", url).status_code != 200:
        return None
    with CaptureQueriesContext(connection) as held:
        ask(client, "GET", url)
    # The savepoint around the look is not the page's.
    own = (one["sql"] for one in held if not one["sql"].startswith(("SAVEPOINT", "ROLLBACK TO", "RELEASE")))
    return Counter(map(shape, own))


@pytest.fixture
def opened(clients: Mapping[str, Client], address: Callable[[Route], str]) -> Callable[..., dict[str, Counter[str]]]:
    """Every page (but some) and the statements of one look at it."""
    hosts = visitors()

    def look(left_out: Collection[str] = ()) -> dict[str, Counter[str]]:
        found = {
            route.name: statements(clients[hosts[route.name]], address(route))
            for route in guarded()
            if route.name in hosts and route.name not in left_out
        }
        return {name: asked for name, asked in found.items() if asked is not None}

    return look


def told(asked: Counter[str]) -> str:
    """The statements that were asked more than once, the most frequent first."""
    return "\n".join(f"    {times} ×  {statement[:300]}" for statement, times in asked.most_common(8) if times > 1)


def test_no_page_costs_more_statements_than_its_line_says(
    opened: Callable[..., dict[str, Counter[str]]], pytestconfig: pytest.Config
) -> None:
    found = opened()
    if pytestconfig.getoption("--write-queries"):
        lines = "".join(f"{name},{asked.total()}\n" for name, asked in sorted(found.items()))
        TABLE.write_text(f"route,statements\n{lines}", encoding="utf-8")
        return
    with TABLE.open(encoding="utf-8", newline="") as source:
        expected = {row["route"]: int(row["statements"]) for row in csv.DictReader(source)}
    faults = [
        f"{name}: {asked.total()} statements, {expected[name]} are written down\n{told(asked)}"
        if name in expected
        else f"{name}: {asked.total()} statements, no line yet\n{told(asked)}"
        for name, asked in found.items()
        if asked.total() != expected.get(name)
    ]
    faults += [f"{name}: has a line, but no page answers" for name in sorted(expected.keys() - found.keys())]
    assert not faults, "\n".join(
        [*faults, "A rise is to be mended or argued for; then (or after a fall) --write-queries writes the figures."]
    )


def grow(times: int) -> int:
    """Beside every row of the city's tables that many more, of the same school, class, claim and person; how many tables grew.

    A table whose rules refuse a copy (a teacher is in one place at a time) stays as it is.
    """
    grown = 0
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL ROLE NONE")
        for model in apps.get_models():
            if not issubclass(model, CityModel):
                continue
            table = model._meta.db_table
            columns = (field.column for field in model._meta.concrete_fields)
            plain = ", ".join(connection.ops.quote_name(column) for column in columns if column and column != "id")
            cursor.execute(
                "SELECT i.indexrelid::regclass::text, c.conname FROM pg_index i LEFT JOIN pg_constraint c"
                " ON c.conindid = i.indexrelid AND c.contype = 'u'"
                " WHERE i.indrelid = %s::regclass AND i.indisunique AND NOT i.indisprimary",
                [table],
            )
            unique = cursor.fetchall()
            with suppress(DatabaseError), transaction.atomic():
                for index, constraint in unique:
                    drop = (
                        f'ALTER TABLE {table} DROP CONSTRAINT "{constraint}"' if constraint else f"DROP INDEX {index}"
                    )
                    cursor.execute(drop)
                cursor.execute(
                    f"INSERT INTO {table} (id, {plain}) SELECT id + n * 1000000, {plain}"
                    f" FROM {table}, generate_series(1, %s) n",
                    [times],
                )
                grown += 1
        cursor.execute(f"SET LOCAL ROLE {APP_ROLE}")
    return grown


@pytest.mark.nightly
def test_no_page_costs_more_statements_where_there_are_more_rows(
    opened: Callable[..., dict[str, Counter[str]]],
) -> None:
    few = opened(LEFT_OUT)
    with transaction.atomic():
        assert grow(2) > 50
        many = opened(LEFT_OUT)
        transaction.set_rollback(True)
    assert many.keys() == few.keys()
    faults = [
        f"{name}: {few[name].total()} statements, {asked.total()} with more rows\n{told(asked)}"
        for name, asked in many.items()
        if asked.total() > few[name].total()
    ]
    assert not faults, "\n".join(faults)

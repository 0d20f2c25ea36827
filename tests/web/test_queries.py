"""How many SQL statements each page costs, against the committed figures of `queries.csv`; and lists that do not grow.

A page that costs more than its line says fails; `pytest tests/web/test_queries.py --write-queries` writes the figures anew, to be
read before they are committed.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from visit import Route, ask, guarded
from world import World

TABLE = Path(__file__).with_name("queries.csv")
# Answers that are files or are made for one look at a time; their statements follow what they hold.
LEFT_OUT = ("export", "file", "document", "download")

pytestmark = pytest.mark.mission("N2")


def pages() -> list[Route]:
    return [route for route in guarded() if not any(word in route.name for word in LEFT_OUT)]


def test_no_page_costs_more_statements_than_its_line_says(
    world: World, clients: dict[str, Client], address: Callable[[Route], str], pytestconfig: pytest.Config
) -> None:
    client, found = clients["everybody"], dict[str, int]()
    for route in pages():
        url = address(route)
        if ask(client, "GET", url).status_code != 200:
            # No page, or one that leads on.
            continue
        # The first look has warmed what a process keeps.
        with CaptureQueriesContext(connection) as held:
            ask(client, "GET", url)
        # The savepoint around the look is not the page's.
        found[route.name] = sum(not one["sql"].startswith(("SAVEPOINT", "ROLLBACK TO", "RELEASE")) for one in held)
    if pytestconfig.getoption("--write-queries"):
        lines = "".join(f"{name},{count}\n" for name, count in sorted(found.items()))
        TABLE.write_text(f"route,count\n{lines}", encoding="utf-8")
        return
    with TABLE.open(encoding="utf-8", newline="") as source:
        expected = {row["route"]: int(row["count"]) for row in csv.DictReader(source)}
    risen = {name: (expected.get(name), count) for name, count in found.items() if count > expected.get(name, 0)}
    assert risen == {}, "pages with more statements than before, as (before, now)"
    assert expected.keys() - found.keys() == set(), "lines without their page"

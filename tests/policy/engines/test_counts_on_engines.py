"""Counting earlier grants in PostgreSQL and DuckDB gives what counting in Python gives."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import duckdb
import psycopg
import pytest

from policy.texts import STORE
from seeds import fresh_seed
from zhaoliang.policy.counts import count_grants, read_history
from zhaoliang.policy.model import Count, Window
from zhaoliang.policy.sql import history_columns

DAY = date(2026, 6, 1)
COUNTS = (
    Count(("training",), Window("lifetime")),
    Count(("training", "evaluation"), Window("calendar_year"), fund=("employment_subsidy",)),
    Count(("training",), Window("days", days=365), same=("occupation", "level"), by="class_start"),
    Count(("training",), Window("between", start=date(2024, 1, 1), end=date(2026, 12, 31)), kind=("startup_ability",)),
    Count(("training",), Window("between", start=date(2025, 1, 1)), same=("kind",), kind=("skill_level", "safety")),
)
FIELDS = ("scheme", "on", "occupation", "level", "kind", "fund_source")
VALUES: dict[str, list[Any]] = {
    "occupation": ["6-18-02-04", "4-10-01-05", None],
    "level": ["junior", "senior", None],
    "kind": ["skill_level", "startup_ability", "safety", None],
    "fund_source": ["employment_subsidy", "other", None],
}


def quoted(value: Any) -> str:
    if value is None:
        return "NULL"
    return f"DATE '{value}'" if isinstance(value, date) else f"'{value}'" if isinstance(value, str) else str(value)


def relation(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    """The rows as a relation; the first row of nulls gives the types and is left out."""
    kinds = {"id": "bigint", "on": "date", "on_day": "date", "class_start": "date"}
    typed = ", ".join(f'NULL::{kinds.get(name, "text")} AS "{name}"' for name in names)
    values = " UNION ALL ".join(f"SELECT {', '.join(map(quoted, row))}" for row in rows)
    return f"(SELECT * FROM (SELECT {typed} UNION ALL {values}) AS r WHERE id IS NOT NULL)"


@pytest.mark.mission("F4")
def test_grants_are_counted_alike(postgres: psycopg.Connection[Any]) -> None:
    chance = random.Random(fresh_seed())
    lines: list[tuple[Any, ...]] = []
    grants: list[tuple[Any, ...]] = []
    wanted: list[tuple[Any, ...]] = []
    for number in range(300):
        facts = {name: chance.choice(VALUES[name]) for name in ("occupation", "level", "kind")}
        facts["class_start"] = chance.choice([None, DAY, DAY - timedelta(days=chance.randrange(500))])
        on = DAY - timedelta(days=chance.randrange(400))
        lines.append((number, on, *facts.values()))
        history = []
        for _ in range(chance.choice((0, 1, 2, 3, 8))):
            grant = {name: chance.choice(values) for name, values in VALUES.items()}
            grant |= {"scheme": chance.choice(("training", "evaluation", "living"))}
            grant |= {"on": on + timedelta(days=chance.choice((-800, -366, -365, -364, -30, -1, 0, 1)))}
            history.append(grant)
            grants.append((number, *(grant[name] for name in FIELDS)))
        given = [{name: value for name, value in grant.items() if value is not None} for grant in history]
        known = {name: value for name, value in facts.items() if value is not None}
        read = read_history(given, STORE.facts)
        wanted.append((number, *(count_grants(count, read, known, on) for count in COUNTS)))
    asked = history_columns(
        COUNTS,
        relation(("id", "on_day", "occupation", "level", "kind", "class_start"), lines),
        relation(("id", *FIELDS), grants),
        on="on_day",
    )
    columns = ", ".join(["id", *(count.column for count in COUNTS)])
    asked = f"SELECT {columns} FROM {asked} AS counted ORDER BY id"
    with duckdb.connect() as connection:
        assert connection.execute(asked).fetchall() == wanted
    assert postgres.execute(asked).fetchall() == wanted

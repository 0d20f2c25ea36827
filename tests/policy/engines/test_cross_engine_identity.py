"""One rule text, one meaning: every shipped set gives the same answers on PostgreSQL, DuckDB, Polars and in Python."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from policy.engines.asked import assert_all_agree, made_lines, shipped_sets
from policy.texts import STORE
from seeds import fresh_seed, size

# `python bench/identity.py` asks a million; here a few of each set, others every time.
LINES = size(ci=60, nightly=5_000)
PLACES = sorted({one.region for one in STORE.documents if one.rules or one.amounts})


@pytest.mark.sized
@pytest.mark.mission("F1", "F7")
@pytest.mark.parametrize("place", PLACES)
def test_cross_engine_identity(place: int, postgres: psycopg.Connection[Any]) -> None:
    seed = fresh_seed()
    outcomes: set[int] = set()
    for number, (policies, phase, statement) in enumerate(shipped_sets(STORE, place)):
        lines = made_lines(policies, phase, statement.columns, LINES, seed + number)
        outcomes |= {row[1] for row in assert_all_agree(policies, phase, lines, postgres, statement)}
    assert len(outcomes) > 1, "lines that all come out alike try nothing"

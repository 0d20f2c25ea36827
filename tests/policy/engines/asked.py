"""The same lines asked of every engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb
import polars
import psycopg
import pyarrow

from policy.engines.lines import Lines, row_of
from zhaoliang.policy import PolicySet, PolicyStore
from zhaoliang.policy.frames import decide_frame
from zhaoliang.policy.model import PHASES, Phase
from zhaoliang.policy.sql import OUTCOMES, Column, Dialect, Statement, answers_of, compile_set
from zhaoliang.policy.sql.terms import Binder
from zhaoliang.policy.whatif import turning_days

Row = tuple[Any, ...]
ARROW = {
    "bool": pyarrow.bool_(),
    "number": pyarrow.int64(),
    "date": pyarrow.date32(),
    "text": pyarrow.string(),
}


def shipped_sets(store: PolicyStore, place: int) -> Iterator[tuple[PolicySet, Phase, Statement]]:
    """Every different (scheme, phase, day) to which the place's own texts add something.

    Sets that compile to the same statement count once; what only higher texts say is asked at their own place.
    """
    seen: set[tuple[str, str]] = set()
    for scheme in store.facts_for(place).schemes:
        held: set[object] = set()
        for day in sorted(turning_days(store, place)):
            policies = store.for_place(place, scheme, day)
            figures = tuple(
                parameter.on(day) for document in policies.documents for parameter in document.parameters.values()
            )
            own = [one for one, _ in (*policies.bound_rules, *policies.bound_amounts) if one.region == place]
            if (policies.sources, figures) in held or not own:
                continue
            held.add((policies.sources, figures))
            for phase in PHASES:
                statement = compile_set(policies, phase, dialect="duckdb")
                if statement.columns and (statement.head, statement.tail) not in seen:
                    seen.add((statement.head, statement.tail))
                    yield policies, phase, statement


def made_lines(
    policies: PolicySet, phase: Phase, columns: Sequence[Column], count: int, seed: int
) -> list[dict[str, Any]]:
    """Random lines with every fact the statement reads."""
    bound = Binder().bind(policies, phase)
    names = bound.facts() | {column.name for column in columns if column.name in policies.facts.facts}
    return Lines(policies, bound, sorted(names), seed).make(count)


def by_python(policies: PolicySet, phase: Phase, lines: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The answers of `PolicySet.decide`, as the columns of a statement."""
    rows: list[Row] = []
    for number, facts in enumerate(lines):
        made = policies.decide(facts, phase=phase)
        payee = policies.payee(facts) if phase != "filing" else None
        steps = [step.value_fen for step in made.steps]
        code = payee.code if payee else None
        rows.append((number, OUTCOMES.index(made.outcome), made.fen, answers_of(made), code, steps))
    return rows


def by_duckdb(statement: Statement, table: pyarrow.Table) -> list[Row]:
    """The answers of DuckDB."""
    with duckdb.connect() as connection:
        connection.register("lines", table)
        return sorted(connection.execute(statement.select("lines")).fetchall())


def by_polars(policies: PolicySet, phase: Phase, table: pyarrow.Table) -> list[Row]:
    """The answers of Polars."""
    frame = polars.from_arrow(table)
    assert isinstance(frame, polars.DataFrame)
    return sorted(decide_frame(policies, frame, phase).collect().rows())


def by_postgres(statement: Statement, rows: Sequence[Row], connection: psycopg.Connection[Any]) -> list[Row]:
    """The answers of PostgreSQL."""
    columns = ", ".join(f'"{column.name}" {column.sql_type}' for column in statement.columns)
    connection.execute("DROP TABLE IF EXISTS pg_temp.asked")
    connection.execute(f"CREATE TEMP TABLE asked (id bigint, {columns})")
    with connection.cursor().copy("COPY asked FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    relation = "asked"
    if statement.once_columns:
        # Each line is a class of its own: what lines share must come to the same apart as in place.
        before, after = statement.once
        held = ", ".join(f's."{name}"' for name in statement.once_columns)
        relation = f"(SELECT asked.*, {held} FROM asked JOIN ({before}asked{after}) s ON s.id = asked.id)"
    return sorted(connection.execute(statement.select(relation)).fetchall())


def table_of(rows: Sequence[Row], columns: Sequence[Column]) -> pyarrow.Table:
    """The lines as an Arrow table."""
    arrays = [pyarrow.array([row[0] for row in rows], pyarrow.int64())]
    arrays += [
        pyarrow.array([row[place] for row in rows], ARROW[column.kind]) for place, column in enumerate(columns, start=1)
    ]
    return pyarrow.table(arrays, names=["id", *(column.name for column in columns)])


def assert_all_agree(
    policies: PolicySet,
    phase: Phase,
    lines: Sequence[Mapping[str, Any]],
    connection: psycopg.Connection[Any],
    statement: Statement | None = None,
) -> list[Row]:
    """Outcome, fen, answers, payee and steps of every line are the same on all four engines; gives Python's."""
    duck = statement or compile_set(policies, phase, dialect="duckdb")
    dialect: Dialect = "postgres"
    postgres = compile_set(policies, phase, dialect=dialect)
    assert postgres.columns == duck.columns
    shared = [column.name for column in postgres.columns[::2]]
    apart = compile_set(policies, phase, dialect=dialect, shared=shared, shared_carried=("id",))
    wanted = by_python(policies, phase, lines)
    rows = [row_of(number, facts, duck.columns) for number, facts in enumerate(lines)]
    table = table_of(rows, duck.columns)
    told = {
        "DuckDB": by_duckdb(duck, table),
        "Polars": by_polars(policies, phase, table),
        "PostgreSQL": by_postgres(postgres, rows, connection),
        "PostgreSQL, what lines share apart": by_postgres(apart, rows, connection),
    }
    for engine, got in told.items():
        assert len(got) == len(wanted)
        for want, have in zip(wanted, got, strict=True):
            where = f"{engine}, {policies.region_code} {policies.scheme} {phase} {policies.on}"
            assert tuple(have) == want, f"{where}: {lines[want[0]]}"
    return wanted

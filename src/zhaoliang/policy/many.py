"""Whether the engine for many lines answers a text's scenarios as the evaluator of one line does.

It counts in 64 bits: a share of nine decimals taken twice is right for one line and would stop the audit of a whole city.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import duckdb

from zhaoliang.policy.errors import PolicyError
from zhaoliang.policy.lines import Lines
from zhaoliang.policy.model import Document, Phase
from zhaoliang.policy.scenarios import ScenarioRun
from zhaoliang.policy.sql import Statement, compile_set

TOO_LONG = "数值相乘超出 64 位整数，逐人可以算，成批核对算不下去"
DIFFERS = "逐人和成批核对结果不同"


def unlike(runs: Iterable[ScenarioRun], document: Document) -> Iterator[tuple[int, str]]:
    """The document's scenarios (their places) that many lines at once would not be answered as one is, and why."""
    places = {id(scenario): place for place, scenario in enumerate(document.scenarios)}
    by_region: dict[int, list[ScenarioRun]] = defaultdict(list)
    for run in runs:
        if run.document is document:
            by_region[run.policies.region_code].append(run)
    for held in by_region.values():
        lines = Lines.from_facts([run.decision.facts for run in held], held[0].policies.facts)
        sets: dict[tuple[int, Phase], list[int]] = defaultdict(list)
        for number, run in enumerate(held, 1):
            sets[id(run.policies), run.scenario.phase].append(number)
        for (_, phase), numbers in sets.items():
            statement = compile_set(held[numbers[0] - 1].policies, phase, dialect="duckdb")
            for number, problem in _differing(lines, statement, held, numbers):
                yield places[id(held[number - 1].scenario)], problem


def _differing(
    lines: Lines, statement: Statement, held: Sequence[ScenarioRun], numbers: Sequence[int]
) -> Iterator[tuple[int, str]]:
    where = f"line::bigint IN ({', '.join(map(str, numbers))})"
    relation = lines.typed(statement.columns, {"id": "line::bigint"}, (), on="", where=where)
    try:
        rows = lines.connection.execute(statement.select(relation)).fetchall()
    except duckdb.Error:
        # One line stops all: which it is shows when each is asked by itself.
        for number in numbers:
            yield from _differing(lines, statement, held, [number]) if len(numbers) > 1 else [(number, TOO_LONG)]
        return
    for row in rows:
        try:
            statement.decision(row, held[row[0] - 1].decision.facts)
        except PolicyError:
            yield row[0], DIFFERS

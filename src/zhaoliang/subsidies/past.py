"""The facts of past claim lines as a file, for trying other rules on them: no names, no numbers of documents.

A line is known by its id; beside the facts stand its region and, where it was decided, what was decided and paid.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from django.db import connection

from zhaoliang.kernel.roles import region_codes
from zhaoliang.policy import PolicyError
from zhaoliang.subsidies.facts_sql import LINE_FACTS, Chosen, line_facts

Format = Literal["parquet", "csv", "jsonl"]
SQL_TYPES = {"bool": "BOOLEAN", "number": "BIGINT", "fraction": "BIGINT", "date": "DATE", "text": "VARCHAR"}
COPY = {"parquet": "FORMAT parquet, COMPRESSION zstd", "csv": "FORMAT csv, HEADER", "jsonl": "FORMAT json"}


class ExportUnavailable(PolicyError):
    """The program that writes these files (DuckDB) is not installed here."""


def columns() -> dict[str, str]:
    """The columns of an export in order, with their DuckDB types; `<name>_den` is the denominator of a fraction."""
    found = {"id": "BIGINT", "region": "INTEGER", "state": "VARCHAR", "decided": "VARCHAR", "decided_fen": "BIGINT"}
    for name, kind in LINE_FACTS.items():
        found[name] = SQL_TYPES[kind]
        if kind == "fraction":
            found[f"{name}_den"] = "BIGINT"
    return found


def _held(name: str) -> str:
    """A column of the facts."""
    return f'f."{name}"'


def export_line_facts(
    path: Path, *, city_code: int, region_code: int, states: Sequence[str] = (), form: Format = "parquet"
) -> int:
    """Write the facts of a region's claim lines (in these states, by default all) to `path`; returns how many lines.

    The rows stream from one statement. Raises ExportUnavailable without DuckDB.
    """
    try:
        import duckdb
    except ImportError as problem:
        raise ExportUnavailable("写出数据文件需要 DuckDB：请安装 requirements/dev.txt 中的 duckdb。") from problem
    low, high = region_codes(region_code)
    given: dict[str, Any] = {"low": low, "high": high} | ({"states": list(states)} if states else {})
    chosen = Chosen(
        city_code,
        "p.region_id BETWEEN %(low)s AND %(high)s",
        "l.state = ANY(%(states)s)" if states else "TRUE",
        given,
    )
    relation, parameters = line_facts(chosen, more={"state": "l.state", "decision_id": "l.decision_id"})
    types = columns()
    taken = {"region": "f.region_id", "decided": "d.outcome", "decided_fen": "d.amount_fen"}
    select = ", ".join(f'{taken.get(name) or _held(name)} AS "{name}"' for name in types)
    text = (
        f"SELECT {select} FROM ({relation}) f LEFT JOIN decision d ON d.city_code = %(city)s AND d.id = f.decision_id"
    )
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.csv"
        with connection.cursor() as cursor, rows.open("wb") as out:
            bound = cursor.mogrify(text, parameters)
            with cursor.copy(f"COPY ({bound}) TO STDOUT (FORMAT csv, HEADER)") as copy:
                for block in copy:
                    out.write(block)
        with duckdb.connect() as engine:
            engine.read_csv(str(rows), header=True, columns=types).order("id").create("lines")
            engine.execute(f"COPY lines TO ? ({COPY[form]})", [str(path)])
            [count] = engine.execute("SELECT count(*) FROM lines").fetchone() or (0,)
            return count

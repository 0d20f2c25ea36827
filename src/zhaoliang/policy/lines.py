"""Past lines for a what-if: from a Parquet, CSV or JSON-lines file or from facts in memory, read exactly by DuckDB.

A column is named as its fact. What has no column is unknown. A float is read where it is whole (tools that know no empty
whole number write 30.0) and refused otherwise, because 95.1 in a float is not 95.1. So is a moment that is no midnight.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from zhaoliang.policy.counts import ALIKE, HISTORY, read_history
from zhaoliang.policy.errors import FactError
from zhaoliang.policy.facts import FactSchema, portable, read_fact_line
from zhaoliang.policy.hints import nearest
from zhaoliang.policy.model import Count
from zhaoliang.policy.sql import Column, history_columns

ENCODING = "文件不是 UTF-8 编码，请另存为 UTF-8（Excel 里选“CSV UTF-8”）"
WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
INEXACT = ("FLOAT", "DOUBLE")
MOST_EXACT = 2**53
MOMENTS = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
HISTORY_FIELD = re.compile(r'[(,] ?"?([a-z_]+)"? [A-Z]')
GRANT = ("scheme", "on", "fund_source", *ALIKE)
CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Lines:
    """A relation of lines in DuckDB, the type of each column, and the relation of their earlier grants where known.

    `absent` are columns that no line gave and that stand in the relation empty.
    """

    connection: duckdb.DuckDBPyConnection
    relation: str
    types: Mapping[str, str]
    grants: str = ""
    absent: frozenset[str] = frozenset()

    @classmethod
    def read(cls, path: Path, schema: FactSchema) -> Lines:
        """The lines of a .parquet, .csv or .jsonl file. Raises FactError for another kind of file or a bad line."""
        readers = {".parquet": "read_parquet({})", ".csv": "read_csv({}, header = true, all_varchar = true)"}
        reader = readers.get(path.suffix.lower())
        if reader is None and path.suffix.lower() != ".jsonl":
            raise FactError(f"读不了 {path.suffix or '没有后缀的'} 文件；请用 .parquet、.csv 或 .jsonl")
        try:
            if reader is None:
                with path.open(encoding="utf-8-sig") as held:
                    return cls.from_facts(_json_lines(held), schema)
            made = cls.of(duckdb.connect(), reader.format(_text(str(path))))
            return made._with_history(_text(str(path))) if HISTORY in made.types else made
        except duckdb.Error as problem:
            raise FactError(f"读不了 {path}：{in_words(problem)}") from problem
        except UnicodeDecodeError as problem:
            raise FactError(f"读不了 {path}：{ENCODING}") from problem

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection, relation: str, grants: str = "") -> Lines:
        """The lines of a relation of this connection: a table's name or a table function, never a user's text.

        `grants` is a relation of earlier grants as `history_columns` reads them.
        """
        described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
        return cls(connection, relation, {row[0]: row[1] for row in described}, grants)

    def _with_history(self, file: str) -> Lines:
        """The lines of a Parquet file with the list of earlier grants that its column `history` holds."""
        held = self.types[HISTORY]
        fields = HISTORY_FIELD.findall(held)
        if not held.endswith("[]") or not {"scheme", "on"} <= set(fields):
            raise FactError(f"history 一列是 {held}，应当是列表，每项 {{scheme, on, …}}；或改存 JSON Lines")
        read = f"read_parquet({file}, file_row_number = true)"
        about = [f"g.{_name(one)}::text AS {_name(one)}" if one in fields else f"NULL::text AS {_name(one)}"
                 for one in GRANT if one != "on"]  # fmt: skip
        opened = f"(SELECT file_row_number AS id, unnest(history) AS g FROM {read})"
        listed = f'(SELECT id, g."on"::date AS "on", {", ".join(about)} FROM {opened} AS o)'
        compared = "CASE WHEN history IS NOT NULL THEN 'True' END AS compared"
        numbered = f"(SELECT * EXCLUDE (history), file_row_number AS line, {compared} FROM {read})"
        return Lines.of(self.connection, numbered, listed)

    @classmethod
    def from_facts(cls, rows: Iterable[Mapping[str, object]], schema: FactSchema) -> Lines:
        """Lines from facts as `PolicySet.decide` takes them, `history` included; other names are columns to group by.

        Raises FactError for a value that does not fit its fact.
        """
        kept: list[dict[str, str | None]] = []
        seen: set[str] = set()
        grants: list[dict[str, str | None]] = []
        for number, row in enumerate(rows, start=1):
            seen |= row.keys()
            facts = {name: value for name, value in row.items() if name in schema.facts}
            given: dict[str, object] = {name: portable(value) for name, value in schema.normalise(facts).items()}
            given |= {name: value for name, value in row.items() if name not in schema.facts and name != HISTORY}
            given |= {"id": row.get("id", number), "line": number, "compared": row.get(HISTORY) is not None}
            kept.append({name: None if value is None else str(value) for name, value in given.items()})
            for grant in read_history(row.get(HISTORY) or (), schema):
                about = {
                    field: grant.about.get(fact) for field, fact in {**ALIKE, "fund_source": "fund_source"}.items()
                }
                shown = {field: None if value is None else str(value) for field, value in about.items()}
                grants.append({"line": str(number), "scheme": grant.scheme, "on": grant.on.isoformat()} | shown)
        connection = duckdb.connect()
        # A count that no line gives is counted from the grants, so it gets no column.
        facts = [fact.name for fact in schema.facts.values() if fact.source != HISTORY]
        _fill(connection, "lines", kept, ["id", "line", "compared", *facts])
        _fill(connection, "grants", grants, ["line", *GRANT])
        typed = ", ".join(f"{_name(name)}" for name in GRANT if name != "on")
        listed = f'(SELECT line::bigint AS id, "on"::date AS "on", {typed} FROM grants)'
        made = cls.of(connection, "lines", listed if HISTORY in seen else "")
        return replace(made, absent=frozenset(made.types) - seen - {"id"})

    def missing(self, columns: Iterable[Column]) -> tuple[str, ...]:
        """The facts that no line gives and that cannot be counted from grants."""
        return tuple(
            column.name
            for column in columns
            if (not self._has(column.name) or column.name.removesuffix("_den") in self.absent)
            and not (self.grants and column.name.startswith("count_"))
        )

    def typed(
        self, columns: Sequence[Column], carried: Mapping[str, str], counts: Sequence[Count], *, on: str, where: str
    ) -> str:
        """A select, in brackets, of these columns in their types and the `carried` ones (name: expression).

        Count columns that the lines do not have are counted from the grants. Raises FactError for a column that cannot
        be read exactly.
        """
        counted = [count for count in counts if self.grants and not self._has(count.column)]
        skipped = {count.column for count in counted}
        items = [f"{expression} AS {name}" for name, expression in carried.items()]
        fractions = {column.name.removesuffix("_den") for column in columns if column.name.endswith("_den")}
        items += [
            f"{self._typed(column, column.name in fractions)} AS {_name(column.name)}"
            for column in columns
            if column.name not in skipped
        ]
        if not counted:
            return f"(SELECT {', '.join(items)} FROM {self.relation} WHERE {where})"
        numbered = f"(SELECT *, line::bigint AS number FROM {self.relation} WHERE {where})"
        read = {ALIKE[name]: "text" for count in counted for name in count.same}
        days = {count.by or on for count in counted}
        needed = [f"{self._typed(Column(name, 'text'))} AS {_name(name)}" for name in read]
        needed += [f"{self._typed(Column(name, 'date'))} AS {_name(name)}" for name in days]
        looked = f"(SELECT number AS id, {', '.join(needed)} FROM {numbered})"
        found = history_columns(counted, looked, self.grants, on=on)
        items += [f"CASE WHEN compared = 'True' THEN c.{name} END AS {name}" for name in sorted(skipped)]
        named = f"(SELECT id AS counted_line, {', '.join(sorted(skipped))} FROM {found} AS n)"
        return f"(SELECT {', '.join(items)} FROM {numbered} AS l JOIN {named} AS c ON c.counted_line = l.number)"

    def check_codes(self, schema: FactSchema, names: Iterable[str]) -> None:
        """Raises FactError for a code that its fact does not have: compared as it is, it would quietly decide wrongly."""
        held = [name for name in sorted(set(names)) if name in self.types and schema.facts[name].type.kind == "enum"]
        asked = [f"SELECT {_text(name)}, {_name(name)}::text FROM {self.relation} GROUP BY ALL" for name in held]
        found = self.connection.execute(" UNION ALL ".join(asked)).fetchall() if asked else []
        for name, value in found:
            codes = schema.codes[schema.facts[name].type.enum]
            if value is not None and value not in codes:
                raise FactError(f"{name} 一列有 {value!r}，应当是 {'、'.join(codes)} 之一")

    def day(self, name: str) -> str:
        """The expression of a date column; raises FactError when there is none of that name."""
        self._column(name)
        return self._typed(Column(name, "date"))

    def text(self, name: str) -> str:
        """The expression of any column as text; raises FactError when there is none of that name."""
        return f"{self._column(name)}::text"

    def _column(self, name: str) -> str:
        if name not in self.types or name in self.absent:
            held = sorted(set(self.types) - self.absent)
            near = nearest(name, held).partition("；可用")[0]
            raise FactError(
                f"这些记录没有 {name} 一列（现有：{'、'.join(held)}）{near}。补上这一列，或在命令里写出它在记录里的列名"
                "（日期列 --on-column，分组列 --by）"
            )
        return _name(name)

    def _has(self, name: str) -> bool:
        return name in self.types or name.removesuffix("_den") in self.types

    def _typed(self, column: Column, fraction: bool = False) -> str:
        if not self._has(column.name):
            return f"NULL::{column.sql_type}"
        if column.name not in self.types:
            return self._fraction(column.name.removesuffix("_den"))[1]
        name, held = _name(column.name), self.types[column.name]
        if column.kind == "number":
            above, below = self._fraction(column.name)
            if fraction or held in WHOLE:
                return above
            problem = f"error('{column.name}：' || {name} || ' 应当是整数')"
            whole = f"({above}) % ({below}) = 0 THEN ({above}) // ({below})"
            return f"CASE WHEN {whole} WHEN {name} IS NOT NULL THEN {problem} END"
        if held == "VARCHAR":
            return name if column.kind == "text" else f"{name}::{column.sql_type}"
        if column.kind == "date" and held in MOMENTS:
            problem = f"error('{column.name}：' || {name} || ' 应当是日期，不带时刻')"
            return f"CASE WHEN {name} = date_trunc('day', {name}) THEN {name}::date WHEN {name} IS NOT NULL THEN {problem} END"
        fits = {"bool": ("BOOLEAN",), "date": ("DATE",), "text": (held,)}[column.kind]
        if held not in fits:
            raise FactError(f"{column.name} 一列是 {held}，应当是 {column.sql_type}")
        return f"{name}::text" if column.kind == "text" else name

    def _fraction(self, fact: str) -> tuple[str, str]:
        """Numerator and denominator of a number column."""
        name, held = _name(fact), self.types[fact]
        if held in WHOLE:
            return f"{name}::bigint", "1::bigint"
        if held.startswith("DECIMAL"):
            scale = int(held.partition(",")[2].strip(" )") or 0)
            return f"({name} * {10**scale})::bigint", f"{10**scale}::bigint"
        if held in INEXACT:
            problem = f"error('{fact}：' || {name} || ' 不精确；请存成整数、DECIMAL，或写成文字如 95.5、191/2')"
            whole = f"{name} = floor({name}) AND abs({name}) < {MOST_EXACT} THEN {name}::bigint"
            return f"CASE WHEN {name} IS NULL OR isnan({name}) THEN NULL WHEN {whole} ELSE {problem} END", "1::bigint"
        if held != "VARCHAR":
            raise FactError(f"{fact} 一列是 {held}，不精确；请存成整数、DECIMAL，或写成文字如 95.5、191/2")
        trimmed = f"trim({name})"
        above = (
            f"CASE WHEN regexp_full_match({trimmed}, '-?[0-9]+') THEN {trimmed}::bigint"
            f" WHEN regexp_full_match({trimmed}, '-?[0-9]+/[1-9][0-9]*') THEN split_part({trimmed}, '/', 1)::bigint"
            f" WHEN regexp_full_match({trimmed}, '-?[0-9]*[.][0-9]+') THEN replace({trimmed}, '.', '')::bigint"
            f" WHEN {name} IS NOT NULL THEN error('{fact}：' || {name} || ' 不是数值') END"
        )
        zeros = f"repeat('0', length(split_part({trimmed}, '.', 2)))"
        below = (
            f"CASE WHEN contains({trimmed}, '/') THEN split_part({trimmed}, '/', 2)::bigint"
            f" WHEN contains({trimmed}, '.') THEN ('1' || {zeros})::bigint"
            f" WHEN {name} IS NOT NULL THEN 1::bigint END"
        )
        return above, below


def in_words(problem: duckdb.Error) -> str:
    """What DuckDB could not read, without its own kind of error and advice."""
    said = str(problem)
    return ENCODING if "utf-8" in said.lower() else said.partition("\n")[0].removeprefix("Invalid Input Error: ")


def _json_lines(held: Iterable[str]) -> Iterator[dict[str, object]]:
    """A line is `{"id": …, "facts": {…}}`, or the facts themselves beside the id. Decimals stay exact."""
    for number, line in enumerate(held, start=1):
        if not line.strip():
            continue
        try:
            row = read_fact_line(line)
        except FactError as problem:
            raise FactError(f"第 {number} 行：{problem}") from problem
        if not isinstance(row, dict):
            raise FactError(f"第 {number} 行要写一个 JSON 对象")
        inner = row.pop("facts", {})
        yield {**row, **inner}


def _fill(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, str | None]], names: Iterable[str]
) -> None:
    """A table of text columns with these rows; further names of the rows become columns as well."""
    columns = list(dict.fromkeys([*names, *(name for row in rows for name in row)]))
    connection.execute(f"CREATE TABLE {table} ({', '.join(f'{_name(name)} VARCHAR' for name in columns)})")
    unnested = ", ".join("unnest(?::varchar[])" for _ in columns)
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        connection.execute(
            f"INSERT INTO {table} SELECT {unnested}", [[row.get(name) for row in chunk] for name in columns]
        )


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

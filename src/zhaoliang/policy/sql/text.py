"""The primitives as SQL text for PostgreSQL and DuckDB, laid out as nested selects.

Only names checked against a pattern and quoted constants reach the text. A part used in several places becomes a
column of an inner select and is worked out once a line; big tables are joined, small ones written as CASE. What reads
only columns that many lines share (those of a class) can be worked out once for all of them, in a select of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from zhaoliang.policy.errors import PolicyError
from zhaoliang.policy.sql.engine import DayPart, Kind
from zhaoliang.policy.sql.terms import Cell, Grid

Dialect = Literal["postgres", "duckdb"]
TYPES: dict[Kind, str] = {"bool": "boolean", "number": "bigint", "date": "date", "text": "text"}
# Up to this many cells a CASE is quicker than a join.
FEW_CELLS = 24
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,58}")
# A column stands in texts between two characters that no constant may hold, until its place is known: a fact by its
# name, a kept part by its number.
_MARK = re.compile("\0([^\0]+)\0")


@dataclass(frozen=True, slots=True)
class Sql:
    """An expression. An `atom` is a column or a constant: nothing is won by keeping it."""

    text: str
    atom: bool = False


@dataclass(frozen=True, slots=True)
class _Kept:
    """A part used in several places: an expression, or the joined `rows` of a grid with the expressions of its keys."""

    texts: tuple[str, ...]
    rows: str = ""


@dataclass(slots=True)
class SqlEngine:
    """Collects what is kept; `select` lays it out.

    `shared` are the columns that many lines have in common; `shared_select` works out once what reads nothing else.
    """

    dialect: Dialect
    shared: frozenset[str] = frozenset()
    inputs: dict[str, Kind] = field(default_factory=dict)
    parts: list[_Kept] = field(default_factory=list)
    _made: dict[object, Sql] = field(default_factory=dict)
    # The kept parts that read only what lines share.
    _once: set[str] = field(default_factory=set)

    def column(self, name: str, kind: Kind) -> Sql:
        self.inputs[checked(name)] = kind
        return Sql(f"\0{name}\0", atom=True)

    def constant(self, value: bool | int | date | str | None, kind: Kind) -> Sql:
        return Sql(quoted(value, kind), atom=True)

    def every(self, parts: Sequence[Sql]) -> Sql:
        parts = self._settled(parts)
        return parts[0] if len(parts) == 1 else Sql(f"({' AND '.join(part.text for part in parts)})")

    def some(self, parts: Sequence[Sql]) -> Sql:
        parts = self._settled(parts)
        return parts[0] if len(parts) == 1 else Sql(f"({' OR '.join(part.text for part in parts)})")

    def negated(self, part: Sql) -> Sql:
        return Sql(f"(NOT {part.text})")

    def compared(self, op: str, left: Sql, right: Sql) -> Sql:
        left, right = self._settled([left, right])
        return Sql(f"({left.text} {op} {right.text})")

    def among(self, value: Sql, options: Sequence[str]) -> Sql:
        codes, tested = [quoted(option, "text") for option in options], self.kept(value).text
        if self.dialect == "postgres" and len(codes) > 1:
            return Sql(f"({tested} IN ({', '.join(codes)}))")
        # DuckDB makes a join of a longer IN, which is slower than asking code by code.
        return self.some([Sql(f"({tested} = {code})") for code in codes])

    def calculated(self, op: Literal["+", "-", "*"], left: Sql, right: Sql) -> Sql:
        left, right = self._settled([left, right])
        return Sql(f"({left.text} {op} {right.text})")

    def divided(self, above: Sql, below: Sql) -> Sql:
        above, below = self._settled([above, below])
        # Both cut towards zero: `/` between whole numbers in PostgreSQL, `//` in DuckDB (whose `/` is a float).
        return Sql(f"({above.text} {'/' if self.dialect == 'postgres' else '//'} {below.text})")

    def chosen(self, branches: Sequence[tuple[Sql, Sql]], otherwise: Sql | None) -> Sql:
        parts = [part for branch in branches for part in branch] + ([] if otherwise is None else [otherwise])
        settled = dict(zip(parts, self._settled(parts), strict=True))
        branches = [(settled[condition], settled[value]) for condition, value in branches]
        otherwise = None if otherwise is None else settled[otherwise]
        text = " ".join(f"WHEN {condition.text} THEN {value.text}" for condition, value in branches)
        return Sql(f"CASE {text}{f' ELSE {otherwise.text}' if otherwise else ''} END")

    def part_of(self, part: DayPart, day: Sql) -> Sql:
        # PostgreSQL extracts a numeric, which is slow; date_part gives the same whole number.
        read = f"date_part('{part}', {day.text})" if self.dialect == "postgres" else f"EXTRACT({part} FROM {day.text})"
        return Sql(f"({read}::bigint)")

    def days_between(self, first: Sql, second: Sql) -> Sql:
        return Sql(f"(({second.text} - {first.text})::bigint)")

    def known(self, part: Sql) -> Sql:
        return Sql(f"({part.text} IS NOT NULL)")

    def cell(self, grid: Grid, sheet: Sql | None, keys: Sequence[Sql]) -> Sql:
        keys = [self.kept(key) for key in ([] if sheet is None else [sheet]) + list(keys)]
        texts = tuple(key.text for key in keys)
        made = (id(grid), texts)
        if made not in self._made:
            cells = grid.cells if sheet is not None else {cell[1:]: value for cell, value in grid.cells.items()}
            if len(cells) <= FEW_CELLS:
                self._made[made] = self.kept(Sql(_case(keys, cells)))
            else:
                rows = (", ".join([*map(_key, cell), f"{value}::bigint"]) for cell, value in cells.items())
                self._made[made] = self._keep(_Kept(texts, ", ".join(f"({row})" for row in rows)))
        return self._made[made]

    def kept(self, part: Sql) -> Sql:
        if part.atom:
            return part
        if part.text not in self._made:
            self._made[part.text] = self._keep(_Kept((part.text,)))
        return self._made[part.text]

    def select(self, outputs: Mapping[str, Sql], carried: Sequence[str] = ("id",)) -> tuple[str, str]:
        """The select as the text before and after the relation; `carried` columns are handed through.

        With `shared` columns the relation must offer the columns of `shared_select` as well.
        """
        texts = {checked(name): self._apart(output).text for name, output in outputs.items()}
        return _Layout(self.parts, self.dialect, frozenset(self._once)).select(texts, carried)

    def shared_select(self, outputs: Mapping[str, Sql], carried: Sequence[str]) -> tuple[str, str, tuple[str, ...]]:
        """The select over what lines share as the text before and after its relation, and the columns it adds."""
        texts = [self._apart(output).text for output in outputs.values()]
        marks = _Layout(self.parts, self.dialect, frozenset(self._once)).given_to(texts)
        head, tail = _Layout(self.parts, self.dialect).select({_column(mark): f"\0{mark}\0" for mark in marks}, carried)
        return head, tail, tuple(_column(mark) for mark in marks)

    def _settled(self, parts: Sequence[Sql]) -> Sequence[Sql]:
        """The parts, those kept that only read what lines share where the others read more."""
        if not self.shared or all(self._reads_shared(part) is not False for part in parts):
            return parts
        return [self._apart(part) for part in parts]

    def _apart(self, part: Sql) -> Sql:
        return self.kept(part) if self._reads_shared(part) else part

    def _reads_shared(self, part: Sql) -> bool | None:
        """Whether it reads only what lines share; None where it reads nothing."""
        marks = _marks(part.text)
        return all(mark in self.shared or mark in self._once for mark in marks) if marks else None

    def _keep(self, kept: _Kept) -> Sql:
        self.parts.append(kept)
        mark = str(len(self.parts) - 1)
        if self.shared and self._reads_shared(Sql(" ".join(kept.texts))):
            self._once.add(mark)
        return Sql(f"\0{mark}\0", atom=True)


class _Layout:
    """One statement: kept parts used once are written where they are used, the others become columns, level by level.

    `given` are the parts that the relation offers as columns already.
    """

    def __init__(self, parts: Sequence[_Kept], dialect: Dialect, given: frozenset[str] = frozenset()) -> None:
        self.parts, self.dialect, self.given = parts, dialect, given
        self.columns: set[str] = set()

    def given_to(self, outputs: Iterable[str]) -> list[str]:
        """Those of the given parts that the outputs need."""
        return sorted(self._uses(outputs).keys() & self.given, key=int)

    def select(self, outputs: Mapping[str, str], carried: Sequence[str]) -> tuple[str, str]:
        uses = self._uses(outputs.values())
        # The keys of a join are columns as well: the rules are then worked out below it, on the file's own dictionaries.
        own = {mark: count for mark, count in uses.items() if mark.isdigit() and mark not in self.given}
        keys = {read for mark in own if self._part(mark).rows for read in self._reads(mark)}
        self.columns = {mark for mark, count in own.items() if count > 1 or mark in keys or self._part(mark).rows}
        texts = {mark: [self._opened(text) for text in self._part(mark).texts] for mark in self.columns}
        shown = {name: self._opened(text) for name, text in outputs.items()}
        reads = {mark: set(_marks(" ".join(held))) for mark, held in texts.items()}
        last = set(_marks(" ".join(shown.values())))
        levels: dict[str, int] = {}
        for mark in sorted(self.columns, key=int):
            lowest = 1 if self._part(mark).rows else 0
            levels[mark] = 1 + max([lowest, *(levels.get(read, 0) for read in reads[mark])])
        heads: list[str] = []
        tail = " AS f"
        for level in range(1, max((levels.get(mark, 0) for mark in last), default=0) + 1):
            own = sorted((mark for mark in levels if levels[mark] == level), key=int)
            later = (reads[mark] for mark in levels if levels[mark] > level)
            passed = sorted(mark for mark in last.union(*later) if levels.get(mark, 0) < level)
            items = [*map(_column, dict.fromkeys([*carried, *passed]))]
            for mark in own:
                name, part = _column(mark), self._part(mark)
                items.append(f"{name}.v AS {name}" if part.rows else f"{_written(texts[mark][0])} AS {name}")
                tail += _join(name, part.rows, [_written(text) for text in texts[mark]]) if part.rows else ""
            heads.insert(0, f"(SELECT {', '.join(items)} FROM ")
            # PostgreSQL would write inner expressions back into every place that uses them; OFFSET 0 forbids it.
            tail += f"{' OFFSET 0' if self.dialect == 'postgres' else ''}) AS s{level}"
        items = [*map(_column, carried), *(f"{_written(text)} AS {name}" for name, text in shown.items())]
        return f"SELECT {', '.join(items)} FROM {''.join(heads)}", tail

    def _part(self, mark: str) -> _Kept:
        return self.parts[int(mark)]

    def _reads(self, mark: str) -> list[str]:
        return [read for text in self._part(mark).texts for read in _marks(text)]

    def _uses(self, outputs: Iterable[str]) -> Counter[str]:
        """How often each column is read by what the outputs need."""
        uses = Counter(mark for text in outputs for mark in _marks(text))
        waiting, seen = list(uses), set(uses)
        while waiting:
            mark = waiting.pop()
            for read in self._reads(mark) if mark.isdigit() and mark not in self.given else ():
                uses[read] += 1
                if read not in seen:
                    seen.add(read)
                    waiting.append(read)
        return uses

    def _opened(self, text: str) -> str:
        """The text with the parts that are used once written out."""

        def opened(found: re.Match[str]) -> str:
            mark = found[1]
            written = mark.isdigit() and mark not in self.columns and mark not in self.given
            return self._opened(self._part(mark).texts[0]) if written else found[0]

        return _MARK.sub(opened, text)


def checked(name: str) -> str:
    """The name, when it may stand in a statement as it is; raises PolicyError."""
    if not _NAME.fullmatch(name):
        raise PolicyError(f"{name!r} cannot be a column: use small letters, digits and underscores")
    return name


def quoted(value: bool | int | date | str | None, kind: Kind) -> str:
    """A constant of the text; raises PolicyError for a character no engine takes."""
    if value is None:
        return f"NULL::{TYPES[kind]}"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        # The cast keeps the arithmetic in 64 bits; PostgreSQL reads a bare 4 as 32 bits.
        return f"({value})::bigint" if value < 0 else f"{value}::bigint"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if "\0" in value:
        raise PolicyError("a text constant holds a NUL character")
    return "'" + value.replace("'", "''") + "'"


def _marks(text: str) -> list[str]:
    return _MARK.findall(text)


def _column(mark: str) -> str:
    return f"_x{mark}" if mark.isdigit() else f'"{mark}"'


def _written(text: str) -> str:
    return _MARK.sub(lambda found: _column(found[1]), text)


def _join(name: str, rows: str, keys: Sequence[str]) -> str:
    columns = [f"k{number}" for number in range(len(keys))]
    on = " AND ".join(f"{name}.{column} = {key}" for column, key in zip(columns, keys, strict=True))
    return f" LEFT JOIN (VALUES {rows}) AS {name}({', '.join([*columns, 'v'])}) ON {on}"


def _key(value: object) -> str:
    if isinstance(value, int):
        return f"{value}::bigint"
    return quoted(value, "date") if isinstance(value, date) else quoted(str(value), "text")


def _case(keys: Sequence[Sql], cells: Mapping[Cell, int]) -> str:
    """The cells as nested CASEs, one key a level; no such cell is null."""
    first, *others = keys
    below: dict[object, dict[Cell, int]] = {}
    for cell, value in cells.items():
        below.setdefault(cell[0], {})[cell[1:]] = value
    results = [(_key(key), _case(others, rows) if others else f"{rows[()]}::bigint") for key, rows in below.items()]
    return f"CASE {first.text} {' '.join(f'WHEN {key} THEN {value}' for key, value in results)} END"

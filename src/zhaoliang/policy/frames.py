"""The same rules on Polars frames, for what-if over files. Polars is a development dependency: asked for when used.

Polars wraps silently where 64 bits do not suffice. So the ranges of the lines' numbers are looked up first, the range
of every intermediate result follows from them, and one that could leave 64 bits raises OverflowError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from zhaoliang.policy.errors import PolicyError
from zhaoliang.policy.model import Phase
from zhaoliang.policy.sql.engine import Answer, Compiler, DayPart, Kind, letter
from zhaoliang.policy.sql.terms import Binder, BoundSet, Grid
from zhaoliang.policy.store import PolicySet

if TYPE_CHECKING:
    import polars

Range = tuple[int, int]
MOST = 2**63 - 1
YEARS, MONTHS, DAYS, SPAN = (1, 9999), (1, 12), (1, 31), (-3_652_058, 3_652_058)
# Up to this many cells a replacement is quicker than a join.
FEW_CELLS = 24


def polars_module() -> Any:
    """The module; raises PolicyError that says how to get it."""
    try:
        import polars
    except ImportError as problem:
        raise PolicyError("这里没有安装 polars；请安装开发依赖（make setup），或改用 --engine duckdb") from problem
    return polars


@dataclass(frozen=True, slots=True)
class Part:
    """An expression on the frame; `key` tells equal ones, `range` holds a number's least and greatest value."""

    expr: Any
    key: str
    level: int = 0
    range: Range = (0, 0)
    atom: bool = False


@dataclass(slots=True)
class FrameEngine:
    """The primitives of `policy.sql.engine` as Polars expressions; `ranges` are those of the lines' numbers."""

    ranges: Mapping[str, Range]
    inputs: dict[str, Kind] = field(default_factory=dict)
    steps: list[tuple[int, str, Any, Any]] = field(default_factory=list)
    _made: dict[str, Part] = field(default_factory=dict)
    pl: Any = field(default_factory=polars_module)

    def column(self, name: str, kind: Kind) -> Part:
        self.inputs[name] = kind
        return Part(self.pl.col(name), f'"{name}"', 0, self.ranges.get(name, (0, 0)), atom=True)

    def constant(self, value: bool | int | date | str | None, kind: Kind) -> Part:
        types = {
            "bool": self.pl.Boolean,
            "number": self.pl.Int64,
            "date": self.pl.Date,
            "text": self.pl.String,
        }
        span = (value, value) if isinstance(value, int) else (0, 0)
        return Part(self.pl.lit(value, dtype=types[kind]), repr(value), 0, span, atom=True)

    def every(self, parts: Sequence[Part]) -> Part:
        whole = parts[0].expr
        for part in parts[1:]:
            whole = whole & part.expr
        return _part(whole, "and", parts)

    def some(self, parts: Sequence[Part]) -> Part:
        whole = parts[0].expr
        for part in parts[1:]:
            whole = whole | part.expr
        return _part(whole, "or", parts)

    def negated(self, part: Part) -> Part:
        return _part(~part.expr, "not", [part])

    def compared(self, op: str, left: Part, right: Part) -> Part:
        a, b = left.expr, right.expr
        match op:
            case "=":
                made = a == b
            case "<>":
                made = a != b
            case "<":
                made = a < b
            case "<=":
                made = a <= b
            case ">":
                made = a > b
            case _:
                made = a >= b
        return _part(made, op, [left, right])

    def among(self, value: Part, options: Sequence[str]) -> Part:
        return _part(value.expr.is_in(list(options)), f"in {list(options)}", [value])

    def calculated(self, op: Literal["+", "-", "*"], left: Part, right: Part) -> Part:
        (a, b), (c, d) = left.range, right.range
        if op == "+":
            made, span = left.expr + right.expr, (a + c, b + d)
        elif op == "-":
            made, span = left.expr - right.expr, (a - d, b - c)
        else:
            products = (a * c, a * d, b * c, b * d)
            made, span = left.expr * right.expr, (min(products), max(products))
        return _part(made, op, [left, right], span)

    def divided(self, above: Part, below: Part) -> Part:
        most = max(abs(end) for end in above.range)
        if above.range[0] >= 0 and below.range[0] >= 0:
            return _part(above.expr // below.expr, "div", [above, below], (0, most))
        # `//` is a floor here: the quotient of the sizes, with the sign put back.
        sign = above.expr.sign() * below.expr.sign()
        made = (above.expr.abs() // below.expr.abs()) * sign
        return _part(made, "div", [above, below], (-most, most))

    def chosen(self, branches: Sequence[tuple[Part, Part]], otherwise: Part | None) -> Part:
        values = [value for _, value in branches] + ([otherwise] if otherwise else [])
        chain = self.pl
        for condition, value in branches:
            chain = chain.when(condition.expr).then(value.expr)
        made = chain.otherwise(otherwise.expr if otherwise else None)
        parts = [part for branch in branches for part in branch] + ([otherwise] if otherwise else [])
        span = (min(value.range[0] for value in values), max(value.range[1] for value in values))
        return _part(made, "case" if otherwise else "case-", parts, span)

    def part_of(self, part: DayPart, day: Part) -> Part:
        days = day.expr.dt
        made, span = {
            "year": (days.year(), YEARS),
            "month": (days.month(), MONTHS),
            "day": (days.day(), DAYS),
        }[part]
        return _part(made.cast(self.pl.Int64), part, [day], span)

    def days_between(self, first: Part, second: Part) -> Part:
        return _part((second.expr - first.expr).dt.total_days(), "days", [first, second], SPAN)

    def known(self, part: Part) -> Part:
        return _part(part.expr.is_not_null(), "known", [part])

    def cell(self, grid: Grid, sheet: Part | None, keys: Sequence[Part]) -> Part:
        keys = [self.kept(key) for key in ([] if sheet is None else [sheet]) + list(keys)]
        cells = grid.cells if sheet is not None else {cell[1:]: value for cell, value in grid.cells.items()}
        span = (min(cells.values(), default=0), max(cells.values(), default=0))
        if len(keys) == 1 and len(cells) <= FEW_CELLS:
            old, new = [cell[0] for cell in cells], list(cells.values())
            made = keys[0].expr.replace_strict(old, new, default=None, return_dtype=self.pl.Int64)
            return self.kept(_part(made, f"cell {id(grid)}", keys, span))
        key = f"cell {id(grid)} {' '.join(part.key for part in keys)}"
        if key not in self._made:
            name = f"_x{len(self.steps)}"
            columns = [f"{name}_{number}" for number in range(len(keys))]
            data = {column: [cell[place] for cell in cells] for place, column in enumerate(columns)}
            table = self.pl.LazyFrame({**data, name: list(cells.values())}, schema_overrides={name: self.pl.Int64})
            level = 1 + max(part.level for part in keys)
            self.steps.append((level, name, table, ([part.expr for part in keys], columns)))
            self._made[key] = Part(self.pl.col(name), name, level, span, atom=True)
        return self._made[key]

    def kept(self, part: Part) -> Part:
        if part.atom:
            return part
        if part.key not in self._made:
            name = f"_x{len(self.steps)}"
            self.steps.append((part.level + 1, name, part.expr, None))
            self._made[part.key] = Part(self.pl.col(name), name, part.level + 1, part.range, atom=True)
        return self._made[part.key]

    def lay_out(self, lines: polars.LazyFrame) -> polars.LazyFrame:
        """The lines with every kept part as a column."""
        for level in sorted({level for level, *_ in self.steps}):
            own = [step for step in self.steps if step[0] == level]
            for _, _, table, join in own:
                if join is not None:
                    lines = lines.join(table, left_on=join[0], right_on=join[1], how="left")
            lines = lines.with_columns([expr.alias(name) for _, name, expr, join in own if join is None])
        return lines


def _part(expr: Any, word: str, parts: Sequence[Part], span: Range = (0, 0)) -> Part:
    if max(abs(end) for end in span) > MOST:
        raise OverflowError(
            f"a result of {word} could be {span}, beyond 64 bits; check the largest numbers of the lines"
        )
    return Part(expr, f"({word} {' '.join(part.key for part in parts)})", max(part.level for part in parts), span)


def ranges_of(lines: polars.LazyFrame, names: Sequence[str]) -> dict[str, Range]:
    """The least and the greatest value of each number column, (0, 0) where all are unknown."""
    pl = polars_module()
    if not names:
        return {}
    asked = [pl.col(name).min().alias(f"{name} min") for name in names]
    asked += [pl.col(name).max().alias(f"{name} max") for name in names]
    found = lines.select(asked).collect().row(0, named=True)
    return {name: (found[f"{name} min"] or 0, found[f"{name} max"] or 0) for name in names}


def decide_frame(
    policies: PolicySet, lines: polars.DataFrame | polars.LazyFrame, phase: Phase = "claim"
) -> polars.LazyFrame:
    """The decisions of all lines, with the columns of `Statement.select`, in no particular order.

    Raises OverflowError where a number could leave 64 bits, PolicyError where polars is missing or a set cannot be
    compiled.
    """
    bound, lazy = Binder().bind(policies, phase), lines.lazy()
    engine, (answer,) = _compiled([bound], lazy)
    outputs = [part.expr.alias(name) for name, part in outputs_of(engine, answer).items()]
    return engine.lay_out(lazy.select(["id", *engine.inputs])).select(["id", *outputs])


def decide_both(
    bound: tuple[BoundSet, BoundSet],
    lines: polars.LazyFrame,
    columns: Callable[[FrameEngine, Answer[Part], Answer[Part]], Mapping[str, Part]],
    carried: Sequence[str],
) -> polars.LazyFrame:
    """Two sets in one pass: the `carried` columns and those that `columns` makes of both answers."""
    engine, (first, second) = _compiled(bound, lines)
    made = columns(engine, first, second)
    outputs = [part.expr.alias(name) for name, part in made.items()]
    return engine.lay_out(lines).select([*carried, *outputs])


def _compiled(bound: Sequence[BoundSet], lines: polars.LazyFrame) -> tuple[FrameEngine, tuple[Answer[Part], ...]]:
    """The sets' answers; a first compilation says which numbers are read, the second one knows their ranges."""
    plan = FrameEngine({})
    compiler = Compiler(plan)
    for one in bound:
        compiler.answer(one)
    engine = FrameEngine(ranges_of(lines, [name for name, kind in plan.inputs.items() if kind == "number"]))
    compiler = Compiler(engine)
    return engine, tuple(compiler.answer(one) for one in bound)


def outputs_of(engine: FrameEngine, answer: Answer[Part]) -> dict[str, Part]:
    """The columns of a decision after `id`."""
    pl = engine.pl
    steps = (
        pl.concat_list([step.expr for step in answer.steps]) if answer.steps else pl.lit([], dtype=pl.List(pl.Int64))
    )
    return {
        "outcome": _part(answer.outcome.expr.cast(pl.Int16), "outcome", [answer.outcome]),
        "fen": answer.fen,
        "answers": letters(engine, answer),
        "payee": answer.payee,
        "steps": Part(steps.list.drop_nulls(), "steps"),
    }


def letters(engine: FrameEngine, answer: Answer[Part]) -> Part:
    """A letter a rule: p, f, u."""
    if not answer.rules:
        return engine.constant("", "text")
    each = [letter(engine, rule) for rule in answer.rules]
    return _part(engine.pl.concat_str([part.expr for part in each]), "letters", each)

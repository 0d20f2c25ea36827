"""What a draft would have changed: past lines decided by the texts before and after, and the difference added up.

Works on files alone. Each line is decided by the texts of its own day; days between which neither library changes share
a statement that works out what both have in common once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Literal

import duckdb

from zhaoliang.policy import frames
from zhaoliang.policy.counts import ALIKE
from zhaoliang.policy.errors import FactError
from zhaoliang.policy.lines import Lines, in_words
from zhaoliang.policy.model import Count, Document, Outcome, Phase
from zhaoliang.policy.policyset import PolicySet
from zhaoliang.policy.sql import OUTCOMES, Column, answers_of
from zhaoliang.policy.sql.engine import FAIL, PASS, Answer, Compiler, E, Engine, unless
from zhaoliang.policy.sql.statement import LETTERS
from zhaoliang.policy.sql.terms import Binder, BoundSet
from zhaoliang.policy.sql.text import SqlEngine
from zhaoliang.policy.store import PolicyStore, region_chain

EngineName = Literal["duckdb", "polars", "python"]
ENGINES: tuple[EngineName, ...] = ("duckdb", "polars", "python")
CANNOT_TELL = OUTCOMES.index(Outcome.CANNOT_TELL)
WORD = 60


@dataclass(frozen=True, slots=True)
class Segment:
    """Days, both included, on which neither library changes, with the texts in force on them."""

    first: date
    last: date
    before: PolicySet
    after: PolicySet


@dataclass(slots=True)
class Side:
    """What one library gives: lines by outcome, fen due for passes (less what refusals recover), fen of the unclear."""

    passed: int = 0
    refused: int = 0
    unclear: int = 0
    fen: int = 0
    unclear_fen: int = 0

    def add(self, outcome: int, lines: int, fen: int) -> None:
        """Lines of one outcome with what they come to."""
        match OUTCOMES[outcome]:
            case Outcome.PASS:
                self.passed += lines
            case Outcome.FAIL:
                self.refused += lines
            case Outcome.CANNOT_TELL:
                self.unclear += lines
        if outcome == CANNOT_TELL:
            self.unclear_fen += fen
        else:
            self.fen += fen


@dataclass(slots=True)
class Change:
    """Lines with both sides: who gets more, less, the same, and for whom it cannot be told on one side or both."""

    before: Side = field(default_factory=Side)
    after: Side = field(default_factory=Side)
    lines: int = 0
    winners: int = 0
    winners_fen: int = 0
    losers: int = 0
    losers_fen: int = 0
    unchanged: int = 0
    untold: int = 0
    newly_refused: int = 0
    newly_unclear: int = 0
    newly_passed: int = 0

    @property
    def fen(self) -> int:
        """What the draft costs more (below 0: less)."""
        return self.after.fen - self.before.fen

    def add(self, row: Row) -> None:
        """A group of lines that both sides treat alike."""
        self.lines += row.lines
        self.before.add(row.before, row.lines, row.before_fen)
        self.after.add(row.after, row.lines, row.after_fen)
        difference = row.after_fen - row.before_fen
        if CANNOT_TELL in (row.before, row.after):
            self.untold += row.lines
        elif row.direction > 0:
            self.winners += row.lines
            self.winners_fen += difference
        elif row.direction < 0:
            self.losers += row.lines
            self.losers_fen -= difference
        else:
            self.unchanged += row.lines
        if row.before != row.after:
            moved = OUTCOMES[row.after]
            self.newly_refused += row.lines if moved is Outcome.FAIL else 0
            self.newly_unclear += row.lines if moved is Outcome.CANNOT_TELL else 0
            self.newly_passed += row.lines if moved is Outcome.PASS else 0


@dataclass(frozen=True, slots=True)
class Reason:
    """Why lines are newly refused, unclear or passed: the rule that now answers so (or no longer does), its clause."""

    moved: Outcome
    rule_id: str
    asks: str
    clause: str
    cite: str
    lines: int


@dataclass(frozen=True, slots=True)
class Moved:
    """One line whose amount changes much."""

    id: str
    on: date
    before: Outcome
    after: Outcome
    before_fen: int | None
    after_fen: int | None

    @property
    def difference(self) -> int:
        """Fen due after less fen due before; what cannot be told is not due yet."""
        after = 0 if self.after is Outcome.CANNOT_TELL else self.after_fen or 0
        return after - (0 if self.before is Outcome.CANNOT_TELL else self.before_fen or 0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result. `undated` lines have no day and are left out; `missing` facts had no column and count as unknown."""

    total: Change
    groups: Mapping[str, Mapping[str, Change]]
    reasons: tuple[Reason, ...]
    top: tuple[Moved, ...]
    undated: int
    missing: tuple[str, ...]
    segments: tuple[Segment, ...]

    def to_json(self) -> dict[str, Any]:
        """A JSON-safe form; amounts in fen."""
        return {
            "total": asdict(self.total),
            "groups": {
                name: {value: asdict(held[value]) for value in sorted(held)} for name, held in self.groups.items()
            },
            "reasons": [asdict(reason) | {"moved": reason.moved.value} for reason in self.reasons],
            "top": [
                asdict(one)
                | {"on": one.on.isoformat(), "before": one.before.value, "after": one.after.value}
                | {"difference": one.difference}
                for one in self.top
            ],
            "undated": self.undated,
            "missing": list(self.missing),
            "segments": [
                {
                    "first": segment.first.isoformat(),
                    "last": segment.last.isoformat(),
                    "before": segment.before.version,
                    "after": segment.after.version,
                }
                for segment in self.segments
            ],
        }


@dataclass(frozen=True, slots=True)
class Row:
    """Lines that agree in groups, in the rules behind a changed outcome, in outcomes and direction of the amount."""

    groups: tuple[str | None, ...]
    behind: tuple[int, ...]
    before: int
    after: int
    direction: int
    lines: int
    before_fen: int
    after_fen: int


def compare(
    lines: Lines,
    before: PolicyStore,
    after: PolicyStore,
    *,
    place: int,
    scheme: str,
    on: str = "class_start",
    phase: Phase = "claim",
    by: Sequence[str] = (),
    top: int = 0,
    engine: EngineName = "duckdb",
) -> Comparison:
    """Decide all lines by both libraries and add up the difference.

    `on` names the lines' column with the day whose texts bind; `by` columns to group by; `top` asks for so many of the
    greatest changes. Raises FactError for lines that do not fit, PolicyError for an unknown scheme or a missing engine.
    """
    total, groups = Change(), {name: dict[str, Change]() for name in by}
    reasons: Counter[tuple[Outcome, str, str, str, str]] = Counter()
    missing: dict[str, None] = {}
    changes: list[Moved] = []
    try:
        first, last, undated = span_of(lines, on)
        segments = segments_of(before, after, place, scheme, first, last) if first and last else []
        pairs = [Pair.of(segment.before, segment.after, phase, len(by)) for segment in segments]
        schema = after.facts_for(place)
        facts = {column.name for pair in pairs for column in pair.columns if column.name in schema.facts}
        lines.check_codes(schema, facts)
        for segment, pair in zip(segments, pairs, strict=True):
            alike = (
                [Column(ALIKE[name], "text") for count in pair.counts for name in count.same] if lines.grants else []
            )
            missing |= dict.fromkeys(lines.missing([*pair.columns, *alike]))
            relation = relation_of(lines, pair, segment, on, by)
            for row in RUNNERS[engine](lines, pair, relation):
                total.add(row)
                for name, value in zip(by, row.groups, strict=True):
                    groups[name].setdefault(value or "", Change()).add(row)
                reasons.update(dict.fromkeys(pair.behind(row), row.lines))
            changes += _top(lines, pair, relation, top) if top else []
    except duckdb.Error as problem:
        raise FactError(f"这些记录算不下去：{in_words(problem)}") from problem
    changes.sort(key=lambda one: (-abs(one.difference), one.id))
    # Of as many lines in the same order whatever file they were read from.
    ordered = sorted(reasons.items(), key=lambda one: (-one[1], one[0][0].value, *one[0][1:]))
    why = tuple(Reason(*key, count) for key, count in ordered)
    return Comparison(total, groups, why, tuple(changes[:top]), undated, tuple(missing), tuple(segments))


def segments_of(
    before: PolicyStore, after: PolicyStore, place: int, scheme: str, first: date, last: date
) -> list[Segment]:
    """The stretches of days from `first` to `last` in which the same texts and figures bind in both libraries."""
    starts = sorted(
        {first, *(day for store in (before, after) for day in turning_days(store, place) if first < day <= last)}
    )
    ends = [day - timedelta(days=1) for day in starts[1:]] + [last]
    return [
        Segment(start, end, before.for_place(place, scheme, start), after.for_place(place, scheme, start))
        for start, end in zip(starts, ends, strict=True)
    ]


def turning_days(store: PolicyStore, place: int) -> set[date]:
    """The days from which another text, figure or table version binds in that place."""
    chain = region_chain(place)
    days: set[date] = set()
    for document in (one for one in store.documents if one.region in chain):
        days |= set(_turns(document))
    return days


def _turns(document: Document) -> Iterator[date]:
    yield document.start
    if document.end is not None:
        yield document.end + timedelta(days=1)
    for parameter in document.parameters.values():
        yield from (value.start for value in parameter.values if value.start is not None)
    for table in document.tables.values():
        yield from (version.start for version in table.versions if version.start is not None)


@dataclass(frozen=True, slots=True)
class Pair:
    """Both sets of a segment for one phase, and one DuckDB statement for them that works out once what they share."""

    before: PolicySet
    after: PolicySet
    phase: Phase
    groups: int
    bound: tuple[BoundSet, BoundSet]
    columns: tuple[Column, ...]
    head: str
    tail: str

    @classmethod
    def of(cls, before: PolicySet, after: PolicySet, phase: Phase, groups: int) -> Pair:
        """Compile both; `groups` columns are handed through."""
        binder, engine = Binder(), SqlEngine("duckdb")
        bound = (binder.bind(before, phase), binder.bind(after, phase))
        compiler = Compiler(engine)
        first, second = compiler.answer(bound[0]), compiler.answer(bound[1])
        outputs = both(engine, first, second)
        head, tail = engine.select(outputs, carried=carried(groups))
        columns = tuple(Column(name, kind) for name, kind in sorted(engine.inputs.items()))
        return cls(before, after, phase, groups, bound, columns, head, tail)

    @property
    def words(self) -> int:
        """How many whole numbers hold a bit for each rule."""
        return words(max(len(one.rules) for one in self.bound))

    @property
    def counts(self) -> tuple[Count, ...]:
        """The counts of earlier grants that either side reads."""
        return tuple({count.column: count for one in (self.before, self.after) for count in one.counts}.values())

    def behind(self, row: Row) -> Iterator[tuple[Outcome, str, str, str, str]]:
        """The rules behind a changed outcome: those that now answer so, or that no longer keep the line from passing."""
        if row.before == row.after:
            return
        moved = OUTCOMES[row.after]
        passed = moved is Outcome.PASS
        policies, bound = (self.before, self.bound[0]) if passed else (self.after, self.bound[1])
        held = [one.rule for number, one in enumerate(bound.rules) if row.behind[number // WORD] >> number % WORD & 1]
        for rule in held:
            yield moved, rule.id, rule.asks, str(policies.citation(rule.cite)), rule.cite
        if not held and bound.amounts:
            amount = bound.amounts[0].amount
            yield moved, f"amount:{amount.id}", "金额可以算出", str(policies.citation(amount.cite)), amount.cite


def carried(groups: int) -> tuple[str, ...]:
    """The columns handed through a comparison: the line's name and day, and its groups."""
    return ("line_name", "line_day", *(f"by_{number}" for number in range(groups)))


def both(engine: Engine[E], before: Answer[E], after: Answer[E]) -> dict[str, E]:
    """The columns of a comparison. `behind_…` hold a bit for each rule behind a changed outcome, 0 where none changed."""
    outputs = {
        "outcome_before": before.outcome,
        "outcome_after": after.outcome,
        "fen_before": before.fen,
        "fen_after": after.fen,
    }
    zero = engine.constant(0, "number")
    differs = engine.compared("<>", before.outcome, after.outcome)
    passed, refused = (engine.compared("=", after.outcome, engine.constant(one, "number")) for one in (PASS, FAIL))
    for word in range(words(max(len(before.rules), len(after.rules)))):
        rules = slice(word * WORD, (word + 1) * WORD)
        # Where nothing refuses, a rule that does not hold is one that cannot tell.
        open_before, open_after = ([one.holds for one in side.rules[rules]] for side in (before, after))
        failing = [(engine.negated(unless(engine, one)), True) for one in after.rules[rules] if one.soft is not True]
        places = [place for place, one in enumerate(after.rules[rules]) if one.soft is not True]
        why = engine.chosen(
            [
                (passed, _bits(engine, [(holds, False) for holds in open_before])),
                (refused, _bits(engine, failing, places)),
            ],
            _bits(engine, [(holds, False) for holds in open_after]),
        )
        outputs[f"behind_{word}"] = engine.chosen([(differs, why)], zero)
    return outputs


def words(rules: int) -> int:
    """How many whole numbers hold a bit for each rule."""
    return max(1, -(-rules // WORD))


def _bits(engine: Engine[E], answers: Sequence[tuple[E, bool]], places: Sequence[int] | None = None) -> E:
    """A whole number with the bit of each answer set that is (True), or is not (False), surely true."""
    zero = engine.constant(0, "number")
    whole = zero
    for place, (answer, wanted) in zip(places or range(len(answers)), answers, strict=True):
        bit = engine.constant(1 << place, "number")
        added = engine.chosen([(answer, bit if wanted else zero)], zero if wanted else bit)
        whole = added if whole is zero else engine.calculated("+", whole, added)
    return whole


def span_of(lines: Lines, on: str) -> tuple[date | None, date | None, int]:
    """The first and the last day of the lines, and how many have none."""
    day = lines.day(on)
    asked = f"SELECT min({day}), max({day}), count(*) - count({day}) FROM {lines.relation}"
    first, last, undated = lines.connection.execute(asked).fetchall()[0]
    return first, last, undated


def relation_of(lines: Lines, pair: Pair, segment: Segment, on: str, by: Sequence[str]) -> str:
    """The lines of the segment's days with what the pair reads and hands through."""
    day = lines.day(on)
    name = lines.text("id") if "id" in lines.types else "NULL::text"
    handed = [name, day, *(lines.text(one) for one in by)]
    where = f"{day} BETWEEN DATE '{segment.first}' AND DATE '{segment.last}'"
    return lines.typed(pair.columns, dict(zip(carried(len(by)), handed, strict=True)), pair.counts, on=on, where=where)


def _by_duckdb(lines: Lines, pair: Pair, relation: str) -> Iterator[Row]:
    behind = [f"behind_{word}" for word in range(pair.words)]
    direction = "sign(coalesce(fen_after, 0) - coalesce(fen_before, 0))"
    keys = ", ".join([*carried(pair.groups)[2:], *behind, "outcome_before, outcome_after", direction])
    sums = "count(*), coalesce(sum(fen_before), 0), coalesce(sum(fen_after), 0)"
    asked = f"SELECT {keys}, {sums} FROM ({pair.head}{relation}{pair.tail}) GROUP BY ALL"
    return (_row(pair, row) for row in lines.connection.execute(asked).fetchall())


def _by_polars(lines: Lines, pair: Pair, relation: str) -> Iterator[Row]:
    pl = frames.polars_module()
    lazy = lines.connection.sql(f"SELECT * FROM {relation}").pl().lazy()
    difference = pl.col("fen_after").fill_null(0) - pl.col("fen_before").fill_null(0)
    compared = frames.decide_both(pair.bound, lazy, both, carried(pair.groups)).with_columns(
        difference.sign().alias("direction")
    )
    behind = [f"behind_{word}" for word in range(pair.words)]
    keys = [*carried(pair.groups)[2:], *behind, "outcome_before", "outcome_after", "direction"]
    sums = [pl.len(), pl.col("fen_before").sum(), pl.col("fen_after").sum()]
    return (_row(pair, row) for row in compared.group_by(keys).agg(sums).collect().rows())


def _row(pair: Pair, row: tuple[Any, ...]) -> Row:
    end = pair.groups + pair.words
    return Row(row[: pair.groups], row[pair.groups : end], *row[end:])


def _by_python(lines: Lines, pair: Pair, relation: str) -> Iterator[Row]:
    """Line by line by `PolicySet.decide`: slow, and what the other engines are measured against."""
    names = [*carried(pair.groups), *(column.name for column in pair.columns)]
    listed = ", ".join(f'"{name}"' for name in names)
    read = lines.connection.execute(f"SELECT {listed} FROM {relation}")
    while chunk := read.fetchmany(10_000):
        for values in chunk:
            facts = facts_of(dict(zip(names, values, strict=True)), pair.columns)
            first, second = pair.before.decide(facts, phase=pair.phase), pair.after.decide(facts, phase=pair.phase)
            before, after = OUTCOMES.index(first.outcome), OUTCOMES.index(second.outcome)
            fen, then = first.fen or 0, second.fen or 0
            shown, wanted = (first, "fu") if after == PASS else (second, LETTERS[second.outcome])
            bits = sum(1 << place for place, letter in enumerate(answers_of(shown)) if letter in wanted)
            behind = [(bits if before != after else 0) >> WORD * word & (1 << WORD) - 1 for word in range(pair.words)]
            groups = tuple(values[2 : 2 + pair.groups])
            yield Row(groups, tuple(behind), before, after, (then > fen) - (then < fen), 1, fen, then)


RUNNERS: Mapping[EngineName, Callable[[Lines, Pair, str], Iterator[Row]]] = {
    "duckdb": _by_duckdb,
    "polars": _by_polars,
    "python": _by_python,
}


def facts_of(row: Mapping[str, Any], columns: Sequence[Column]) -> dict[str, object]:
    """The facts of a row as `PolicySet.decide` takes them: a fraction from its two columns."""
    names = {column.name for column in columns}
    facts: dict[str, object] = {}
    for name in names:
        if name.endswith("_den") and name.removesuffix("_den") in names:
            continue
        below = row.get(f"{name}_den") if f"{name}_den" in names else None
        facts[name] = Fraction(row[name], below) if below is not None and row[name] is not None else row[name]
    return facts


def _top(lines: Lines, pair: Pair, relation: str, count: int) -> list[Moved]:
    """The lines of the segment whose due amount changes most."""
    due = "abs(CASE WHEN outcome_after <> 2 THEN coalesce(fen_after, 0) ELSE 0 END"
    due += " - CASE WHEN outcome_before <> 2 THEN coalesce(fen_before, 0) ELSE 0 END)"
    asked = (
        f"SELECT line_name, line_day, outcome_before, outcome_after, fen_before, fen_after"
        f" FROM ({pair.head}{relation}{pair.tail}) WHERE {due} > 0 ORDER BY {due} DESC, line_name LIMIT {int(count)}"
    )
    return [
        Moved(row[0] or "", row[1], OUTCOMES[row[2]], OUTCOMES[row[3]], row[4], row[5])
        for row in lines.connection.execute(asked).fetchall()
    ]

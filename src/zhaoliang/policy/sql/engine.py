"""From a bound set to a decision in an engine's own expressions. Written once; an engine supplies the primitives.

A number is a numerator over a denominator, both whole, so that 0.9 × 0.7 is as exact as in Python. Where the
denominator is known beforehand (nearly always) it costs nothing at run time. `E` is the engine's expression.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Generic, Literal, Protocol, TypeVar

from zhaoliang.kernel.money import Rounding
from zhaoliang.policy.errors import PolicyError
from zhaoliang.policy.sql.terms import (
    Apply,
    BoundAdvance,
    BoundAmount,
    BoundRule,
    BoundSet,
    BoundSettlement,
    Choose,
    FactRead,
    Grid,
    GridRead,
    Known,
    Span,
    Term,
    Unknown,
)
from zhaoliang.policy.units import Type

E = TypeVar("E")
Kind = Literal["bool", "number", "date", "text"]
DayPart = Literal["year", "month", "day"]


class Engine(Protocol[E]):
    """The primitives. Null is unknown; `and`, `or`, `not` are Kleene's, everything else is null on a null operand."""

    def column(self, name: str, kind: Kind) -> E:
        """A column of the lines."""
        ...

    def constant(self, value: bool | int | date | str | None, kind: Kind) -> E:
        """A constant; None is an unknown of that kind."""
        ...

    def every(self, parts: Sequence[E]) -> E:
        """All hold."""
        ...

    def some(self, parts: Sequence[E]) -> E:
        """At least one holds."""
        ...

    def negated(self, part: E) -> E:
        """Does not hold."""
        ...

    def compared(self, op: str, left: E, right: E) -> E:
        """`=`, `<>`, `<`, `<=`, `>` or `>=`."""
        ...

    def among(self, value: E, options: Sequence[str]) -> E:
        """The text is one of these."""
        ...

    def calculated(self, op: Literal["+", "-", "*"], left: E, right: E) -> E:
        """Whole numbers; a result outside 64 bits raises, it never wraps."""
        ...

    def divided(self, above: E, below: E) -> E:
        """The whole quotient cut towards zero; `below` is not zero."""
        ...

    def chosen(self, branches: Sequence[tuple[E, E]], otherwise: E | None) -> E:
        """The first branch whose condition holds (an unknown one does not), else `otherwise`, else null."""
        ...

    def part_of(self, part: DayPart, day: E) -> E:
        """The calendar year, the month or the day of the month."""
        ...

    def days_between(self, first: E, second: E) -> E:
        """Days from the first to the second."""
        ...

    def cell(self, grid: Grid, sheet: E | None, keys: Sequence[E]) -> E:
        """The grid's number at the keys (the sheet first, where it has several), null where there is none."""
        ...

    def known(self, part: E) -> E:
        """It is not null: true or false, never unknown."""
        ...

    def kept(self, part: E) -> E:
        """The expression worked out once, for use in several places."""
        ...


@dataclass(frozen=True, slots=True)
class Number(Generic[E]):
    """An exact number: `above` over `below`; a denominator known beforehand is an int.

    `positive`: known beforehand not to be below 0, which makes rounding cheaper.
    """

    above: E
    below: E | int
    positive: bool = False


@dataclass(frozen=True, slots=True)
class RuleAnswer(Generic[E]):
    """A rule's three-valued answer. `soft`: its fail goes to a person, always (True) or where the condition holds."""

    holds: E
    soft: E | bool


@dataclass(frozen=True, slots=True)
class Answer(Generic[E]):
    """A decision as expressions. `steps` are running totals in fen, null where a step was not taken."""

    rules: tuple[RuleAnswer[E], ...]
    outcome: E
    fen: E
    steps: tuple[E, ...]
    payee: E


@dataclass(frozen=True, slots=True)
class _Worth(Generic[E]):
    """Fen and running totals (None: never taken); `refused` is what a refusal is worth where it is not 0."""

    fen: E
    steps: list[E | None]
    refused: E | None = None


PASS, FAIL, CANNOT_TELL = 0, 1, 2


@dataclass(slots=True)
class Compiler(Generic[E]):
    """Turns bound sets into one engine's expressions. Equal parts, also of two sets, are worked out once."""

    engine: Engine[E]
    _values: dict[Term, E] = field(default_factory=dict)
    _numbers: dict[Term, Number[E]] = field(default_factory=dict)

    def answer(self, bound: BoundSet) -> Answer[E]:
        """The decision of one set; repeats the meaning of `PolicySet.decide`."""
        engine, zero, null = self.engine, self._whole(0), self._null("number")
        rules = tuple(self._rule(rule) for rule in bound.rules)
        worth = self._amounts(bound.amounts) if bound.amounts else _Worth(null, [])
        steps = tuple(null if step is None else step for step in worth.steps)
        passes = [rule.holds for rule in rules] + ([engine.known(worth.fen)] if bound.amounts else [])
        verdicts = [(engine.every(passes), self._whole(PASS))] if passes else [(self._true, self._whole(PASS))]
        hard = [unless(engine, rule) for rule in rules if rule.soft is not True]
        verdicts += [(engine.negated(engine.every(hard)), self._whole(FAIL))] if hard else []
        outcome = engine.kept(engine.chosen(verdicts, self._whole(CANNOT_TELL)))
        payee, fen = self._payee(bound.amounts or ()), worth.fen
        if hard:
            refused = engine.compared("=", outcome, self._whole(FAIL))
            fen = engine.chosen([(refused, zero if worth.refused is None else worth.refused)], fen)
            if worth.refused is not None:
                # A refusal that recovers something shows how much, instead of how the amount came about.
                back = engine.kept(engine.every([refused, engine.compared("<>", worth.refused, zero)]))
                steps = tuple(engine.chosen([(back, null)], step) for step in steps)
                steps += (engine.chosen([(back, worth.refused)], None),)
        return Answer(rules, outcome, fen, steps, payee)

    def _rule(self, rule: BoundRule) -> RuleAnswer[E]:
        must = self._value(rule.must)
        holds = must
        if rule.when is not None:
            holds = self.engine.some([self.engine.negated(self._value(rule.when)), must])
        spans = [self._within(name, span) for name, span in rule.doubtful] if not rule.soft else []
        soft = self.engine.kept(self.engine.some(spans)) if spans else rule.soft
        return RuleAnswer(self.engine.kept(holds), soft)

    def _within(self, fact: str, span: Span) -> E:
        """The day lies in the span; an unknown day may lie in any, so a rule does not refuse before it is known."""
        engine, day = self.engine, self.engine.column(fact, "date")
        start, end = span
        parts = [engine.compared(">=", day, engine.constant(start, "date")) if start else engine.known(day)]
        parts += [engine.compared("<", day, engine.constant(end, "date"))] if end else []
        may = engine.some([engine.negated(engine.known(day)), engine.every(parts)])
        return engine.chosen([(may, engine.constant(True, "bool"))], engine.constant(False, "bool"))

    def _amounts(self, amounts: Sequence[BoundAmount]) -> _Worth[E]:
        """What the first amount that applies is worth; unknown when it cannot be told which one does."""
        recovers = any(isinstance(one.instalment, BoundSettlement) and one.instalment.takes_back for one in amounts)
        zero = self._whole(0)
        fen: E | None = None
        steps: list[E | None] = []
        refused: E | None = zero if recovers else None
        for amount in reversed(amounts):
            own = self._amount(amount)
            mine = zero if own.refused is None else own.refused
            length = max(len(own.steps), len(steps))
            pairs = list(zip(_padded(own.steps, length), _padded(steps, length), strict=True))
            if amount.when is None:
                fen, steps, refused = own.fen, [step for step, _ in pairs], mine if recovers else None
                continue
            applies = self._value(amount.when)
            fen = self._branch(applies, own.fen, fen)
            steps = [self._branch(applies, step, other) for step, other in pairs]
            refused = self._branch(applies, mine, refused) if recovers else None
        fen = self._null("number") if fen is None else fen
        return _Worth(self.engine.kept(fen), steps, refused if refused is None else self.engine.kept(refused))

    def _amount(self, amount: BoundAmount) -> _Worth[E]:
        engine, rule = self.engine, amount.amount
        if amount.nothing:
            return _Worth(self._whole(0), [])
        match amount.instalment:
            case BoundAdvance(share=share, of=of):
                steps: list[E | None] = []
                if of is None:
                    fen, steps = self._total(amount)
                    whole = Number(fen, 1)
                else:
                    whole = self._number(of)
                part = self._kept(self._calculated("*", whole, self._number(share)))
                paid = engine.kept(self._rounded(part, Rounding(rule.rounding), rule.step_fen))
                return _Worth(paid, [*steps, paid])
            case BoundSettlement(paid=paid, takes_back=takes_back, back_when=back_when):
                fen, steps = self._total(amount)
                before = self._kept(self._number(paid))
                left = self._kept(self._calculated("-", Number(fen, 1), before))
                settled = engine.kept(self._rounded(left, Rounding.HALF_UP, 1))
                owed = self._calculated("-", Number(self._whole(0), 1), before)
                back = engine.kept(self._rounded(self._kept(owed), Rounding.HALF_UP, 1)) if takes_back else None
                if back is not None and back_when is not None:
                    case = engine.kept(self._value(back_when))
                    back = engine.kept(engine.chosen([(case, back), (engine.negated(case), self._whole(0))], None))
                return _Worth(settled, [*steps, settled], back)
        return _Worth(*self._total(amount))

    def _total(self, amount: BoundAmount) -> tuple[E, list[E | None]]:
        """The whole amount in fen, exact until one rounding at the end, with the running totals."""
        total = self._kept(self._number(amount.base))
        steps: list[E | None] = [self._rounded(total, Rounding.HALF_UP, 1)]
        for step in amount.steps:
            value, when = self._number(step.value), None if step.when is None else self._value(step.when)
            after = self._stepped(step.operation, total, value)
            total = self._kept(after if when is None else self._branch_number(when, after, total))
            shown = self._rounded(total, Rounding.HALF_UP, 1)
            steps.append(shown if when is None else self.engine.chosen([(when, shown)], None))
        rule = amount.amount
        fen = self.engine.kept(self._rounded(total, Rounding(rule.rounding), rule.step_fen))
        if total.below != 1 or rule.step_fen != 1:
            differs = self._compared("<>", Number(fen, 1), total)
            steps.append(self.engine.chosen([(differs, fen)], None))
        return fen, steps

    def _stepped(self, operation: str, total: Number[E], value: Number[E]) -> Number[E]:
        if operation in ("at_most", "at_least"):
            return self._lesser("<=" if operation == "at_most" else ">=", total, value)
        return self._calculated("*" if operation == "times" else "+", total, value)

    def _payee(self, amounts: Sequence[BoundAmount]) -> E:
        """Whom the first amount that surely applies and names a payee pays."""
        branches = [
            (self._true if amount.when is None else self._value(amount.when), self._value(amount.pay_to))
            for amount in amounts
            if amount.pay_to is not None
        ]
        return self.engine.chosen(branches, None) if branches else self._null("text")

    def _value(self, term: Term) -> E:
        """A condition, code, text or day."""
        if term not in self._values:
            self._values[term] = self._valued(term)
        return self._values[term]

    def _valued(self, term: Term) -> E:
        engine, kind = self.engine, kind_of(term.type)
        match term:
            case Known(value=value) if not isinstance(value, Fraction):
                return engine.constant(value, kind)
            case Unknown():
                return self._null(kind)
            case FactRead(name=name):
                return engine.column(name, kind)
            case Choose(branches=branches, otherwise=otherwise):
                value = None if isinstance(otherwise, Unknown) else self._value(otherwise)
                for condition, result in reversed(branches):
                    value = self._branch(self._value(condition), self._value(result), value)
                return engine.kept(self._null(kind) if value is None else value)
            case Apply(op="and", args=args):
                return engine.every([self._value(arg) for arg in args])
            case Apply(op="or", args=args):
                return engine.some([self._value(arg) for arg in args])
            case Apply(op="not", args=args):
                return engine.negated(self._value(args[0]))
            case Apply(op="in", args=(value, *options)):
                codes = [str(option.value) for option in options if isinstance(option, Known)]
                tested = self._value(value)
                if not codes:
                    return engine.chosen([(engine.known(tested), engine.constant(False, "bool"))], None)
                return engine.among(tested, codes)
            case Apply(op="=" | "<>" | "<" | "<=" | ">" | ">=" as op, args=(left, right)):
                if kind_of(left.type) == "number":
                    return self._compared(op, self._number(left), self._number(right))
                return engine.compared(op, self._value(left), self._value(right))
        raise PolicyError(f"no engine has {term!r} yet")

    def _number(self, term: Term) -> Number[E]:
        if term not in self._numbers:
            self._numbers[term] = self._numbered(term)
        return self._numbers[term]

    def _numbered(self, term: Term) -> Number[E]:
        engine = self.engine
        match term:
            case Known(value=int() | Fraction() as value):
                return Number(self._whole(value.numerator), value.denominator, value >= 0)
            case Unknown():
                return Number(self._null("number"), 1, True)
            case FactRead(name=name, fraction=fraction):
                below = engine.column(f"{name}_den", "number") if fraction else 1
                return Number(engine.column(name, "number"), below)
            case GridRead(grid=grid, keys=keys):
                positive = all(value >= 0 for value in grid.cells.values())
                return Number(self._cell(grid, keys), grid.denominator, positive)
            case Choose(branches=branches, otherwise=otherwise):
                value = self._number(otherwise)
                for condition, result in reversed(branches):
                    value = self._branch_number(self._value(condition), self._number(result), value)
                return self._kept(value)
            case Apply(op="year", args=(day,)):
                return Number(engine.part_of("year", self._value(day)), 1, True)
            case Apply(op="days_between", args=(first, second)):
                return Number(engine.days_between(self._value(first), self._value(second)), 1)
            case Apply(op="months_between", args=(first, second)):
                return Number(self._months(self._value(first), self._value(second)), 1)
            case Apply(op="years_between", args=(first, second)):
                months = self._months(self._value(first), self._value(second))
                return Number(self._whole_part("floor", Number(months, 12)), 1)
            case Apply(op=op, args=args):
                return self._function(op, [self._number(arg) for arg in args])
        raise PolicyError(f"no engine has {term!r} yet")

    def _months(self, first: E, second: E) -> E:
        """Full months from the first day to the second, as `evaluate.time_between` counts them."""
        engine, parts = self.engine, list[E]()
        units: tuple[DayPart, ...] = ("year", "month", "day")
        for unit in units:
            start, end = engine.part_of(unit, first), engine.part_of(unit, second)
            early = [(engine.compared("<", end, start), self._whole(-1))]
            parts.append(engine.chosen(early, self._whole(0)) if unit == "day" else engine.calculated("-", end, start))
        years = engine.calculated("*", parts[0], self._whole(12))
        return engine.kept(engine.calculated("+", engine.calculated("+", years, parts[1]), parts[2]))

    def _function(self, op: str, args: Sequence[Number[E]]) -> Number[E]:
        first, *others = args
        match op:
            case "+" | "-" | "*":
                return self._calculated(op, first, others[0])
            case "least" | "greatest":
                for other in others:
                    first = self._kept(self._lesser("<=" if op == "least" else ">=", first, other))
                return first
            case "floor" | "ceil":
                return Number(self._whole_part(op, first), 1, first.positive)
            case "ratio":
                return self._ratio(first, others[0])
            case "whole_div":
                quotient = self._ratio(first, others[0])
                return Number(self._whole_part("floor", quotient), 1, quotient.positive)
        raise PolicyError(f"no engine has the function {op!r} yet")

    def _cell(self, grid: Grid, keys: Sequence[Term]) -> E:
        engine, sheet = self.engine, None
        if grid.by is not None:
            day = engine.column(grid.by, "date")
            sheet = engine.chosen(
                [
                    (engine.compared(">=", day, engine.constant(start, "date")) if start else engine.known(day),
                     self._whole(number))
                    for start, number in reversed(grid.starts)
                ],
                None,
            )  # fmt: skip
        cells = [
            self._key(self._number(term), key.tiers) if key.kind == "number" else self._value(term)
            for key, term in zip(grid.keys, keys, strict=True)
        ]
        return engine.cell(grid, sheet, cells)

    def _key(self, value: Number[E], tiers: Sequence[int]) -> E:
        """A number as the key of a table: the highest step not above it, or itself where it is whole."""
        if tiers:
            steps = sorted(tiers, reverse=True)
            known = [(self._compared(">=", value, Number(self._whole(step), 1)), self._whole(step)) for step in steps]
            return self.engine.chosen(known, None)
        if value.below == 1:
            return value.above
        quotient = self.engine.kept(self.engine.divided(value.above, self._as_expression(value.below)))
        return self.engine.chosen([(self._compared("=", Number(quotient, 1), value), quotient)], None)

    def _calculated(self, op: Literal["+", "-", "*"], left: Number[E], right: Number[E]) -> Number[E]:
        positive = left.positive and right.positive and op != "-"
        if op == "*":
            above = self.engine.calculated("*", left.above, right.above)
            return Number(above, self._product(left.below, right.below), positive)
        first, second, below = self._common(left, right)
        return Number(self.engine.calculated(op, first, second), below, positive)

    def _compared(self, op: str, left: Number[E], right: Number[E]) -> E:
        first, second, _ = self._common(left, right)
        return self.engine.compared(op, first, second)

    def _common(self, left: Number[E], right: Number[E]) -> tuple[E, E, E | int]:
        """Both numerators over one denominator."""
        if isinstance(left.below, int) and isinstance(right.below, int):
            below = math.lcm(left.below, right.below)
            return self._scaled(left.above, below // left.below), self._scaled(right.above, below // right.below), below
        if left.below is right.below:
            return left.above, right.above, left.below
        below = self._product(left.below, right.below)
        return self._scaled(left.above, right.below), self._scaled(right.above, left.below), below

    def _scaled(self, above: E, factor: E | int) -> E:
        return above if factor == 1 else self.engine.calculated("*", above, self._as_expression(factor))

    def _product(self, left: E | int, right: E | int) -> E | int:
        if isinstance(left, int) and isinstance(right, int):
            return left * right
        return self._scaled(self._as_expression(left), right) if left != 1 else right

    def _as_expression(self, factor: E | int) -> E:
        return self._whole(factor) if isinstance(factor, int) else factor

    def _lesser(self, op: str, left: Number[E], right: Number[E]) -> Number[E]:
        """The left one where it compares so, else the right one; unknown where either is."""
        first, second, below = self._common(self._kept(left), self._kept(right))
        takes = self.engine.compared(op, first, second)
        below = below if isinstance(below, int) else self.engine.kept(below)
        return Number(self._branch(takes, first, second), below, left.positive and right.positive)

    def _ratio(self, left: Number[E], right: Number[E]) -> Number[E]:
        """The exact quotient with a positive denominator; unknown where the divisor is 0."""
        engine, right = self.engine, self._kept(right)
        above = engine.kept(self._scaled(left.above, right.below))
        below = engine.kept(self._as_expression(self._product(left.below, right.above)))
        zero = self._whole(0)
        more, less = engine.compared(">", right.above, zero), engine.compared("<", right.above, zero)
        signed = [
            engine.chosen([(more, part), (less, engine.calculated("-", zero, part))], None) for part in (above, below)
        ]
        return Number(engine.kept(signed[0]), engine.kept(signed[1]), left.positive and right.positive)

    def _whole_part(self, op: str, value: Number[E]) -> E:
        """Floor or ceiling: the quotient cut towards zero, moved by one where that was the wrong way."""
        if value.below == 1:
            return value.above
        engine, value = self.engine, self._kept(value)
        cut = engine.kept(engine.divided(value.above, self._as_expression(value.below)))
        if op == "floor" and value.positive:
            return cut
        compare: tuple[str, Literal["+", "-"]] = (">", "-") if op == "floor" else ("<", "+")
        wrong = self._compared(compare[0], Number(cut, 1), value)
        return engine.kept(engine.chosen([(wrong, engine.calculated(compare[1], cut, self._whole(1)))], cut))

    def _rounded(self, value: Number[E], mode: Rounding, step_fen: int) -> E:
        """`kernel.money.apply_ratio`: rounded to a multiple of the step, negative amounts as the mirror of positive."""
        engine, below = self.engine, self._product(value.below, step_fen)
        if below == 1:
            return value.above
        divisor, zero = self._as_expression(below), self._whole(0)
        negative = engine.compared("<", value.above, zero)
        if mode is Rounding.HALF_UP:
            doubled, half = self._scaled(value.above, 2), divisor
            nudged = engine.calculated("+", doubled, half)
            if not value.positive:
                nudged = engine.chosen([(negative, engine.calculated("-", doubled, half))], nudged)
            return engine.kept(self._scaled(engine.divided(nudged, self._scaled(divisor, 2)), step_fen))
        cut = engine.divided(value.above, divisor)
        if mode is Rounding.DOWN:
            return engine.kept(self._scaled(cut, step_fen))
        cut = engine.kept(cut)
        rest = engine.calculated("-", value.above, engine.calculated("*", cut, divisor))
        rest = engine.kept(engine.chosen([(negative, engine.calculated("-", zero, rest))], rest))
        away = engine.compared(">", rest, zero)
        if mode is Rounding.HALF_EVEN:
            doubled = self._scaled(rest, 2)
            half_of = engine.calculated("*", engine.divided(cut, self._whole(2)), self._whole(2))
            tie = engine.every([engine.compared("=", doubled, divisor), engine.compared("<>", half_of, cut)])
            away = engine.some([engine.compared(">", doubled, divisor), tie])
        moved = engine.chosen([(negative, self._whole(-1))], self._whole(1))
        return engine.kept(self._scaled(engine.chosen([(away, engine.calculated("+", cut, moved))], cut), step_fen))

    def _branch(self, condition: E, value: E | None, otherwise: E | None) -> E:
        """One or the other; unknown where the condition is."""
        condition = self.engine.kept(condition)
        branches = [] if value is None else [(condition, value)]
        branches += [] if otherwise is None else [(self.engine.negated(condition), otherwise)]
        return self.engine.chosen(branches, None) if branches else self._null("number")

    def _branch_number(self, condition: E, value: Number[E], otherwise: Number[E]) -> Number[E]:
        condition, positive = self.engine.kept(condition), value.positive and otherwise.positive
        if isinstance(value.below, int) and isinstance(otherwise.below, int):
            first, second, below = self._common(value, otherwise)
            return Number(self._branch(condition, first, second), below, positive)
        below = self._branch(condition, self._as_expression(value.below), self._as_expression(otherwise.below))
        return Number(self._branch(condition, value.above, otherwise.above), below, positive)

    def _kept(self, value: Number[E]) -> Number[E]:
        below = value.below if isinstance(value.below, int) else self.engine.kept(value.below)
        return Number(self.engine.kept(value.above), below, value.positive)

    @property
    def _true(self) -> E:
        return self.engine.constant(True, "bool")

    def _whole(self, value: int) -> E:
        return self.engine.constant(value, "number")

    def _null(self, kind: Kind) -> E:
        return self.engine.constant(None, kind)


def _padded(steps: Sequence[E | None], length: int) -> list[E | None]:
    return [*steps, *[None] * (length - len(steps))]


def letter(engine: Engine[E], rule: RuleAnswer[E]) -> E:
    """The rule's answer as a letter: p, f or u."""
    passes, unclear = (rule.holds, engine.constant("p", "text")), engine.constant("u", "text")
    if rule.soft is True:
        return engine.chosen([passes], unclear)
    return engine.chosen([passes, (engine.negated(unless(engine, rule)), engine.constant("f", "text"))], unclear)


def unless(engine: Engine[E], rule: RuleAnswer[E]) -> E:
    """Not a refusal: the rule holds, or its fail goes to a person."""
    return rule.holds if isinstance(rule.soft, bool) else engine.some([rule.holds, rule.soft])


def kind_of(type_: Type) -> Kind:
    """The kind of column that holds values of the type; a code is text."""
    match type_.kind:
        case "bool":
            return "bool"
        case "number":
            return "number"
        case "date":
            return "date"
    return "text"

"""Three-valued evaluation (Kleene): an unknown operand gives an unknown answer unless the others already decide.

Exact throughout: ints and Fractions, never floats. Taking a fact away can therefore only move an answer to unknown.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, Protocol

from zhaoliang.policy.expressions import BETWEEN, Case, Constant, Lookup, Name, Named, Node, Operation, Value


class Figures(Protocol):
    """Where an expression's parameters and tables come from."""

    def figure(self, name: str) -> Value | None:
        """The figure in force, None when no text sets it."""
        ...

    def lacking(self, name: str) -> str:
        """What is missing where a figure is, in words."""
        ...

    def look_up(self, table: str, keys: tuple[Value, ...], facts: Mapping[str, Value]) -> Value | str:
        """The figure at the keys, or a str that names what is missing."""
        ...


@dataclass(slots=True)
class Trace:
    """What one evaluation read: the facts with their values, named conditions with their answers, and what was missing."""

    facts: dict[str, Value | None] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    named: dict[str, bool | None] = field(default_factory=dict)

    def lacks(self, what: str) -> None:
        """Record something that could not be found, once."""
        if what not in self.missing:
            self.missing.append(what)


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluates trees against one set of facts."""

    facts: Mapping[str, Value]
    figures: Figures
    enums: Mapping[str, tuple[str, ...]]

    def value(self, node: Node, trace: Trace) -> Value | None:
        """The value of `node`; None when it cannot be told."""
        match node:
            case Constant(value=value):
                return value
            case Name(name=name, is_fact=True):
                held = self.facts.get(name)
                trace.facts[name] = held
                if held is None:
                    trace.lacks(name)
                return held
            case Name(name=name):
                figure = self.figures.figure(name)
                if figure is None:
                    trace.lacks(self.figures.lacking(name))
                return figure
            case Case():
                return self._case(node, trace)
            case Lookup(table=table, keys=keys):
                return self._lookup(table, keys, trace)
            case Named(says=says, args=(condition,)):
                answer = self.value(condition, trace)
                trace.named[says] = truth(answer)
                return answer
            case Operation(op=op, args=args):
                return self._operation(op, args, trace)

    def _operation(self, op: str, args: tuple[Node, ...], trace: Trace) -> Value | None:
        values = [self.value(arg, trace) for arg in args]
        if op in ("and", "or"):
            decisive = op == "or"
            if decisive in values:
                return decisive
            return None if None in values else not decisive
        if None in values:
            return None
        known = [value for value in values if value is not None]
        if op in COMPARE:
            return COMPARE[op](*(self._rank(arg, value) for arg, value in zip(args, known, strict=True)))
        return _calculate(op, known, trace)

    def _rank(self, node: Node, value: Value) -> Value:
        """An ordered code compares by its place in the declared order."""
        return self.enums[node.type.enum].index(str(value)) if node.type.kind == "enum" else value

    def _case(self, node: Case, trace: Trace) -> Value | None:
        for condition, value in node.branches:
            holds = self.value(condition, trace)
            if holds is None:
                return None
            if holds:
                return self.value(value, trace)
        return self.value(node.otherwise, trace) if node.otherwise is not None else None

    def _lookup(self, table: str, keys: tuple[Node, ...], trace: Trace) -> Value | None:
        values = [self.value(key, trace) for key in keys]
        if None in values:
            return None
        found = self.figures.look_up(table, tuple(value for value in values if value is not None), self.facts)
        if isinstance(found, str):
            trace.lacks(found)
            return None
        return found


def _calculate(op: str, values: list[Value], trace: Trace) -> Value | None:
    if op == "year" and isinstance(values[0], date):
        return values[0].year
    if op in BETWEEN and isinstance(values[0], date) and isinstance(values[1], date):
        return time_between(op, values[0], values[1])
    numbers = [value for value in values if isinstance(value, int | Fraction)]
    first = numbers[0]
    match op:
        case "not":
            return not first
        case "least":
            return min(numbers)
        case "greatest":
            return max(numbers)
        case "floor":
            return first // 1
        case "ceil":
            return -(-first // 1)
    second = numbers[1]
    match op:
        case "+":
            return plain(first + second)
        case "-":
            return plain(first - second)
        case "*":
            return plain(first * second)
    if second == 0:
        trace.lacks(f"{op}：除数为 0")
        return None
    return first // second if op == "whole_div" else plain(Fraction(first) / second)


def time_between(op: str, start: date, end: date) -> int:
    """Days, or full months or years, from `start` to `end`; a month is full once its day of the month is reached.

    The same count of years as `kernel.days.age_on`: who is born on 29 February is a year older on 1 March.
    """
    if op == "days_between":
        return (end - start).days
    months = (end.year - start.year) * 12 + end.month - start.month - (end.day < start.day)
    return months if op == "months_between" else months // 12


def plain(value: int | Fraction) -> int | Fraction:
    """An int when the fraction is whole."""
    return int(value) if value.denominator == 1 else value


def truth(value: Value | None) -> bool | None:
    """A condition's value: true, false or unknown."""
    return value if isinstance(value, bool) else None


def kleene_implies(when: bool | None, must: bool | None) -> bool | None:
    """`when → must` in three values: a rule that does not apply passes, an unknown condition only matters on a fail."""
    if when is False or must is True:
        return True
    return False if when is True and must is False else None

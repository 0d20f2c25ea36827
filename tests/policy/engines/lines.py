"""Random lines for a compiled set: every fact around the values its rules and tables speak of, or unknown."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any

from zhaoliang.policy import PolicySet
from zhaoliang.policy.facts import FactSchema
from zhaoliang.policy.sql import Column
from zhaoliang.policy.sql.terms import Apply, BoundSet, Choose, FactRead, Grid, GridRead, Known, Term
from zhaoliang.policy.store import region_chain

Facts = dict[str, Any]
UNKNOWN = 0.04
DENOMINATORS = (1, 1, 2, 3, 4, 45, 60)


class Lines:
    """Makes lines for one set: half of them scenarios with a few facts changed, half made of nothing."""

    def __init__(self, policies: PolicySet, bound: BoundSet, names: Sequence[str], seed: int) -> None:
        self.schema: FactSchema = policies.facts
        self.names = list(names)
        self.random = random.Random(seed)
        self.near: dict[str, set[Any]] = {name: set() for name in names}
        for term in bound.terms():
            self._learn(term)
        for rule in bound.rules:
            for name, span in rule.doubtful:
                self.near[name] |= {day for day in span if day}
        self.near = {name: values | {policies.on} if self._kind(name) == "date" else values
                     for name, values in self.near.items()}  # fmt: skip
        chain = region_chain(policies.region_code)
        self.scenarios = [
            policies.known(scenario.given)
            for document in policies.store.documents
            for scenario in document.scenarios
            if scenario.scheme == policies.scheme and scenario.place in chain and document.region in chain
        ]

    def make(self, count: int) -> list[Facts]:
        """So many lines; None is an unknown fact."""
        return [self._line() for _ in range(count)]

    def _line(self) -> Facts:
        if not self.scenarios or self.random.random() < 0.3:
            return {name: self._value(name) for name in self.names}
        base = self.random.choice(self.scenarios)
        line: Facts = {name: base.get(name) for name in self.names}
        for name in self.random.sample(self.names, min(len(self.names), self.random.randrange(6))):
            line[name] = self._value(name)
        # What a scenario leaves out is mostly made up, so that few lines stop at an unknown.
        return {name: self._value(name) if value is None and self.random.random() < 0.9 else value
                for name, value in line.items()}  # fmt: skip

    def _value(self, name: str) -> Any:
        if self.random.random() < UNKNOWN:
            return None
        fact, pick = self.schema.facts[name], self.random
        near = sorted(self.near[name], key=str)
        match fact.type.kind:
            case "bool":
                return pick.random() < 0.5
            case "enum":
                return pick.choice(list(self.schema.codes[fact.type.enum]))
            case "text":
                return pick.choice([*near, "0-00-00-00", "o'clock"])
            case "date":
                return pick.choice(near) + timedelta(days=pick.choice((-400, -1, 0, 0, 1, 30, 365)))
        value = Fraction(pick.choice([*near, 0, 1, 2, 40, 80, 120]))
        value += pick.choice((0, 0, -1, 1, pick.randrange(-5, 200)))
        least = value if fact.at_least is None else Fraction(fact.at_least)
        if fact.fraction:
            below = pick.choice(DENOMINATORS)
            value = Fraction(int(value * below) + pick.randrange(-1, 2), below)
            return self.schema.normalise({name: value if fact.at_least is None else max(least, value)})[name]
        return int(max(least, value))

    def _kind(self, name: str) -> str:
        return self.schema.facts[name].type.kind

    def _learn(self, term: Term) -> None:
        match term:
            case Apply(args=args):
                facts = {part.name for part in _inside(term) if isinstance(part, FactRead)}
                for known in (arg for arg in args if isinstance(arg, Known) and not isinstance(arg.value, bool)):
                    for name in facts:
                        if self._kind(name) == term_kind(known):
                            self.near[name].add(known.value)
                for arg in args:
                    self._learn(arg)
            case Choose(branches=branches, otherwise=otherwise):
                for part in (*(part for branch in branches for part in branch), otherwise):
                    self._learn(part)
            case GridRead(grid=grid, keys=keys):
                self._learn_grid(grid, keys)

    def _learn_grid(self, grid: Grid, keys: Sequence[Term]) -> None:
        if grid.by:
            self.near[grid.by] |= {start for start, _ in grid.starts if start}
        for place, (key, term) in enumerate(zip(grid.keys, keys, strict=True)):
            self._learn(term)
            cells = {cell[place + 1] for cell in grid.cells} | set(key.tiers)
            for part in _inside(term):
                if isinstance(part, FactRead) and self._kind(part.name) in ("number", "text", "date"):
                    self.near[part.name] |= cells


def term_kind(term: Known) -> str:
    """The kind of a constant."""
    return term.type.kind


def _inside(term: Term) -> Iterator[Term]:
    yield term
    match term:
        case Apply(args=args):
            parts: Sequence[Term] = args
        case Choose(branches=branches, otherwise=otherwise):
            parts = (*(part for branch in branches for part in branch), otherwise)
        case GridRead(keys=keys):
            parts = keys
        case _:
            parts = ()
    for part in parts:
        yield from _inside(part)


def row_of(number: int, facts: Mapping[str, Any], columns: Sequence[Column]) -> tuple[Any, ...]:
    """The line as the engines' relation holds it: a fraction in two columns."""
    row: list[Any] = [number]
    for column in columns:
        if column.name.endswith("_den") and column.name not in facts:
            value = facts[column.name.removesuffix("_den")]
            row.append(None if value is None else Fraction(value).denominator)
        else:
            value = facts[column.name]
            row.append(value.numerator if isinstance(value, Fraction) else value)
    return tuple(row)

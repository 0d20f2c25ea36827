"""What rules can answer at all: tried on every combination of the codes and boundary values they read.

Enumerations are tried in full. Numbers and dates are tried at each figure they are compared with, one unit below and
above, at 0 and at a value beyond any figure: for comparisons with figures, as rules make them, that decides exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property
from itertools import product
from math import prod

from zhaoliang.policy.evaluate import Evaluator, Trace, kleene_implies
from zhaoliang.policy.expressions import Case, Constant, Lookup, Name, Node, Operation, Value, names_in, tables_in
from zhaoliang.policy.model import Document, Rule, Table
from zhaoliang.policy.store import PolicySet, PolicyStore

MOST_CASES = 20_000
MOST_FIGURES = 12
BEYOND = 1_000_000
SOME_TEXTS: tuple[Value, ...] = ("甲", "乙")
SOME_DAYS: tuple[Value, ...] = (date(2000, 1, 1), date(2099, 12, 31))
FIRST_YEAR, LAST_YEAR = 1900, 2200


@dataclass(frozen=True, slots=True)
class Bound:
    """A rule in the text it stands in."""

    document: Document
    rule: Rule

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The expressions of the rule."""
        return (self.rule.must,) if self.rule.when is None else (self.rule.when, self.rule.must)

    @property
    def facts(self) -> frozenset[str]:
        """The facts the rule reads, the date that picks a table's version among them."""
        return facts_of(self.document, self.nodes)


def facts_of(document: Document, nodes: Iterable[Node]) -> frozenset[str]:
    """The facts the expressions of a document read, the date that picks a table's version among them."""
    held = list(nodes)
    by = (document.tables[table].version_by for node in held for table in tables_in(node))
    return frozenset(
        {name.name for node in held for name in names_in(node) if name.is_fact} | {one for one in by if one}
    )


def set_with(store: PolicyStore, document: Document, scheme: str, on: date) -> PolicySet:
    """The texts in force at the document's own place, the document among them even where a later one stands for it."""
    held = store.for_place(document.region, scheme, on)
    if document in held.documents:
        return held
    others = tuple(one for one in held.documents if one.id != document.id)
    return PolicySet(store, document.region, scheme, on, (*others, document))


@dataclass(frozen=True)
class Trial:
    """Rules tried in one place on one day."""

    policies: PolicySet

    @cached_property
    def enums(self) -> Mapping[str, tuple[str, ...]]:
        """The codes of each enumeration, in their order."""
        return self.policies.facts.enums

    def answer(self, bound: Bound, facts: Mapping[str, Value]) -> tuple[bool | None, bool | None]:
        """Whether the rule applies, and whether it holds for these facts (unknown: None)."""
        evaluator = Evaluator(facts, self.policies.figures(bound.document), self.enums)
        rule, trace = bound.rule, Trace()
        when = True if rule.when is None else _truth(evaluator.value(rule.when, trace))
        return when, kleene_implies(when, _truth(evaluator.value(rule.must, trace)))

    def cases(self, rules: Sequence[Bound], *, most: int = MOST_CASES) -> Iterator[dict[str, Value]] | None:
        """Every combination of the values the rules can tell apart; None when there are more than `most`."""
        domains = self.domains([(bound.document, node) for bound in rules for node in bound.nodes], most=most)
        return None if domains is None else self.combinations(domains)

    def combinations(self, domains: Mapping[str, tuple[Value, ...]]) -> Iterator[dict[str, Value]]:
        """Every set of facts the domains allow."""
        return (dict(zip(domains, values, strict=True)) for values in product(*domains.values()))

    def domains(
        self, nodes: Sequence[tuple[Document, Node]], *, most: int = MOST_CASES
    ) -> dict[str, tuple[Value, ...]] | None:
        """The values to try for each fact the expressions read; None when they combine to more than `most`."""
        read: dict[str, Name] = {}
        figures: set[Value] = set()
        texts: dict[str, set[Value]] = {}
        dated: dict[str, tuple[Value, ...]] = {}
        for document, node in nodes:
            read |= {name.name: name for name in names_in(node) if name.is_fact}
            figures |= set(_constants(node)) | self._figures(document, node)
            versioned = (document.tables[table].version_by for table in tables_in(node))
            dated |= {by: (self.policies.on,) for by in versioned if by}
            for table, place, name in _keys(node):
                texts.setdefault(name, set()).update(_codes(document.tables[table], place))
        for wide in (True, False):
            domains = dated | {
                name: self._domain(fact, figures, texts.get(name, set()), wide) for name, fact in read.items()
            }
            if prod(len(values) for values in domains.values()) <= most:
                return domains
        return None

    def _figures(self, document: Document, node: Node) -> set[Value]:
        held = self.policies.figures(document)
        found: set[Value] = set()
        for name in names_in(node):
            value = None if name.is_fact else held.figure(name.name)
            found |= {value} if value is not None else set()
        for table in tables_in(node):
            for version in document.tables[table].versions:
                values = sorted(set(version.rows.values()))
                found |= set(values if len(values) <= MOST_FIGURES else (values[0], values[-1]))
        return found

    def _domain(self, fact: Name, figures: set[Value], codes: set[Value], wide: bool) -> tuple[Value, ...]:
        match fact.type.kind:
            case "bool":
                return (True, False)
            case "enum":
                every: tuple[Value, ...] = self.enums[fact.type.enum]
                told = figures | codes
                others = [code for code in every if code not in told]
                ordered = fact.type.enum in self.policies.facts.ordered
                return every if wide or ordered else (*(code for code in every if code in told), *others[:1])
            case "date":
                return _around_days(figures)
            case "number":
                held = self.policies.facts.facts.get(fact.name)
                return _around(figures | codes, wide=wide, whole=held is None or not held.fraction)
        return tuple(sorted((codes | {one for one in figures if isinstance(one, str)}), key=str)) + SOME_TEXTS


def _truth(value: Value | None) -> bool | None:
    return value if isinstance(value, bool) else None


def _constants(node: Node | None) -> Iterator[Value]:
    match node:
        case Constant(value=value) if not isinstance(value, bool):
            yield value
        case Operation(args=parts) | Lookup(keys=parts):
            for part in parts:
                yield from _constants(part)
        case Case(branches=branches, otherwise=otherwise):
            for part in (*(one for branch in branches for one in branch), otherwise):
                yield from _constants(part)


def _keys(node: Node | None) -> Iterator[tuple[str, int, str]]:
    """Each fact that is itself a key of a table: table, place among the keys, fact."""
    match node:
        case Lookup(table=table, keys=keys):
            yield from ((table, place, key.name) for place, key in enumerate(keys) if isinstance(key, Name))
        case Operation(args=args):
            for arg in args:
                yield from _keys(arg)
        case Case(branches=branches, otherwise=otherwise):
            for part in (*(one for branch in branches for one in branch), otherwise):
                yield from _keys(part)


def _codes(table: Table, place: int) -> set[Value]:
    return {row[place] for version in table.versions for row in version.rows}


def _around(figures: set[Value], *, wide: bool, whole: bool) -> tuple[Value, ...]:
    numbers = {one for one in figures if isinstance(one, int | Fraction) and not isinstance(one, bool)}
    if whole:
        numbers = {near for one in numbers for near in (one // 1, -(-one // 1))}
    near = {near for one in numbers for near in (one - 1, one, one + 1)}
    ends: set[int | Fraction] = {0, 1, BEYOND} if wide else {0, BEYOND}
    return tuple(sorted(one for one in near | ends if one >= 0))


def _around_days(figures: set[Value]) -> tuple[Value, ...]:
    days = {one for one in figures if isinstance(one, date)}
    years = {one for one in figures if isinstance(one, int) and not isinstance(one, bool) and _is_year(one)}
    days |= {date(year, month, day) for year in years for month, day in ((1, 1), (12, 31))}
    near = {one + timedelta(step) for one in days for step in (-1, 0, 1)}
    return tuple(sorted(near | {one for one in SOME_DAYS if isinstance(one, date)}))


def _is_year(value: int) -> bool:
    return FIRST_YEAR <= value <= LAST_YEAR

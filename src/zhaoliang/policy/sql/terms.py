"""A policy set bound to its day: every figure in its place as a constant, every table as a grid of whole numbers.

What is left reads facts alone and means the same on every engine. Binding uses the evaluator itself for whatever reads
no fact, so a constant is exactly what `PolicySet.decide` would have found.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from zhaoliang.policy.errors import PolicyError
from zhaoliang.policy.evaluate import COMPARE, Evaluator, Figures, Trace
from zhaoliang.policy.expressions import (
    Case,
    Constant,
    Lookup,
    Name,
    Named,
    Node,
    Operation,
    Value,
    names_in,
    tables_in,
)
from zhaoliang.policy.model import Amount, Document, Phase, Rule, Table, TableVersion
from zhaoliang.policy.store import PolicySet
from zhaoliang.policy.units import BOOL, Type, number

COUNT = number("count")


@dataclass(frozen=True, slots=True)
class Known:
    """A constant."""

    type: Type
    value: Value


@dataclass(frozen=True, slots=True)
class Unknown:
    """A figure that no text sets, or anything that rests on one."""

    type: Type


@dataclass(frozen=True, slots=True)
class FactRead:
    """A fact of the line; a `fraction` is read from two columns."""

    type: Type
    name: str
    fraction: bool


@dataclass(frozen=True, slots=True)
class Apply:
    """A connective, comparison, calculation or function."""

    type: Type
    op: str
    args: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Choose:
    """The value of the first branch that holds; an unknown condition before it makes the whole unknown."""

    type: Type
    branches: tuple[tuple[Term, Term], ...]
    otherwise: Term


@dataclass(frozen=True, slots=True)
class GridRead:
    """A cell of a grid; no such cell is an unknown."""

    type: Type
    grid: Grid
    keys: tuple[Term, ...]


Term = Known | Unknown | FactRead | Apply | Choose | GridRead
Span = tuple[date | None, date | None]
Cell = tuple[int | str | date, ...]


@dataclass(frozen=True, slots=True)
class GridKey:
    """One key: `number`, `text` or `date`; with tiers the cell is the highest step not above the value."""

    kind: str
    tiers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A table's cells as whole numbers over one common denominator.

    `by` names the date fact that picks the sheet; `starts` gives the sheets' first days (None: from ever) with their
    number. Versions with the same figures share a sheet. Without `by` there is one sheet, number 0.
    """

    keys: tuple[GridKey, ...]
    by: str | None
    starts: tuple[tuple[date | None, int], ...]
    cells: Mapping[Cell, int]
    denominator: int


@dataclass(frozen=True, slots=True)
class BoundRule:
    """A rule with its figures in place. `soft`: its fail always goes to a person.

    `doubtful` names the date facts and spans of days for which it would read an unconfirmed table version.
    """

    rule: Rule
    must: Term
    when: Term | None
    soft: bool
    doubtful: tuple[tuple[str, Span], ...]


@dataclass(frozen=True, slots=True)
class BoundStep:
    """One step of an amount."""

    operation: str
    value: Term
    when: Term | None


@dataclass(frozen=True, slots=True)
class BoundAdvance:
    """The share paid beforehand, of the whole amount where `of` is None."""

    share: Term
    of: Term | None


@dataclass(frozen=True, slots=True)
class BoundSettlement:
    """What was paid beforehand is taken off; `takes_back`: and recovered from a refused claim, where `back_when`."""

    paid: Term
    takes_back: bool
    back_when: Term | None = None


@dataclass(frozen=True, slots=True)
class BoundAmount:
    """An amount with its figures in place, and the instalment that the phase asks for.

    `nothing`: the phase pays advances, and this amount knows none.
    """

    amount: Amount
    when: Term | None
    base: Term
    steps: tuple[BoundStep, ...]
    pay_to: Term | None
    instalment: BoundAdvance | BoundSettlement | None = None
    nothing: bool = False


@dataclass(frozen=True, slots=True)
class BoundSet:
    """What a decision of one phase reads and does. `amounts` is None in a phase that works out none."""

    rules: tuple[BoundRule, ...]
    amounts: tuple[BoundAmount, ...] | None

    def terms(self) -> Iterator[Term]:
        """Every expression of the set."""
        for rule in self.rules:
            yield from (term for term in (rule.when, rule.must) if term is not None)
        for amount in self.amounts or ():
            parts = [amount.when, amount.base, amount.pay_to]
            parts += [part for step in amount.steps for part in (step.when, step.value)]
            match amount.instalment:
                case BoundAdvance(share=share, of=of):
                    parts += [share, of]
                case BoundSettlement(paid=paid, back_when=back_when):
                    parts += [paid, back_when]
            yield from (part for part in parts if part is not None)

    def facts(self) -> frozenset[str]:
        """The facts the decision reads: those of the expressions and the days that pick a table's version."""
        names = {name for rule in self.rules for name, _ in rule.doubtful}
        for term in self.terms():
            names |= facts_in(term)
        return frozenset(names)


@dataclass(slots=True)
class Binder:
    """Binds sets; grids of the same figures are shared, so that two sets can be compared in one statement."""

    _grids: dict[tuple[object, ...], Grid] = field(default_factory=dict)

    def shared(self, grid: Grid) -> Grid:
        """The grid already bound with the same figures, else this one."""
        key = (grid.keys, grid.by, grid.starts, frozenset(grid.cells.items()), grid.denominator)
        return self._grids.setdefault(key, grid)

    def bind(self, policies: PolicySet, phase: Phase) -> BoundSet:
        """The rules of the phase and, where the phase works one out, the amounts."""
        rules = tuple(
            self._rule(policies, document, rule) for document, rule in policies.bound_rules if phase in rule.phases
        )
        amounts = None
        if phase != "filing":
            amounts = tuple(
                self._amount(policies, document, amount, phase) for document, amount in policies.bound_amounts
            )
        return BoundSet(rules, amounts)

    def _rule(self, policies: PolicySet, document: Document, rule: Rule) -> BoundRule:
        scope = _Scope(self, policies, document)
        sure, doubtful = scope.confirmed(rule)
        when = scope.condition(rule.when)
        return BoundRule(rule, scope.term(rule.must), when, rule.review_only or not sure, doubtful)

    def _amount(self, policies: PolicySet, document: Document, amount: Amount, phase: Phase) -> BoundAmount:
        scope, parts = _Scope(self, policies, document), amount.instalments
        instalment = None
        if parts is not None and phase == "advance":
            whole = None if parts.advance.of is None else scope.term(parts.advance.of)
            instalment = BoundAdvance(scope.term(parts.advance.share), whole)
        if parts is not None and phase == "claim":
            back_when = scope.condition(parts.clawback.when) if parts.clawback is not None else None
            instalment = BoundSettlement(scope.term(parts.settlement.paid), parts.clawback is not None, back_when)
        return BoundAmount(
            amount,
            scope.condition(amount.when),
            scope.term(amount.base),
            tuple(
                BoundStep(step.operation, scope.term(step.value), scope.condition(step.when)) for step in amount.steps
            ),
            scope.term(amount.pay_to) if amount.pay_to is not None else None,
            instalment,
            phase == "advance" and parts is None,
        )


def facts_in(term: Term) -> frozenset[str]:
    """The facts an expression reads."""
    match term:
        case FactRead(name=name):
            return frozenset((name,))
        case Apply(args=args):
            return frozenset().union(*map(facts_in, args))
        case Choose(branches=branches, otherwise=otherwise):
            return frozenset().union(facts_in(otherwise), *(facts_in(part) for branch in branches for part in branch))
        case GridRead(grid=grid, keys=keys):
            return frozenset((grid.by,) if grid.by else ()).union(*map(facts_in, keys))
    return frozenset()


@dataclass(frozen=True, slots=True)
class _Scope:
    """One document of one set: where its expressions find their figures and tables."""

    binder: Binder
    policies: PolicySet
    document: Document

    def condition(self, node: Node | None) -> Term | None:
        """A condition that always holds is no condition."""
        term = self.term(node) if node is not None else None
        return None if isinstance(term, Known) and term.value is True else term

    def term(self, node: Node) -> Term:
        if not self._reads_facts(node):
            return self._constant(node)
        match node:
            case Named(args=(condition,)):
                return self.term(condition)
            case Name(type=type_, name=name):
                return FactRead(type_, name, self.policies.facts.facts[name].fraction)
            case Operation(type=type_, op=op, args=args):
                terms = [self.term(arg) for arg in args]
                return self._ordered(op, terms) if _compares_ranks(op, args) else _applied(type_, op, terms)
            case Case():
                return self._case(node)
            case Lookup(type=type_, table=table, keys=keys):
                grid, terms = self._grid(self.document.tables[table]), tuple(self.term(key) for key in keys)
                if grid is None or any(isinstance(term, Unknown) for term in terms):
                    return Unknown(type_)
                return GridRead(type_, grid, terms)
            case Constant(type=type_, value=value):
                return Known(type_, value)

    def confirmed(self, rule: Rule) -> tuple[bool, tuple[tuple[str, Span], ...]]:
        """Whether clause and figures were read in their texts, and the days on which a table version was not."""
        figures, nodes = self.policies.figures(self.document), (rule.must, rule.when)
        held = [figures.source(name.name) for node in nodes for name in names_in(node) if not name.is_fact]
        sure = self.policies.stands(self.document, rule) and all(
            self.policies.citation(cite).verified for cite in held if cite
        )
        doubtful: list[tuple[str, Span]] = []
        for table in {name: self.document.tables[name] for node in nodes for name in tables_in(node)}.values():
            if table.version_by is None:
                version = table.on(self.policies.on)
                sure = sure and (version is None or self._read(version))
                continue
            sheets = _by_start(table)
            ends = [sheet.start for sheet in sheets[1:]] + [None]
            doubtful += [
                (table.version_by, (sheet.start, end))
                for sheet, end in zip(sheets, ends, strict=True)
                if not self._read(sheet)
            ]
        return sure, tuple(doubtful)

    def _read(self, version: TableVersion) -> bool:
        return version.verified and self.policies.citation(version.cite).verified

    def _reads_facts(self, node: Node) -> bool:
        if any(name.is_fact for name in names_in(node)):
            return True
        return any(self.document.tables[table].version_by for table in tables_in(node))

    def _constant(self, node: Node) -> Term:
        figures: Figures = self.policies.figures(self.document)
        value = Evaluator({}, figures, self.policies.facts.enums).value(node, Trace())
        return Unknown(node.type) if value is None else Known(node.type, value)

    def _case(self, node: Case) -> Term:
        otherwise = self.term(node.otherwise) if node.otherwise is not None else Unknown(node.type)
        branches: list[tuple[Term, Term]] = []
        for condition, value in node.branches:
            holds = self.term(condition)
            if isinstance(holds, Known) and holds.value is False:
                continue
            if isinstance(holds, Known | Unknown):
                otherwise = self.term(value) if isinstance(holds, Known) else Unknown(node.type)
                break
            branches.append((holds, self.term(value)))
        return Choose(node.type, tuple(branches), otherwise) if branches else otherwise

    def _ordered(self, op: str, terms: Sequence[Term]) -> Term:
        """A comparison by declared order: against a code it is a membership, else the places are compared."""
        left, right = terms
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return Unknown(BOOL)
        codes = self.policies.facts.enums[left.type.enum]
        if isinstance(left, Known):
            left, right, op = right, left, {"<": ">", "<=": ">=", ">": "<", ">=": "<="}[op]
        if isinstance(right, Known):
            place = codes.index(str(right.value))
            fitting = [code for number, code in enumerate(codes) if COMPARE[op](number, place)]
            return Apply(BOOL, "in", (left, *(Known(left.type, code) for code in fitting)))
        cells: dict[Cell, int] = {(0, code): number for number, code in enumerate(codes)}
        ranks = self.binder.shared(Grid((GridKey("text"),), None, (), cells, 1))
        places = tuple(GridRead(COUNT, ranks, (side,)) for side in (left, right))
        return Apply(BOOL, op, places)

    def _grid(self, table: Table) -> Grid | None:
        """The table as a grid, None when no version is in force on the set's day."""
        on = self.policies.on
        if table.version_by:
            versions = _by_start(table)
        else:
            held = table.on(on)
            versions = [] if held is None else [held]
        if not versions:
            return None
        return self.binder.shared(_grid_of(table, versions))


def _by_start(table: Table) -> list[TableVersion]:
    return sorted(table.versions, key=lambda version: version.start or date.min)


def _compares_ranks(op: str, args: Sequence[Node]) -> bool:
    return op in ("<", "<=", ">", ">=") and args[0].type.kind == "enum"


def _applied(type_: Type, op: str, args: Sequence[Term]) -> Term:
    if op in ("and", "or"):
        return _connected(type_, op, args)
    if any(isinstance(arg, Unknown) for arg in args):
        return Unknown(type_)
    if op in ("=", "<>") and isinstance(args[0], Known):
        args = (args[1], args[0])
    return Apply(type_, op, tuple(args))


def _connected(type_: Type, op: str, args: Sequence[Term]) -> Term:
    """The connective without the constants that decide nothing, flat, with `x = 'a' or x = 'b'` as one membership."""
    decisive = op == "or"
    parts: list[Term] = []
    for arg in args:
        parts += arg.args if isinstance(arg, Apply) and arg.op == op else (arg,)
    if any(isinstance(part, Known) and part.value is decisive for part in parts):
        return Known(type_, decisive)
    parts = [part for part in parts if not isinstance(part, Known)]
    if decisive:
        parts = _memberships(parts)
    return parts[0] if len(parts) == 1 else Apply(type_, op, tuple(parts)) if parts else Known(type_, not decisive)


def _memberships(parts: Sequence[Term]) -> list[Term]:
    kept: dict[Term, Term] = {}
    for part in parts:
        value = _tested(part)
        held = kept.get(value) if value is not None else None
        if value is None or not isinstance(part, Apply):
            kept[part] = part
        elif isinstance(held, Apply):
            kept[value] = Apply(part.type, "in", (value, *held.args[1:], *part.args[1:]))
        else:
            kept[value] = part
    return list(kept.values())


def _tested(part: Term) -> Term | None:
    """The value that is compared with one or several codes, None for any other condition."""
    codes = isinstance(part, Apply) and part.op in ("=", "in") and part.args[0].type.kind in ("enum", "text")
    if isinstance(part, Apply) and codes and all(isinstance(arg, Known) for arg in part.args[1:]):
        return part.args[0]
    return None


def _grid_of(table: Table, versions: Sequence[TableVersion]) -> Grid:
    keys = tuple(GridKey(_key_kind(key.type), key.tiers) for key in table.keys)
    sheets: list[TableVersion] = []
    starts: list[tuple[date | None, int]] = []
    for version in versions:
        same = [number for number, sheet in enumerate(sheets) if sheet.rows == version.rows]
        if not same:
            sheets.append(version)
        number = same[0] if same else len(sheets) - 1
        starts += [(version.start, number)] if not starts or starts[-1][1] != number else []
    figures = [Fraction(value) for sheet in sheets for value in sheet.rows.values()]
    denominator = math.lcm(*(figure.denominator for figure in figures)) if figures else 1
    cells: dict[Cell, int] = {
        (number, *(_cell(key, cell) for key, cell in zip(keys, row, strict=True))): int(value * denominator)
        for number, sheet in enumerate(sheets)
        for row, value in sheet.rows.items()
    }
    by = table.version_by
    return Grid(keys, by, tuple(starts) if by else (), cells, denominator)


def _key_kind(type_: Type) -> str:
    if type_.kind == "bool":
        raise PolicyError("a yes/no fact cannot be the key of a table")
    return type_.kind if type_.kind in ("number", "date") else "text"


def _cell(key: GridKey, cell: str | int) -> str | int | date:
    return date.fromisoformat(str(cell)) if key.kind == "date" else cell

"""Mutation testing: every small change to a rule, an amount or a figure should make some scenario fail.

All changes are tried, none is drawn by lot. A table's figures change by whole rows and columns: a scenario for every
cell would only say the table again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import TypeVar

from zhaoliang.policy.expressions import Case, Constant, Lookup, Name, Node, Operation, Value, names_in, tables_in
from zhaoliang.policy.model import (
    Amount,
    Clock,
    DatedValue,
    Document,
    Instalments,
    Parameter,
    Rule,
    Step,
    Table,
    TableVersion,
    Window,
)
from zhaoliang.policy.wording import decimal_text, expression_text

LOOSENED = {">=": ">", ">": ">=", "<=": "<", "<": "<=", "=": "<>", "<>": "=", "and": "or", "or": "and"}
TURNED = {">=": "<", ">": "<=", "<=": ">", "<": ">="}
SWAPPED = {"+": "-", "-": "+", "least": "greatest", "greatest": "least", "floor": "ceil", "ceil": "floor"}
ROUNDINGS = {"half_up": "down", "half_even": "down", "down": "up", "up": "down"}
# What an amount does that says nothing of rounding; with figures in whole fen no scenario could tell it apart.
PLAIN_ROUNDING = ("half_up", 1)
HUNDREDTH = Fraction(1, 100)
DAY = timedelta(1)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed document. `part` is where it was changed (`rules.min_age`), `change` says how.

    `rules`, `amounts`, `figures` and `tables` name what may answer differently: scenarios that read none of them need
    not be run. `replaced` is the rule as changed, where one was changed and not dropped. `days` are those on which the
    text binds only before, or only after, the change.
    """

    document: Document
    changed: Document
    part: str
    change: str
    rules: tuple[Rule, ...] = ()
    amounts: tuple[Amount, ...] = ()
    figures: frozenset[str] = field(default_factory=frozenset)
    tables: frozenset[str] = field(default_factory=frozenset)
    replaced: Rule | None = None
    days: frozenset[date] = field(default_factory=frozenset)


def mutants(document: Document) -> Iterator[Mutant]:
    """Every change to the document's rules, amounts, figures in use and dates."""
    yield from _rule_mutants(document)
    yield from _amount_mutants(document)
    yield from _figure_mutants(document)
    yield from _table_mutants(document)
    yield from _term_mutants(document)


def bent(node: Node) -> Iterator[tuple[Node, str]]:
    """The expression with one thing changed, in each possible place, each with what was changed."""
    match node:
        case Operation(op=op, args=args):
            yield from _bent_operation(node, op, args)
            for place, arg in enumerate(args):
                for changed, what in bent(arg):
                    yield replace(node, args=_with(args, place, changed)), what
        case Case(branches=branches, otherwise=otherwise):
            yield from _bent_case(node, branches, otherwise)
        case Lookup(keys=keys):
            for place, key in enumerate(keys):
                yield from ((replace(node, keys=_with(keys, place, changed)), what) for changed, what in bent(key))
        case Constant():
            yield from _shifted(node)
        case Name(name=name) if node.type.kind == "bool":
            yield Operation(node.type, "not", (node,)), f"{name} 取反"
        case _:
            return


def _bent_operation(node: Operation, op: str, args: tuple[Node, ...]) -> Iterator[tuple[Node, str]]:
    for table in (LOOSENED, TURNED, SWAPPED):
        if op in table:
            place = "" if op in ("and", "or") else f"{expression_text(node)} 的 "
            yield replace(node, op=table[op]), f"{place}{op} 改为 {table[op]}"
    if op == "not":
        yield args[0], "去掉 not"
    if op in ("and", "or"):
        for place, dropped in enumerate(args):
            left = (*args[:place], *args[place + 1 :])
            yield left[0] if len(left) == 1 else replace(node, args=left), f"去掉 {expression_text(dropped)}"
    if op == "*" and node.type == args[0].type:
        yield args[0], f"去掉 × {expression_text(args[1])}"


def _bent_case(
    node: Case, branches: tuple[tuple[Node, Node], ...], otherwise: Node | None
) -> Iterator[tuple[Node, str]]:
    for place, (test, value) in enumerate(branches):
        left = (*branches[:place], *branches[place + 1 :])
        if left or otherwise is not None:
            yield (replace(node, branches=left) if left else otherwise or value), f"去掉 when {expression_text(test)}"
        for changed, what in bent(test):
            yield replace(node, branches=_with(branches, place, (changed, value))), what
        for changed, what in bent(value):
            yield replace(node, branches=_with(branches, place, (test, changed))), what
    if otherwise is not None:
        yield from ((replace(node, otherwise=changed), what) for changed, what in bent(otherwise))


def _shifted(node: Constant) -> Iterator[tuple[Node, str]]:
    if isinstance(node.value, bool | str):
        return
    for value in _moved(node.value, "count"):
        yield replace(node, value=value), f"{_shown(node.value)} 改为 {_shown(value)}"


def _moved(value: Value, unit: str) -> tuple[int | Fraction | date, ...]:
    """The figure one step down and up: a day, a hundredth of a ratio, the last place of money, else one."""
    if isinstance(value, date):
        return value - DAY, value + DAY
    if isinstance(value, bool | str):
        return ()
    step = _step_of(value, unit)
    return value - step, value + step


def _step_of(value: int | Fraction, unit: str) -> int | Fraction:
    if unit == "ratio" or value.denominator != 1:
        return HUNDREDTH
    if not unit.startswith("fen"):
        return 1
    step = 1
    while value and value % (step * 10) == 0:
        step *= 10
    return step


def _shown(value: Value) -> str:
    return decimal_text(value) if isinstance(value, int | Fraction) and not isinstance(value, bool) else str(value)


def _with(parts: tuple[T, ...], place: int, one: T) -> tuple[T, ...]:
    return (*parts[:place], one, *parts[place + 1 :])


def _different(node: Node | None, changes: Iterable[tuple[Node | None, str]]) -> Iterator[tuple[Node | None, str]]:
    """The changes, each different text once."""
    seen = {expression_text(node)}
    for changed, what in changes:
        text = expression_text(changed)
        if text not in seen:
            seen.add(text)
            yield changed, what


def _rule_mutants(document: Document) -> Iterator[Mutant]:
    for place, rule in enumerate(document.rules):
        part = rule.part
        gone = replace(document, rules=(*document.rules[:place], *document.rules[place + 1 :]))
        yield Mutant(document, gone, part, "去掉整条规则", (rule,))
        changes: list[tuple[Rule, str]] = []
        negated = (Operation(rule.must.type, "not", (rule.must,)), "条件取反")
        changes += [
            (replace(rule, must=must), f"条件：{what}")
            for must, what in _different(rule.must, [*bent(rule.must), *_negation(rule.must, negated)])
            if must is not None
        ]
        if rule.when is not None:
            changes.append((replace(rule, when=None), "去掉适用情形"))
            changes += [
                (replace(rule, when=when), f"适用情形：{what}") for when, what in _different(rule.when, bent(rule.when))
            ]
        changes += _count_mutants(rule)
        for changed, what in changes:
            held = replace(document, rules=_with(document.rules, place, changed))
            yield Mutant(document, held, part, what, (rule,), replaced=changed)


def _count_mutants(rule: Rule) -> Iterator[tuple[Rule, str]]:
    """The rule counting otherwise: alike in less, of any fund or kind, in another window."""
    for place, count in enumerate(rule.counts):
        others = [(replace(count, same=_without(count.same, one)), f"计数不看 same: {one}") for one in count.same]
        others += [(replace(count, fund=()), "计数不看资金渠道")] if count.fund else []
        others += [(replace(count, kind=()), "计数不看种类")] if count.kind else []
        others += [(replace(count, of=_without(count.of, one)), f"不计 {one}") for one in count.of if len(count.of) > 1]
        others += [(replace(count, within=within), f"计数期间改为 {within.text}") for within in _windows(count.within)]
        for other, what in others:
            renamed = {count.column: other.column}
            when = _renamed(rule.when, renamed) if rule.when is not None else None
            counts = _with(rule.counts, place, other)
            yield replace(rule, must=_renamed(rule.must, renamed), when=when, counts=counts), what


def _windows(window: Window) -> Iterator[Window]:
    match window.kind:
        case "lifetime":
            yield Window("calendar_year")
        case "calendar_year":
            yield Window("lifetime")
        case "days":
            yield from (replace(window, days=window.days + step) for step in (-1, 1))
        case "between":
            if window.start is not None:
                yield from (replace(window, start=window.start + step) for step in (-DAY, DAY))
            if window.end is not None:
                yield from (replace(window, end=window.end + step) for step in (-DAY, DAY))


def _renamed(node: Node, names: Mapping[str, str]) -> Node:
    """The expression with facts called otherwise."""
    match node:
        case Name(name=name):
            return replace(node, name=names.get(name, name))
        case Operation(args=args):
            return replace(node, args=tuple(_renamed(arg, names) for arg in args))
        case Lookup(keys=keys):
            return replace(node, keys=tuple(_renamed(key, names) for key in keys))
        case Case(branches=branches, otherwise=otherwise):
            held = tuple((_renamed(test, names), _renamed(value, names)) for test, value in branches)
            return replace(node, branches=held, otherwise=_renamed(otherwise, names) if otherwise is not None else None)
        case Constant():
            return node


def _without(parts: tuple[str, ...], one: str) -> tuple[str, ...]:
    return tuple(part for part in parts if part != one)


def _negation(must: Node, negated: tuple[Node, str]) -> list[tuple[Node, str]]:
    """The condition turned round, where no other change says the same."""
    plain = isinstance(must, Operation) and (must.op == "not" or (must.op in LOOSENED and must.op not in ("and", "or")))
    return [] if plain else [negated]


def _amount_mutants(document: Document) -> Iterator[Mutant]:
    for place, amount in enumerate(document.amounts):
        for changed, what in _different_amounts(amount):
            held = replace(document, amounts=_with(document.amounts, place, changed))
            yield Mutant(document, held, f"amounts.{amount.id}", what, (), (amount,))


def _different_amounts(amount: Amount) -> Iterator[tuple[Amount, str]]:
    for base, what in _different(amount.base, bent(amount.base)):
        if base is not None:
            yield replace(amount, base=base), f"基数：{what}"
    if amount.when is not None:
        yield replace(amount, when=None), "去掉适用情形"
        for when, what in _different(amount.when, bent(amount.when)):
            yield replace(amount, when=when), f"适用情形：{what}"
    for place, step in enumerate(amount.steps):
        yield (
            replace(amount, steps=(*amount.steps[:place], *amount.steps[place + 1 :])),
            f"去掉第 {place + 1} 步 {step.label}",
        )
        for changed, what in _different_steps(step):
            yield replace(amount, steps=_with(amount.steps, place, changed)), f"{step.label}：{what}"
    if amount.instalments is not None:
        for changed, what in _different_instalments(amount.instalments):
            yield replace(amount, instalments=changed), what
    if (amount.rounding, amount.step_fen) != PLAIN_ROUNDING:
        yield replace(amount, rounding=ROUNDINGS[amount.rounding]), f"取整改为 {ROUNDINGS[amount.rounding]}"


def _different_instalments(held: Instalments) -> Iterator[tuple[Instalments, str]]:
    advance, settlement = held.advance, held.settlement
    for share, what in _different(advance.share, bent(advance.share)):
        if share is not None:
            yield replace(held, advance=replace(advance, share=share)), f"{advance.label}：{what}"
    if advance.of is not None:
        yield replace(held, advance=replace(advance, of=None)), f"{advance.label}：改按全部金额"
    for paid, what in _different(settlement.paid, bent(settlement.paid)):
        if paid is not None:
            yield replace(held, settlement=replace(settlement, paid=paid)), f"{settlement.label}：{what}"
    clawback = held.clawback
    if clawback is not None:
        yield replace(held, clawback=None), f"去掉 {clawback.label}"
    if clawback is not None and clawback.when is not None:
        yield replace(held, clawback=replace(clawback, when=None)), f"{clawback.label}：去掉适用情形"
        for when, what in _different(clawback.when, bent(clawback.when)):
            yield replace(held, clawback=replace(clawback, when=when)), f"{clawback.label}：{what}"


def _different_steps(step: Step) -> Iterator[tuple[Step, str]]:
    for value, what in _different(step.value, bent(step.value)):
        if value is not None:
            yield replace(step, value=value), what
    if step.when is not None:
        yield replace(step, when=None), "去掉适用情形"
        for when, what in _different(step.when, bent(step.when)):
            yield replace(step, when=when), what


def _figure_mutants(document: Document) -> Iterator[Mutant]:
    """Parameters and clocks that a rule or an amount reads, or that fill a higher text's open term."""
    used = {name.name for node in nodes_of(document) for name in names_in(node) if not name.is_fact}
    fills = {name: key.partition("#")[2] for key, name in document.fills.items()}
    for name, parameter in document.parameters.items():
        read = frozenset({name} & used) | frozenset({fills[name]} if name in fills else ())
        if not read:
            continue
        for values, what in _moved_values(parameter):
            changed = replace(document, parameters={**document.parameters, name: replace(parameter, values=values)})
            yield Mutant(document, changed, f"parameters.{name}", what, figures=read)
    for name, clock in document.clocks.items():
        for value in _moved(clock.value, "count") if name in used else ():
            changed = replace(document, clocks={**document.clocks, name: _clock(clock, value)})
            what = f"{clock.value} 改为 {value}"
            yield Mutant(document, changed, f"clocks.{name}", what, figures=frozenset({name}))


def _term_mutants(document: Document) -> Iterator[Mutant]:
    """The last day of a text that has one, a day earlier and later; a mere catalogue decides nothing on any day."""
    if document.end is None or not (document.rules or document.amounts):
        return
    for end in (document.end - DAY, document.end + DAY):
        days = frozenset({max(end, document.end)})
        what = f"有效期至 {document.end} 改为 {end}"
        yield Mutant(document, replace(document, end=end), "document", what, days=days)


def _clock(clock: Clock, value: int | Fraction | date) -> Clock:
    return replace(clock, value=value)


def _moved_values(parameter: Parameter) -> Iterator[tuple[tuple[DatedValue, ...], str]]:
    ordered = sorted(parameter.values, key=lambda one: one.start or date.min)
    for place, dated in enumerate(ordered):
        for value in _moved(dated.value, parameter.unit):
            yield (
                _with(tuple(ordered), place, replace(dated, value=value)),
                f"{_shown(dated.value)} 改为 {_shown(value)}",
            )
        if dated.start is not None and place and ordered[place - 1].value != dated.value:
            for start in (dated.start - DAY, dated.start + DAY):
                yield _with(tuple(ordered), place, replace(dated, start=start)), f"起始日 {dated.start} 改为 {start}"


def _table_mutants(document: Document) -> Iterator[Mutant]:
    used = {table for node in nodes_of(document) for table in tables_in(node)}
    for name in sorted(used):
        table = document.tables[name]
        for versions, what in _moved_versions(table):
            changed = replace(document, tables={**document.tables, name: replace(table, versions=versions)})
            yield Mutant(document, changed, f"tables.{name}", what, tables=frozenset({name}))


def _moved_versions(table: Table) -> Iterator[tuple[tuple[TableVersion, ...], str]]:
    ordered = sorted(table.versions, key=lambda one: one.start or date.min)
    for place, version in enumerate(ordered):
        since = f"自 {version.start} 起的" if version.start else ""
        renewed = place > 0 and dict(ordered[place - 1].rows) == dict(version.rows)
        for label, rows in [("全部数值", set(version.rows))] if renewed else _slices(table, version):
            moved = {key: _moved(value, table.unit)[1] if key in rows else value for key, value in version.rows.items()}
            numbers = {key: value for key, value in moved.items() if not isinstance(value, date)}
            yield _with(tuple(ordered), place, replace(version, rows=numbers)), f"{since}{label}各加一档"
        if version.start is not None and place and dict(ordered[place - 1].rows) != dict(version.rows):
            for start in (version.start - DAY, version.start + DAY):
                yield (
                    _with(tuple(ordered), place, replace(version, start=start)),
                    f"起始日 {version.start} 改为 {start}",
                )


def _slices(table: Table, version: TableVersion) -> Iterator[tuple[str, set[tuple[str | int, ...]]]]:
    """The rows of each code of each key; a catalogue's occupations (free text) count as one."""
    whole = True
    for place, key in enumerate(table.keys):
        codes = list(dict.fromkeys(row[place] for row in version.rows))
        if not key.tiers and any(not isinstance(code, str) for code in codes):
            continue
        if not key.tiers and key.like == "occupation":
            continue
        whole = False
        for code in codes:
            yield f"{key.name}={code} 的数值", {row for row in version.rows if row[place] == code}
    if whole:
        yield "全部数值", set(version.rows)


def nodes_of(document: Document) -> Iterator[Node]:
    """Every expression of the document's rules and amounts."""
    for rule in document.rules:
        yield from (node for node in (rule.must, rule.when) if node is not None)
    for amount in document.amounts:
        yield from nodes_of_amount(amount)


def nodes_of_amount(amount: Amount) -> Iterator[Node]:
    """Every expression of an amount, whom it is paid to aside."""
    held = [amount.when, amount.base, *(node for step in amount.steps for node in (step.when, step.value))]
    if amount.instalments is not None:
        parts = amount.instalments
        held += [parts.advance.share, parts.advance.of, parts.settlement.paid]
        held += [parts.clawback.when] if parts.clawback is not None else []
    yield from (node for node in held if node is not None)

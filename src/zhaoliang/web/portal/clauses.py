"""One clause in full: its words, every rule, figure and table made of it in plain Chinese, and what was decided by it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.core.cache import cache
from django.db import connection

from zhaoliang.kernel.errors import NotFound
from zhaoliang.policy import Citation, Document
from zhaoliang.policy.model import Advance, Amount, Clause, Clawback, Deduction, Parameter, Rule, Table, TableVersion
from zhaoliang.policy.plain import Wording
from zhaoliang.policy.wording import figure_text
from zhaoliang.policy.worked import ROUNDING
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.registry.selectors import cities, occupation_names
from zhaoliang.subsidies.rulings import Use, uses
from zhaoliang.web.portal import texts

PHASES = {"filing": "开班备案", "preflight": "报名和领券", "advance": "预拨", "claim": "补贴申领"}
MANY = 200
FRESH_SECONDS = 600
# Fewer people than this could be told apart (小样本不公开).
FEWEST = 10


@dataclass(frozen=True)
class RuleView:
    """A rule in words: whom it is asked of, what it asks, what a refusal says, whether it may refuse.

    `doubts` are the figures and tables it reads whose clause nobody has read: with one it refuses nobody.
    """

    rule: Rule
    document: Document
    schemes: str
    phases: str
    when: str
    must: str
    also: tuple[Citation, ...]
    refuses: bool
    use: Use | None
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class FigureView:
    """A figure with each value it had and has, latest first: since when, the value, by this clause, confirmed."""

    parameter: Parameter
    document: Document
    values: tuple[tuple[date, str, bool, bool], ...]


@dataclass(frozen=True)
class TableView:
    """A version of a table: its keys and rows in words, at most MANY of `count` rows."""

    table: Table
    document: Document
    version: TableVersion
    start: date
    keys: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], str], ...]
    count: int


@dataclass(frozen=True)
class AmountView:
    """How an amount is worked out, line by line; `doubts` as of a rule."""

    amount: Amount
    document: Document
    scheme: str
    lines: tuple[tuple[str, str], ...]
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class ClausePage:
    """Everything the platform makes of one clause."""

    card: texts.DocumentCard
    clause: Clause
    rules: tuple[RuleView, ...]
    figures: tuple[FigureView, ...]
    tables: tuple[TableView, ...]
    amounts: tuple[AmountView, ...]
    others: tuple[texts.Made, ...]


def clause_page(document_id: str, clause_id: str, on: date, *, text: str = "") -> ClausePage:
    """A clause in the version of its document on that day; `text` narrows the rows of its tables. Raises NotFound."""
    document = texts.document_on(document_id, on)
    clause = document.clauses.get(clause_id)
    if clause is None:
        raise NotFound(
            what="这份文件里没有这一条。", why="条款编号不对，或它在另一个版本里。", next_step="请从文件页进入。"
        )
    return _Reading(document, clause, on, text).page()


def _used(rule_ids: Collection[str]) -> dict[str, Use]:
    """How often each rule decided a line in all cities; counted at most every ten minutes, and never a handful of people."""
    found: dict[str, Use] = {}
    for rule_id in sorted(rule_ids):
        key = f"rule-use:{connection.settings_dict['NAME']}:{rule_id}"
        use = cache.get(key)
        if use is None:
            use = Use()
            for city in cities():
                use = use.plus(uses(city.code, [rule_id]).get(rule_id, Use()))
            cache.set(key, use, FRESH_SECONDS)
        if use.asked >= FEWEST:
            found[rule_id] = use
    return found


class _Reading:
    """Collects what any text in force makes of the clause."""

    def __init__(self, document: Document, clause: Clause, on: date, text: str) -> None:
        self.document, self.clause, self.on, self.text = document, clause, on, text
        self.key = f"{document.id}#{clause.id}"
        self.schema = lawbook().facts
        self.texts = texts.latest(on)
        named = {rule.id for one in self.texts for rule in one.rules if self.key in (rule.cite, *rule.also)}
        self.used = _used(named) if named else {}

    def page(self) -> ClausePage:
        shown = {*texts.RULE_NAMES.values(), "数值", "标准表", "金额"}
        made = texts.made_of(self.document, self.on).get(self.key, [])
        return ClausePage(
            texts.card_of(self.document, self.on),
            self.clause,
            tuple(
                self._rule(one, rule) for one in self.texts for rule in one.rules if self.key in (rule.cite, *rule.also)
            ),
            tuple(
                self._figure(one, parameter)
                for one in self.texts
                for parameter in one.parameters.values()
                if any(value.cite == self.key for value in parameter.values)
            ),
            tuple(
                self._table(one, table, version)
                for one in self.texts
                for table in one.tables.values()
                for version in table.versions
                if version.cite == self.key
            ),
            tuple(
                self._amount(one, amount) for one in self.texts for amount in one.amounts if self.key in _cites(amount)
            ),
            tuple(one for one in made if one.kind not in shown),
        )

    def _wording(self, document: Document) -> Wording:
        figures: dict[str, str] = {}
        tables: dict[str, str] = {}
        # The text's own figures last, so that they win over those of other texts.
        for one in [*(other for other in self.texts if other.id != document.id), document]:
            for name, parameter in one.parameters.items():
                held = parameter.on(self.on) or parameter.values[0]
                figures[name] = f"{parameter.says}（{figure_text(held.value, parameter.unit)}）"
            for name, clock in one.clocks.items():
                figures[name] = f"{clock.says}（{figure_text(clock.value, clock.unit)}）"
            for name, term in one.opens.items():
                figures.setdefault(name, term.says)
            tables |= {name: table.says for name, table in one.tables.items()}
        return Wording(self.schema, figures, tables)

    def _rule(self, document: Document, rule: Rule) -> RuleView:
        wording, book = self._wording(document), lawbook()
        doubts = texts.unconfirmed(document, (rule.when, rule.must), self.on)
        return RuleView(
            rule,
            document,
            "、".join(label for code, label in self.schema.schemes.items() if code in rule.schemes),
            "、".join(label for code, label in PHASES.items() if code in rule.phases),
            wording.text(rule.when) if rule.when is not None else "",
            wording.text(rule.must),
            tuple(book.citation(cite) for cite in (rule.cite, *rule.also) if cite != self.key),
            not rule.review_only and book.binding(rule.cite) and not doubts,
            self.used.get(rule.id),
            doubts,
        )

    def _figure(self, document: Document, parameter: Parameter) -> FigureView:
        values = sorted(parameter.values, key=lambda value: value.start or document.start, reverse=True)
        shown = tuple(
            (
                value.start or document.start,
                figure_text(value.value, parameter.unit),
                value.cite == self.key,
                lawbook().citation(value.cite).verified,
            )
            for value in values
        )
        return FigureView(parameter, document, shown)

    def _table(self, document: Document, table: Table, version: TableVersion) -> TableView:
        codes = {
            str(keys[at]) for keys in version.rows for at, key in enumerate(table.keys) if key.like == "occupation"
        }
        names = occupation_names(sorted(codes)) if codes else {}
        rows = [
            (self._cells(table, keys, names), figure_text(value, table.unit)) for keys, value in version.rows.items()
        ]
        if self.text:
            rows = [row for row in rows if any(self.text in cell for cell in (*row[0], row[1]))]
        heads = tuple(self.schema.label(key.like or key.name) for key in table.keys)
        return TableView(
            table, document, version, version.start or document.start, heads, tuple(rows[:MANY]), len(rows)
        )

    def _cells(self, table: Table, keys: tuple[str | int, ...], names: dict[str, str]) -> tuple[str, ...]:
        cells = []
        for key, cell in zip(table.keys, keys, strict=True):
            shown = f"{cell} 起" if key.tiers else self.schema.show(key.like, cell)
            cells.append(f"{shown} {names[shown]}" if key.like == "occupation" and shown in names else shown)
        return tuple(cells)

    def _amount(self, document: Document, amount: Amount) -> AmountView:
        wording = self._wording(document)
        words = {"times": "乘以", "add": "加", "at_most": "不超过", "at_least": "不低于"}
        lines = [("适用", wording.text(amount.when))] if amount.when is not None else []
        lines.append(("基数", wording.text(amount.base)))
        for step in amount.steps:
            when = f"（{wording.text(step.when)}的）" if step.when is not None else ""
            lines.append((step.label, f"{words[step.operation]}{wording.text(step.value)}{when}"))
        for part in amount.instalments.parts if amount.instalments is not None else ():
            lines.append((part.label, _instalment(part, wording)))
        step_yuan = figure_text(amount.step_fen, "fen")
        lines.append(("取整", f"{ROUNDING.get(amount.rounding, amount.rounding)}到 {step_yuan}"))
        if amount.pay_to is not None:
            lines.append(("付给", wording.text(amount.pay_to)))
        doubts = texts.unconfirmed(document, texts.nodes_of_sum(amount), self.on)
        return AmountView(amount, document, self.schema.schemes.get(amount.scheme, amount.scheme), tuple(lines), doubts)


def _instalment(part: Advance | Deduction | Clawback, wording: Wording) -> str:
    """What is paid beforehand, taken off at the claim, or recovered, in words."""
    match part:
        case Advance(share=share, of=of):
            return f"{wording.text(of) if of is not None else '全部金额'}乘以{wording.text(share)}"
        case Deduction(paid=paid):
            return f"减去{wording.text(paid)}"
        case Clawback(when=when):
            return f"{wording.text(when)}的，收回已预付的" if when is not None else "不予补贴的，收回已预付的"


def _cites(amount: Amount) -> set[str]:
    """The clauses an amount, its steps, its instalments and its payee rest on."""
    parts = amount.instalments.parts if amount.instalments is not None else ()
    steps = {cite for step in amount.steps for cite in (step.cite, *step.also)}
    return {amount.cite, amount.pay_cite, *steps, *(part.cite for part in parts)}

"""What the compile report says about dates, figures, tables, clauses and facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise, product

from zhaoliang.policy.evaluate import Evaluator, Trace
from zhaoliang.policy.expressions import Case, Lookup, Name, Node, Operation, names_in, tables_in
from zhaoliang.policy.facts import OUTSIDE, FactSchema
from zhaoliang.policy.findings import Finding, Reader
from zhaoliang.policy.model import DatedValue, Document, Table, TableKey, TableVersion
from zhaoliang.policy.mutants import nodes_of, nodes_of_amount
from zhaoliang.policy.truth import facts_of, set_with
from zhaoliang.policy.wording import day_text, figure_text

MOST_SHOWN = 8
DAY = timedelta(1)
Row = tuple[str | int, ...]


@dataclass(frozen=True)
class FiguresReport:
    """The findings on one document's dates, figures, tables and clauses."""

    reader: Reader

    @property
    def document(self) -> Document:
        """The text read."""
        return self.reader.document

    @cached_property
    def facts(self) -> FactSchema:
        """The facts the text may use."""
        return self.reader.store.facts_for(self.document.region)

    def findings(self) -> Iterator[Finding]:
        """Everything there is to say, in the order of the file."""
        yield from self._periods()
        yield from self._repeals()
        for name, parameter in self.document.parameters.items():
            yield from self._dates(f"parameters.{name}", parameter.says, parameter.values)
        for name, table in self.document.tables.items():
            yield from self._dates(f"tables.{name}", table.says, table.versions)
            for version in table.versions:
                yield from self._cells(table, version)
            yield from self._not_offered(table)
        yield from self._unused()
        yield from self._uncited()
        yield from self._outside()
        yield from self._unverified()

    def _periods(self) -> Iterator[Finding]:
        document, found = self.document, self.reader.found
        if document.end is not None and document.end < document.start:
            yield found("document", "period", "error", "有效期在施行之前就结束", "改正 in_force 的日期")
        later = [one for one in self.reader.store.documents if one.id == document.id and one.start > document.start]
        twins = [one for one in self.reader.store.documents if one.id == document.id and one.start == document.start]
        if twins[0] is not document:
            yield found(
                "document", "period", "error", f"另一版本也自{day_text(document.start)}起施行", "一天只能有一个版本"
            )
        following = min(later, key=lambda one: one.start, default=None)
        if following is None or document.end is None:
            return
        if document.end >= following.start:
            text = (
                f"有效期到{day_text(document.end)}，而下一版自{day_text(following.start)}起施行；重叠的日子按下一版办理"
            )
            yield found("document", "period", "warning", text, f"把有效期改到 {following.start - DAY}")
        elif document.end + DAY < following.start:
            text = f"{day_text(document.end + DAY)}至{day_text(following.start - DAY)}没有版本有效"
            yield found("document", "period", "warning", text, "如原文继续执行，请延长有效期；否则写明空档")

    def _repeals(self) -> Iterator[Finding]:
        known = {one.id for one in self.reader.store.documents}
        for gone in self.document.repeals:
            if gone not in known:
                yield self.reader.found("document", "period", "note", f"所废止的 {gone} 不在政策库中", "核对文件编号")

    def _dates(
        self, part: str, says: str, values: tuple[DatedValue, ...] | tuple[TableVersion, ...]
    ) -> Iterator[Finding]:
        document, ordered = self.document, sorted(values, key=lambda one: one.start or date.min)
        found, first = self.reader.found, ordered[0]
        for one, after in pairwise(ordered):
            if one.start == after.start:
                yield found(part, "period", "error", f"{says}：有两个版本自同一天起", "合并为一个版本", after.cite)
            elif after.start is not None and after.start <= document.start:
                text = f"{says}：{_named(one)}在文件施行前就被{_named(after)}代替，用不到"
                yield found(part, "period", "note", text, "可以删去", one.cite)
        if first.start is not None and first.start > document.start:
            text = f"{says}：{day_text(document.start)}至{day_text(first.start - DAY)}没有数值，读取它的规则只能转人工"
            yield found(part, "period", "warning", text, "补上文件施行之日起的数值", first.cite)
        last = ordered[-1]
        if last.start is not None and document.end is not None and last.start > document.end:
            text = f"{says}：自{day_text(last.start)}起的数值在文件失效以后，用不到"
            yield found(part, "period", "warning", text, "核对日期", last.cite)

    def _cells(self, table: Table, version: TableVersion) -> Iterator[Finding]:
        """Cells missing inside the rows and columns that do occur, row by row of a catalogue's occupations."""
        free = [place for place, key in enumerate(table.keys) if _is_free(key)]
        groups: dict[Row, list[Row]] = {}
        for row in version.rows:
            groups.setdefault(tuple(row[place] for place in free), []).append(row)
        missing: list[Row] = []
        for rows in groups.values():
            codes = [list(dict.fromkeys(row[place] for row in rows)) for place in range(len(table.keys))]
            missing += [cell for cell in product(*codes) if cell not in version.rows]
        if missing:
            shown = "；".join(self._cell(table, cell) for cell in missing[:MOST_SHOWN])
            more = f"等 {len(missing)} 格" if len(missing) > MOST_SHOWN else ""
            since = f"（自{day_text(version.start)}起）" if version.start else ""
            text = f"{table.says}{since}缺格：{shown}{more}；遇到时转人工，不按零计"
            yield self.reader.found(
                f"tables.{table.name}",
                "cell",
                "warning",
                text,
                "核对原表，补上数值；原表确无此格的可不理",
                version.cite,
            )

    def _not_offered(self, table: Table) -> Iterator[Finding]:
        """Whole codes no version has, which a rule or amount may all the same look up."""
        for place, key in enumerate(table.keys):
            if _is_free(key) or key.tiers or key.type.kind != "enum":
                continue
            held = {row[place] for version in table.versions for row in version.rows}
            asked = self._asked(table.name, place, self.facts.enums[key.type.enum])
            absent = [code for code in asked if code not in held]
            if absent:
                shown = "、".join(self.facts.show(key.like, code) for code in absent[:MOST_SHOWN])
                more = f"等 {len(absent)} 项" if len(absent) > MOST_SHOWN else ""
                text = f"{table.says}没有列出：{shown}{more}；遇到时转人工"
                yield self.reader.found(f"tables.{table.name}", "cell", "note", text, "", table.versions[-1].cite)

    def _asked(self, table: str, place: int, codes: tuple[str, ...]) -> list[str]:
        """The codes with which a rule or amount that looks into the table can apply at all."""
        asked: set[str] = set()
        for when, nodes, scheme in self._readers():
            for node in nodes:
                for key in _key_at(node, table, place):
                    asked |= {code for code in codes if not self._excluded(when, key, code, scheme)}
        return [code for code in codes if code in asked]

    def _readers(self) -> Iterator[tuple[Node | None, list[Node], str]]:
        for rule in self.document.rules:
            yield rule.when, [rule.must], min(rule.schemes)
        for amount in self.document.amounts:
            yield amount.when, list(nodes_of_amount(amount)), amount.scheme
            for step in amount.steps:
                yield step.when, [step.value], amount.scheme

    def _excluded(self, when: Node | None, key: Node, code: str, scheme: str) -> bool:
        if when is None or not isinstance(key, Name):
            return False
        policies = set_with(self.reader.store, self.document, scheme, self.document.start)
        evaluator = Evaluator({key.name: code}, policies.figures(self.document), self.facts.enums)
        return evaluator.value(when, Trace()) is False

    def _cell(self, table: Table, cell: Row) -> str:
        shown = (
            self.facts.show(key.like, code) if isinstance(code, str) else str(code)
            for key, code in zip(table.keys, cell, strict=True)
        )
        return f"[{'，'.join(shown)}]"

    def _unused(self) -> Iterator[Finding]:
        document, found = self.document, self.reader.found
        nodes = list(nodes_of(document)) + [one.pay_to for one in document.amounts if one.pay_to is not None]
        read = {name.name for node in nodes for name in names_in(node) if not name.is_fact}
        tables = {table for node in nodes for table in tables_in(node)}
        for name, parameter in document.parameters.items():
            if name not in read and name not in document.fills.values():
                text = f"{parameter.says}（{name}）没有规则读取"
                yield found(f"parameters.{name}", "unused", "note", text, "供平台按名称取用的可保留")
        for name, clock in document.clocks.items():
            if name not in read:
                text = f"{clock.says}（{name}）没有规则读取"
                yield found(f"clocks.{name}", "unused", "note", text, "供平台按名称取用的可保留", clock.cite)
        for name, table in document.tables.items():
            if name not in tables:
                text = f"{table.says}（{name}）没有规则或金额查用"
                yield found(f"tables.{name}", "unused", "warning", text, "在规则或金额里用 lookup 查用，或删去")
        for name, term in document.opens.items():
            filled = any(f"{document.id}#{name}" in one.fills for one in self.reader.store.documents)
            if not filled:
                text = f"{term.says}（{name}）没有下级文件确定，用到时转人工"
                yield found(f"opens.{name}", "unused", "note", text, "由下级文件在 fills 里确定", term.cite)

    def _uncited(self) -> Iterator[Finding]:
        """Clauses no part of any text stands on, told together."""
        cited = self._cited_anywhere
        idle = [
            clause.ref
            for name, clause in self.document.clauses.items()
            if f"{self.document.id}#{name}" not in cited and not clause.forbids and not clause.no_rule
        ]
        if idle:
            shown = "、".join(idle[:MOST_SHOWN]) + (f"等 {len(idle)} 条" if len(idle) > MOST_SHOWN else "")
            mend = "写一条依据它的规则或数值；不作规则的，在条款里写 no_rule（原因）"
            yield self.reader.found("clauses", "unused", "note", f"没有规则或数值依据的条款：{shown}", mend)

    @cached_property
    def _cited_anywhere(self) -> frozenset[str]:
        return frozenset(cite for _, _, cite in self.reader.store.cites())

    def _outside(self) -> Iterator[Finding]:
        """Facts the platform has no source for: rules that read them go to a person unless somebody states them."""
        read = facts_of(self.document, nodes_of(self.document))
        labels = [
            self.facts.facts[name].label
            for name in sorted(read)
            if name in self.facts.facts and self.facts.facts[name].source == OUTSIDE
        ]
        if labels:
            shown = "、".join(labels[:MOST_SHOWN]) + (f"等 {len(labels)} 项" if len(labels) > MOST_SHOWN else "")
            yield self.reader.found(
                "document", "fact", "note", f"平台没有来源的事实：{shown}；没有人提供时转人工", "由经办人或材料提供"
            )

    def _unverified(self) -> Iterator[Finding]:
        document, found = self.document, self.reader.found
        if document.authority == "reference":
            yield found("document", "unverified", "note", "仅供参考的文件，所载规则不能拒绝任何人")
        for name, clause in document.clauses.items():
            if not clause.verified and f"{document.id}#{name}" in self._cited_anywhere:
                text = f"{clause.ref}没有读到原文（来源：{clause.source or '未记'}），依据它的规则不能拒绝任何人"
                yield found(f"clauses.{name}", "unverified", "note", text, "取得原文后核对，改为 verified: true")
        for name, parameter in document.parameters.items():
            for value in parameter.values:
                citation = self.reader.store.citation(value.cite)
                if not citation.verified:
                    text = f"{parameter.says}（{figure_text(value.value, parameter.unit)}）所依据的条文未核实"
                    yield found(f"parameters.{name}", "unverified", "note", text, "取得原文后核对", value.cite)
        for name, table in document.tables.items():
            for version in table.versions:
                if not version.verified:
                    since = f"自 {version.start} 起的" if version.start else ""
                    text = f"{table.says}{since}数值未核实：{version.note or '没有说明'}"
                    yield found(f"tables.{name}", "unverified", "note", text, "取得原表后核对", version.cite)


def _key_at(node: Node | None, table: str, place: int) -> Iterator[Node]:
    """The key expressions with which a table is looked into, at one place."""
    match node:
        case Lookup(table=name, keys=keys):
            if name == table:
                yield keys[place]
            for key in keys:
                yield from _key_at(key, table, place)
        case Operation(args=args):
            for arg in args:
                yield from _key_at(arg, table, place)
        case Case(branches=branches, otherwise=otherwise):
            for part in (*(one for branch in branches for one in branch), otherwise):
                yield from _key_at(part, table, place)
        case _:
            return


def _is_free(key: TableKey) -> bool:
    """Whether a key is free text, such as an occupation's code."""
    return key.type.kind == "text"


def _named(version: DatedValue | TableVersion) -> str:
    """Which of a figure's versions is meant."""
    return f"自{day_text(version.start)}起的一版" if version.start else "没有写起始日的一版"

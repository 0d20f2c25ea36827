"""What changed between two versions of a text, clause by clause and figure by figure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from typing import Literal, TypeVar

from zhaoliang.policy.facts import FactSchema
from zhaoliang.policy.model import (
    Amount,
    Citation,
    Clause,
    Clawback,
    Clock,
    Condition,
    DatedValue,
    Document,
    OpenTerm,
    Parameter,
    Rule,
    Step,
    Table,
    TableKey,
    TableVersion,
)
from zhaoliang.policy.wording import day_text, expression_text, figure_text

Part = Literal["document", "clause", "parameter", "table", "clock", "open", "fill", "condition", "rule", "amount"]
PARTS: dict[Part, str] = {
    "document": "文件",
    "clause": "条款",
    "parameter": "参数",
    "table": "标准表",
    "clock": "时限",
    "open": "留给下级的数值",
    "fill": "对上级文件的落实",
    "condition": "条件",
    "rule": "规则",
    "amount": "金额",
}
WORDS = re.compile(r"[0-9]+(?:\.[0-9]+)?|.", re.DOTALL)
EFFECTS = {True: "转人工核对", False: "可以拒绝"}
# Entries that come or go as one; of a table or parameter each figure is told by itself.
WHOLE: frozenset[Part] = frozenset({"clause", "condition", "rule", "amount"})
D = TypeVar("D", DatedValue, TableVersion)
BASIS = "依据"
OPERATIONS = {"times": "乘以", "add": "加", "at_most": "不超过", "at_least": "不低于"}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `before` is empty where something was added, `after` where it was removed.

    `field` says which side of a rule, amount or document differs; `says` is the sentence the figure carries.
    """

    part: Part
    name: str
    clause_ref: str
    before: str
    after: str
    kind: Literal["added", "removed", "changed"]
    field: str = ""
    says: str = ""

    def __str__(self) -> str:
        """The difference as one line of plain Chinese."""
        where = f"（{self.clause_ref}）" if self.clause_ref else ""
        what = " ".join(word for word in (self.says or self.name, self.field) if word)
        if self.kind == "added":
            return f"{PARTS[self.part]}新增：{what}{where}：{self.after}"
        if self.kind == "removed":
            return f"{PARTS[self.part]}删去：{what}{where}：{self.before}"
        return f"{PARTS[self.part]}改动：{what}{where}：{self.before} → {self.after}"


def differences(
    old: Document, new: Document, facts: FactSchema | None = None, citations: Mapping[str, Citation] | None = None
) -> tuple[Change, ...]:
    """Every difference from `old` to `new`: the head, then clauses, figures, table cells, rules and amounts.

    With the fact schema, table cells carry the Chinese names of their codes; with the citations of the library, a figure
    that stands on another text's clause names it as people do.
    """
    return tuple(_Comparison(old, new, facts, citations or {}).changes())


def marked(before: str, after: str) -> tuple[tuple[Literal["same", "gone", "new"], str], ...]:
    """Two texts as one run of pieces: what stayed, what went, what came. A number stays or goes as a whole."""
    old, new = WORDS.findall(before), WORDS.findall(after)
    pieces: list[tuple[Literal["same", "gone", "new"], str]] = []
    for tag, start, end, start_after, end_after in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(("same", "".join(old[start:end])))
            continue
        if end > start:
            pieces.append(("gone", "".join(old[start:end])))
        if end_after > start_after:
            pieces.append(("new", "".join(new[start_after:end_after])))
    return tuple(pieces)


@dataclass(frozen=True, slots=True)
class _Comparison:
    old: Document
    new: Document
    facts: FactSchema | None
    citations: Mapping[str, Citation]

    def changes(self) -> Iterator[Change]:
        yield from self._fields("document", "", "", "", _head(self.old), _head(self.new))
        yield from self._entries("clause", "clauses", lambda clause: {"": clause.text, **_checked(clause.verified)})
        yield from self._entries("parameter", "parameters", _parameter)
        yield from self._entries("table", "tables", self._table)
        yield from self._entries("clock", "clocks", _clock)
        yield from self._entries("open", "opens", _open)
        yield from self._fields("fill", "", "", "", dict(self.old.fills), dict(self.new.fills))
        yield from self._entries("condition", "conditions", lambda one: {"": one.source, "叫法": one.says})
        yield from self._named("rule", self.old.rules, self.new.rules, _rule)
        yield from self._named("amount", self.old.amounts, self.new.amounts, _amount)

    def _entries(self, part: Part, name: str, fields: Callable[..., dict[str, str]]) -> Iterator[Change]:
        before: Mapping[str, object] = getattr(self.old, name)
        after: Mapping[str, object] = getattr(self.new, name)
        yield from self._pairs(part, before, after, fields)

    def _named(
        self,
        part: Part,
        before: tuple[Rule, ...] | tuple[Amount, ...],
        after: tuple[Rule, ...] | tuple[Amount, ...],
        fields: Callable[..., dict[str, str]],
    ) -> Iterator[Change]:
        yield from self._pairs(part, {one.id: one for one in before}, {one.id: one for one in after}, fields)

    def _pairs(
        self,
        part: Part,
        before: Mapping[str, object],
        after: Mapping[str, object],
        fields: Callable[..., dict[str, str]],
    ) -> Iterator[Change]:
        """Entries by name, in the order of the new text; what it no longer has comes last."""
        for name in (*after, *(gone for gone in before if gone not in after)):
            was, is_ = before.get(name), after.get(name)
            held = is_ if is_ is not None else was
            if part in WHOLE and (was is None or is_ is None):
                summary = next(text for text in fields(held).values() if text)
                kind = "added" if was is None else "removed"
                texts = ("", summary) if was is None else (summary, "")
                yield Change(part, name, self._clause(held), *texts, kind, "", _sentence(held))
                continue
            yield from self._fields(
                part,
                name,
                held,
                _sentence(held),
                fields(was) | (_beside(was) if is_ is not None else {}) if was is not None else {},
                fields(is_) | (_beside(is_) if was is not None else {}) if is_ is not None else {},
            )

    def _fields(
        self, part: Part, name: str, held: object, says: str, before: Mapping[str, str], after: Mapping[str, str]
    ) -> Iterator[Change]:
        for field in (*after, *(gone for gone in before if gone not in after)):
            was, is_ = before.get(field, ""), after.get(field, "")
            if was != is_:
                if field.endswith(BASIS):
                    # Two clauses people call alike keep their ids, or the change would not be seen.
                    told = self._bases(was), self._bases(is_)
                    was, is_ = told if told[0] != told[1] else (was, is_)
                kind = "added" if not was else "removed" if not is_ else "changed"
                yield Change(part, name, self._clause(held, field), was, is_, kind, field, says)

    def _clause(self, held: object, field: str = "") -> str:
        """The clause an entry stands on, as people cite it: of a figure or table, that of the days the field names."""
        ref = getattr(held, "ref", None)
        if ref is not None:
            return str(ref)
        match held:
            case Parameter(values=values):
                cite = _dated(values, field).cite
            case Table(versions=versions):
                cite = _dated(versions, field).cite
            case Condition(cite=cite) | Rule(cite=cite) | Amount(cite=cite) | Clock(cite=cite) | OpenTerm(cite=cite):
                pass
            case _:
                return ""
        return self._people(cite)

    def _bases(self, written: str) -> str:
        return "、".join(self._people(cite) for cite in written.split("、")) if written else ""

    def _people(self, cite: str) -> str:
        """A citation as people say it."""
        document_id, _, clause_id = cite.partition("#")
        for document in (self.new, self.old):
            if document.id == document_id and clause_id in document.clauses:
                return document.clauses[clause_id].ref
        found = self.citations.get(cite)
        return f"{found.number or f'《{found.title}》'}{found.clause}" if found is not None else cite

    def _table(self, table: Table) -> dict[str, str]:
        return {name: text for version in table.versions for name, text in self._cells(table, version)}

    def _cells(self, table: Table, version: TableVersion) -> Iterator[tuple[str, str]]:
        since = f"{_since(version.start)} " if version.start else ""
        for codes, value in version.rows.items():
            shown = (self._code(key, code) for key, code in zip(table.keys, codes, strict=True))
            yield f"{since}[{'，'.join(shown)}]", figure_text(value, table.unit)
        yield f"{since}核实", "已核实" if version.verified else f"未核实 {version.note}".rstrip()

    def _code(self, key: TableKey, code: str | int) -> str:
        """A key's code by its Chinese name; a step of hours or years with its unit."""
        fact = self.facts.facts.get(key.like) if self.facts else None
        if fact is None or self.facts is None:
            return str(code)
        return figure_text(code, fact.unit) if isinstance(code, int) else self.facts.show(key.like, code)


def _sentence(held: object) -> str:
    return held.asks if isinstance(held, Rule) else str(getattr(held, "says", ""))


def _beside(held: object) -> dict[str, str]:
    """What an entry says beside its figures: told where it changes, not where the whole entry comes or goes."""
    match held:
        case Clause():
            given = {"条款名称": held.ref, "出处": held.source, "禁止的条件": held.forbids, "不作规则": held.no_rule}
        case Parameter():
            given = {f"{_since(value.start)}依据": value.cite for value in held.values} | {"单位": held.unit}
        case Table():
            given = {"单位": held.unit, "键": "、".join(map(_key, held.keys)), "选版本的日期": held.version_by or ""}
            for version in held.versions:
                since = _since(version.start)
                given |= {f"{since}依据": version.cite, f"{since}说明": version.note}
        case Clock() | Condition():
            given = {"依据": held.cite}
        case OpenTerm():
            given = {"依据": held.cite, "单位": held.unit}
        case Rule():
            given = {"叫法": held.asks, "类别": held.kind, "不能拒绝的原因": held.note, "本地决定": _decided(held)}
        case Amount():
            given = {"依据": held.cite, "付给的依据": held.pay_cite, "本地决定": _decided(held)}
            for place, step in enumerate(held.steps, 1):
                given[f"第 {place} 步 {step.label} 依据"] = "、".join((step.cite, *step.also))
            for part in held.instalments.parts if held.instalments is not None else ():
                given[f"{part.label} 依据"] = part.cite
        case _:
            return {}
    says = str(getattr(held, "says", ""))
    return given if isinstance(held, Rule | Condition) else given | {"叫法": says}


def _key(key: TableKey) -> str:
    return f"{key.name}（{key.like}{'，'.join(('', *map(str, key.tiers)))}）"


def _decided(held: Rule | Amount) -> str:
    return str(held.decision) if held.decision is not None else ""


def _checked(verified: bool) -> dict[str, str]:
    return {"核实": "已核实" if verified else "未核实"}


def _dated(held: Sequence[D], field: str) -> D:
    """The one of the days that the field begins with; where it names none, the one without a first day, else the last."""
    named = [one for one in held if one.start is not None and field.startswith(_since(one.start))]
    return (named or [one for one in held if one.start is None] or [held[-1]])[0]


def _since(start: date | None) -> str:
    return f"自{day_text(start)}起" if start else ""


def _head(document: Document) -> dict[str, str]:
    return {
        "名称": document.title,
        "文号": document.number,
        "发文机关": "、".join(document.issuers),
        "施行": day_text(document.start),
        "有效期至": day_text(document.end) if document.end else "",
        "效力": "可据以办理" if document.authority == "binding" else "仅供参考",
        "废止": "、".join(document.repeals),
        "说明": document.notice,
        "出处": document.source,
    }


def _parameter(parameter: Parameter) -> dict[str, str]:
    return {_since(value.start): figure_text(value.value, parameter.unit) for value in parameter.values}


def _clock(clock: Clock) -> dict[str, str]:
    return {"": figure_text(clock.value, clock.unit)}


def _open(term: OpenTerm) -> dict[str, str]:
    return {
        "不低于": figure_text(term.at_least, term.unit),
        "不高于": figure_text(term.at_most, term.unit),
        "由谁确定": term.set_by,
    }


def _rule(rule: Rule) -> dict[str, str]:
    return {
        "条件": expression_text(rule.must),
        "计数": "；".join(count.text for count in rule.counts),
        "适用情形": expression_text(rule.when),
        "说明": rule.says,
        "建议": rule.remedy,
        "依据": "、".join((rule.cite, *rule.also)),
        "补贴种类": "、".join(sorted(rule.schemes)),
        "环节": "、".join(sorted(rule.phases)),
        "效力": EFFECTS[rule.review_only],
    }


def _amount(amount: Amount) -> dict[str, str]:
    steps = {f"第 {place} 步 {step.label}": _step(step) for place, step in enumerate(amount.steps, 1)}
    return {
        "适用情形": expression_text(amount.when),
        "基数": expression_text(amount.base),
        **steps,
        **_instalments(amount),
        "取整": f"{amount.rounding} 到 {amount.step_fen} 分",
        "付给": expression_text(amount.pay_to),
        "补贴种类": amount.scheme,
    }


def _instalments(amount: Amount) -> dict[str, str]:
    if amount.instalments is None:
        return {}
    advance, clawback = amount.instalments.advance, amount.instalments.clawback
    of = f"（按 {expression_text(advance.of)}）" if advance.of is not None else ""
    return {
        advance.label: f"{expression_text(advance.share)}{of}",
        amount.instalments.settlement.label: f"减去 {expression_text(amount.instalments.settlement.paid)}",
        "收回": _clawback(clawback) if clawback is not None else "不收回",
    }


def _clawback(held: Clawback) -> str:
    return held.label if held.when is None else f"{held.label}（{expression_text(held.when)}）"


def _step(step: Step) -> str:
    when = f"（{expression_text(step.when)}）" if step.when is not None else ""
    return f"{OPERATIONS[step.operation]} {expression_text(step.value)}{when}"

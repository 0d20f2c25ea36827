"""What the compile report says about rules and amounts: never reached, never deciding, shadowed, without a scenario."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from zhaoliang.policy.conflicts import together
from zhaoliang.policy.evaluate import Evaluator, Trace
from zhaoliang.policy.expressions import Value, names_in, tables_in
from zhaoliang.policy.findings import Finding, Reader
from zhaoliang.policy.model import DatedValue, Document, Outcome, Rule, TableVersion
from zhaoliang.policy.mutants import nodes_of
from zhaoliang.policy.scenarios import ScenarioRun
from zhaoliang.policy.truth import Bound, Trial, set_with
from zhaoliang.policy.wording import day_text

MOST_DAYS = 4
MOST_TOGETHER = 2_000


@dataclass(frozen=True)
class Shown:
    """What the scenarios of a store have shown: each rule's answers, and each day on which a text was read."""

    runs: tuple[ScenarioRun, ...]

    @cached_property
    def answers(self) -> dict[tuple[str, str], set[Outcome]]:
        """The answers of each rule and amount, by the document its clause is in."""
        held: dict[tuple[str, str], set[Outcome]] = {}
        for run in self.runs:
            for result in run.decision.results:
                held.setdefault((result.citation.key, result.rule_id), set()).add(result.outcome)
        return held

    @cached_property
    def labels(self) -> frozenset[tuple[str, str]]:
        """Each step of an amount that some scenario worked out: the document of its clause, its label."""
        return frozenset((step.citation.document_id, step.label) for run in self.runs for step in run.decision.steps)


@dataclass(frozen=True)
class RulesReport:
    """The findings on one document's rules and amounts."""

    reader: Reader
    shown: Shown

    @property
    def document(self) -> Document:
        """The text read."""
        return self.reader.document

    def findings(self) -> Iterator[Finding]:
        """Everything there is to say, rule by rule, then amount by amount."""
        for rule in self.document.rules:
            yield from self._tried(rule)
            yield from self._shadowed(rule)
            yield from self._redundant(rule)
            yield from self._unshown(rule)
        yield from self._filled_twice()
        yield from self._amounts()
        yield from self._advances()
        yield from self._unworked()
        yield from self._unreached_figures()

    def _tried(self, rule: Rule) -> Iterator[Finding]:
        """Whether the rule can apply, hold and fail at all, on the days its figures change."""
        bound, applies, answers = Bound(self.document, rule), False, set[bool | None]()
        for trial in self._trials(rule):
            cases = trial.cases([bound])
            if cases is None:
                return
            for facts in cases:
                when, answer = trial.answer(bound, facts)
                applies = applies or when is not False
                answers |= {answer} if when is not False else set()
                if {True, False} <= answers:
                    return
        found, part = self.reader.found, rule.part
        if not applies:
            text = f"{rule.asks}：适用情形永远不成立，这条规则走不到"
            yield found(part, "unreachable", "error", text, "改正 when，或删去这条规则", rule.cite)
        elif answers == {True}:
            text = f"{rule.asks}：无论事实如何都通过，不起作用"
            yield found(part, "constant", "error", text, "核对 must 的比较方向和数值", rule.cite)
        elif answers == {False}:
            text = f"{rule.asks}：凡适用的都不通过"
            yield found(part, "constant", "warning", text, "如原文确是一律不予补贴可不理，否则核对 must", rule.cite)
        elif True not in answers and False not in answers:
            text = f"{rule.asks}：无论事实如何都不能确定，一律转人工"
            yield found(part, "constant", "warning", text, "核对所读的标准表和留给下级的数值", rule.cite)

    def _trials(self, rule: Rule) -> Iterator[Trial]:
        read = {name.name for node in Bound(self.document, rule).nodes for name in names_in(node)}
        starts = {
            value.start
            for name in read & set(self.document.parameters)
            for value in self.document.parameters[name].values
            if value.start is not None and self.document.in_force(value.start)
        }
        for on in sorted({self.document.start, *starts})[:MOST_DAYS]:
            yield Trial(set_with(self.reader.store, self.document, min(rule.schemes), on))

    @cached_property
    def _later(self) -> tuple[Document, ...]:
        """The texts of this place that are read after this one on some common day: what they say stands for this one's."""
        own = self.document
        return tuple(
            other
            for other in self.reader.store.documents
            if other.region == own.region
            and other.id != own.id
            and together(own, other)
            and (other.start, other.id) >= (own.start, own.id)
            # From its day the repealing text stands alone.
            and not (own.id in other.repeals or other.id in own.repeals)
        )

    def _shadowed(self, rule: Rule) -> Iterator[Finding]:
        """Rules of one name in two texts of one place: only the later text's is asked."""
        for other in self._later:
            for same in other.rules:
                if same.id == rule.id and same.schemes & rule.schemes:
                    restated = rule.cite in same.also
                    text = f"{rule.asks}：{other.title}有同名规则，同时有效时只问那一条"
                    mend = "" if restated else f"改名，或在那条规则里写 also: [{rule.cite}] 表明是重述"
                    severity = "note" if restated else "error"
                    yield self.reader.found(rule.part, "shadowed", severity, text, mend, rule.cite)

    def _filled_twice(self) -> Iterator[Finding]:
        """Open terms that two texts of this place set at one time: only the later text's figure is read."""
        for other in self._later:
            for key in self.document.fills.keys() & other.fills.keys():
                ours = self.document.parameters.get(self.document.fills[key])
                if ours is not None:
                    text = f"{ours.says}：{other.title}也确定了 {key}，同时有效时只用那一份的数值"
                    mend = "只在一份文件里写，或在 repeals 里写明废止，或改有效期，使两份不同时有效"
                    part = f"parameters.{ours.name}"
                    yield self.reader.found(part, "shadowed", "error", text, mend, ours.values[-1].cite)

    def _redundant(self, rule: Rule) -> Iterator[Finding]:
        """Another rule of this text that already refuses whoever this one refuses."""
        if rule.review_only:
            return
        bound = Bound(self.document, rule)
        for other in self.document.rules:
            wider = Bound(self.document, other)
            covers = rule.schemes <= other.schemes and rule.phases <= other.phases and not other.review_only
            if other is rule or not covers or not wider.facts <= bound.facts:
                continue
            trial = next(self._trials(rule))
            cases = trial.cases([bound, wider], most=MOST_TOGETHER)
            if cases is None:
                continue
            covered = False
            for facts in cases:
                if trial.answer(bound, facts)[1] is False:
                    covered = trial.answer(wider, facts)[1] is False
                    if not covered:
                        break
            if covered:
                text = f"{rule.asks}：这条规则拒绝的人，“{other.asks}”都已拒绝"
                yield self.reader.found(rule.part, "redundant", "note", text, "可以只留一条", rule.cite)

    def _unshown(self, rule: Rule) -> Iterator[Finding]:
        seen = self.shown.answers.get((rule.cite, rule.id), set())
        lacks = [
            word
            for word, shown in (("通过", Outcome.PASS in seen), ("不通过", bool(seen - {Outcome.PASS})))
            if not shown
        ]
        if lacks:
            text = f"{rule.asks}：没有情形使它{'或'.join(lacks)}"
            mend = "在 scenarios 里各写一个" if len(lacks) > 1 else "在 scenarios 里补一个"
            yield self.reader.found(rule.part, "scenario", "warning", text, mend, rule.cite)

    def _amounts(self) -> Iterator[Finding]:
        """Amounts that come after others which always apply first: of this text, or of another of this place."""
        for scheme in sorted({amount.scheme for amount in self.document.amounts}):
            trial = Trial(set_with(self.reader.store, self.document, scheme, self.document.start))
            held = trial.policies.bound_amounts
            domains = trial.domains([(one, amount.when) for one, amount in held if amount.when is not None])
            if domains is None:
                continue
            first = {self._first(trial, facts) for facts in trial.combinations(domains)}
            for one, amount in held:
                if one is self.document and (one.id, amount.id) not in first:
                    others = [other.title for other, _ in held if other is not one]
                    before = f"（或《{others[0]}》的金额）" if others else ""
                    text = f"{amount.says}：适用情形永远不成立，或前面的金额{before}总是先适用"
                    mend = "改正 when 或调整次序"
                    yield self.reader.found(f"amounts.{amount.id}", "unreachable", "error", text, mend, amount.cite)

    def _advances(self) -> Iterator[Finding]:
        """Advances paid without asking what is asked of the person before the class."""
        for amount in self.document.amounts:
            if amount.instalments is None:
                continue
            bound = set_with(self.reader.store, self.document, amount.scheme, self.document.start).rules
            skipped = [rule for rule in bound if "preflight" in rule.phases and "advance" not in rule.phases]
            if skipped or not any("advance" in rule.phases for rule in bound):
                names = "、".join(rule.asks for rule in skipped)
                text = f"{amount.instalments.advance.label}时" + (f"不核对：{names}" if names else "不核对任何条件")
                mend = "预付也要核对的写 phase: both，或在列表里加 advance"
                yield self.reader.found(f"amounts.{amount.id}", "unreachable", "warning", text, mend, amount.cite)

    def _first(self, trial: Trial, facts: dict[str, Value]) -> tuple[str, str]:
        """The text and name of the amount that applies first for these facts."""
        for document, amount in trial.policies.bound_amounts:
            evaluator = Evaluator(facts, trial.policies.figures(document), trial.policies.facts.enums)
            if amount.when is None or evaluator.value(amount.when, Trace()) is not False:
                return document.id, amount.id
        return "", ""

    def _unworked(self) -> Iterator[Finding]:
        for amount in self.document.amounts:
            if not any(label == amount.says for _, label in self.shown.labels):
                text = f"{amount.says}：没有情形算过这项金额"
                yield self.reader.found(f"amounts.{amount.id}", "scenario", "warning", text, "补一个情形", amount.cite)
                continue
            for step in amount.steps:
                # A step by a term that no lower text has filled cannot be worked out: the open term itself is told.
                waits = {name.name for name in names_in(step.value)} & self._unfilled
                if not waits and not any(label == step.label for _, label in self.shown.labels):
                    text = f"{amount.says}：没有情形走到“{step.label}”这一步"
                    yield self.reader.found(
                        f"amounts.{amount.id}", "scenario", "warning", text, "补一个情形", step.cite
                    )

    @cached_property
    def _unfilled(self) -> frozenset[str]:
        """The document's open terms that no text fills."""
        filled = {key for document in self.reader.store.documents for key in document.fills}
        return frozenset(name for name in self.document.opens if f"{self.document.id}#{name}" not in filled)

    def _unreached_figures(self) -> Iterator[Finding]:
        """Dated figures and table versions that no scenario's day falls in."""
        nodes = list(nodes_of(self.document))
        read = {name.name for node in nodes for name in names_in(node)}
        tables = {table for node in nodes for table in tables_in(node)}
        for name, parameter in self.document.parameters.items():
            if name in read:
                yield from self._unreached(f"parameters.{name}", parameter.says, parameter.values, None)
        for name, table in self.document.tables.items():
            if name in tables:
                yield from self._unreached(f"tables.{name}", table.says, table.versions, table.version_by)

    def _unreached(
        self, part: str, says: str, values: tuple[DatedValue, ...] | tuple[TableVersion, ...], by: str | None
    ) -> Iterator[Finding]:
        ordered = sorted(values, key=lambda one: one.start or date.min)
        days = {run.decision.facts.get(by) if by else run.decision.on.isoformat() for run in self._own_runs}
        for one, after in zip(ordered, [*ordered[1:], None], strict=True):
            first = max(one.start or date.min, date.min if by else self.document.start).isoformat()
            last = (
                (after.start - timedelta(1)).isoformat() if after is not None and after.start else date.max.isoformat()
            )
            if not any(isinstance(day, str) and first <= day <= last for day in days):
                since = f"自{day_text(one.start)}起的" if one.start else ""
                yield self.reader.found(
                    part, "scenario", "warning", f"{says}：没有情形用到{since}数值", "补一个那以后的情形", one.cite
                )

    @cached_property
    def _own_runs(self) -> tuple[ScenarioRun, ...]:
        """The scenarios whose decision reads this text."""
        return tuple(run for run in self.shown.runs if any(one is self.document for one in run.policies.documents))

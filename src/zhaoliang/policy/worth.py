"""What a line is worth: the amount built step by step, its advance, settlement and clawback. Exact, rounded once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from zhaoliang.kernel.money import Rounding, apply_ratio
from zhaoliang.policy.decision import AmountStep, RuleResult
from zhaoliang.policy.evaluate import Evaluator, Trace, truth
from zhaoliang.policy.expressions import Node, Value, named_in, names_in, tables_in
from zhaoliang.policy.facts import portable
from zhaoliang.policy.model import Amount, Citation, Clawback, Deduction, Document, Instalments, Outcome, Phase
from zhaoliang.policy.wording import decimal_text

if TYPE_CHECKING:
    from zhaoliang.policy.policyset import PolicySet

NO_STANDARD = "没有适用于这些情形的补贴标准"
SIGNS = {"times": "×", "add": "+", "at_most": "不超过", "at_least": "不低于"}


@dataclass(frozen=True, slots=True)
class Worked:
    """The fen (None: cannot be worked out) with its steps; what a refusal is worth (below 0: to be recovered)."""

    fen: int | None
    steps: tuple[AmountStep, ...] = ()
    doubt: RuleResult | None = None
    refused_fen: int | None = 0
    refused_steps: tuple[AmountStep, ...] = ()


def work_out(policies: PolicySet, known: Mapping[str, Value], phase: Phase) -> Worked:
    """The amount of the first of the set's amounts that applies; a doubt where that cannot be told."""
    pairs = policies.bound_amounts
    if not pairs:
        return Worked(None)
    # What a refusal recovers depends on which amount applies: not told before that is.
    recovers = phase == "claim" and any(_takes_back(amount) for _, amount in pairs)
    for document, amount in pairs:
        evaluator, trace = policies.evaluator(document, known), Trace()
        when = True if amount.when is None else truth(evaluator.value(amount.when, trace))
        if when is None:
            return Worked(None, doubt=_doubt(policies, amount, trace), refused_fen=None if recovers else 0)
        if when:
            return _Sum(policies, document, amount, evaluator).worked(phase)
    return Worked(None, doubt=_doubt(policies, pairs[0][1], Trace(missing=[NO_STANDARD])))


def nodes_of(amount: Amount, phase: Phase) -> Iterator[Node | None]:
    """Every expression of the amount that a decision of the phase may read."""
    yield from (amount.when, amount.base, amount.pay_to)
    yield from (node for step in amount.steps for node in (step.when, step.value))
    if amount.instalments is not None and phase == "advance":
        yield from (amount.instalments.advance.share, amount.instalments.advance.of)
    if amount.instalments is not None and phase == "claim":
        yield amount.instalments.settlement.paid
        yield amount.instalments.clawback.when if amount.instalments.clawback is not None else None


def applies(amount: Amount, evaluator: Evaluator) -> bool | None:
    """Whether the amount is the one for these facts."""
    return True if amount.when is None else truth(evaluator.value(amount.when, Trace()))


def _takes_back(amount: Amount) -> bool:
    return amount.instalments is not None and amount.instalments.clawback is not None


@dataclass(frozen=True, slots=True)
class _Sum:
    """One amount for one line."""

    policies: PolicySet
    document: Document
    amount: Amount
    evaluator: Evaluator

    def worked(self, phase: Phase) -> Worked:
        parts = self.amount.instalments
        if phase == "advance":
            return self._advance(parts) if parts is not None else Worked(0)
        trace, steps = Trace(), []
        total = self._total(trace, steps)
        if phase != "claim" or parts is None:
            return Worked(total, tuple(steps), self._doubt_if(total, trace))
        paid = _number(self.evaluator.value(parts.settlement.paid, trace))
        settled = None if total is None or paid is None else round_fen(total - paid)
        if settled is not None and paid is not None:
            steps.append(self._deducted(parts.settlement, paid, settled))
        if parts.clawback is None:
            return Worked(settled, tuple(steps), self._doubt_if(settled, trace))
        when, back = parts.clawback.when, tuple[AmountStep, ...]()
        owed = 0
        takes = True if when is None else truth(self.evaluator.value(when, Trace()))
        if takes is None or (takes and paid is None):
            owed = None
        elif takes and paid is not None:
            owed = round_fen(-paid)
            back = (self._deducted(parts.clawback, paid, owed),)
        return Worked(settled, tuple(steps), self._doubt_if(settled, trace), owed, back)

    def _advance(self, parts: Instalments) -> Worked:
        trace, steps, advance = Trace(), [], parts.advance
        if advance.of is None:
            base: int | Fraction | None = self._total(trace, steps)
        else:
            base = _number(self.evaluator.value(advance.of, trace))
        share = _number(self.evaluator.value(advance.share, trace))
        if base is None or share is None:
            return Worked(None, tuple(steps), self._doubt_if(None, trace))
        fen = round_fen(base * share, self.amount.rounding, self.amount.step_fen)
        cite = self._cited(advance.cite, advance.share, advance.of)
        return Worked(fen, (*steps, AmountStep(advance.label, f"× {decimal_text(share)}", fen, cite)))

    def _deducted(self, part: Deduction | Clawback, paid: int | Fraction, left: int) -> AmountStep:
        return AmountStep(part.label, f"- {decimal_text(paid)}", left, self.policies.citation(part.cite))

    def _doubt_if(self, fen: int | None, trace: Trace) -> RuleResult | None:
        return _doubt(self.policies, self.amount, trace) if fen is None else None

    def _total(self, trace: Trace, steps: list[AmountStep]) -> int | None:
        """The amount in fen, exact until one rounding at the end; the steps say each running total."""
        amount, evaluator = self.amount, self.evaluator
        total = _number(evaluator.value(amount.base, trace))
        if total is None:
            return None
        steps.append(AmountStep(amount.says, amount.base_source, round_fen(total), self._base_citation()))
        for step in amount.steps:
            when = True if step.when is None else truth(evaluator.value(step.when, trace))
            if when is False:
                continue
            value = _number(evaluator.value(step.value, trace)) if when else None
            if value is None:
                return None
            match step.operation:
                case "times":
                    total *= value
                case "add":
                    total += value
                case "at_most":
                    total = min(total, value)
                case "at_least":
                    total = max(total, value)
            shown = f"{SIGNS[step.operation]} {decimal_text(value)}"
            cited = self._cited(step.cite, step.value, step.when, also=step.also)
            steps.append(AmountStep(step.label, shown, round_fen(total), cited))
        fen = round_fen(total, amount.rounding, amount.step_fen)
        if fen != total:
            steps.append(
                AmountStep("取整", f"{amount.rounding} 到 {amount.step_fen} 分", fen, self._cited(amount.cite))
            )
        return fen

    def _base_citation(self) -> Citation:
        """The clause of the table version the base was read from; unconfirmed figures make it unverified."""
        for table in tables_in(self.amount.base):
            version = self.policies.figures(self.document).version(table, self.evaluator.facts)
            if version is not None:
                found = self.policies.citation(version.cite)
                excerpt = version.note or found.excerpt
                # A figure beside the table that was not confirmed leaves the sum unconfirmed too.
                verified = (
                    version.verified and found.verified and self._cited(self.amount.cite, self.amount.base).verified
                )
                return Citation(
                    found.document_id, found.number, found.title, found.clause, excerpt, verified, found.clause_id
                )
        return self._cited(self.amount.cite, self.amount.base, self.amount.when)

    def _cited(self, key: str, *nodes: Node | None, also: Sequence[str] = ()) -> Citation:
        """The clause of a step; where a figure or named condition behind it was not confirmed in its own, unverified."""
        figures, citation = self.policies.figures(self.document), self.policies.citation
        held: list[str | None] = [*also]
        held += [figures.source(name.name) for node in nodes for name in names_in(node) if not name.is_fact]
        held += [self.document.conditions[name].cite for node in nodes for name in named_in(node)]
        versions = [figures.version(table, self.evaluator.facts) for node in nodes for table in tables_in(node)]
        held += [version.cite for version in versions if version is not None]
        read = all(version.verified for version in versions if version is not None)
        found = citation(key)
        return (
            found if read and all(citation(cite).verified for cite in held if cite) else replace(found, verified=False)
        )


def _doubt(policies: PolicySet, amount: Amount, trace: Trace) -> RuleResult:
    used = {name: portable(value) for name, value in trace.facts.items()}
    citation = policies.citation(amount.cite)
    return RuleResult(
        f"amount:{amount.id}",
        Outcome.CANNOT_TELL,
        f"{amount.says}，金额暂时算不出来",
        citation,
        used,
        tuple(trace.missing),
        citation.verified,
        "请补齐缺少的信息后重新核算。",
    )


def round_fen(value: int | Fraction, mode: str = Rounding.HALF_UP, step_fen: int = 1) -> int:
    """An exact amount as whole fen, a multiple of `step_fen`."""
    return apply_ratio(1, value, Rounding(mode), step_fen=step_fen)


def _number(value: Value | None) -> int | Fraction | None:
    return value if isinstance(value, int | Fraction) else None

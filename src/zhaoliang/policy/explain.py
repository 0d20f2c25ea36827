"""A decision in plain Chinese for the worker: what, why (clause), what to do."""

from __future__ import annotations

from zhaoliang.kernel.money import format_yuan
from zhaoliang.policy.decision import Decision, RuleResult
from zhaoliang.policy.facts import FactSchema
from zhaoliang.policy.model import Outcome, Phase
from zhaoliang.policy.spread import Spread

REFUSED: dict[Phase, str] = {
    "filing": "这个班期还不能这样开班。",
    "preflight": "按目前的情况，这次不能享受补贴。",
    "advance": "现在还不能预付补贴。",
    "claim": "这次不能享受补贴。",
}
NO_ADVANCE = "目前符合条件；这项补贴不预付，申报时一次核算。"
UNSURE = "暂时还不能确定，需要工作人员核实"
FIT: dict[Phase, str] = {
    "filing": "符合开班条件",
    "preflight": "目前符合条件，完成培训并取得证书后预计补贴",
    "advance": "符合预付条件，预付补贴",
    "claim": "符合条件，补贴",
}
# The same for schemes that are no subsidy, by kind: what one is said not to meet, and what one meets.
OTHER_REFUSED = {"qualification": "按目前的情况，还不符合“{}”的条件。", "duty": "不符合“{}”的要求。"}
OTHER_FIT = {"qualification": "符合“{}”的条件。", "duty": "符合“{}”的要求。"}


def explain(decision: Decision, facts: FactSchema | None = None, bounds: Spread | None = None) -> list[str]:
    """The lines a worker reads. With the fact schema, missing facts appear under their Chinese names.

    `bounds`: between which sums the amount lies where it cannot be told yet.
    """
    lines = [_other_headline(decision, facts) or _headline(decision)]
    if bounds is not None:
        hangs_on = "、".join(facts.label(name) if facts is not None else name for name in bounds.hangs_on)
        sums = format_yuan(bounds.least)
        sums += f" 至 {format_yuan(bounds.most)}" if bounds.most != bounds.least else ""
        lines.append(f"预计补贴：{sums}，看{hangs_on}。")
    for result in decision.refusals:
        lines.append(f"原因：{result.says}。{_named(result)}{_basis(result)}")
        lines += [f"您可以：{result.remedy}"] if result.remedy else []
    lines += _taken_back(decision)
    lines += [_question(result, facts) for result in decision.questions]
    if decision.outcome is Outcome.PASS:
        for step in decision.steps:
            checked = "" if step.citation.verified else "（标准未核实，以公布文本为准）"
            lines.append(f"{step.label}：{format_yuan(step.value_fen)}。依据：{step.citation}{checked}。")
    return lines


def _taken_back(decision: Decision) -> list[str]:
    """What a refused line must give back of an advance, and by which clause."""
    if decision.outcome is not Outcome.FAIL or not decision.fen or not decision.steps:
        return []
    back = format_yuan(-decision.fen)
    return [f"已预付的 {back} 需要退回。依据：{decision.steps[-1].citation}。"]


def _other_headline(decision: Decision, facts: FactSchema | None) -> str:
    """The answer on a scheme that is no subsidy; empty for a subsidy, and where a person must look."""
    kind = facts.scheme_kinds.get(decision.scheme) if facts is not None else None
    if facts is None or kind is None or decision.outcome is Outcome.CANNOT_TELL:
        return ""
    words = OTHER_REFUSED if decision.outcome is Outcome.FAIL else OTHER_FIT
    return words[kind].format(facts.schemes[decision.scheme])


def _headline(decision: Decision) -> str:
    if decision.outcome is Outcome.FAIL:
        return REFUSED[decision.phase]
    due = format_yuan(decision.fen) if decision.fen is not None else ""
    if decision.phase == "advance" and decision.fen == 0 and not decision.steps and decision.outcome is Outcome.PASS:
        return NO_ADVANCE
    if decision.fen is not None and decision.fen < 0:
        due = f"应退回已预付的 {format_yuan(-decision.fen)}"
        return (
            f"符合条件，核算后{due}。" if decision.outcome is Outcome.PASS else f"{UNSURE}，核实后{due}。这不是拒绝。"
        )
    if decision.outcome is Outcome.CANNOT_TELL:
        expected = f"，核实后预计补贴 {due}" if due else ""
        return f"{UNSURE}{expected}。这不是拒绝。"
    return f"{FIT[decision.phase]} {due}。" if due else f"{FIT[decision.phase].partition('，')[0]}。"


ANSWERS = {True: "是", False: "否", None: "还不清楚"}


def _named(result: RuleResult) -> str:
    """The conditions with a name behind an answer: 其中“困难人员”：否。"""
    told = "，".join(f"“{says}”：{ANSWERS[answer]}" for says, answer in result.named.items())
    return f"其中{told}。" if told else ""


def _basis(result: RuleResult) -> str:
    further = f"；参照：{'；'.join(str(one) for one in result.also)}" if result.also else ""
    return f"依据：{result.citation}{further}。"


def _question(result: RuleResult, facts: FactSchema | None) -> str:
    lack = "、".join(_missing(name, facts) for name in result.missing)
    # What is asked, and not the sentence of a refusal: nothing has been refused.
    parts = [f"待核实：{result.asks or result.says}"]
    parts += [f"。{_named(result)}".removesuffix("。")] if result.named else []
    parts += [f"（{result.note}）"] if result.note else []
    parts += [f"。缺少：{lack}"] if lack else []
    return f"{''.join(parts)}。{_basis(result)}"


def _missing(name: str, facts: FactSchema | None) -> str:
    """A missing fact by its Chinese name with what that means; a table cell or open term as it is."""
    if facts is None or name not in facts.facts:
        return name
    fact = facts.facts[name]
    return f"{fact.label}（{fact.unknown}）"

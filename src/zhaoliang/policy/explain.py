"""A decision in plain Chinese for the worker: what, why (clause), what to do."""

from __future__ import annotations

from zhaoliang.kernel.money import format_yuan
from zhaoliang.policy.decision import Decision, RuleResult
from zhaoliang.policy.facts import FactSchema
from zhaoliang.policy.model import Outcome


def explain(decision: Decision, facts: FactSchema | None = None) -> list[str]:
    """The lines a worker reads. With the fact schema, missing facts appear under their Chinese names."""
    lines = [_headline(decision)]
    for result in decision.refusals:
        lines += [f"原因：{result.says}。依据：{result.citation}。"]
        lines += [f"您可以：{result.remedy}"] if result.remedy else []
    for result in decision.questions:
        lines.append(_question(result, facts))
    if decision.outcome is Outcome.PASS:
        for step in decision.steps:
            checked = "" if step.citation.verified else "（标准未核实，以公布文本为准）"
            lines.append(f"{step.label}：{format_yuan(step.value_fen)}。依据：{step.citation}{checked}。")
    return lines


def _headline(decision: Decision) -> str:
    match decision.outcome:
        case Outcome.FAIL:
            return "这次不能享受补贴。"
        case Outcome.CANNOT_TELL:
            due = f"，核实后预计 {format_yuan(decision.fen)}" if decision.fen is not None else ""
            return f"暂时还不能确定，需要工作人员核实{due}。这不是拒绝。"
    return f"符合条件，补贴 {format_yuan(decision.fen)}。" if decision.fen is not None else "符合条件。"


def _question(result: RuleResult, facts: FactSchema | None) -> str:
    names = [facts.label(name) if facts else name for name in result.missing]
    lack = f"缺少：{'、'.join(names)}。" if names else ""
    note = f"（{result.note}）" if result.note else ""
    return f"待核实：{result.says}{note}。{lack}依据：{result.citation}。{result.remedy}"

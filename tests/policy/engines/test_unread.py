"""What nobody has read refuses nobody and is shown so, however a rule or an amount comes to rest on it."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
import pytest

from policy.engines.asked import assert_all_agree
from policy.texts import Write
from zhaoliang.policy import Outcome, PolicyError, PolicySet
from zhaoliang.policy.explain import explain

pytestmark = pytest.mark.mission("F1")

ON = date(2026, 6, 1)
CONDITIONS = """
conditions:
  hard: {says: 困难人员, holds: "group in ('07', '08')", cite: "2"}
  covered: {says: 对象, holds: hard and not pension_drawn, cite: "1"}
rules:
  is_covered: {asks: 是对象, says: 不是对象, %s, cite: "1", schemes: [training], phase: claim}
"""


def of(write: Write, parts: str) -> PolicySet:
    return write(parts).for_place(990000, "training", ON)


@pytest.mark.parametrize("rests", ["must: covered", "must: hard", "must: exam_passed, when: hard"])
def test_a_rule_by_a_condition_that_nobody_read_refuses_nobody(
    write: Write, postgres: psycopg.Connection[Any], rests: str
) -> None:
    policies = of(write, CONDITIONS % rests)
    line = {"group": "07" if "when" in rests else "06", "pension_drawn": False, "exam_passed": False}
    decision = policies.decide(line)
    assert (decision.outcome, decision.results[0].note) == (Outcome.CANNOT_TELL, "依据未核实，转人工")
    assert_all_agree(policies, "claim", [line, line | {"exam_passed": True}, dict.fromkeys(line)], postgres)
    read = of(write, (CONDITIONS % rests).replace('cite: "2"', 'cite: "1"'))
    assert read.decide(line).outcome is Outcome.FAIL


AMOUNT = """
conditions: {hard: {says: 困难人员, holds: "group = '07'", cite: "%s"}}
parameters:
  rate: {unit: fen, says: 标准, value: 1000, cite: "%s"}
  cap: {unit: fen, says: 上限, value: 900, cite: "%s"}
  more: {unit: ratio, says: 上浮, value: 0.10, cite: "%s"}
amounts:
  a:
    scheme: training
    says: 标准
    base: rate
    cite: "1"
    steps:
      - {label: 上浮, cite: "1", uplifts: [{label: 困难, when: hard, by: 0.10, cite: "1"}, {label: 另加, by: more, cite: "%s"}]}
      - {label: 封顶, at_most: cap, cite: "1"}
"""


@pytest.mark.parametrize(
    ("unread", "label"), [(0, "上浮"), (1, "标准"), (2, "封顶"), (3, "上浮"), (4, "上浮"), (None, None)]
)
def test_a_step_by_a_figure_that_nobody_read_says_so(write: Write, unread: int | None, label: str | None) -> None:
    clauses = tuple("2" if place == unread else "1" for place in range(5))
    decision = of(write, AMOUNT % clauses).decide({"group": "07"})
    assert decision.fen == 900
    assert [step.label for step in decision.steps if not step.citation.verified] == ([label] if label else [])
    told = [line for line in explain(decision) if "标准未核实" in line]
    assert [line.partition("：")[0] for line in told] == ([label] if label else [])


def test_two_rules_of_one_name_in_a_text_are_refused_for_only_one_would_be_asked(write: Write) -> None:
    with pytest.raises(PolicyError) as refusal:
        write("""
rules: {few: {asks: 课时, says: 课时不够, must: planned_hours > 40, cite: "1", schemes: [training], phase: claim}}
limits: {few: {asks: 两次, says: 已两次, count: {of: training}, at_most: 2, cite: "1", schemes: [training], phase: claim}}
""")
    assert "(limits.few, 第一条): 'few' 在 rules.few 已经用了，只会核对其中一条；请换个名称" in str(refusal.value)

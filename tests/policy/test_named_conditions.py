"""A condition that is given a name once: typed where it stands, told under its name wherever a rule rests on it."""

from __future__ import annotations

from datetime import date

import pytest

from policy.texts import Write
from zhaoliang.policy import Outcome, PolicyError
from zhaoliang.policy.decision import Decision
from zhaoliang.policy.differences import differences
from zhaoliang.policy.explain import explain

pytestmark = pytest.mark.mission("F1", "F3")

CONDITIONS = """
conditions:
  of_age: {says: 劳动年龄, holds: person_age_at_start >= 16, cite: "1"}
  covered: {says: 补贴对象, holds: "of_age and not pension_drawn", cite: "1"}
"""
RULE = """
rules:
  first: {asks: 是补贴对象, says: 不是补贴对象, must: covered, cite: "1", schemes: [training], phase: claim}
  second: {asks: 有学时, says: 没有学时, must: attended_hours > 0, when: covered, cite: "1", schemes: [training], phase: claim}
"""


def test_a_rule_tells_the_named_conditions_it_rests_on(write: Write) -> None:
    policies = write(CONDITIONS + RULE).for_place(990000, "training", date(2026, 6, 1))
    refused = policies.decide({"person_age_at_start": 15, "pension_drawn": False, "attended_hours": 3})
    first, second = refused.results
    assert (first.outcome, first.named) == (Outcome.FAIL, {"补贴对象": False, "劳动年龄": False})
    assert (second.outcome, second.named) == (Outcome.PASS, {"补贴对象": False, "劳动年龄": False})
    assert any("其中“劳动年龄”：否" in line for line in explain(refused))
    asked = policies.decide({"person_age_at_start": 20})
    assert asked.results[0].named == {"劳动年龄": True, "补贴对象": None}
    assert asked.results[0].missing == ("pension_drawn",)
    assert Decision.from_json(asked.to_json()) == asked


@pytest.mark.parametrize(
    ("conditions", "says"),
    [
        ("conditions: {a: {says: 例, holds: person_age_at_start + 1, cite: '1'}}", "这里要是非"),
        ("conditions: {a: {says: 例, holds: b, cite: '1'}, b: {says: 例, holds: pension_drawn, cite: '1'}}", "'b'"),
        ("conditions: {pension_drawn: {says: 例, holds: pension_drawn, cite: '1'}}", "已经是事实"),
        ("conditions: {a: {says: 例, holds: pension_drawn, cite: '9'}}", "没有条款"),
    ],
)
def test_a_faulty_condition_is_told_where_it_stands(write: Write, conditions: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        write(f"{conditions}\n")


def test_a_changed_condition_is_a_difference(write: Write) -> None:
    old = write(CONDITIONS + RULE).documents[0]
    new = write(CONDITIONS.replace(">= 16", ">= 18") + RULE).documents[0]
    assert [str(one) for one in differences(old, new)] == [
        "条件改动：劳动年龄（第一条）：person_age_at_start >= 16 → person_age_at_start >= 18"
    ]


def test_what_only_follows_from_a_faulty_condition_is_not_told(write: Write) -> None:
    faulty = CONDITIONS.replace("person_age_at_start >= 16", "group in ('7')")
    with pytest.raises(PolicyError) as refusal:
        write(faulty + RULE)
    assert "'7' 不是 group 的代码" in str(refusal.value)
    assert len(getattr(refusal.value, "problems", ())) == 1

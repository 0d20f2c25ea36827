"""Amounts step by step: floors, caps, prices by the hour and day, advance, settlement and clawback."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from policy.texts import Write
from zhaoliang.policy import Decision, Outcome, Phase, PolicyFileError, PolicySet, explain

ON = date(2026, 6, 1)
PARTS = """
parameters:
  rate: {unit: fen/hours, says: 每课时标准, value: 1000, cite: "1"}
rules:
  passed: {asks: 考核合格, says: 考核不合格, must: exam_passed, cite: "1", schemes: [training], phase: claim}
  planned: {asks: 课时够, says: 课时不够, must: planned_hours >= 40, cite: "1", schemes: [training], phase: [advance, claim]}
amounts:
  fee:
    scheme: training
    says: 每课时标准乘以实际课时
    base: rate * attended_hours
    cite: "1"
    steps:
      - {label: 最低, at_least: 20000, cite: "1"}
      - {label: 最高, at_most: 60000, cite: "1"}
    round: {mode: down, to_fen: 100}
    instalments:
      advance: {label: 开班后预付, share: 0.5, of: rate * planned_hours, cite: "1"}
      settlement: {label: 减去已预付, paid: advance_paid, cite: "1"}
      clawback: {label: 追回预付, cite: "1"}
"""


def decide(policies: PolicySet, phase: Phase = "claim", **facts: Any) -> Decision:
    return policies.decide(facts, phase=phase)


@pytest.fixture
def policies(write: Write) -> PolicySet:
    return write(PARTS).for_place(990000, "training", ON)


@pytest.mark.mission("C2")
def test_an_advance_is_a_share_before_the_result_is_known(policies: PolicySet) -> None:
    made = decide(policies, "advance", planned_hours=45)
    assert (made.outcome, made.fen) == (Outcome.PASS, 22500)
    assert made.steps[-1].label == "开班后预付"
    assert decide(policies, "advance", planned_hours=39).outcome is Outcome.FAIL
    assert decide(policies, "advance", planned_hours=39).fen == 0
    assert decide(policies, "advance").fen is None
    assert explain(made, policies.facts)[0] == "符合预付条件，预付补贴 ¥225.00。"


def test_the_settlement_is_the_whole_less_what_was_paid(policies: PolicySet) -> None:
    facts = {"exam_passed": True, "planned_hours": 45, "attended_hours": "45.5"}
    made = decide(policies, advance_paid=22500, **facts)
    assert [(step.label, step.value_fen) for step in made.steps] == [
        ("每课时标准乘以实际课时", 45500),
        ("最低", 45500),
        ("最高", 45500),
        ("减去已预付", 23000),
    ]
    assert (made.outcome, made.fen) == (Outcome.PASS, 23000)
    assert decide(policies, advance_paid=0, **facts).fen == 45500
    assert decide(policies, advance_paid=50000, **facts).fen == -4500
    assert explain(decide(policies, advance_paid=50000, **facts), policies.facts)[0] == (
        "符合条件，核算后应退回已预付的 ¥45.00。"
    )


def test_what_was_paid_must_be_known(policies: PolicySet) -> None:
    made = decide(policies, exam_passed=True, planned_hours=45, attended_hours=45)
    assert (made.outcome, made.fen) == (Outcome.CANNOT_TELL, None)
    assert made.questions[0].missing == ("advance_paid",)


def test_a_refused_claim_takes_the_advance_back(policies: PolicySet) -> None:
    made = decide(policies, exam_passed=False, planned_hours=45, attended_hours=45, advance_paid=22500)
    assert (made.outcome, made.fen) == (Outcome.FAIL, -22500)
    assert [(step.label, step.value_fen) for step in made.steps] == [("追回预付", -22500)]
    assert "已预付的 ¥225.00 需要退回。依据：《测试办法》（测试〔2026〕1号）第一条。" in explain(made, policies.facts)
    assert decide(policies, exam_passed=False, planned_hours=45, advance_paid=0).fen == 0
    unknown = decide(policies, exam_passed=False, planned_hours=45)
    assert (unknown.outcome, unknown.fen) == (Outcome.FAIL, None)


def test_without_a_clawback_a_refusal_is_worth_nothing(write: Write) -> None:
    kept = "".join(line for line in PARTS.splitlines(True) if "clawback" not in line)
    policies = write(kept).for_place(990000, "training", ON)
    assert decide(policies, exam_passed=False, planned_hours=45, advance_paid=22500).fen == 0


@pytest.mark.parametrize(
    ("hours", "fen"), [("1", 20000), ("19.99", 20000), ("20.019", 20000), ("20.1", 20100), ("60", 60000), ("61", 60000)]
)
def test_floor_cap_and_rounding_step(policies: PolicySet, hours: str, fen: int) -> None:
    made = decide(policies, exam_passed=True, planned_hours=45, attended_hours=hours, advance_paid=0)
    assert made.fen == fen


def test_a_preflight_expects_the_whole(policies: PolicySet) -> None:
    assert decide(policies, "preflight", planned_hours=45, attended_hours=45).fen == 45000


def test_a_scheme_without_instalments_pays_nothing_in_advance(write: Write) -> None:
    store = write('amounts:\n  a: {scheme: training, says: 标准, base: 100, cite: "1"}\n')
    made = store.for_place(990000, "training", ON).decide({}, phase="advance")
    assert (made.outcome, made.fen) == (Outcome.PASS, 0)


DAILY = """
facts:
  training_days: {type: number, unit: days, label: 培训天数, meaning: 实际参训天数, unknown: 未统计}
  cost: {type: number, unit: fen, label: 实际成本, meaning: 决算的实际成本, unknown: 未决算}
schemes: {board: 食宿补贴}
parameters:
  a_day: {unit: fen/days, says: 每天标准, value: 5000, cite: "1"}
  cost_share: {unit: ratio, says: 不超过成本的比例, value: 0.9, cite: "1"}
amounts:
  board:
    scheme: board
    says: 每天标准乘以天数
    base: a_day * least(training_days, 30)
    cite: "1"
    steps: [{label: 不超过成本九成, at_most: cost_share * cost, cite: "1"}]
"""


@pytest.mark.parametrize(
    ("days", "cost", "fen"), [(10, 100000, 50000), (40, 10**9, 150000), (10, 50000, 45000), (10, 55551, 49996)]
)
def test_a_daily_allowance_with_a_ceiling_of_cost(write: Write, days: int, cost: int, fen: int) -> None:
    policies = write(DAILY).for_place(990000, "board", ON)
    assert decide(policies, training_days=days, cost=cost).fen == fen
    assert decide(policies, training_days=days).fen is None


YEARLY = """
tables:
  standard:
    says: 按年和片区的标准
    unit: fen
    keys: [{name: year, unit: years}, {name: tier, like: planned_hours, tiers: [0, 40, 80]}]
    cite: "1"
    rows:
      2025: {0: 100, 40: 200, 80: 300}
      2026: {0: 110, 40: 210, 80: 310}
amounts:
  fee: {scheme: training, says: 标准, base: "lookup(standard, year(class_start), planned_hours)", cite: "1"}
"""


@pytest.mark.parametrize(
    ("day", "hours", "fen"),
    [("2025-12-31", 39, 100), ("2026-01-01", 40, 210), ("2026-01-01", 500, 310), ("2027-01-01", 40, None)],
)
def test_a_table_by_year_and_tier(write: Write, day: str, hours: int, fen: int | None) -> None:
    policies = write(YEARLY).for_place(990000, "training", ON)
    assert decide(policies, class_start=day, planned_hours=hours).fen == fen


def test_who_may_set_an_open_term(write: Write) -> None:
    higher = """
document: {id: cn/higher, title: 上位办法, number: "", issuers: [测试部], in_force: {from: 2026-01-01}, region: 100000}
clauses: {"1": {ref: 一, text: 上浮由市定。, verified: true}}
opens: {uplift: {unit: ratio, says: 上浮比例, at_most: 0.3, set_by: LEVEL, cite: "1"}}
"""
    filling = (
        'parameters: {own: {unit: ratio, says: 本级上浮, value: 0.3, cite: "1"}}\nfills: {cn/higher#uplift: own}\n'
    )
    write(head=higher.replace("LEVEL", "province"), path="cn/higher/2026-01-01.yaml")
    assert len(write(filling).documents) == 2
    with pytest.raises(PolicyFileError, match="上浮比例由市级确定，本文件不能填"):
        write(head=higher.replace("LEVEL", "city"), path="cn/higher/2026-01-01.yaml")

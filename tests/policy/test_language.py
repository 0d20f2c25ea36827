"""What the rule language refuses, and what it answers when a fact is unknown."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from policy.texts import Write
from zhaoliang.policy import FactError, Outcome, PolicyFileError, PolicyStore
from zhaoliang.policy.units import multiply, show, unit_of

RULE = """
parameters:
  cap: {{unit: fen, says: 上限, value: 60000, cite: "1"}}
  floor_hours: {{unit: hours, says: 最低课时, value: 40, cite: "1"}}
  rate: {{unit: fen/hours, says: 每课时, value: 1000, cite: "1"}}
tables:
  factor: {{says: 系数表, unit: ratio, keys: [scarcity], cite: "1", rows: {{scarce: 0.9}}}}
rules:
  sample: {{asks: 示例, says: 示例, must: "{must}", cite: "1", schemes: [training], phase: claim}}
"""


@pytest.mark.parametrize(
    ("must", "reason"),
    [
        ("group = 3 OR TRUE", "代码（group）与数字。代码要加引号：'3'"),
        ("not pension_drawn or true", "单独的 true"),
        ("cap + floor_hours > 1", "数值（fen）与数值（hours）。hours 要先乘以单价（单位 fen/hours）"),
        ("attended_hours >= cap", "数值（hours）与数值（fen）"),
        ("rate * floor_hours > floor_hours", "数值（fen）与数值（hours）"),
        ("attended_hours / planned_hours >= 1", "whole_div"),
        ("highest_level_paid is null", "缺失的事实作出决定"),
        ("level >= 'master'", "不是 level 的代码"),
        ("group >= '05'", "没有大小先后"),
        ("attendence_hours > 1", "没有 'attendence_hours' 这个名称。是不是要写 attended_hours"),
        ("planned_hours", "这里要是非，写的是数值（hours）"),
        ("planned_hours > 1 and mode", "这里要一个条件"),
        ("planned_hours = (select 1)", "规则语言里没有"),
        ("occupation like '6-%'", "规则语言里没有"),
        ("planned_hours > 1; drop table x", "不是一个表达式"),
        ("now() > class_start", "规则语言里没有"),
        ("sleep(planned_hours) > 1", "没有 'sleep' 这个函数"),
        ("lookup(factor, level) > 1", "这里要代码（scarcity）"),
        ("lookup(factor) > 1", "有 1 个键，这里给了 0 个"),
        ("lookup(nothing, scarcity) > 1", "这张表；可用：factor"),
        ("class_start > '2026-05-01'", "日期与文本"),
        ("class_start > date '2026-13-01'", "不是日期"),
        ("pension_drawn + 1 > 2", "是非不能用来计算"),
        ("cap > 1", "至少要看一个事实"),
        ("x.planned_hours > 1", "名称里没有点号"),
        ("planned_hours in ()", "in 后面写一组值"),
        ("planned_hours >", "读不懂"),
    ],
)
def test_ill_typed_expressions_do_not_load(write: Write, must: str, reason: str) -> None:
    with pytest.raises(PolicyFileError, match=r"cn-99/sample/2026-01-01\.yaml:") as refusal:
        write(RULE.format(must=must))
    assert reason in str(refusal.value)
    assert "rules.sample" in str(refusal.value)


def answer(store: PolicyStore, **facts: object) -> Outcome:
    policies = store.for_place(990000, "training", date(2026, 6, 1))
    return policies.decide(facts).results[0].outcome


@pytest.mark.parametrize(
    ("must", "facts", "outcome"),
    [
        ("pension_drawn or planned_hours > 1", {"planned_hours": 2}, Outcome.PASS),
        ("pension_drawn or planned_hours > 1", {"planned_hours": 1}, Outcome.CANNOT_TELL),
        ("pension_drawn and planned_hours > 1", {"planned_hours": 1}, Outcome.FAIL),
        ("pension_drawn and planned_hours > 1", {"planned_hours": 2}, Outcome.CANNOT_TELL),
        ("not pension_drawn", {}, Outcome.CANNOT_TELL),
        ("level between 'junior' and 'senior'", {"level": "technician"}, Outcome.FAIL),
        ("level between 'junior' and 'senior'", {"level": 4}, Outcome.PASS),
        ("mode not in ('online', 'blended')", {"mode": "blended"}, Outcome.FAIL),
        ("ratio(attended_hours, planned_hours) >= 0.8", {"attended_hours": 4, "planned_hours": 5}, Outcome.PASS),
        ("ratio(attended_hours, planned_hours) >= 0.8", {"attended_hours": 4, "planned_hours": 0}, Outcome.CANNOT_TELL),
        ("whole_div(attended_hours, planned_hours) >= 1", {"attended_hours": 9, "planned_hours": 10}, Outcome.FAIL),
        (
            "least(attended_hours, planned_hours) * rate <= cap",
            {"attended_hours": 61, "planned_hours": 60},
            Outcome.PASS,
        ),
        ("greatest(attended_hours, floor_hours) <= 40", {"attended_hours": 41}, Outcome.FAIL),
        ("floor(attended_hours) >= 41", {"attended_hours": Decimal("40.9")}, Outcome.FAIL),
        ("ceil(attended_hours) >= 41", {"attended_hours": Fraction(81, 2)}, Outcome.PASS),
        ("attended_hours >= 40.5", {"attended_hours": "40.50"}, Outcome.PASS),
        ("attended_hours > -1", {"attended_hours": 0}, Outcome.PASS),
        ("months_between(date '2026-01-31', class_start) = 0", {"class_start": "2026-02-28"}, Outcome.PASS),
        ("months_between(date '2025-06-02', class_start) >= 12", {"class_start": "2026-06-01"}, Outcome.FAIL),
        ("years_between(date '2004-02-29', class_start) < 21", {"class_start": "2025-02-28"}, Outcome.PASS),
        ("years_between(date '2004-02-29', class_start) >= 21", {"class_start": "2025-03-01"}, Outcome.PASS),
        ("year(class_start) = 2026", {"class_start": "2026-06-01"}, Outcome.PASS),
        ("days_between(class_start, date '2026-06-30') < 29", {"class_start": date(2026, 6, 1)}, Outcome.FAIL),
        ("case when pension_drawn then 1 else 0 end = 0", {"pension_drawn": False}, Outcome.PASS),
        ("case when pension_drawn then 1 else 0 end = 0", {}, Outcome.CANNOT_TELL),
        ("case when pension_drawn then 1 end = 1", {"pension_drawn": False}, Outcome.CANNOT_TELL),
        ("lookup(factor, scarcity) < 1", {"scarcity": "scarce"}, Outcome.PASS),
        ("lookup(factor, scarcity) < 1", {"scarcity": "common"}, Outcome.CANNOT_TELL),
    ],
)
def test_three_values(write: Write, must: str, facts: dict[str, object], outcome: Outcome) -> None:
    assert answer(write(RULE.format(must=must)), **facts) is outcome


def test_a_missing_table_cell_is_named_and_never_zero(write: Write) -> None:
    store = write(RULE.format(must="lookup(factor, scarcity) < 1"))
    result = store.for_place(990000, "training", date(2026, 6, 1)).decide({"scarcity": "common"}).results[0]
    assert result.missing == ("系数表：表中没有 [common]",)


@pytest.mark.parametrize(
    "facts",
    [
        {"attended_hours": 40.0},
        {"attended_hours": float("nan")},
        {"attended_hours": True},
        {"attended_hours": "many"},
        {"attended_hours": "1/0"},
        {"pension_drawn": 1},
        {"pension_drawn": "false"},
        {"level": "master"},
        {"level": 99},
        {"class_start": "yesterday"},
        {"occupation": 6},
        {"atended_hours": 40},
    ],
)
def test_wrong_facts_are_refused_loudly(store: PolicyStore, facts: dict[str, object]) -> None:
    with pytest.raises(FactError):
        store.for_place(120000, "training", date(2026, 6, 1)).decide(facts)


def test_units_multiply_and_divide() -> None:
    assert show(multiply(unit_of("fen/hours"), unit_of("hours"))) == "fen"
    assert show(multiply(unit_of("fen"), unit_of("hours"), sign=-1)) == "fen/hours"
    assert show(multiply(unit_of("hours"), unit_of("hours"), sign=-1)) == "ratio"

"""A lower text beside the higher one it fills, tightens, widens or restates; nobody is refused for hukou by the way."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from policy.small import FORBIDS, library, only, rule, text
from policy.texts import STORE
from zhaoliang.policy import Outcome, PolicyFileError
from zhaoliang.policy.conflicts import Conflict, conflicts, generosity
from zhaoliang.policy.report import report

NATION = text("rules:\n" + rule("age", "person_age_at_start >= 16"), name="nation", region="cn")
DAY = date(2026, 6, 1)
HUKOU = "rules:\n" + rule("local", "local_hukou")


def told(*found: Conflict) -> set[tuple[str, str]]:
    return {(one.part, one.direction) for one in found}


@pytest.mark.parametrize(
    ("must", "direction"),
    [
        ("person_age_at_start >= 18", "tightens"),
        ("person_age_at_start >= 16", "restates"),
        ("person_age_at_start >= 15", "widens"),
    ],
)
def test_a_rule_on_the_same_fact_is_compared(tmp_path: Path, must: str, direction: str) -> None:
    store = library(tmp_path, NATION, text("rules:\n" + rule("local_age", must)))
    (found,) = conflicts(store)
    assert (found.part, found.direction) == ("rules.local_age", direction)
    assert (found.lower.document_id, found.higher.document_id) == ("cn-99/sample", "cn/nation")


def test_a_rule_may_both_tighten_and_widen(tmp_path: Path) -> None:
    store = library(tmp_path, NATION, text("rules:\n" + rule("local_age", "person_age_at_start between 14 and 20")))
    assert told(*conflicts(store)) == {("rules.local_age", "tightens"), ("rules.local_age", "widens")}


def test_a_lower_rule_says_nothing_where_it_does_not_apply(tmp_path: Path) -> None:
    city = "rules:\n" + rule("local_age", "person_age_at_start >= 18", when="kind = 'safety'")
    assert told(*conflicts(library(tmp_path, NATION, text(city)))) == {("rules.local_age", "tightens")}


def test_the_groups_covered_are_compared_one_by_one(tmp_path: Path) -> None:
    nation = text("rules:\n" + rule("groups", "group in ('01', '02')", when="kind <> 'safety'"), name="n", region="cn")
    city = text("rules:\n" + rule("local_groups", "group in ('02', '10') or (group = '11' and group_proved)"))
    told_apart = {one.direction: one.text for one in conflicts(library(tmp_path, nation, city))}
    assert told_apart["tightens"].endswith("上级包括而本级不包括：脱贫人口或防止返贫监测对象")
    assert told_apart["widens"].endswith("本级另外包括：残疾人、退役军人")


def test_texts_never_in_force_together_do_not_conflict(tmp_path: Path) -> None:
    old = text("rules:\n" + rule("local_age", "person_age_at_start >= 18"), start="2020-01-01", end="2025-12-31")
    assert conflicts(library(tmp_path, NATION, old)) == ()


def test_a_filled_open_term_stands_beside_its_bounds(tmp_path: Path) -> None:
    opened = text(
        'opens:\n  uplift: {unit: ratio, says: 上浮比例, at_least: 0, at_most: 0.25, cite: "1"}\n',
        name="n",
        region="cn",
    )
    city = """
parameters:
  uplift: {unit: ratio, says: 上浮比例, value: 0.10, cite: "1"}
fills: {"cn/n#uplift": uplift}
"""
    (found,) = conflicts(library(tmp_path, opened, text(city)))
    assert found.direction == "tightens"
    assert "不高于25%" in found.text
    assert "定为10%" in found.text


def test_more_of_a_limit_is_generous_and_more_of_a_floor_is_not(tmp_path: Path) -> None:
    store = library(
        tmp_path,
        text(
            """
parameters:
  floor: {unit: years, says: 下限, value: 16, cite: "1"}
  times: {unit: count, says: 次数, value: 3, cite: "1"}
rules:
"""
            + rule("age", "person_age_at_start >= floor")
            + """
limits:
  lifetime:
    asks: 次数
    says: 已满
    count: trainings_paid_lifetime
    at_most: times
    period: lifetime
    cite: "1"
    schemes: [training]
    phase: claim
"""
        ),
    )
    assert generosity(only(store), "floor") == -1
    assert generosity(only(store), "times") == 1
    assert generosity(only(store), "nothing") == 0


@pytest.mark.mission("F1")
def test_nobody_is_refused_for_hukou_without_a_recorded_decision(tmp_path: Path) -> None:
    store = library(tmp_path, text(FORBIDS, name="nation", region="cn"), text(HUKOU))
    policies = store.for_place(990000, "training", DAY)
    decision = policies.decide({"local_hukou": False})
    assert decision.outcome is Outcome.CANNOT_TELL
    assert "没有记录本地决定" in decision.results[0].note
    assert policies.decide({"local_hukou": True}).outcome is Outcome.PASS
    assert [(one.direction, one.binding) for one in conflicts(store)] == [("hukou", False)]
    assert any("decision" in one.suggestion for one in report(store).findings if one.kind == "conflict")


def test_a_city_alone_is_told_as_well(tmp_path: Path) -> None:
    made = report(library(tmp_path, text(HUKOU.replace("local_hukou", "local_residence_permit"), name="alone")))
    assert any("decision" in one.suggestion for one in made.findings if one.kind == "conflict")


@pytest.mark.mission("F1")
def test_a_recorded_decision_lets_the_rule_refuse_and_is_told(tmp_path: Path) -> None:
    decision = "{by: 测试局, number: 测试函〔2026〕2号, on: 2026-03-01, text: 测试办法第一条}"
    store = library(
        tmp_path,
        text(FORBIDS, name="nation", region="cn"),
        text("rules:\n" + rule("local", "local_hukou", decision=decision)),
    )
    policies = store.for_place(990000, "training", DAY)
    assert policies.decide({"local_hukou": False}).outcome is Outcome.FAIL
    (found,) = conflicts(store)
    assert (found.direction, found.binding) == ("hukou", True)
    assert "测试函〔2026〕2号" in found.text
    assert "测试办法第一条" in found.text


LESS = '"case when local_hukou then 1000 else 0 end"'


@pytest.mark.mission("F1")
@pytest.mark.parametrize(
    "more",
    [
        "base: " + LESS,
        "base: 1000, when: local_hukou",
        "base: 1000, steps: [{label: 外地减半, times: 0.5, when: not local_hukou, cite: '1'}]",
        "base: 1000, steps: [{label: 本地另加, cite: '1', uplifts: [{label: 本地, when: local_hukou, by: 0.1, cite: '1'}]}]",
    ],
)
def test_nobody_is_paid_less_for_hukou_without_a_recorded_decision(tmp_path: Path, more: str) -> None:
    """An amount of nothing refuses as well as a rule does."""
    held = f"\namounts:\n  a: {{scheme: training, says: 标准, {more}, cite: '1'}}\n"
    with pytest.raises(PolicyFileError) as refusal:
        library(tmp_path, text(held))
    assert "(amounts.a, 第一条): 金额以户籍或所在地为条件" in str(refusal.value)
    assert "写 decision" in str(refusal.value)
    decision = "decision: {by: 测试局, number: 测试函〔2026〕2号, on: 2026-03-01, text: 测试办法第一条}"
    store = library(
        tmp_path,
        text(FORBIDS, name="nation", region="cn"),
        text(held.replace("cite: '1'}\n", f"cite: '1', {decision}}}\n")),
    )
    (found,) = conflicts(store)
    assert (found.direction, found.part, found.higher.clause) == ("hukou", "amounts.a", "第七条")
    assert "测试函〔2026〕2号" in found.text


@pytest.mark.mission("F1")
def test_a_fact_of_hukou_under_another_name_has_to_say_so(tmp_path: Path) -> None:
    fact = "\nfacts: {village: {type: bool, label: 本村%s, meaning: 例, unknown: 例%s}}\nrules:\n" + rule(
        "own", "village"
    )
    with pytest.raises(PolicyFileError, match=r"facts\.village.*提到“户口”.*residence: true.*residence: false"):
        library(tmp_path, text(fact % ("户口", "")))
    said = library(tmp_path, text(fact % ("户口", ", residence: true"))).for_place(990000, "training", DAY)
    assert said.decide({"village": False}).outcome is Outcome.CANNOT_TELL
    other = library(tmp_path, text(fact % ("户口簿齐全", ", residence: false"))).for_place(990000, "training", DAY)
    assert other.decide({"village": False}).outcome is Outcome.FAIL


def test_a_decision_must_name_its_text(tmp_path: Path) -> None:
    with pytest.raises(PolicyFileError):
        library(
            tmp_path,
            text("rules:\n" + rule("local", "local_hukou", decision="{by: 测试局, number: 一, on: 2026-03-01}")),
        )


def test_the_two_clauses_of_tianjin_are_flagged() -> None:
    found = {one.lower.clause: one for one in conflicts(STORE) if one.direction == "hukou"}
    assert {"第四条", "第二十条"} <= set(found)
    assert "另有别的途径" in found["第四条"].text
    assert "属于限制" in found["第二十条"].text
    for one in found.values():
        assert one.higher.key == "cn/renshebuhan-2021-14#7"
        assert not one.binding

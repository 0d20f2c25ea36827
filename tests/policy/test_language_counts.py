"""Limits that count earlier grants, exclusions and order by history: what counts, what does not, what is not known."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from policy.texts import Write
from zhaoliang.policy import FactError, Outcome, PolicyFileError, PolicySet, explain

ON = date(2026, 6, 1)
LIMIT = """
limits:
  few:
    asks: 次数没有用完
    says: 次数已用完
    count: {%s}
    at_most: 2
    cite: "1"
    schemes: [training]
    phase: claim
"""


def grants(*days: str, scheme: str = "training", **about: str) -> list[dict[str, str]]:
    return [{"scheme": scheme, "on": day, **about} for day in days]


def limited(write: Write, count: str) -> PolicySet:
    return write(LIMIT % count).for_place(990000, "training", ON)


def answer(policies: PolicySet, **facts: Any) -> Outcome:
    return policies.decide(facts).results[0].outcome


@pytest.mark.mission("C2")
@pytest.mark.parametrize(
    ("within", "days", "outcome"),
    [
        ("lifetime", ["1999-01-01", "2026-05-31"], Outcome.FAIL),
        ("lifetime", ["2026-05-31"], Outcome.PASS),
        ("calendar_year", ["2025-12-31", "2026-01-01"], Outcome.PASS),
        ("calendar_year", ["2026-01-01", "2026-12-31"], Outcome.FAIL),
        ("{days: 365}", ["2025-06-01", "2026-06-01"], Outcome.PASS),
        ("{days: 365}", ["2025-06-02", "2026-06-01"], Outcome.FAIL),
        ("{from: 2024-01-01, to: 2026-12-31}", ["2023-12-31", "2024-01-01", "2027-01-01"], Outcome.PASS),
        ("{from: 2024-01-01, to: 2026-12-31}", ["2024-01-01", "2026-12-31"], Outcome.FAIL),
        ("{from: 2024-01-01}", ["2024-01-01", "2030-01-01"], Outcome.FAIL),
        ("{to: 2024-01-01}", ["2024-01-02", "2024-01-01"], Outcome.PASS),
    ],
)
def test_a_window_holds_its_first_and_last_day(write: Write, within: str, days: list[str], outcome: Outcome) -> None:
    policies = limited(write, f"of: training, within: {within}")
    assert answer(policies, history=grants(*days)) is outcome


def test_only_the_schemes_funds_and_kinds_named_count(write: Write) -> None:
    policies = limited(write, "of: [training, startup], fund: employment_subsidy, kind: [skill_level, special_skill]")
    full = {"fund_source": "employment_subsidy", "kind": "skill_level"}
    two = grants("2026-01-01", "2026-02-01", **full)
    assert answer(policies, history=two) is Outcome.FAIL
    assert answer(policies, history=[two[0], two[1] | {"scheme": "startup"}]) is Outcome.FAIL
    for changed in ({"scheme": "living"}, {"fund_source": "unemployment_insurance"}, {"kind": "targeted"}):
        assert answer(policies, history=[two[0], two[1] | changed]) is Outcome.PASS, changed


def test_alike_is_compared_with_the_line(write: Write) -> None:
    policies = limited(write, "of: training, same: occupation_level")
    welder = {"occupation": "6-18-02-04", "level": "senior"}
    two = grants("2025-01-01", "2026-01-01", **welder)
    assert answer(policies, history=two, **welder) is Outcome.FAIL
    assert answer(policies, history=two, **welder | {"level": "technician"}) is Outcome.PASS
    assert answer(policies, history=two, **welder | {"occupation": "6-18-01-11"}) is Outcome.PASS


def test_what_is_not_known_of_history_refuses_nobody(write: Write) -> None:
    policies = limited(write, "of: training, same: occupation, within: lifetime")
    two = grants("2025-01-01", "2026-01-01", occupation="6-18-02-04")
    assert answer(policies, occupation="6-18-02-04") is Outcome.CANNOT_TELL
    assert answer(policies, history=None, occupation="6-18-02-04") is Outcome.CANNOT_TELL
    assert answer(policies, history=two) is Outcome.CANNOT_TELL
    assert answer(policies, history=[two[0], {"scheme": "training", "on": "2026-01-01"}], occupation="6-18-02-04") is (
        Outcome.CANNOT_TELL
    )
    result = policies.decide({}).results[0]
    assert [policies.facts.label(name) for name in result.missing] == ["累计同职业已享受职业培训补贴次数"]


def test_what_a_count_lacks_is_said_and_not_that_nobody_looked(write: Write) -> None:
    """The history was compared; it is the line, or an earlier grant, that names no occupation."""
    policies = limited(write, "of: training, same: occupation_level, kind: skill_level")
    (question,) = explain(policies.decide({"history": grants("2026-01-01")}), policies.facts)[1:]
    assert "（未比对享受补贴的历史记录，或本次、以往没有写明培训等级、职业（工种）编码、项目种类）" in question
    (question,) = explain(limited(write, "of: training").decide({}), policies.facts)[1:]
    assert "或本次、以往没有写明" not in question


def test_a_scheme_that_is_not_there_is_told_where_it_was_written(write: Write) -> None:
    with pytest.raises(PolicyFileError) as refusal:
        write(ORDER.replace("scheme: skill_upgrade", "scheme: skil_upgrade"))
    assert "exclusions.not_both.excludes.scheme" in str(refusal.value)


def test_no_history_at_all_is_an_empty_list_and_passes(write: Write) -> None:
    assert answer(limited(write, "of: training"), history=[]) is Outcome.PASS


def test_the_day_of_the_line_may_be_a_fact(write: Write) -> None:
    policies = limited(write, "of: training, within: calendar_year, by: class_start")
    two = grants("2025-03-01", "2025-04-01")
    assert answer(policies, history=two, class_start="2025-12-31") is Outcome.FAIL
    assert answer(policies, history=two, class_start="2026-01-01") is Outcome.PASS
    assert answer(policies, history=two) is Outcome.CANNOT_TELL


def test_a_count_is_a_fact_of_its_own_kept_by_the_decision(write: Write) -> None:
    store = write(LIMIT % "of: training, within: calendar_year")
    policies = store.for_place(990000, "training", ON)
    (count,) = policies.counts
    made = policies.decide({"history": grants("2026-01-01", "2026-02-01")})
    assert made.facts == {count.column: 2}
    assert store.replay(made) == made
    assert policies.decide({count.column: 2}) == made
    assert policies.decide({count.column: 1, "history": grants("2026-01-01", "2026-02-01")}).outcome is Outcome.PASS
    assert set(policies.facts_needed()) == {count.column, "history"}


def test_rules_that_count_alike_share_their_count(write: Write) -> None:
    one = LIMIT % "of: [startup, training], same: [level, occupation]"
    two = (LIMIT % "of: [training, startup], same: occupation_level, within: lifetime").split("limits:")[1]
    policies = write(one + two.replace("few:", "fewer:")).for_place(990000, "training", ON)
    assert len(policies.rules) == 2
    assert len(policies.counts) == 1


ORDER = """
exclusions:
  not_both:
    asks: 同一证书没有领过技能提升补贴
    says: 同一证书已领技能提升补贴
    excludes: {scheme: skill_upgrade, same: certificate}
    cite: "1"
    schemes: [training]
    phase: claim
rules:
  after_training:
    asks: 同一班期的培训补贴已享受
    says: 须先享受同一班期的培训补贴
    after: {scheme: training, same: class}
    cite: "1"
    schemes: [living]
    phase: claim
"""


def test_an_exclusion_looks_for_the_same_certificate(write: Write) -> None:
    policies = write(ORDER).for_place(990000, "training", ON)
    had = grants("2026-01-01", scheme="skill_upgrade", certificate="Y000112345678901234567")
    assert answer(policies, history=had, certificate_number="Y000112345678901234567") is Outcome.FAIL
    assert answer(policies, history=had, certificate_number="Y000112345678901234568") is Outcome.PASS
    assert answer(policies, history=had) is Outcome.CANNOT_TELL
    assert answer(policies, certificate_number="Y000112345678901234567") is Outcome.CANNOT_TELL


def test_a_subsidy_that_stands_on_another_waits_for_it(write: Write) -> None:
    policies = write(ORDER).for_place(990000, "living", ON)
    assert answer(policies, history=grants("2026-05-01", **{"class": "A1"}), class_code="A1") is Outcome.PASS
    assert answer(policies, history=grants("2026-05-01", **{"class": "A2"}), class_code="A1") is Outcome.FAIL
    assert answer(policies, class_code="A1") is Outcome.CANNOT_TELL


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        ("2026-01-01", "history 是一个列表"),
        (["2026-01-01"], "history 第 1 项要写成键值对"),
        ([{"scheme": "trianing", "on": "2026-01-01"}], "第 1 项：没有 'trianing' 这种补贴。是不是要写 training"),
        ([{"scheme": "training"}], "第 1 项：on 要写日期"),
        ([*grants("2026-01-01"), {"scheme": "training", "on": "2026-01-01", "fund": "x"}], "第 2 项没有 'fund' 这一栏"),
        (grants("2026-01-01", level="master"), "第 1 项：事实 'level' 没有代码 'master'"),
    ],
)
def test_a_history_that_is_wrong_says_where(write: Write, history: object, reason: str) -> None:
    policies = limited(write, "of: training")
    with pytest.raises(FactError, match=reason):
        policies.decide({"history": history})


@pytest.mark.parametrize(
    ("count", "reason"),
    [
        ("of: trainings", "没有 'trainings' 这种补贴（自己的写在 schemes: {代码: 名称}）。是不是要写 training"),
        ("of: training, within: year", "'year' 不能写在这里；可用：lifetime、calendar_year"),
        ("of: training, same: employer", "'employer' 不能写在这里；可用：occupation、level"),
        ("of: training, by: mode", "by 要写一个日期事实"),
        ("of: training, kind: skill", "'skill' 不是 kind 的代码"),
        ("of: training, within: {from: 2026-01-01, to: 2025-01-01}", "from 晚于 to"),
        ("within: lifetime", "缺少 'of'"),
    ],
)
def test_a_count_that_is_wrong_says_how_to_mend_it(write: Write, count: str, reason: str) -> None:
    with pytest.raises(PolicyFileError, match=r"limits\.few\.count") as refusal:
        write(LIMIT % count)
    assert reason in str(refusal.value)

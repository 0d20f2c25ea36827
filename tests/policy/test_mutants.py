"""The scenarios notice when a rule, an amount or a figure is bent; what they would miss is named."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from typer.testing import CliRunner

from policy.small import library, only, rule, text
from policy.texts import STORE
from zhaoliang.cli.policy import app
from zhaoliang.policy.mutants import mutants
from zhaoliang.policy.mutation import MutationTest

ENOUGH = 0.9
AGE = """
parameters:
  floor: {unit: years, says: 下限, value: 16, cite: "1"}
rules:
""" + rule("age", "person_age_at_start >= floor")
PASSES = (
    "  - {name: 满十六, scheme: training, on: 2026-06-01, given: {person_age_at_start: 16}, expect: {outcome: pass}}\n"
)
FAILS = (
    "  - {name: 十五, scheme: training, on: 2026-06-01, given: {person_age_at_start: 15}, expect: {outcome: fail}}\n"
)


@pytest.mark.mission("F1")
def test_scenarios_notice_nine_of_ten_changes() -> None:
    test = MutationTest(STORE)
    score = test.score()
    alive = "\n".join(
        f"{one.mutant.document.file}:{one.line} {one.mutant.part} {one.mutant.change}" for one in score.survivors
    )
    assert score.results
    assert score.share >= ENOUGH, f"{score.share:.1%} of {len(score.results)} noticed; missed:\n{alive}"


def test_each_kind_of_change_is_made(tmp_path: Path) -> None:
    parts = """
parameters:
  floor: {unit: years, says: 下限, values: [{value: 16, cite: "1"}, {from: 2026-07-01, value: 18, cite: "1"}]}
clocks:
  lead: {value: 5, unit: working_days, says: 提前, cite: "1"}
tables:
  standard: {says: 标准, unit: fen, keys: [level], cite: "1", rows: {junior: 100000, senior: 200000}}
rules:
"""
    parts += rule("age", "person_age_at_start >= floor and class_start > date '2026-01-01'", when="kind <> 'safety'")
    parts += rule("in_time", "filing_lead_days >= lead")
    parts += """
amounts:
  fee:
    scheme: training
    says: 标准
    base: lookup(standard, level)
    cite: "1"
    steps:
      - {label: 线上, when: mode = 'online', times: 0.7, cite: "1"}
      - {label: 上限, at_most: 150000, cite: "1"}
    round: {mode: down, to_fen: 100}
"""
    made = {(one.part, one.change) for one in mutants(only(library(tmp_path, text(parts))))}
    assert {
        ("rules.age", "去掉整条规则"),
        ("rules.age", "去掉适用情形"),
        ("rules.age", "适用情形：kind <> 'safety' 的 <> 改为 ="),
        ("rules.age", "条件：条件取反"),
        ("rules.age", "条件：person_age_at_start >= floor 的 >= 改为 >"),
        ("rules.age", "条件：person_age_at_start >= floor 的 >= 改为 <"),
        ("rules.age", "条件：去掉 person_age_at_start >= floor"),
        ("rules.age", "条件：2026-01-01 改为 2026-01-02"),
        ("parameters.floor", "16 改为 17"),
        ("parameters.floor", "起始日 2026-07-01 改为 2026-06-30"),
        ("clocks.lead", "5 改为 4"),
        ("tables.standard", "level=senior 的数值各加一档"),
        ("amounts.fee", "去掉第 1 步 线上"),
        ("amounts.fee", "线上：0.7 改为 0.71"),
        ("amounts.fee", "线上：去掉适用情形"),
        ("amounts.fee", "上限：150000 改为 150001"),
        ("amounts.fee", "取整改为 up"),
    } <= made


def test_a_mutant_leaves_the_text_itself_alone() -> None:
    before = [(document.rules, document.amounts, dict(document.parameters)) for document in STORE.documents]
    for document in STORE.documents:
        for mutant in mutants(document):
            assert mutant.changed != document, f"{mutant.part} {mutant.change} changes nothing"
    assert before == [(document.rules, document.amounts, dict(document.parameters)) for document in STORE.documents]


def test_both_sides_of_a_boundary_are_needed(tmp_path: Path) -> None:
    one_sided = MutationTest(library(tmp_path, text(AGE + "scenarios:\n" + PASSES))).score()
    assert {one.mutant.change for one in one_sided.survivors} == {"16 改为 15", "去掉整条规则"}
    both = MutationTest(library(tmp_path, text(AGE + "scenarios:\n" + PASSES + FAILS))).score()
    assert both.survivors == ()
    assert both.share == 1


def test_the_missing_scenario_is_named_and_would_notice(tmp_path: Path) -> None:
    store = library(tmp_path, text(AGE + "scenarios:\n" + PASSES))
    lines = (tmp_path / only(store).file).read_text(encoding="utf-8").splitlines()
    test = MutationTest(store)
    for survivor in test.score().survivors:
        hint = test.hint(survivor.mutant)
        assert hint is not None
        assert hint.given == {"person_age_at_start": 15}
        assert hint.expect == {"outcome": "fail", "fen": 0, "rules": ["age"]}
        assert f"{survivor.mutant.part.split('.')[1]}:" in lines[survivor.line - 1]


def test_a_share_of_the_hours_is_named_between_the_two_ratios(tmp_path: Path) -> None:
    parts = """
parameters:
  share: {unit: ratio, says: 出勤率, value: 0.80, cite: "1"}
rules:
"""
    parts += rule("attendance", "attended_hours >= planned_hours * share") + "scenarios:\n"
    parts += (
        "  - {name: 全勤, scheme: training, on: 2026-06-01, given: {planned_hours: 120, attended_hours: 120},"
        " expect: {outcome: pass}}\n"
    )
    test = MutationTest(library(tmp_path, text(parts)))
    hints = {one.mutant.change: test.hint(one.mutant) for one in test.score().survivors}
    lower = hints["0.8 改为 0.79"]
    assert lower is not None
    hours = Fraction(str(lower.given["attended_hours"]))
    assert 79 <= hours * 100 / Fraction(str(lower.given.get("planned_hours", 120))) < 80


def test_scores_and_survivors_on_the_command_line(tmp_path: Path) -> None:
    store = library(tmp_path, text(AGE + "scenarios:\n" + PASSES))
    run = ["mutate", "--root", str(store.root), "--show-survivors"]
    done = CliRunner().invoke(app, run)
    assert done.exit_code == 1
    assert "改开班时周岁：given: {person_age_at_start: 15}" in done.output
    told = json.loads(CliRunner().invoke(app, [*run, "--json", "--at-least", "0"]).output)
    assert (told["killed"], told["total"]) == (3, 5)
    assert told["survivors"][0]["file"].endswith("cn-99/sample/2026-01-01.yaml")

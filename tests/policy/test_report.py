"""The compile report finds what cannot be meant, points at it and says how to mend it; it is silent on sound texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from policy.small import library, rule, text
from policy.texts import ROOT, STORE
from zhaoliang.cli.policy import app
from zhaoliang.policy.findings import Finding
from zhaoliang.policy.report import Report, report

SHOWN = """
scenarios:
  - {name: 通过, scheme: training, on: 2026-06-01, given: {person_age_at_start: 16, pension_drawn: false}, expect: {outcome: pass}}
  - {name: 不通过, scheme: training, on: 2026-06-01, given: {person_age_at_start: 15, pension_drawn: true}, expect: {outcome: fail}}
"""


def reported(tmp_path: Path, *texts: dict[str, str]) -> Report:
    return report(library(tmp_path, *texts))


def found(made: Report, kind: str, severity: str = "error") -> Finding:
    (one,) = [one for one in made.findings if (one.kind, one.severity) == (kind, severity)]
    return one


@pytest.mark.mission("F1")
def test_our_own_texts_have_no_errors() -> None:
    made = report(STORE)
    assert not made.of("error"), "\n".join(str(one) for one in made.of("error"))
    assert made.counts["情形"] == made.counts["情形相符"] > 0


def test_every_finding_points_at_a_line_of_its_file() -> None:
    for finding in report(STORE).findings:
        file, line = finding.place
        lines = (ROOT.parent / file).read_text(encoding="utf-8").splitlines()
        assert 1 <= line <= len(lines), finding
        assert finding.text, finding


def test_a_sound_text_has_nothing_to_say_but_its_idle_clauses(tmp_path: Path) -> None:
    made = reported(tmp_path, text("rules:\n" + rule("age", "person_age_at_start >= 16") + SHOWN))
    assert [(one.kind, one.severity) for one in made.findings] == [("unused", "note")]
    assert "第二条" in made.findings[0].text


@pytest.mark.parametrize(
    ("must", "when", "kind", "severity"),
    [
        ("person_age_at_start >= 0", "", "constant", "error"),
        ("level >= 'none' or pension_drawn", "", "constant", "error"),
        ("level > 'chief'", "", "constant", "warning"),
        ("person_age_at_start >= 16", "level < 'none'", "unreachable", "error"),
        ("person_age_at_start >= 16", "kind = 'safety' and kind = 'targeted'", "unreachable", "error"),
        (
            "not pension_drawn",
            "class_start < date '2026-01-01' and class_start > date '2026-02-01'",
            "unreachable",
            "error",
        ),
    ],
)
def test_rules_that_cannot_be_meant(tmp_path: Path, must: str, when: str, kind: str, severity: str) -> None:
    made = reported(tmp_path, text("rules:\n" + rule("odd", must, **({"when": when} if when else {}))))
    one = found(made, kind, severity)
    assert one.place == ("policies/cn-99/sample/2026-01-01.yaml", 14)
    assert one.clause == "第一条"
    assert one.suggestion


def test_a_figure_that_makes_a_rule_idle_is_found(tmp_path: Path) -> None:
    parameters = 'parameters:\n  floor: {unit: years, says: 下限, value: 0, cite: "1"}\n'
    made = reported(tmp_path, text(parameters + "rules:\n" + rule("age", "person_age_at_start >= floor")))
    assert "不起作用" in found(made, "constant").text


def test_two_versions_over_the_same_days(tmp_path: Path) -> None:
    made = reported(tmp_path, text(end="2026-12-31"), text(start="2026-07-01"))
    assert "2026-06-30" in found(made, "period", "warning").suggestion


def test_days_without_any_version(tmp_path: Path) -> None:
    made = reported(tmp_path, text(end="2026-06-30"), text(start="2026-09-01"))
    assert "2026年7月1日至2026年8月31日没有版本有效" in found(made, "period", "warning").text


def test_versions_that_meet_are_sound(tmp_path: Path) -> None:
    made = reported(tmp_path, text(end="2026-06-30"), text(start="2026-07-01"))
    assert not [one for one in made.findings if one.kind == "period"]


def test_a_figure_that_begins_after_its_text(tmp_path: Path) -> None:
    values = 'parameters:\n  floor: {unit: years, says: 下限, values: [{from: 2026-03-01, value: 16, cite: "1"}]}\n'
    made = reported(tmp_path, text(values + "rules:\n" + rule("age", "person_age_at_start >= floor")))
    assert "2026年1月1日至2026年2月28日没有数值" in found(made, "period", "warning").text


def test_a_hole_in_a_table_is_told_apart_from_a_row_not_offered(tmp_path: Path) -> None:
    table = """
tables:
  standard:
    says: 标准
    unit: fen
    keys: [category, level]
    cite: "1"
    rows: {A: {junior: 100000, senior: 200000}, B: {junior: 90000}}
amounts:
  fee: {scheme: training, says: 标准, base: "lookup(standard, category, level)", when: level <= 'technician', cite: "1"}
"""
    made = reported(tmp_path, text(table))
    assert "缺格：[B类，高级工]" in found(made, "cell", "warning").text
    absent = {one.text for one in made.findings if (one.kind, one.severity) == ("cell", "note")}
    assert any("C类" in one for one in absent)
    levels = next(one for one in absent if "技师" in one)
    assert "特级技师" not in levels, "the amount never looks up what its condition excludes"


def test_a_later_text_that_silently_takes_a_rule_s_place(tmp_path: Path) -> None:
    age = "rules:\n" + rule("age", "person_age_at_start >= 16")
    made = reported(tmp_path, text(age, name="a"), text(age, name="b", start="2026-02-01"))
    one = found(made, "shadowed")
    assert one.document == "cn-99/a"
    assert "also: [cn-99/a#1]" in one.suggestion
    restated = text(age + '    also: ["cn-99/a#1"]\n', name="b", start="2026-02-01")
    assert found(reported(tmp_path, text(age, name="a"), restated), "shadowed", "note")


def test_an_amount_behind_one_that_always_applies(tmp_path: Path) -> None:
    amounts = """
amounts:
  all: {scheme: training, says: 都给, base: "100", cite: "1"}
  some: {scheme: training, says: 再给, when: kind = 'safety', base: "200", cite: "1"}
"""
    made = reported(tmp_path, text(amounts))
    assert "再给" in found(made, "unreachable").text


def test_which_of_two_versions_that_never_bind_is_meant(tmp_path: Path) -> None:
    values = """
parameters:
  floor:
    unit: years
    says: 下限
    values: [{value: 15, cite: "1"}, {from: 2025-01-01, value: 16, cite: "1"}, {from: 2025-06-01, value: 17, cite: "1"}]
rules:
"""
    made = reported(tmp_path, text(values + rule("age", "person_age_at_start >= floor") + SHOWN))
    assert [one.text for one in made.findings if "在文件施行前" in one.text] == [
        "下限：没有写起始日的一版在文件施行前就被自2025年1月1日起的一版代替，用不到",
        "下限：自2025年1月1日起的一版在文件施行前就被自2025年6月1日起的一版代替，用不到",
    ]


def test_a_rule_inside_another_one(tmp_path: Path) -> None:
    both = "rules:\n" + rule("adult", "person_age_at_start >= 18") + rule("age", "person_age_at_start >= 16")
    one = found(reported(tmp_path, text(both)), "redundant", "note")
    assert "问age" in one.text
    assert "问adult" in one.text


def test_rules_and_figures_no_scenario_reaches(tmp_path: Path) -> None:
    values = """
parameters:
  floor: {unit: years, says: 下限, values: [{value: 16, cite: "1"}, {from: 2026-09-01, value: 18, cite: "1"}]}
rules:
"""
    made = reported(tmp_path, text(values + rule("age", "person_age_at_start >= floor") + SHOWN))
    assert "自2026年9月1日起" in found(made, "scenario", "warning").text
    bare = reported(tmp_path, text("rules:\n" + rule("age", "person_age_at_start >= 16")))
    assert "通过或不通过" in found(bare, "scenario", "warning").text


def test_a_scenario_that_does_not_hold_is_an_error(tmp_path: Path) -> None:
    wrong = SHOWN.replace("person_age_at_start: 16", "person_age_at_start: 15")
    made = reported(tmp_path, text("rules:\n" + rule("age", "person_age_at_start >= 16") + wrong))
    assert "情形“通过”不符" in found(made, "scenario").text


def test_only_the_texts_asked_for_are_reported() -> None:
    tianjin = [one for one in STORE.documents if one.id == "cn-12/jinrenshe-2022-20"]
    made = report(STORE, tianjin)
    assert {one.document for one in made.findings} == {"cn-12/jinrenshe-2022-20"}
    assert made.counts["文件"] == len(tianjin)


def test_errors_end_the_command_with_1(tmp_path: Path) -> None:
    runner = CliRunner()
    store = library(tmp_path, text("rules:\n" + rule("odd", "person_age_at_start >= 0")))
    done = runner.invoke(app, ["report", "--root", str(store.root), "--no-notes"])
    assert done.exit_code == 1
    assert "policies/cn-99/sample/2026-01-01.yaml:14: 错误[结果不变]" in done.output
    told = json.loads(runner.invoke(app, ["report", "--root", str(ROOT), "--json", str(ROOT / "cn-12")]).output)
    assert told["counts"]["错误"] == 0
    assert {one["file"].split("/")[1] for one in told["conflicts"]} == {"cn-12"}


LONG = """
parameters: {third: {unit: ratio, says: 三分之一, value: %s, cite: "1"}}
amounts:
  a:
    scheme: training
    says: 标准
    base: 300000
    cite: "1"
    steps: [{label: 再减, times: third, cite: "1"}, {label: 又减, times: third, when: exam_passed, cite: "1"}]
    round: {to_fen: 100}
scenarios:
  - {name: 两次, scheme: training, on: 2026-06-01, given: {exam_passed: true}, expect: {outcome: pass, fen: 33300}}
  - {name: 一次, scheme: training, on: 2026-06-01, given: {exam_passed: false}, expect: {outcome: pass, fen: 100000}}
"""


def test_what_one_line_decides_and_a_million_cannot_is_an_error_before_it_binds(tmp_path: Path) -> None:
    """A share of eighteen decimals is right for one person and would stop the audit of the whole city."""
    store = library(tmp_path, text(LONG % "0.333333333333333333"))
    assert [run.problem for run in store.runs] == ["", ""]
    found = [one for one in report(store, store.documents).of("error") if one.kind == "many"]
    assert ["“两次”" in one.text for one in found] == [True, False]
    assert "成批核对算不下去" in found[0].text
    assert "1/3" in found[0].suggestion
    short = library(tmp_path, text(LONG % "0.3333"))
    assert not [one for one in report(short, short.documents).findings if one.kind == "many"]


def paid(name: str, fen: int, **more: str) -> dict[str, str]:
    """A text of the same place that pays so much for training."""
    return text(f'\namounts:\n  a: {{scheme: training, says: 标准{name}, base: {fen}, cite: "1"}}\n', name=name, **more)


def test_an_amount_that_another_text_of_the_place_always_comes_before_is_told(tmp_path: Path) -> None:
    """Two standards for one thing at one time: only the earlier text's is paid, and nobody would notice."""
    both = library(tmp_path, paid("one", 100), paid("two", 200))
    (found,) = [one for one in report(both).of("error") if one.kind == "unreachable"]
    assert found.document == "cn-99/two"
    assert "《测试办法one》" in found.text
    after = library(tmp_path / "after", paid("one", 100, end="2026-12-31"), paid("two", 200, start="2027-01-01"))
    assert not [one for one in report(after).of("error") if one.kind == "unreachable"]


TERM = '\nopens: {up: {unit: ratio, says: 上浮, at_most: 0.3, set_by: province, cite: "1"}}\n'
FILL = '\nparameters: {mine: {unit: ratio, says: 本地上浮, value: %s, cite: "1"}}\nfills: {cn/high#up: mine}\n'


def test_a_term_that_two_texts_of_the_place_set_at_one_time_is_told(tmp_path: Path) -> None:
    high = text(TERM, name="high", region="cn")
    both = library(tmp_path, high, text(FILL % "0.1", name="one"), text(FILL % "0.2", name="two"))
    (found,) = [one for one in report(both).of("error") if one.kind == "shadowed"]
    assert (found.document, "测试办法two" in found.text) == ("cn-99/one", True)
    gone = "\ndocument:\n  repeals: [cn-99/one]\n"
    second = {
        path: held.replace("document:\n", gone.lstrip("\n"), 1) for path, held in text(FILL % "0.2", name="two").items()
    }
    repealed = library(tmp_path / "repealed", high, text(FILL % "0.1", name="one"), second)
    assert not [one for one in report(repealed).of("error") if one.kind == "shadowed"]

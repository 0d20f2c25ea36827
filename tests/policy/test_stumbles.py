"""What a stranger stumbled over when writing a city's policy from the manual alone: each is told, with the mend."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from policy.small import library, only, rule, text
from policy.texts import DOCUMENT, ROOT, RUNS, STORE, Write
from zhaoliang.cli.policy import app
from zhaoliang.policy import Outcome, PolicyError, PolicyStore, explain
from zhaoliang.policy.files import read_yaml
from zhaoliang.policy.mutants import mutants
from zhaoliang.policy.mutation import MutationTest
from zhaoliang.policy.report import report
from zhaoliang.policy.scenarios import run_scenarios

runner = CliRunner()
ENDS = DOCUMENT.replace("{from: 2026-01-01}", "{from: 2026-01-01, to: 2026-12-31}")
BASE = '\namounts:\n  a: {scheme: training, says: 标准, base: 100, cite: "1"}\n'


def problems(store: PolicyStore) -> list[str]:
    """What is wrong with each scenario, in order."""
    return [run.problem for run in run_scenarios(store)]


def refusal(write: Write, parts: str) -> str:
    """What is said of a text that does not load."""
    with pytest.raises(PolicyError) as refused:
        write(parts)
    return str(refused.value)


def scenario(on: str, expect: str) -> str:
    return f"  - {{name: 例, scheme: training, on: {on}, given: {{}}, expect: {{{expect}}}}}\n"


def test_a_scenario_outside_the_days_in_force_is_a_fault_unless_it_says_so(write: Write) -> None:
    days = BASE + "scenarios:\n" + scenario("2025-12-31", "outcome: pass") + scenario("2027-01-01", "outcome: pass")
    days += scenario("2027-01-01", "in_force: false, outcome: pass, fen: null")
    days += scenario("2026-12-31", "in_force: false, outcome: pass") + scenario("2026-12-31", "outcome: pass, fen: 100")
    early, late, said, wrongly, last = problems(write(days, head=ENDS))
    assert early.startswith("on 2025-12-31 不在施行期内（2026-01-01 至 2026-12-31）")
    assert "写 expect: {in_force: false, …}" in late
    assert wrongly == "on 2026-12-31 在施行期内（2026-01-01 至 2026-12-31），请删去 in_force: false"
    assert said == last == ""


def test_eval_after_the_end_says_when_the_text_ended_and_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ENDS + BASE, encoding="utf-8")
    (tmp_path / "f.jsonl").write_text('{"id": 1}\n', encoding="utf-8")
    asked = ["eval", "--policy", str(tmp_path / "a.yaml"), "--facts", str(tmp_path / "f.jsonl"), "--on"]
    done = runner.invoke(app, [*asked, "2027-01-01"])
    assert done.exit_code == 1
    assert "2026-01-01 至 2026-12-31" in done.output
    assert "请改 --on" in done.output
    other = runner.invoke(app, [*asked, "2026-01-01", "--scheme", "living"])
    assert other.exit_code == 1, "a scheme the text says nothing of is not a pass without an amount"
    assert "所给文件里有：training" in other.output


PENSION = """
rules:
  no_pension: {asks: 未领养老金, says: 已领养老金, must: not pension_drawn, cite: "1", schemes: [training], phase: PHASE}
  exam: {asks: 合格, says: 不合格, must: exam_passed, cite: "1", schemes: [training], phase: claim}
amounts:
  a:
    scheme: training
    says: 标准
    base: 1000
    cite: "1"
    instalments:
      advance: {label: 预付一半, share: 0.5, cite: "1"}
      settlement: {label: 减去已付, paid: advance_paid, cite: "1"}
      clawback: {label: 追回, when: not exam_passed, cite: "1"}
"""


def test_what_is_asked_of_a_person_is_asked_before_an_advance_too(write: Write) -> None:
    policies = write(PENSION.replace("PHASE", "both")).for_place(990000, "training", date(2026, 6, 1))
    refused = policies.decide({"pension_drawn": True}, phase="advance")
    assert (refused.outcome, refused.fen) == (Outcome.FAIL, 0)
    assert policies.decide({"pension_drawn": False}, phase="advance").fen == 500


def test_report_warns_of_an_advance_that_skips_a_condition(tmp_path: Path) -> None:
    warned = library(tmp_path, text(PENSION.replace("PHASE", "[preflight, claim]")))
    found = [one for one in report(warned).of("warning") if "预付" in one.text]
    assert [one.text for one in found] == ["预付一半时不核对：未领养老金"]
    assert "phase: both" in found[0].suggestion
    sound = library(tmp_path, text(PENSION.replace("PHASE", "both")))
    assert not [one for one in report(sound).of("warning") if "不核对" in one.text]


@pytest.mark.parametrize(
    ("passed", "pension", "fen"), [(False, False, -500), (True, True, 0), (None, True, None), (False, True, -500)]
)
def test_an_advance_is_taken_back_only_in_the_case_the_text_names(
    write: Write, passed: bool | None, pension: bool, fen: int | None
) -> None:
    policies = write(PENSION.replace("PHASE", "both")).for_place(990000, "training", date(2026, 6, 1))
    decision = policies.decide({"exam_passed": passed, "pension_drawn": pension, "advance_paid": 500})
    assert (decision.outcome, decision.fen) == (Outcome.FAIL, fen)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("1500.00", "1500.00 元写 150000"),
        ('"150000"', "不加引号，写 150000"),
        ("150000.5", "不写小数"),
        ("1,500", "逗号"),
    ],
)
def test_a_cell_of_a_table_is_whole_fen_without_quotes(write: Write, cell: str, said: str) -> None:
    table = f"\ntables:\n  t:\n    says: 例\n    unit: fen\n    keys: [level]\n    cite: '1'\n    rows:\n      senior: {cell}\n"
    assert said in refusal(write, table)


def test_a_base_in_yuan_and_an_amount_expected_in_yuan_are_refused(write: Write) -> None:
    assert "1500.00 元写 150000" in refusal(write, BASE.replace("base: 100", "base: 1500.00"))
    expected = BASE + "scenarios:\n" + scenario("2026-06-01", "outcome: pass, fen: 100.00")
    assert "fen 是整数分" in refusal(write, expected)


def test_a_fault_an_anchor_repeats_is_told_once_with_the_number(write: Write) -> None:
    first = "  - {name: 一, scheme: training, on: 2026-06-01, given: &g {agee: 1}, expect: {outcome: pass}}\n"
    more = "  - {name: 又, scheme: training, on: 2026-06-01, given: {<<: *g}, expect: {outcome: pass}}\n" * 2
    said = refusal(write, BASE + "scenarios:\n" + first + more)
    assert said.count("没有叫") == 1
    assert said.endswith("（另 2 处同）")


def test_slips_of_yaml_are_told_in_chinese_with_the_place(write: Write) -> None:
    assert "缩进不能用 Tab，请换成空格" in refusal(write, "\nrules:\n\tr: 1\n")
    assert "写了两次，第一次在第 12 行" in refusal(write, "schemes: {b: 奖}\nschemes: {c: 奖}\n")
    colon = refusal(write, 'parameters: {p: {unit: fen, says：例, value: 1, cite: "1"}}\n')
    assert "冒号要用半角，后面空一格：says: 例" in colon


def test_a_clause_that_is_missing_has_the_numbers_next_to_it(write: Write) -> None:
    said = refusal(write, 'parameters: {p: {unit: fen, says: 例, value: 1, cite: "3"}}\n')
    assert "是不是要写 2、1" in said


def test_a_rule_expected_by_a_wrong_name_has_the_right_one(write: Write) -> None:
    held = rule("old_enough", "person_age_at_start >= 16") + "scenarios:\n"
    given = "given: {person_age_at_start: 1}"
    told = (
        f"  - {{name: 例, scheme: training, on: 2026-06-01, {given}, expect: {{outcome: fail, rules: [oldenough]}}}}\n"
    )
    (problem,) = problems(write("\nrules:" + held + told))
    assert problem.endswith("没有叫 'oldenough' 的规则。是不是要写 old_enough？")


def test_eval_answers_each_line_on_its_own_day_and_names_slips(tmp_path: Path) -> None:
    dated = 'parameters:\n  p: {unit: fen, says: 例, values: [{value: 1, cite: "1"}, {from: 2027-01-01, value: 2, cite: "1"}]}\n'
    file, facts = tmp_path / "a.yaml", tmp_path / "f.jsonl"
    file.write_text(DOCUMENT + BASE.replace("base: 100", "base: p") + dated, encoding="utf-8")
    lines = [
        '{"id": "a"}',
        '{"id": "b", "on": "2027-05-01", "facts": {}}',
        '{"id": "c", "kind": "safety", "kind": "targeted"}',
        '{"id": "d", "planned_hours": "80"}',
        '{"id": "e", "on": "2027-02-30"}',
        '{"id": "f", "planned_hours": -5}',
    ]
    facts.write_text("\n".join(lines), encoding="utf-8")
    asked = ["eval", "--policy", str(file), "--facts", str(facts), "--on"]
    done = runner.invoke(app, [*asked, "2026-06-01"])
    assert [(row["id"], row["fen"]) for row in map(json.loads, done.stdout.splitlines())] == [("a", 1), ("b", 2)]
    for said in (
        "3: 'kind' 写了两次",
        "数不加引号，如 80；不知道写 null",
        "on 要写日期",
        "不能小于 0",
        "有 4 行事实有误",
    ):
        assert said in done.stderr
    wrong = runner.invoke(app, [*asked, "2026/6/1"])
    assert (wrong.exit_code, wrong.stderr.strip()) == (2, "--on 要写日期，如 2026-05-01，写的是 '2026/6/1'")


def test_report_sees_a_lookup_inside_a_case_and_a_clock_nothing_reads(tmp_path: Path) -> None:
    held = """
clocks: {review: {value: 5, unit: working_days, says: 审核时限, cite: "1"}}
tables: {t: {says: 标准表, unit: fen, keys: [level], cite: "1", rows: {junior: 100}}}
amounts: {a: {scheme: training, says: 例, base: "case when group = '07' then lookup(t, level) else 1 end", cite: "1"}}
"""
    notes = [one.text for one in report(library(tmp_path, text(held))).of("note")]
    assert any(note.startswith("标准表没有列出：无等级") for note in notes)
    assert "审核时限（review）没有规则读取" in notes


LIMIT = """
limits:
  three: {asks: 三次, says: 已三次, count: {of: training}, at_most: 3, cite: "1", schemes: [training], phase: claim}
exclusions:
  again: {asks: 同级, says: 同级已享受, excludes: {scheme: training, same: level}, cite: "1", schemes: [training], phase: claim}
scenarios:
  - {name: 没有享受过, scheme: training, on: 2026-06-01, given: {level: senior, history: []}, expect: {outcome: pass}}
"""


def test_mutate_proposes_yaml_that_can_be_pasted_with_a_history(tmp_path: Path) -> None:
    store = library(tmp_path, text(LIMIT))
    test = MutationTest(store)
    found = {
        one.mutant.change: test.hint(one.mutant) for one in test.score().survivors if one.mutant.part == "limits.three"
    }
    told = [str(hint) for change, hint in found.items() if hint and "改为 2" in change]
    assert told, found
    pasted = read_yaml(("{" + told[0].partition("：given")[2].join(("given", "}"))).encode(), "改动").data
    history = pasted["given"]["history"]
    assert [grant["scheme"] for grant in history] == ["training", "training"]
    decided = store.for_place(990000, "training", date(2026, 6, 1)).decide({"level": "senior", **pasted["given"]})
    assert decided.outcome.value == pasted["expect"]["outcome"]


def test_mutate_finds_the_fact_that_tells_an_or_chain_apart_and_names_the_comparison(tmp_path: Path) -> None:
    held = """
tables: {t: {says: 表, unit: fen, keys: [level], cite: "1", rows: {junior: 1, intermediate: 2, senior: 3, technician: 4}}}
amounts:
  a:
    scheme: training
    says: 例
    base: lookup(t, level) * case when group in ('01', '07', '08', '09') then 2 else 1 end + planned_hours * 0 * hour
    cite: "1"
parameters: {hour: {unit: fen/hours, says: 时, value: 1, cite: "1"}}
scenarios:
  - {name: 其他人, scheme: training, on: 2026-06-01, given: {group: "06", level: junior, planned_hours: 1}, expect: {outcome: pass, fen: 1}}
"""
    test = MutationTest(library(tmp_path, text(held)))
    changes = {one.mutant.change: test.hint(one.mutant) for one in test.score().survivors}
    hint = changes["基数：去掉 group = '08'"]
    assert hint is not None
    assert 'group: "08"' in str(hint)
    every = [mutant.change for mutant in mutants(only(test.store))]
    assert "基数：group = '08' 的 = 改为 <>" in every


def test_a_title_or_a_duty_is_not_told_as_a_subsidy() -> None:
    for scheme, words in (("title_bridge", "高技能人才职称申报"), ("graduation", "技工院校毕业")):
        runs = [
            run for run in RUNS if run.scenario.scheme == scheme and run.decision.outcome is not Outcome.CANNOT_TELL
        ]
        said = {run.decision.outcome: explain(run.decision, STORE.facts)[0] for run in runs}
        assert said[Outcome.FAIL] == f"按目前的情况，还不符合“{words}”的条件。"
        assert said[Outcome.PASS] == f"符合“{words}”的条件。"


def test_every_kind_of_scheme_is_one_the_texts_may_use() -> None:
    assert set(STORE.facts.scheme_kinds) <= set(STORE.facts.schemes)


def test_facts_name_the_schemes_and_whose_a_declared_fact_is() -> None:
    done = runner.invoke(app, ["facts", "--root", str(ROOT)])
    assert "    title_bridge  高技能人才职称申报" in done.stdout
    assert "由 cn-42-01/xuetuzhi 声明，只用于该地区的文件" in done.stdout
    assert "count_" not in done.stdout, "a count is listed beside the text that takes it"
    assert "on 是核准之日" in done.stdout

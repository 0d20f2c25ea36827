"""What a stranger stumbled over when writing a city's policy from the manual alone: each is told, with the mend."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from policy.small import library, text
from policy.texts import DOCUMENT, Write
from zhaoliang.cli.policy import app
from zhaoliang.policy import Outcome, PolicyError, PolicyStore
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

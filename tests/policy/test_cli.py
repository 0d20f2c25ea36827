"""`zhaoliang policy` on files alone."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from policy.texts import ROOT
from zhaoliang.cli.policy import app

runner = CliRunner()


def test_check_prints_counts_and_passes() -> None:
    done = runner.invoke(app, ["check", "--root", str(ROOT)])
    assert done.exit_code == 0, done.output
    assert "情形：" in done.output
    assert "引用（全部有出处）" in done.output


def test_check_points_at_a_broken_file(tmp_path: Path) -> None:
    for name in ("facts.yaml", "schema.json"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    broken = tmp_path / "cn-99" / "sample" / "2026-01-01.yaml"
    broken.parent.mkdir(parents=True)
    broken.write_text("document: {}\n", encoding="utf-8")
    done = runner.invoke(app, ["check", "--root", str(tmp_path)])
    assert done.exit_code == 1
    assert "cn-99/sample/2026-01-01.yaml:1" in done.output


def test_facts_as_json_tells_types_and_what_unknown_means() -> None:
    facts = json.loads(runner.invoke(app, ["facts", "--json", "--root", str(ROOT)]).output)
    assert facts["attended_hours"]["unit"] == "hours"
    assert facts["level"]["codes"]["senior"] == "高级工"
    assert all(fact["unknown"] and fact["source"] for fact in facts.values())


def test_explain_one_line(tmp_path: Path) -> None:
    line = tmp_path / "line.json"
    line.write_text(json.dumps({"pension_drawn": True}), encoding="utf-8")
    where = ["--place", "120000", "--on", "2026-06-01", "--root", str(ROOT)]
    done = runner.invoke(app, ["explain", str(line), *where])
    assert done.exit_code == 0
    assert "养老保险待遇的人员不能享受补贴" in done.output
    line.write_text(json.dumps({"age": 1}), encoding="utf-8")
    assert runner.invoke(app, ["explain", str(line), *where]).exit_code == 1

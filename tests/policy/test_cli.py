"""`zhaoliang policy` on files alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from policy.texts import DOCUMENT, ROOT
from zhaoliang.cli.policy import app

runner = CliRunner()


def test_check_prints_counts_and_passes() -> None:
    done = runner.invoke(app, ["check", "--root", str(ROOT)])
    assert done.exit_code == 0, done.output
    assert "情形：" in done.output
    assert "100% 有出处" in done.output
    assert "用例：24/24 有相符的情形" in done.output


def test_check_of_the_library_names_a_case_without_scenario(tmp_path: Path) -> None:
    root = tmp_path / "policies"
    shutil.copytree(ROOT, root)
    (root / "cases.yaml").write_text(
        "7: {given: 出勤79.9%, expect: 不补}\n26: {given: 一, expect: 二}\n", encoding="utf-8"
    )
    done = runner.invoke(app, ["check", "--root", str(root)])
    assert done.exit_code == 1
    assert "用例 26（一：二）没有相符的情形。写一个情形，注明 case: 26" in done.stderr
    assert "cases.yaml 没有用例 11" in done.stderr
    assert "用例：1/2 有相符的情形" in done.output


FAULTY = (
    DOCUMENT
    + """
parameters:
  rate: {unit: fen/hours, says: 每课时, value: 1000}
  cap: {unit: yuan, says: 上限, value: 600, cite: "1"}
tables:
  standard: {says: 标准, unit: fen, keys: [level, mode], cite: "1", rows: {senior: 5}}
rules:
  hours: {asks: 课时, says: 课时不够, must: planned_huors >= 40, cite: "9", schemes: [training], phase: claim}
  level: {asks: 等级, says: 等级, musst: level = 'senior', cite: "2", schemes: [training], phase: claim}
  mixed: {asks: 混算, says: 混算, must: "100 > lookup(prices, level)", cite: "1", schemes: [training], phase: claim}
  comma: {asks: 逗号, says: 逗号, must: least(planned_hours, 5) > 1, cite: "1", schemes: [training], phase: claim}
  follows: {asks: 上限, says: 上限, must: attended_hours * rate <= cap, cite: "1", schemes: [training], phase: claim}
"""
)


def test_check_names_every_fault_with_line_clause_and_mend(tmp_path: Path) -> None:
    file = tmp_path / "city.yaml"
    file.write_text(FAULTY, encoding="utf-8")
    done = runner.invoke(app, ["check", str(tmp_path)])
    assert done.exit_code == 1
    wanted = [
        "city.yaml:14 (parameters.rate): 写 value 和 cite",
        "city.yaml:15 (parameters.cap.unit, 第一条): 没有 'yuan' 这个单位。金额一律用分（fen），1 元写 100",
        "city.yaml:17 (tables.standard.rows.senior, 第一条): [senior] 有 1 个键，表的键是 2 个：level、mode",
        "city.yaml:19 (rules.hours.must, 9): 没有 'planned_huors' 这个名称。是不是要写 planned_hours",
        "city.yaml:19 (rules.hours.cite, 9): 本文件没有条款 '9'",
        "city.yaml:20 (rules.level.musst, 第二条): 没有 'musst' 这个键。是不是要写 must",
        "city.yaml:22 (rules.comma.5) > 1, 第一条): 没有 '5) > 1' 这个键。写在花括号 {…} 里的表达式如有逗号，要整个加引号",
        "city.yaml:21 (rules.mixed.must, 第一条): 没有 'prices' 这张表",
    ]
    for line in wanted:
        assert line in done.output, line
    assert "rules.follows" not in done.output, "a fault that only follows from another is not told twice"
    assert "共 9 处" in done.output


def test_check_says_which_scenario_does_not_hold(tmp_path: Path) -> None:
    file = tmp_path / "city.yaml"
    file.write_text(
        DOCUMENT
        + 'amounts:\n  a: {scheme: training, says: 标准, base: 100, cite: "1"}\n'
        + "scenarios:\n  - {name: 百分, scheme: training, on: 2026-06-01, given: {}, expect: {outcome: pass, fen: 99}}\n",
        encoding="utf-8",
    )
    done = runner.invoke(app, ["check", str(file)])
    assert done.exit_code == 1
    assert "city.yaml:15 (scenarios.0): 情形“百分”不符：fen 应为 99，实为 100" in done.output
    assert "情形：0/1 相符" in done.output


def test_eval_answers_each_line_and_names_the_wrong_ones(tmp_path: Path) -> None:
    lines = [
        {"id": "a", "facts": {"kind": "special_skill", "planned_hours": 59, "attended_hours": 59}},
        {"id": "b", "kind": "special_skill", "planned_hours": 80, "attended_hours": 63.9, "certificate_kind": "none"},
        {"id": "c", "kind": "special_skil"},
        {"id": "d", "kind": "no_certificate", "planned_hours": 40},
    ]
    facts = tmp_path / "facts.jsonl"
    text = [json.dumps(line) for line in lines]
    facts.write_text("\n".join([*text[:2], "{oops", *text[2:]]), encoding="utf-8")
    taian = str(ROOT / "cn-37-09")
    where = ["eval", "--policy", taian, "--facts", str(facts), "--on", "2026-06-01", "--explain"]
    done = runner.invoke(app, [*where, "--scheme", "training"])
    assert done.exit_code == 1
    assert "facts.jsonl:3: 这一行不是 JSON" in done.stderr
    assert "facts.jsonl:4: 事实 'kind' 没有代码 'special_skil'。是不是要写 special_skill" in done.stderr
    answered = {row["id"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert {name: (row["outcome"], row["fen"]) for name, row in answered.items()} == {
        "a": ("cannot_tell", 59000),
        "b": ("fail", 0),
        "d": ("cannot_tell", 40000),
    }
    refused = next(rule for rule in answered["b"]["rules"] if rule["result"] == "fail")
    assert refused["id"] == "special_certificate"
    assert "专项职业能力补贴标准" in refused["clause"]
    assert [step["fen"] for step in answered["a"]["steps"]] == [59000, 59000]
    assert any("这不是拒绝" in line for line in answered["a"]["explain"])


def test_eval_reads_parquet_exactly_as_json(tmp_path: Path) -> None:
    lines = tmp_path / "facts.jsonl"
    lines.write_text(
        '{"id": "a", "kind": "no_certificate", "planned_hours": 40, "attended_hours": 31.9, "class_start": "2026-06-01"}\n'
        '{"id": "b", "kind": null, "planned_hours": 60, "attended_hours": 60, "class_start": null}\n',
        encoding="utf-8",
    )
    table = tmp_path / "facts.parquet"
    columns = (
        "{id: 'VARCHAR', kind: 'VARCHAR', planned_hours: 'INT', attended_hours: 'DECIMAL(6, 2)', class_start: 'DATE'}"
    )
    duckdb.sql(f"COPY (SELECT * FROM read_json('{lines}', columns = {columns})) TO '{table}' (FORMAT parquet)")
    where = ["eval", "--policy", str(ROOT / "cn-37-09"), "--on", "2026-06-01", "--scheme", "training", "--facts"]
    said = [runner.invoke(app, [*where, str(file)]) for file in (lines, table)]
    assert [done.exit_code for done in said] == [0, 0]
    assert said[0].stdout == said[1].stdout
    assert [json.loads(line)["fen"] for line in said[0].stdout.splitlines()] == [40000, None]


AS_FRAMES_WRITE = """
    SELECT 'a' AS id, 40.0::DOUBLE AS planned_hours, 31.9::DECIMAL(6, 1) AS attended_hours, 'no_certificate' AS kind,
        TIMESTAMP '2026-06-01' AS class_start, '[{"scheme": "training", "on": "2025-05-01"}]' AS history
    UNION ALL SELECT 'b', 'NaN'::DOUBLE, 31.9, 'no_certificate', NULL, NULL
"""


def test_eval_reads_parquet_as_data_frames_write_it(tmp_path: Path) -> None:
    """A column of whole numbers with an empty cell is one of floats there, a day is a midnight, a list may be a text."""
    table, lines = tmp_path / "facts.parquet", tmp_path / "facts.jsonl"
    duckdb.sql(f"COPY ({AS_FRAMES_WRITE}) TO '{table}' (FORMAT parquet)")
    lines.write_text(
        '{"id": "a", "planned_hours": 40, "attended_hours": 31.9, "kind": "no_certificate", "class_start": "2026-06-01",'
        ' "history": [{"scheme": "training", "on": "2025-05-01"}]}\n'
        '{"id": "b", "attended_hours": 31.9, "kind": "no_certificate"}\n',
        encoding="utf-8",
    )
    where = ["eval", "--policy", str(ROOT / "cn-37-09"), "--on", "2026-06-01", "--scheme", "training", "--facts"]
    said = [runner.invoke(app, [*where, str(file)]) for file in (lines, table)]
    assert [done.exit_code for done in said] == [0, 0], said[1].stderr
    assert said[0].stdout == said[1].stdout


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("40.5::DOUBLE AS planned_hours", "写的是 40.5"),
        ("TIMESTAMP '2026-06-01 09:30' AS class_start", "要日期"),
        ("'[{' AS history", "这一行不是 JSON"),
    ],
)
def test_eval_takes_nothing_from_parquet_that_is_not_exactly_a_fact(tmp_path: Path, cell: str, said: str) -> None:
    table = tmp_path / "facts.parquet"
    duckdb.sql(f"COPY (SELECT 'a' AS id, {cell} UNION ALL SELECT 'b', NULL) TO '{table}' (FORMAT parquet)")
    where = ["eval", "--policy", str(ROOT / "cn-37-09"), "--on", "2026-06-01", "--scheme", "training", "--facts"]
    done = runner.invoke(app, [*where, str(table)])
    assert done.exit_code == 1
    assert "facts.parquet:1: " in done.stderr
    assert said in done.stderr
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["b"], "the others are answered"


def test_eval_says_in_chinese_that_a_file_is_no_parquet_and_nan_no_json(tmp_path: Path) -> None:
    table, lines = tmp_path / "facts.parquet", tmp_path / "facts.jsonl"
    table.write_text("garbage", encoding="utf-8")
    lines.write_text('{"id": "a", "planned_hours": NaN}', encoding="utf-8")
    where = ["eval", "--policy", str(ROOT / "cn-37-09"), "--on", "2026-06-01", "--scheme", "training", "--facts"]
    told = [runner.invoke(app, [*where, str(file)]).stderr for file in (table, lines)]
    assert "不是 Parquet 文件" in told[0]
    assert "SELECT" not in told[0]
    assert "JSON 里没有 NaN；不知道写 null" in told[1]


def test_eval_asks_for_the_place_where_texts_of_several_are_given(tmp_path: Path) -> None:
    facts = tmp_path / "facts.jsonl"
    facts.write_text("{}", encoding="utf-8")
    given = [word for name in ("cn-37-09", "cn-12") for word in ("--policy", str(ROOT / name))]
    given += ["--policy", str(ROOT / "cn")]
    where = ["eval", *given, "--facts", str(facts), "--on", "2026-06-01"]
    done = runner.invoke(app, where)
    assert done.exit_code == 1
    assert "请用 --place" in done.output
    assert runner.invoke(app, [*where, "--place", "370900"]).exit_code == 0


def test_eval_explained_tells_from_what_to_what_an_amount_can_come(tmp_path: Path) -> None:
    facts = tmp_path / "facts.jsonl"
    facts.write_text(
        json.dumps(
            {
                "group": "06",
                "level": "intermediate",
                "kind": "skill_level",
                "training_cost": 300000,
                "scarcity": "scarce",
            }
        ),
        encoding="utf-8",
    )
    words = ["eval", "--policy", str(ROOT.parent / "docs/examples/yunzhou-2026.yaml"), "--facts", str(facts)]
    words += ["--on", "2026-06-01", "--scheme", "training", "--phase", "preflight"]
    row = json.loads(runner.invoke(app, [*words, "--explain"]).stdout)
    assert row["fen"] is None
    assert row["spread"] == {"least": 168000, "most": 182000, "hangs_on": ["employed_within_6_months"]}
    assert any(line.startswith("预计补贴：¥1,680.00 至 ¥1,820.00，看") for line in row["explain"])
    assert "spread" not in json.loads(runner.invoke(app, words).stdout)


def test_eval_needs_no_django(tmp_path: Path) -> None:
    facts = tmp_path / "facts.jsonl"
    facts.write_text('{"planned_hours": 40}', encoding="utf-8")
    words = ["eval", "--policy", str(ROOT / "cn-37-09"), "--facts", str(facts), "--on", "2026-06-01"]
    code = (
        "import sys\nfrom zhaoliang.cli.policy import app\n"
        f"try: app({[*words, '--scheme', 'training']!r})\n"
        "except SystemExit as done: sys.exit(done.code or ('django' in sys.modules))"
    )
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, env=os.environ | path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["fen"] is None


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


def test_a_stranger_works_outside_the_repository(tmp_path: Path) -> None:
    """Elsewhere the fact schema and the library that came with the program serve; a clause's number needs no quotes."""
    (tmp_path / "mine.yaml").write_text(
        DOCUMENT + "amounts:\n  a: {scheme: training, says: 标准, base: 100, cite: 1}\n", encoding="utf-8"
    )
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    for words in (["check", "mine.yaml"], ["facts", "mine.yaml"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-c", f"from zhaoliang.cli.policy import app; app({words!r})"],
            check=False,
            cwd=tmp_path,
            env=os.environ | path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

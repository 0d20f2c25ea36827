"""The mission table tells the truth about the last full run."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from plugins import mission as plugin
from zhaoliang.cli.mission import read_rows

TABLE = Path(__file__).resolve().parents[2] / "docs" / "mission-rows.csv"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows(
            [["id", "text", "source", "complete"], ["C1", "定义", "券", "yes"], ["C2", "领取", "券", "no"]]
        )
    return path


def results(path: Path, **rows: list[str]) -> Path:
    found = {row: [{"test": f"t{n}", "outcome": o} for n, o in enumerate(outcomes)] for row, outcomes in rows.items()}
    path.write_text(json.dumps({"rows": found}), encoding="utf-8")
    return path


def test_a_row_is_done_when_declared_and_all_its_tests_passed(table: Path, tmp_path: Path) -> None:
    rows = read_rows(table, results(tmp_path / "m.json", C1=["passed", "passed"], C2=["passed"]))
    assert [(row.id, row.done, row.state) for row in rows] == [("C1", True, "完成"), ("C2", False, "部分")]


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_one_test_that_did_not_pass_undoes_a_row(table: Path, tmp_path: Path, outcome: str) -> None:
    row = read_rows(table, results(tmp_path / "m.json", C1=["passed", outcome]))[0]
    assert (row.done, row.state) == (False, "未通过")


def test_without_a_full_run_nothing_is_done(table: Path, tmp_path: Path) -> None:
    assert not any(row.done for row in read_rows(table, tmp_path / "missing.json"))


def test_the_table_lists_every_row_once() -> None:
    ids = [row.id for row in read_rows(TABLE, Path("missing"))]
    assert len(ids) == len(set(ids)) == 83
    assert {"A1", "C9", "F7", "N4"} <= set(ids)


def report(nodeid: str, outcome: str, rows: str) -> Any:
    return SimpleNamespace(
        nodeid=nodeid, outcome=outcome, failed=outcome == "failed", user_properties=[("mission", rows)]
    )


def test_a_test_counts_by_its_worst_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "_reports", {})
    for outcome in ("passed", "passed", "failed"):
        plugin.pytest_runtest_logreport(report("a", outcome, "C1,C2"))
    plugin.pytest_runtest_logreport(report("b", "passed", "C1"))
    assert plugin.results(plugin._reports) == {
        "C1": [{"test": "a", "outcome": "failed"}, {"test": "b", "outcome": "passed"}],
        "C2": [{"test": "a", "outcome": "failed"}],
    }

"""`zhaoliang mission`: the rows of the mission table, the tests that prove them, and whether each is done."""

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from zhaoliang.cli.environment import fail, setup_django


@dataclass(frozen=True)
class Row:
    """One row: done when it is declared complete and every one of its tests passed in the last full run."""

    id: str
    text: str
    complete: bool
    tests: tuple[str, ...]
    failed: tuple[str, ...]

    @property
    def done(self) -> bool:
        return self.complete and bool(self.tests) and not self.failed

    @property
    def state(self) -> str:
        """The state in words."""
        if self.done:
            return "完成"
        if self.failed:
            return "未通过"
        return "部分" if self.tests else "未开始"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(mission)


def read_rows(table: Path, results: Path) -> list[Row]:
    """Return all rows of `docs/mission-rows.csv` with the results of the last full test run (none: no tests)."""
    outcomes = json.loads(results.read_text(encoding="utf-8"))["rows"] if results.exists() else {}
    rows = []
    with table.open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines):
            tests = outcomes.get(line["id"], [])
            rows.append(
                Row(
                    id=line["id"],
                    text=line["text"],
                    complete=line["complete"] == "yes",
                    tests=tuple(test["test"] for test in tests),
                    failed=tuple(test["test"] for test in tests if test["outcome"] != "passed"),
                )
            )
    return rows


def mission(
    as_json: Annotated[bool, typer.Option("--json", help="打印 JSON：[{id, done, tests}]")] = False,
) -> None:
    """使命清单：每一行、它的测试、是否完成（按上一次全部测试的真实结果）。"""
    from django.conf import settings

    setup_django()
    table = settings.HOME / "docs" / "mission-rows.csv"
    if not table.exists():
        fail(f"找不到 {table}。请在项目文件夹里运行，或设置 ZHAOLIANG_HOME。")
    rows = read_rows(table, settings.VAR / "mission.json")
    if as_json:
        kept = ("id", "done", "tests")
        given = [{**asdict(row), "done": row.done} for row in rows]
        typer.echo(json.dumps([{key: row[key] for key in kept} for row in given], ensure_ascii=False, indent=1))
        return
    for row in rows:
        typer.echo(f"{row.id:<4}{row.state}  {row.text}")
        for test in row.tests:
            typer.echo(f"      {'✗' if test in row.failed else '✓'} {test}")
    done = sum(row.done for row in rows)
    typer.echo(f"{len(rows)} 行，完成 {done}，部分 {sum(bool(row.tests) for row in rows) - done}。")
    if not (settings.VAR / "mission.json").exists():
        typer.echo("还没有全部测试的结果：先运行 make test。")

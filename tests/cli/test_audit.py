"""`zhaoliang audit` as people run it: table, annotated workbook, JSON, exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from typer.testing import CliRunner

from factories.catalogue import project as listed_project
from factories.classes import AT, candidate, draft, open_batch, staff, workbook
from zhaoliang.classes import services
from zhaoliang.classes.models import Enrolment, RosterImport
from zhaoliang.cli import audit as command
from zhaoliang.cli.main import app

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D2", "F3")]


@pytest.fixture(autouse=True)
def _database_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def running() -> Iterator[None]:
        yield

    monkeypatch.setattr(command, "database", running)


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])


def test_it_lists_the_faults_writes_both_files_and_changes_nothing(tmp_path: Path) -> None:
    project = listed_project()
    training_class = draft(project)
    source = open_batch(project)
    content = workbook([candidate(source).row(), candidate(source, pension=True).row()], above=["测试花名册"])
    roster, out, out_json = tmp_path / "名册 一.xlsx", tmp_path / "out.xlsx", tmp_path / "out.json"
    roster.write_bytes(content)
    done = run(roster, "--city", project.city_code, "--project", project.name, "--out", out, "--json", out_json)
    assert done.exit_code == 1, done.output
    assert "第 4 行“人员类别”（C 列）" in done.output
    assert "津人社局发〔2022〕20号 第四条" in done.output
    report = json.loads(out_json.read_text("utf-8"))
    assert [(one["row"], one["code"]) for one in report["findings"]] == [(4, "not_drawing_pension")]
    assert (report["rows"], report["wrong_rows"], report["class"]["name"]) == (2, [4], training_class.name)
    marked = openpyxl.load_workbook(out)
    assert marked["花名册"]["C4"].comment is not None
    assert marked["花名册"]["C3"].comment is None
    assert RosterImport.objects.filter(city_code=project.city_code).count() == 0
    assert Enrolment.objects.filter(city_code=project.city_code).count() == 0


def test_a_roster_is_matched_to_the_class_it_was_handed_in_for(tmp_path: Path) -> None:
    project = listed_project()
    draft(project)
    second = draft(project)
    person = candidate(open_batch(project))
    content = workbook([person.row()])
    services.import_roster(actor=staff(second), at=AT, training_class=second, file_name="a.xlsx", content=content)
    roster = tmp_path / "a.xlsx"
    roster.write_bytes(content)
    done = run(roster, "--city", project.city_code, "--project", project.pk)
    assert (done.exit_code, second.name in done.output) == (0, True), done.output
    other = tmp_path / "b.xlsx"
    other.write_bytes(workbook([person.row(备注="另一个文件")]))
    asked = run(other, "--city", project.city_code, "--project", project.pk)
    assert asked.exit_code == 2
    assert "--class" in asked.output


@pytest.mark.parametrize("wrong", ["file", "missing", "project", "class"])
def test_what_cannot_be_used_ends_with_two(wrong: str, tmp_path: Path) -> None:
    project = listed_project()
    draft(project)
    roster = tmp_path / "a.xlsx"
    roster.write_bytes(b"not a workbook" if wrong == "file" else workbook([candidate(open_batch(project)).row()]))
    arguments: list[object] = [roster, "--city", project.city_code, "--project", project.pk]
    if wrong == "missing":
        arguments[0] = tmp_path / "没有.xlsx"
    elif wrong == "project":
        arguments[-1] = "没有这个项目"
    elif wrong == "class":
        arguments += ["--class", 999999]
    done = run(*arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.output

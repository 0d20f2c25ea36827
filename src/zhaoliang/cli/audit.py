"""`zhaoliang audit`: a roster checked as on import, without importing anything."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from zhaoliang.cli.environment import database

if TYPE_CHECKING:
    from zhaoliang.catalogue.models import Project
    from zhaoliang.classes.models import TrainingClass
    from zhaoliang.classes.roster.checks import Roster
    from zhaoliang.classes.roster.read import RosterFile

FOUND, UNUSABLE = 1, 2


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(name="audit")(audit)


def audit(
    roster: Annotated[Path, typer.Argument(help="花名册（.xlsx）")],
    city: Annotated[int, typer.Option("--city", help="城市代码，如 120000")],
    project: Annotated[str, typer.Option("--project", help="项目编号或项目名称")],
    class_id: Annotated[int | None, typer.Option("--class", help="班级编号；不填时按名册和项目查找")] = None,
    start: Annotated[
        datetime | None, typer.Option("--start", formats=["%Y-%m-%d"], help="开班日期；没有班级时必填")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="写出带批注的工作簿")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="写出 JSON")] = None,
) -> None:
    """核对花名册：逐行列出问题、原因和依据，不导入任何内容。有须更正的问题时退出码为 1，文件无法使用时为 2。"""
    try:
        content = roster.read_bytes()
    except OSError as problem:
        _unusable(f"无法读取文件：{problem.strerror or problem}")
    with database():
        from zhaoliang.classes.roster.annotate import annotate
        from zhaoliang.classes.roster.checks import check_roster
        from zhaoliang.classes.roster.read import read_roster
        from zhaoliang.kernel.workbooks import UnusableFile

        chosen = _project(city, project)
        training_class = _class(chosen, class_id, content, start.date() if start else None)
        begins = start.date() if start else training_class.starts_on if training_class else None
        if begins is None:
            _unusable("这个项目没有（或有不止一个）可以对应的班级：请用 --class 指定班级，或用 --start 给出开班日期。")
        try:
            file = read_roster(content, file_name=roster.name)
        except UnusableFile as refusal:
            _unusable(str(refusal))
        checked = check_roster(
            file,
            city_code=city,
            project=chosen,
            start=begins,
            training_class=training_class,
            at=datetime.now(UTC),
            importing=False,
        )
        _print(file, checked, chosen, training_class, begins)
        if out is not None:
            out.write_bytes(annotate(file, checked.findings))
            typer.echo(f"带批注的工作簿：{out}")
        if json_file is not None:
            json_file.write_text(_json(file, checked, chosen, training_class, begins), encoding="utf-8")
            typer.echo(f"JSON：{json_file}")
    if checked.errors:
        raise typer.Exit(FOUND)


def _unusable(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(UNUSABLE)


def _project(city: int, named: str) -> Project:
    from zhaoliang.catalogue.selectors import project, projects_named

    if named.isdecimal():
        found = project(city, int(named))
        if found is not None:
            return found
    several = projects_named(city, named)
    if len(several) == 1:
        return several[0]
    if several:
        _unusable(f"有 {len(several)} 个项目叫“{named}”，请用编号：{'、'.join(str(one.pk) for one in several)}")
    _unusable(f"城市 {city} 没有项目“{named}”。")


def _class(project: Project, class_id: int | None, content: bytes, start: date | None) -> TrainingClass | None:
    """The class meant: the one named, the one this very file was handed in for, or the project's only one."""
    from zhaoliang.classes import selectors

    if class_id is not None:
        found = selectors.training_class(project.city_code, class_id)
        if found is None or found.project_id != project.pk:
            _unusable(f"项目“{project.name}”没有编号为 {class_id} 的班级。")
        return found
    live = selectors.live_classes(project.city_code, project.pk)
    given = selectors.classes_given(project.city_code, project.pk, hashlib.sha256(content).digest())
    handed_in = [one for one in live if one.pk in given]
    if handed_in:
        return handed_in[0]
    if start is not None:
        live = [one for one in live if one.starts_on == start]
    return live[0] if len(live) == 1 else None


def _print(
    file: RosterFile, checked: Roster, project: Project, training_class: TrainingClass | None, start: date
) -> None:
    of_class = f"，班级“{training_class.name}”" if training_class is not None else ""
    typer.echo(f"花名册：{file.file_name}，{len(checked.trainees)} 人；项目“{project.name}”{of_class}，{start} 开班")
    for note in file.notes:
        typer.echo(f"说明：{note}")
    for finding in checked.findings:
        mark = "✗" if finding.severity == "error" else "？"
        typer.echo(f"{mark} {finding.place}：{finding.reason}")
        if finding.clause:
            typer.echo(f"    依据：{finding.clause}")
        if finding.next_step:
            typer.echo(f"    怎么办：{finding.next_step}")
    wrong = len({finding.row for finding in checked.errors})
    notices = len(checked.findings) - len(checked.errors)
    typer.echo(f"共 {len(checked.errors)} 处须更正，涉及 {wrong} 行；提示 {notices} 处。")


def _json(
    file: RosterFile, checked: Roster, project: Project, training_class: TrainingClass | None, start: date
) -> str:
    return json.dumps(
        {
            "file": file.file_name,
            "sheet": file.sheet,
            "city": project.city_code,
            "project": {"id": str(project.pk), "name": project.name},
            "class": {"id": str(training_class.pk), "name": training_class.name} if training_class else None,
            "start": start.isoformat(),
            "rows": len(checked.trainees),
            "wrong_rows": sorted({one.row for one in checked.errors if one.row is not None}),
            "notes": list(file.notes),
            "findings": [finding.as_dict() for finding in checked.findings],
        },
        ensure_ascii=False,
        indent=1,
    )

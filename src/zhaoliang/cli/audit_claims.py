"""`zhaoliang audit-claims` and `zhaoliang export-lines`: all claim lines of a region decided again, or given out as facts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from zhaoliang.cli.environment import database

WORDS = {"none": "尚无决定", "pass": "符合", "fail": "不予补贴", "cannot_tell": "转人工"}


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command(name="audit-claims")(audit_claims)
    app.command(name="export-lines")(export_lines)


def audit_claims(
    city: Annotated[int, typer.Option("--city", help="城市代码，如 120000")],
    region: Annotated[int | None, typer.Option("--region", help="地区代码，如 120101；不填为全市")] = None,
    policy_overlay: Annotated[
        Path | None, typer.Option("--policy-overlay", help="试用的政策文件夹，目录结构同 policies/", exists=True)
    ] = None,
    store: Annotated[bool, typer.Option("--store", help="把与上次不同的决定留存备查；不改变任何明细")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """按各班开班日的政策把补贴明细重新核一遍，列出结论有变的；默认不写入任何内容。"""
    if store and policy_overlay is not None:
        typer.echo("试用的政策不能留存决定：--store 和 --policy-overlay 只能用一个。", err=True)
        raise typer.Exit(2)
    with database():
        from zhaoliang.kernel.money import format_yuan
        from zhaoliang.kernel.roles import Place, system_actor
        from zhaoliang.registry.lawbook import library_with
        from zhaoliang.subsidies.services.audit import audit_region, compare

        texts = library_with(_overlay(policy_overlay)) if policy_overlay is not None else None
        found = compare(city, region or city, store=texts)
        if as_json:
            rows = [
                {"before": before, "after": after, **moved.__dict__, "examples": [str(one) for one in moved.examples]}
                for (before, after), moved in sorted(found.items())
            ]
            typer.echo(json.dumps(rows, ensure_ascii=False))
        else:
            for (before, after), moved in sorted(found.items()):
                mark = " " if before == after else "≠"
                typer.echo(
                    f"{mark} {WORDS[before]} → {WORDS[after]}：{moved.lines} 条，"
                    f"符合金额 {format_yuan(moved.fen_before)} → {format_yuan(moved.fen_after)}"
                    + ("" if before == after else f"，如明细 {'、'.join(map(str, moved.examples))}")
                )
            typer.echo(f"共 {sum(moved.lines for moved in found.values())} 条。")
        if store:
            place = Place(city, region or city)
            stored = audit_region(actor=system_actor(), at=datetime.now(UTC), place=place)
            typer.echo(f"留存 {stored} 条与上次不同的决定。", err=as_json)


def _overlay(folder: Path) -> dict[str, bytes]:
    """The files below a folder by their path in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def export_lines(
    out: Annotated[Path, typer.Option("--out", help="写出的文件：.parquet、.csv 或 .jsonl")],
    city: Annotated[int, typer.Option("--city", help="城市代码，如 120000")],
    region: Annotated[int | None, typer.Option("--region", help="地区代码；不填为全市")] = None,
) -> None:
    """把补贴明细的事实写成数据文件，供政策测算；不含姓名和证件号。"""
    form = out.suffix.lstrip(".")
    if form not in ("parquet", "csv", "jsonl"):
        typer.echo("文件名要以 .parquet、.csv 或 .jsonl 结尾。", err=True)
        raise typer.Exit(2)
    with database():
        from zhaoliang.subsidies.past import ExportUnavailable
        from zhaoliang.subsidies.selectors import past_line_facts

        try:
            count = past_line_facts(out, city_code=city, region_code=region or city, form=form)
        except ExportUnavailable as problem:
            typer.echo(str(problem), err=True)
            raise typer.Exit(1) from problem
        typer.echo(f"已写出 {count} 条：{out}")

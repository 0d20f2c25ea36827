"""`zhaoliang policy report`: what a careful reader would ask about the texts, with file, line and the mend."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from zhaoliang.cli.policy.group import DEFAULT_ROOT, Root, app
from zhaoliang.cli.policy.texts import AsJson, Paths, chosen_texts
from zhaoliang.policy.report import Report, report


@app.command("report")
def report_command(
    paths: Paths = None,
    root: Root = DEFAULT_ROOT,
    as_json: AsJson = False,
    notes: Annotated[bool, typer.Option("--notes/--no-notes", help="是否列出“说明”一级")] = True,
) -> None:
    """编译报告：时间重叠、缺格、走不到的规则、与上级不一致之处等；有错误则退出码为 1。"""
    store, documents = chosen_texts(paths, root)
    made = report(store, documents)
    if as_json:
        typer.echo(json.dumps(_json(made), ensure_ascii=False, indent=2))
    else:
        for finding in made.findings:
            if notes or finding.severity != "note":
                typer.echo(str(finding))
        typer.echo("　".join(f"{name} {count}" for name, count in made.counts.items()))
    if made.of("error"):
        raise typer.Exit(1)


def _json(made: Report) -> dict[str, object]:
    return {
        "counts": dict(made.counts),
        "findings": [asdict(finding) for finding in made.findings],
        "conflicts": [
            {
                "document": one.document.id,
                "file": one.document.file,
                "line": one.document.line(one.part),
                "part": one.part,
                "direction": one.direction,
                "binding": one.binding,
                "text": one.text,
                "lower": asdict(one.lower),
                "higher": asdict(one.higher),
            }
            for one in made.conflicts
        ],
    }

"""`zhaoliang policy coverage`: where each clause is expressed, or why it is not."""

from __future__ import annotations

import typer

from zhaoliang.cli.policy.group import DEFAULT_ROOT, Root, app
from zhaoliang.cli.policy.texts import Paths, chosen_texts
from zhaoliang.policy.coverage import coverage, markdown


@app.command("coverage")
def coverage_command(paths: Paths = None, root: Root = DEFAULT_ROOT) -> None:
    """条款对照表（Markdown）：每一条由哪些规则、数值、金额表达；没有的写明原因。有条款两样都没有则退出码为 1。"""
    rows = list(coverage(*chosen_texts(paths, root)))
    for line in markdown(rows):
        typer.echo(line)
    untold = [row for row in rows if not row.parts and not row.reason]
    for row in untold:
        where = f"{row.document.file}:{row.document.line(f'clauses.{row.clause.id}')}"
        way = "写一条依据它的规则或数值；不作规则的，在条款里写 no_rule（原因）"
        typer.echo(f"{where} {row.clause.ref}：没有规则，也没有写明原因。{way}", err=True)
    if untold:
        raise typer.Exit(1)

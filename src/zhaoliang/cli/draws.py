"""`zhaoliang draws`: publish a month of review draws as a file, and draw again from such a file alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from zhaoliang.cli.environment import database, fail, setup_django

app = typer.Typer(help="审核抽查的公开和复核", no_args_is_help=True)


@app.command()
def publish(
    city: Annotated[int, typer.Argument(help="城市代码")],
    month: Annotated[str, typer.Argument(help="月份，如 2026-07；不给就列出各月")] = "",
) -> None:
    """打印一个月的抽查：月中只有承诺和清单摘要，月后连同种子、明细编号和核对过的编号。"""
    now = datetime.now(UTC)
    with database():
        from zhaoliang.subsidies import draws

        if not month:
            for one in draws.months(city, now):
                told = "种子已公布" if one.over else "只有承诺"
                typer.echo(f"{one.seed.month}  {told}  {one.draws} 次抽取  承诺 {one.seed.commitment}")
            return
        seed = draws.month(city, month)
        if seed is None:
            fail(f"{city} 在 {month} 没有抽查。")
        typer.echo(json.dumps(draws.published(seed, now), ensure_ascii=False, indent=1))


@app.command()
def check(file: Annotated[Path, typer.Argument(help="公开的抽查文件（JSON）", exists=True, dir_okay=False)]) -> None:
    """只凭公开的文件把抽查重做一遍；与实际核对的不符时返回 1。不需要数据库。"""
    setup_django()
    from zhaoliang.subsidies import draws

    try:
        document = json.loads(file.read_text("utf-8"))
        wrong = draws.check(document)
    except (ValueError, KeyError, TypeError) as problem:
        fail(f"没有重做：{problem}")
    for one in wrong:
        typer.echo(f"✗ {one}")
    if wrong:
        raise typer.Exit(1)
    typer.echo(f"{document['month']}：承诺、清单和 {len(document['draws'])} 次抽取都相符。")

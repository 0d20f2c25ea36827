"""`zhaoliang calendar`: enter the holiday notice of a year that the calendar package does not know yet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zhaoliang.cli.environment import database, fail

app = typer.Typer(help="工作日日历", no_args_is_help=True)


@app.callback()
def main() -> None:
    """工作日日历。"""


@app.command()
def enter(
    file: Annotated[Path, typer.Argument(help="CSV：日期,班休", exists=True, dir_okay=False)],
    year: Annotated[int, typer.Option(min=2024, max=2100, help="年份")],
    source: Annotated[str, typer.Option(help="放假通知的文号")],
) -> None:
    """录入某年的放假通知；同一年再录一次就替换。"""
    with database():
        from zhaoliang.kernel.calendar import enter_year
        from zhaoliang.kernel.errors import Refusal

        try:
            with file.open(encoding="utf-8-sig", newline="") as lines:
                days = enter_year(year=year, source=source, lines=lines)
        except (Refusal, UnicodeDecodeError) as problem:
            fail(str(problem))
    typer.echo(f"{year} 年日历已录入，{days} 天与周历不同。")

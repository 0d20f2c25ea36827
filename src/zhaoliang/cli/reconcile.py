"""`zhaoliang reconcile`: a bank's file matched row by row, printed by outcome, and booked unless it is a trial."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhaoliang.cli.environment import database, fail
from zhaoliang.cli.trace import padded
from zhaoliang.kernel.money import format_yuan

if TYPE_CHECKING:
    from zhaoliang.payments.services import Preview


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("reconcile")(reconcile)


def reconcile(
    file: Annotated[Path, typer.Argument(help="银行文件：.xlsx、.csv、camt.053 或 MT940", exists=True, dir_okay=False)],
    city: Annotated[int, typer.Option(help="城市代码")] = 120000,
    region: Annotated[int, typer.Option(help="地区代码；不给就是全市")] = 0,
    batch: Annotated[str, typer.Option(help="批次号；批次的回单要给，账户对账单不用给")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只核对，不入账")] = False,
) -> None:
    """逐笔核对银行文件：列出每种结果的笔数和金额；相符的入账，其余进待处理事项。"""
    with database():
        from django.utils import timezone

        from zhaoliang.kernel.errors import Refusal
        from zhaoliang.kernel.roles import Place, system_actor
        from zhaoliang.payments import selectors, services

        at, actor, content = timezone.now(), system_actor("命令行"), file.read_bytes()
        place = Place(city, region or city)
        try:
            of = selectors.batch_by_number(city, batch) if batch else None
            shown = services.preview(place=place, batch=of, file_name=file.name, content=content, at=at)
            for row in rendered(shown):
                typer.echo(row)
            if dry_run:
                typer.echo("只核对，没有入账。")
                return
            given = {"actor": actor, "at": at, "file_name": file.name, "content": content}
            if of is not None:
                services.import_return(batch=of, **given)
            else:
                services.import_statement(place=place, **given)
        except Refusal as problem:
            fail(f"{problem.what}{problem.why}{problem.next_step}")
    typer.echo("已入账；对不上的在“银行对账”里等人处理。")


def rendered(shown: Preview) -> list[str]:
    """The outcomes as aligned lines, every one of them, also those that did not occur."""
    from zhaoliang.payments.models import BankReturnLine, ReconciliationCase

    named = [*BankReturnLine.OUTCOMES, ReconciliationCase.KINDS[-1]]
    counted = shown.outcomes | {"missing": shown.missing}
    rows = [f"{shown.form}，{shown.rows} 行"]
    for code, label in named:
        number, fen = counted.get(code, (0, 0))
        rows.append(f"{padded(label, 26)}{padded(code, 18)}{number:>8}{format_yuan(fen):>18}")
    return rows

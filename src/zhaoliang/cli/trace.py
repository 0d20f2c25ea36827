"""`zhaoliang trace`: the way of a claim line's money from clause to bank line, printed."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Annotated

import typer

from zhaoliang.cli.environment import database, fail
from zhaoliang.kernel.money import format_yuan

if TYPE_CHECKING:
    from zhaoliang.payments.trace import Node, Trace

TITLE_WIDTH, KIND_WIDTH, DETAIL_WIDTH = 44, 10, 60


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("trace")(trace)


def trace(
    line_id: Annotated[int, typer.Argument(metavar="[CLAIM_LINE_ID]", help="申领明细编号")] = 0,
    city: Annotated[int, typer.Option(help="城市代码；不给就在全国范围查找")] = 0,
    bank_line: Annotated[str, typer.Option(help="银行流水号、我们的参考号（ZL…）或银行行编号：从银行看回条款")] = "",
) -> None:
    """打印一条申领明细的来龙去脉：条款、规则、事实、金额、记账、拨付、银行回单、培训券；或从银行行看回来。"""
    with database():
        from zhaoliang.kernel.errors import NotFound
        from zhaoliang.payments.selectors import lines_of_bank
        from zhaoliang.payments.trace import cent_trace
        from zhaoliang.subsidies.selectors import city_of_line, claim_line

        try:
            lines = (
                lines_of_bank(city, bank_line) if bank_line else [claim_line(city or city_of_line(line_id), line_id)]
            )
            traces = [cent_trace(line) for line in lines]
        except NotFound as problem:
            fail(str(problem))
    for found in traces:
        for row in rendered(found, backwards=bool(bank_line)):
            typer.echo(row)
    if any(found.breaks for found in traces):
        raise typer.Exit(1)


def rendered(found: Trace, *, backwards: bool = False) -> list[str]:
    """The trace as aligned lines, from the clause or from the bank; the last says whether all figures agree."""
    from zhaoliang.payments.trace import KINDS

    kinds = list(reversed(KINDS)) if backwards else list(KINDS)
    rows = [_row(KINDS[node.kind], node) for kind in kinds for node in found.of(kind)]
    rows += [f"✗ {problem}" for problem in found.breaks]
    rows += [f"! {found.today}"] if found.today else []
    return [*rows, "各步金额一致，按当时的政策重算相同。" if not found.breaks else "金额对不上，见上。"]


def _row(kind: str, node: Node) -> str:
    amount = f"{format_yuan(node.amount_fen):>14}" if node.amount_fen is not None else " " * 14
    parts = [padded(kind, KIND_WIDTH), padded(node.title, TITLE_WIDTH), amount, "  ", cut(node.detail, DETAIL_WIDTH)]
    return "".join(parts).rstrip()


def width(text: str) -> int:
    """Columns a terminal gives the text: two for each Chinese character."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def cut(text: str, columns: int) -> str:
    """The text, shortened with … to fit."""
    if width(text) <= columns:
        return text
    while width(text) > columns - 2:
        text = text[:-1]
    return f"{text}…"


def padded(text: str, columns: int) -> str:
    """The text in a field of that many columns, with at least one blank after it."""
    shown = cut(text, columns - 1)
    return shown + " " * (columns - width(shown))

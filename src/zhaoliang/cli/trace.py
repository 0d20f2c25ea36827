"""`zhaoliang trace`: the way of a claim line's money from clause to bank line, printed."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from zhaoliang.cli.environment import database, fail
from zhaoliang.kernel.money import format_yuan

if TYPE_CHECKING:
    from zhaoliang.payments.trace import Node, Trace
    from zhaoliang.subsidies.models import ClaimLine

TITLE_WIDTH, KIND_WIDTH, DETAIL_WIDTH = 44, 10, 60


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("trace")(trace)


def trace(
    line_id: Annotated[int, typer.Argument(metavar="[CLAIM_LINE_ID]", help="申领明细编号")] = 0,
    city: Annotated[int, typer.Option(help="城市代码；不给就在全国范围查找")] = 0,
    bank_line: Annotated[
        str, typer.Option(help="银行流水号（付出的或退还的）、我们的参考号（ZL…）或银行行编号：从银行看回条款")
    ] = "",
) -> None:
    """打印一条申领明细的来龙去脉：条款、规则、事实、金额、记账、拨付、银行回单、培训券、事后的变更和追回；或从银行行看回来。"""
    with database():
        from zhaoliang.kernel.errors import NotFound
        from zhaoliang.payments.trace import cent_trace
        from zhaoliang.subsidies.selectors import city_of_line, claim_line

        try:
            lines = _behind(city, bank_line) if bank_line else [claim_line(city or city_of_line(line_id), line_id)]
            traces = [(cent_trace(line), afterwards(line)) for line in lines]
        except NotFound as problem:
            fail(str(problem))
    for found, later in traces:
        for row in rendered(found, later, backwards=bool(bank_line)):
            typer.echo(row)
    if any(found.breaks for found, _ in traces):
        raise typer.Exit(1)


def _behind(city: int, reference: str) -> list[ClaimLine]:
    """The lines that a row of the bank's paid, or for which money came back under this reference. Raises NotFound."""
    from zhaoliang.kernel.errors import NotFound
    from zhaoliang.payments.selectors import lines_of_bank
    from zhaoliang.recoveries.selectors import cases_of_reference

    found = {case.claim_line_id: case.claim_line for case in cases_of_reference(city, reference)}
    try:
        found |= {line.pk: line for line in lines_of_bank(city, reference)}
    except NotFound:
        if not found:
            raise
    return list(found.values())


def afterwards(line: ClaimLine) -> list[str]:
    """What later changes of facts made of a line, as aligned rows: the difference, the case, its entries, what came back."""
    from zhaoliang.funds.models import Transfer
    from zhaoliang.kernel.days import chinese_day, format_cn_date
    from zhaoliang.payments.trace import Node
    from zhaoliang.recoveries.models import Difference
    from zhaoliang.recoveries.selectors import case_page, cases_of_line, differences_of
    from zhaoliang.recoveries.states import RECOVERY_CASE

    actions, kinds = dict(Difference.ACTIONS), dict(Transfer.KINDS)
    nodes = [
        Node("change", "", f"{format_cn_date(chinese_day(one.at))} {actions[one.action]}", one.summary, one.change_fen)
        for one in reversed(differences_of(line))
    ]
    for case in reversed(cases_of_line(line)):
        shown = case_page(case.city_code, case.pk)
        said = f"{RECOVERY_CASE.states[case.state]}，已退还 {format_yuan(case.collected_fen)}"
        nodes.append(Node("case", "", f"追回事项 {case.pk}", said, case.amount_fen))
        nodes += [
            Node(
                "transfer",
                "",
                f"分录 {one.pk} {kinds[one.kind]}",
                f"{one.debit.name} → {one.credit.name}",
                one.amount_fen,
            )
            for one in shown.transfers
        ]
        nodes += [
            Node(
                "bank",
                "",
                f"流水号 {one.bank_reference}" if one.bank_reference else "抵扣",
                f"{format_cn_date(one.received_on)} 退还",
                one.amount_fen,
            )
            for one in shown.receipts
        ]
    words = {"change": "变更", "case": "追回", "transfer": "记账", "bank": "退还"}
    return [_row(words[node.kind], node) for node in nodes]


def rendered(found: Trace, later: Sequence[str] = (), *, backwards: bool = False) -> list[str]:
    """The trace as aligned lines, from the clause or from the bank, with what came `later`; the last says whether all agree."""
    from zhaoliang.payments.trace import KINDS

    kinds = list(reversed(KINDS)) if backwards else list(KINDS)
    rows = [_row(KINDS[node.kind], node) for kind in kinds for node in found.of(kind)]
    rows = [*reversed(later), *rows] if backwards else [*rows, *later]
    rows += [f"✗ {problem}" for problem in found.breaks]
    rows += [f"! {found.today}"] if found.today else []
    return [*rows, "各步金额一致，按当时的政策重算相同。" if not found.breaks else "金额对不上，见上。"]


def _row(kind: str, node: Node) -> str:
    amount = f"{format_yuan(node.amount_fen):>14}" if node.amount_fen is not None else " " * 14
    title = middle_cut(node.title, TITLE_WIDTH - 1) if node.kind == "clause" else node.title
    parts = [padded(kind, KIND_WIDTH), padded(title, TITLE_WIDTH), amount, "  ", cut(node.detail, DETAIL_WIDTH)]
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


def middle_cut(text: str, columns: int) -> str:
    """The text, shortened in the middle to fit: of a clause the document's name and the article are both wanted."""
    tail = text
    while width(tail) > columns // 2:
        tail = tail[1:]
    return text if width(text) <= columns else f"{cut(text, columns - width(tail))}{tail}"


def padded(text: str, columns: int) -> str:
    """The text in a field of that many columns, with at least one blank after it."""
    shown = cut(text, columns - 1)
    return shown + " " * (columns - width(shown))

"""`zhaoliang prove`: every figure of the books derived again from the entries; 0 differences, or the first wrong entry named."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from zhaoliang.cli.environment import database
from zhaoliang.cli.trace import padded

if TYPE_CHECKING:
    from zhaoliang.recoveries.proof import Proof

SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("prove")(prove)


def prove(
    city: Annotated[int, typer.Option(help="城市代码；不给就逐个核验所有城市")] = 0,
    totals: Annotated[
        bool, typer.Option(help="先把月度汇总按分录重新汇总（升级之后做一次；其间本市不能记账，请在夜间做）")
    ] = False,
) -> None:
    """从每一笔分录重新推算全部账目：余额、调剂、结账、批次预留、申领明细、银行到账、追回、月度汇总。有不符时返回 1。"""
    wrong = 0
    with database():
        from zhaoliang.funds.selectors import cities_with_books
        from zhaoliang.recoveries.proof import prove as proved

        for city_code in [city] if city else cities_with_books():
            if totals:
                _derive_totals(city_code)
            began = time.monotonic()
            proof = proved(city_code)
            wrong += len(proof.findings)
            for row in rendered(city_code, proof, time.monotonic() - began):
                typer.echo(row)
    typer.echo(f"不符 {wrong} 处")
    if wrong:
        raise typer.Exit(1)


def _derive_totals(city_code: int) -> None:
    from zhaoliang.kernel.roles import Place, system_actor
    from zhaoliang.payments.services import derive_totals

    derive_totals(actor=system_actor(), at=datetime.now(UTC), place=Place(city_code, city_code))


def rendered(city_code: int, proof: Proof, seconds: float) -> list[str]:
    """A city's proof as lines: what was looked at, a line a check, the findings with the first wrong entry first."""
    from zhaoliang.recoveries.proof import CHECKS

    rows = [f"城市 {city_code}：{proof.accounts} 个账户，{proof.transfers} 笔分录（{seconds:.1f} 秒）"]
    for check, says in CHECKS.items():
        found = proof.of(check)
        rows.append(f"  {padded(says, 32)}{f'不符 {len(found)} 处' if found else '相符'}")
    entries = [one.transfer_id for one in proof.findings if one.transfer_id is not None]
    if entries:
        rows.append(f"  ✗ 第一笔对不上的分录编号 {min(entries)}")
    rows += [f"  ✗ {one.what}" for one in proof.findings[:SHOWN]]
    if len(proof.findings) > SHOWN:
        rows.append(f"  ……还有 {len(proof.findings) - SHOWN} 处")
    return rows + [f"  在途调剂 {one}（对方还没有调入）" for one in proof.on_the_way]

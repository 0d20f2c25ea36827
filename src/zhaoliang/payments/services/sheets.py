"""The finance bureau's own table of what was spent, by fund and month, taken in to be compared (账表相符)."""

from __future__ import annotations

import re
from datetime import datetime

from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.identifiers import normalise
from zhaoliang.kernel.money import BadAmount, parse_yuan
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.payments.excel import file_digest
from zhaoliang.payments.formats.rows import unusable
from zhaoliang.payments.formats.tables import cells_of
from zhaoliang.payments.models import FinanceTotal

FUND, MONTH, AMOUNT = "资金渠道", "月份", "支出金额"
_FUNDS = {str(label): code for code, label in FundSource.choices}


@act(
    "payments.import_sheet",
    label="导入财政报表",
    grants={Role.FUND_OFFICER: Reach.REGION, Role.FINANCE: Reach.REGION},
    on="place",
)
def import_sheet(*, actor: Actor, at: datetime, place: Place, file_name: str, content: bytes) -> list[FinanceTotal]:
    """Take in a table (.xlsx or .csv) with the columns 资金渠道, 月份 (2026-07) and 支出金额 in yuan.

    A later table replaces what an earlier one said of the same fund and month; both are kept. Raises BadInput naming the
    row that cannot be read, then nothing is taken in.
    """
    rows = [[normalise(cell) for cell in row] for row in cells_of(content, file_name)]
    head = next((number for number, row in enumerate(rows) if {FUND, MONTH, AMOUNT} <= set(row)), None)
    if head is None:
        raise unusable(f"没有找到表头，要有这些列：{FUND}、{MONTH}、{AMOUNT}。")
    where = [rows[head].index(name) for name in (FUND, MONTH, AMOUNT)]
    digest = file_digest(content)
    made = [
        FinanceTotal(
            city_code=place.city_code,
            region_code=place.region_code,
            fund_source=fund,
            month=month,
            amount_fen=fen,
            file_name=file_name[:200],
            sha256=digest,
            at=at,
            actor_name=actor.name,
        )
        for number, row in enumerate(rows[head + 1 :], start=head + 2)
        if any(row)
        for fund, month, fen in [_row(number, [row[index] if index < len(row) else "" for index in where])]
    ]
    if not made:
        raise unusable("文件里只有表头，没有明细。")
    return FinanceTotal.objects.bulk_create(made)


def _row(number: int, cells: list[str]) -> tuple[str, str, int]:
    fund, month, amount = cells
    found = re.match(r"(20\d\d)[-/.年]?(\d{1,2})", month)
    if fund not in _FUNDS:
        raise unusable(f"第 {number} 行的资金渠道“{fund}”不认识，应为：{'、'.join(_FUNDS)}。")
    if not found or not 1 <= int(found[2]) <= 12:
        raise unusable(f"第 {number} 行的月份“{month}”读不懂，应为 2026-07 这样。")
    try:
        return _FUNDS[fund], f"{found[1]}-{int(found[2]):02d}", parse_yuan(amount)
    except BadAmount as problem:
        raise unusable(f"第 {number} 行的金额“{amount}”读不懂。") from problem

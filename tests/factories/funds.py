"""Accounts with money in them, made through the services."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from factories.actors import TIANJIN, actor
from zhaoliang.funds.models import Account, FundSource
from zhaoliang.funds.services import allocate, open_account
from zhaoliang.kernel.roles import Place, Role

AT = datetime(2025, 7, 1, 1, 0, tzinfo=UTC)
_numbers = count(1)


def account(
    kind: str = "budget",
    *,
    city_code: int = TIANJIN,
    region_code: int = TIANJIN,
    fund_source: str = FundSource.EMPLOYMENT_SUBSIDY,
    year: int = 2025,
    code: str = "",
    at: datetime = AT,
) -> Account:
    """An empty account of a kind."""
    code = code or f"test-{kind}-{next(_numbers)}"
    return open_account(
        actor=actor(Role.FUND_OFFICER, region_code=region_code, city_code=city_code),
        at=at,
        place=Place(city_code, region_code),
        code=code,
        name=f"测试账户 {code}",
        kind=kind,
        fund_source=fund_source,
        year=year,
    )


def budget(
    amount_fen: int = 1_000_000_00,
    *,
    city_code: int = TIANJIN,
    region_code: int = TIANJIN,
    fund_source: str = FundSource.EMPLOYMENT_SUBSIDY,
    year: int = 2025,
    at: datetime = AT,
) -> Account:
    """A budget account that holds `amount_fen` (fen), allocated from its appropriation."""
    opened = account("budget", city_code=city_code, region_code=region_code, fund_source=fund_source, year=year, at=at)
    if amount_fen:
        officer = actor(Role.FUND_OFFICER, region_code=region_code, city_code=city_code)
        allocate(actor=officer, at=at, account=opened, amount_fen=amount_fen, memo="测试预算文件")
        opened.refresh_from_db()
    return opened

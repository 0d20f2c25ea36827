"""Accounts with money in them, made through the services; books closed by two people; the proof without our code."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from factories.actors import TIANJIN, actor
from zhaoliang.funds.models import Account, BookClosing, FundSource
from zhaoliang.funds.services import allocate, close_books, open_account, propose_closing
from zhaoliang.kernel.roles import Place, Role

SCRIPT = Path(__file__).parents[2] / "docs" / "operations" / "verify-books.sql"

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


def closed(through: date, at: datetime) -> BookClosing:
    """The city's books closed through the end of a month, proposed by one and closed by another."""
    proposed = propose_closing(actor=actor(Role.FUND_OFFICER), at=at, place=Place(TIANJIN, TIANJIN), through=through)
    return close_books(actor=actor(Role.FINANCE), at=at, closing=proposed)


def script_findings(owner: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """What the independent script answers of Tianjin's books, as psql would run it."""
    text = re.sub(r"^--.*$", "", SCRIPT.read_text(encoding="utf-8"), flags=re.M).replace(":city", str(TIANJIN))
    return owner.execute(text.encode()).fetchall()

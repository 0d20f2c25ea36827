"""How amounts, dates and counts are written for people: the Chinese official way, in China's time."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

CHINA = ZoneInfo("Asia/Shanghai")
WEEKDAYS = "一二三四五六日"


def fen(amount_fen: int, *, sign: bool = False) -> str:
    """`180000` → `¥1,800.00`; `sign` writes the plus of a positive amount too. Raises TypeError for anything but whole fen."""
    if isinstance(amount_fen, bool) or not isinstance(amount_fen, int):
        raise TypeError(f"an amount is a whole number of fen, not {type(amount_fen).__name__}")
    yuan, rest = divmod(abs(amount_fen), 100)
    mark = "−" if amount_fen < 0 else "+" if sign and amount_fen > 0 else ""
    return f"{mark}¥{yuan:,}.{rest:02d}"


def cn_date(value: date | datetime, *, weekday: bool = False) -> str:
    """`2026年3月5日`, with `weekday` `2026年3月5日（周四）`. A datetime is read on China's clock."""
    day = _local(value).date() if isinstance(value, datetime) else value
    text = f"{day.year}年{day.month}月{day.day}日"
    return f"{text}（周{WEEKDAYS[day.weekday()]}）" if weekday else text


def cn_datetime(value: datetime) -> str:
    """`2026年3月5日 08:30`, China's clock. Raises ValueError for a naive time."""
    local = _local(value)
    return f"{cn_date(local)} {local:%H:%M}"


def cn_month(value: str) -> str:
    """`2026-03` → `2026年3月`."""
    year, _, month = value.partition("-")
    return f"{year}年{int(month)}月"


def cn_time(value: datetime) -> str:
    """`08:30`, China's clock."""
    return f"{_local(value):%H:%M}"


def count(value: int) -> str:
    """`1204` → `1,204`."""
    return f"{value:,}"


def percent(value: Fraction | Decimal | float | int, digits: int = 0) -> str:
    """A ratio as `87 %`; never rounded up to 100 % or to a round figure it has not reached (79.96 % stays below 80 %)."""
    scaled = Fraction(value) * 100 * 10**digits
    whole = scaled.numerator // scaled.denominator
    figure = f"{whole // 10**digits}" if digits == 0 else f"{whole // 10**digits}.{whole % 10**digits:0{digits}d}"
    # A no-break space: the figure and its sign stay on one line.
    return f"{figure}\u00a0%"


def _local(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time on a page must carry its time zone")
    return value.astimezone(CHINA)

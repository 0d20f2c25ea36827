"""How values are written for people."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest

from zhaoliang.web.components import formats


@pytest.mark.parametrize(
    ("amount_fen", "text"),
    [(0, "¥0.00"), (5, "¥0.05"), (180000, "¥1,800.00"), (-2050, "−¥20.50"), (123456789001, "¥1,234,567,890.01")],
)
def test_an_amount_is_written_to_the_fen(amount_fen: int, text: str) -> None:
    assert formats.fen(amount_fen) == text


@pytest.mark.parametrize("wrong", [1800.0, "1800", True, None])
def test_an_amount_that_is_not_whole_fen_is_refused(wrong: object) -> None:
    with pytest.raises(TypeError, match="whole number of fen"):
        formats.fen(wrong)  # type: ignore[arg-type]  # the point of the test


def test_a_difference_carries_its_sign() -> None:
    assert [formats.fen(x, sign=True) for x in (100, 0, -100)] == ["+¥1.00", "¥0.00", "−¥1.00"]


def test_a_time_late_in_the_utc_evening_is_the_next_day_in_china() -> None:
    at = datetime(2026, 3, 4, 18, 30, tzinfo=UTC)
    assert formats.cn_date(at, weekday=True) == "2026年3月5日（周四）"
    assert formats.cn_datetime(at) == "2026年3月5日 02:30"


def test_a_time_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        formats.cn_datetime(datetime(2026, 3, 4))  # noqa: DTZ001  # the point of the test


def test_a_date_is_taken_as_it_stands() -> None:
    assert formats.cn_date(date(2026, 12, 31)) == "2026年12月31日"


@pytest.mark.parametrize(
    ("ratio", "digits", "text"),
    [
        (Fraction(87, 100), 0, "87\u00a0%"),
        (Fraction(7999, 10000), 0, "79\u00a0%"),
        (Fraction(7999, 10000), 1, "79.9\u00a0%"),
        (Fraction(2, 3), 2, "66.66\u00a0%"),
        (1, 1, "100.0\u00a0%"),
    ],
)
def test_attendance_just_below_the_line_never_reads_as_on_the_line(ratio: Fraction, digits: int, text: str) -> None:
    assert formats.percent(ratio, digits) == text

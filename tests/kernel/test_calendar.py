"""A year's holiday notice entered by the bureau counts from then on."""

from __future__ import annotations

from datetime import date

import pytest

from zhaoliang.kernel.calendar import enter_year, official_calendar
from zhaoliang.kernel.days import CalendarNotPublished
from zhaoliang.kernel.errors import BadInput

NOTICE = ["日期,班休\n", "2027-01-01,休\n", "2027-02-05,休\n", "2027-02-07,班\n"]


def test_a_year_nobody_published_is_said_to_be_so(db: None) -> None:
    with pytest.raises(CalendarNotPublished):
        official_calendar().add_workdays(date(2026, 12, 31), 3)


def test_an_entered_notice_counts(db: None) -> None:
    assert enter_year(year=2027, source="演示通知", lines=NOTICE) == 3
    calendar = official_calendar()
    # 1 January is off by the notice, 2 and 3 January are a weekend.
    assert calendar.add_workdays(date(2026, 12, 31), 1) == date(2027, 1, 4)
    assert not calendar.is_workday(date(2027, 2, 5))
    assert calendar.is_workday(date(2027, 2, 7))


@pytest.mark.parametrize(
    "wrong", ["2026-01-01,休\n", "2027-13-01,休\n", "2027-01-01,放假\n", "元旦,休\n", "2027-01-01\n"]
)
def test_a_wrong_line_is_named_and_nothing_is_entered(db: None, wrong: str) -> None:
    with pytest.raises(BadInput, match="第 3 行"):
        enter_year(year=2027, source="演示通知", lines=[*NOTICE[:2], wrong])
    with pytest.raises(CalendarNotPublished):
        official_calendar().is_workday(date(2027, 1, 4))

"""Working days, Chinese days, ages and retirement months."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhaoliang.kernel.days import (
    CalendarNotPublished,
    RetirementGroup,
    WorkingCalendar,
    age_on,
    chinese_day,
    day_start,
    format_cn_date,
    format_cn_time,
    retirement_month,
)

CALENDAR = WorkingCalendar()
WORKED = st.dates(date(2025, 1, 1), date(2026, 9, 1))


def test_make_up_days_and_holidays_around_the_national_day() -> None:
    # 2025: 1-8 October free, 28 September and 11 October (a Sunday and a Saturday) worked (domain facts §11, case 20).
    assert CALENDAR.is_workday(date(2025, 9, 28))
    assert CALENDAR.is_workday(date(2025, 10, 11))
    assert not CALENDAR.is_workday(date(2025, 10, 8))
    assert CALENDAR.add_workdays(date(2025, 9, 29), 5) == date(2025, 10, 13)
    assert CALENDAR.add_workdays(date(2025, 10, 9), -5) == date(2025, 9, 25)


def test_counting_from_the_day_of_the_demonstration() -> None:
    monday = date(2026, 11, 23)
    assert CALENDAR.add_workdays(monday, 5) == date(2026, 11, 30)
    assert CALENDAR.add_workdays(monday, 0) == monday
    assert CALENDAR.workdays_between(monday, date(2026, 11, 30)) == 5
    assert CALENDAR.first_workday_from(date(2026, 11, 28)) == date(2026, 11, 30)


@given(WORKED, st.integers(-60, 60))
def test_counting_undoes_adding(day: date, count: int) -> None:
    assert CALENDAR.workdays_between(day, CALENDAR.add_workdays(day, count)) == count


def test_a_year_without_a_notice_is_said_to_be_so() -> None:
    with pytest.raises(CalendarNotPublished, match="2027") as refusal:
        CALENDAR.add_workdays(date(2026, 12, 28), 5)
    assert refusal.value.year == 2027
    assert refusal.value.why
    assert refusal.value.next_step
    assert not refusal.value.decided


def test_overrides_stand_above_the_notice_and_open_unpublished_years() -> None:
    single = WorkingCalendar({date(2026, 11, 24): False, date(2027, 1, 2): True})
    assert single.add_workdays(date(2026, 11, 23), 1) == date(2026, 11, 25)
    assert single.is_workday(date(2027, 1, 2))
    with pytest.raises(CalendarNotPublished):
        single.is_workday(date(2027, 1, 4))
    whole = WorkingCalendar({date(2027, 1, 1): False}, published_years={2027})
    assert whole.add_workdays(date(2026, 12, 31), 1) == date(2027, 1, 4)


def test_the_chinese_day_begins_at_sixteen_utc() -> None:
    assert chinese_day(datetime(2026, 3, 4, 15, 59, 59, tzinfo=UTC)) == date(2026, 3, 4)
    assert chinese_day(datetime(2026, 3, 4, 16, tzinfo=UTC)) == date(2026, 3, 5)
    assert chinese_day(day_start(date(2026, 3, 5))) == date(2026, 3, 5)
    assert format_cn_time(datetime(2026, 3, 4, 16, 5, tzinfo=UTC)) == "2026年3月5日 00:05"
    naive = datetime(2026, 3, 4, 16, tzinfo=UTC).replace(tzinfo=None)
    for ask in (chinese_day, format_cn_time):
        with pytest.raises(ValueError, match="zone"):
            ask(naive)


def test_dates_the_official_way() -> None:
    assert format_cn_date(date(2026, 3, 5)) == "2026年3月5日（周四）"
    assert format_cn_date(date(2026, 11, 22)) == "2026年11月22日（周日）"


def test_ages_turn_on_the_birthday() -> None:
    birth = date(2010, 11, 23)
    assert [age_on(birth, date(2026, 11, day)) for day in (22, 23, 24)] == [15, 16, 16]
    leap = date(2004, 2, 29)
    assert [age_on(leap, day) for day in (date(2020, 2, 28), date(2020, 2, 29))] == [15, 16]
    assert [age_on(leap, day) for day in (date(2021, 2, 28), date(2021, 3, 1))] == [16, 17]


@pytest.mark.parametrize(
    ("birth", "group", "month"),
    [
        (date(1964, 12, 31), RetirementGroup.MAN, date(2024, 12, 1)),
        (date(1965, 1, 1), RetirementGroup.MAN, date(2025, 2, 1)),
        (date(1965, 4, 30), RetirementGroup.MAN, date(2025, 5, 1)),
        (date(1965, 5, 1), RetirementGroup.MAN, date(2025, 7, 1)),
        (date(1976, 9, 1), RetirementGroup.MAN, date(2039, 9, 1)),
        (date(1990, 6, 15), RetirementGroup.MAN, date(2053, 6, 1)),
        (date(1970, 1, 1), RetirementGroup.WOMAN_CADRE, date(2025, 2, 1)),
        (date(1981, 9, 1), RetirementGroup.WOMAN_CADRE, date(2039, 9, 1)),
        (date(1975, 1, 1), RetirementGroup.WOMAN_WORKER, date(2025, 2, 1)),
        (date(1975, 3, 1), RetirementGroup.WOMAN_WORKER, date(2025, 5, 1)),
        (date(1984, 11, 1), RetirementGroup.WOMAN_WORKER, date(2039, 11, 1)),
        (date(1984, 12, 1), RetirementGroup.WOMAN_WORKER, date(2039, 12, 1)),
    ],
)
def test_retirement_months(birth: date, group: RetirementGroup, month: date) -> None:
    assert retirement_month(birth, group) == month

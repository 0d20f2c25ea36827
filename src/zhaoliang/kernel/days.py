"""Chinese days, working days by the official calendar (调休 included), ages, statutory retirement months."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import ClassVar
from zoneinfo import ZoneInfo

import chinese_calendar

from zhaoliang.kernel.errors import Refusal

CHINA = ZoneInfo("Asia/Shanghai")
_WEEKDAYS = "一二三四五六日"


class CalendarNotPublished(Refusal):
    """The State Council's holiday notice for a year is not known, so working days in it cannot be counted yet."""

    code: ClassVar[str] = "calendar_not_published"
    decided: ClassVar[bool] = False

    def __init__(self, year: int) -> None:
        self.year = year
        super().__init__(
            f"无法计算 {year} 年的工作日",
            f"{year} 年的放假调休安排尚未录入，节假日和调休上班日还不确定。",
            f"国务院办公厅发布 {year} 年节假日安排后，请管理员在工作日历中录入，再重新办理。",
        )


class WorkingCalendar:
    """Working days of the mainland, from the published holiday notices plus what the bureau entered itself.

    `overrides` says of single days whether they are worked; `published_years` are years whose notice was entered
    completely as overrides, so that their remaining days follow the weekday.
    """

    def __init__(
        self, overrides: Mapping[date, bool] = MappingProxyType({}), *, published_years: Collection[int] = ()
    ) -> None:
        self._overrides = dict(overrides)
        self._published = frozenset(published_years)

    def is_workday(self, day: date) -> bool:
        """Whether `day` is worked. Raises CalendarNotPublished for a year without a notice."""
        if day in self._overrides:
            return self._overrides[day]
        if day.year in self._published:
            return day.weekday() < 5
        try:
            return _published_workday(day)
        except NotImplementedError:
            raise CalendarNotPublished(day.year) from None

    def add_workdays(self, day: date, count: int) -> date:
        """The `count`-th working day after `day` (before it when negative); `day` itself is not counted; 0 gives `day`.

        Raises CalendarNotPublished when the count runs into a year without a notice.
        """
        step = timedelta(days=1 if count > 0 else -1)
        left = abs(count)
        while left:
            day += step
            left -= self.is_workday(day)
        return day

    def workdays_between(self, start: date, end: date) -> int:
        """Working days after `start` up to and including `end`; negative when `end` is earlier: undoes `add_workdays`.

        Raises CalendarNotPublished for a year without a notice.
        """
        if end < start:
            days = (end + timedelta(days=n) for n in range((start - end).days))
            return -sum(map(self.is_workday, days))
        days = (start + timedelta(days=n) for n in range(1, (end - start).days + 1))
        return sum(map(self.is_workday, days))

    def first_workday_from(self, day: date) -> date:
        """`day` if it is worked, else the next working day: when something falling on a holiday can be done."""
        while not self.is_workday(day):
            day += timedelta(days=1)
        return day


@lru_cache(maxsize=4096)
def _published_workday(day: date) -> bool:
    """What the notices say of a day. Kept: the library looks through all of its days to answer for one."""
    return bool(chinese_calendar.is_workday(day))


def chinese_day(at: datetime) -> date:
    """The day in China at this instant. Raises ValueError on a naive time."""
    return _in_china(at).date()


def day_start(day: date) -> datetime:
    """The instant at which this day begins in China."""
    return datetime(day.year, day.month, day.day, tzinfo=CHINA)


def _in_china(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a time without its zone has no Chinese day")
    return at.astimezone(CHINA)


def format_cn_date(day: date) -> str:
    """`2026年3月5日（周四）`."""
    return f"{day.year}年{day.month}月{day.day}日（周{_WEEKDAYS[day.weekday()]}）"


def format_cn_time(at: datetime) -> str:
    """`2026年3月5日 09:30`, in China's time. Raises ValueError on a naive time."""
    local = _in_china(at)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"


def age_on(birth: date, on: date) -> int:
    """Full years (周岁) on a day; someone born on 29 February completes a year on 1 March of a common year."""
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))


def full_months(start: date, end: date) -> int:
    """Whole months from a day to a later one; negative never. A month that lacks the day is full on its last day."""
    last = (end + timedelta(days=1)).month != end.month
    months = (end.year - start.year) * 12 + end.month - start.month
    return max(0, months - (end.day < start.day and not last))


def months_begun(start: date, end: date) -> int:
    """Months from a day to a later one, a month begun counted as one: at most 12 means within a year (一年内)."""
    return full_months(start, end - timedelta(days=1)) + 1 if end > start else 0


class RetirementGroup(Enum):
    """Whom the retirement law treats alike; the cadre/worker distinction among women is a fact of their post."""

    MAN = "man"
    WOMAN_CADRE = "woman_cadre"
    WOMAN_WORKER = "woman_worker"


@dataclass(frozen=True)
class RetirementRule:
    """Original age in years; from `start` on one month is added for every `step` months begun, up to `cap` months."""

    age: int
    step: int
    cap: int
    start: date = date(2025, 1, 1)
    verified: bool = False


# 渐进式延迟法定退休年龄, from 2025-01-01 (domain facts §4.3, 常识): a region's policy file may replace it.
RETIREMENT_RULES: Mapping[RetirementGroup, RetirementRule] = MappingProxyType(
    {
        RetirementGroup.MAN: RetirementRule(age=60, step=4, cap=36),
        RetirementGroup.WOMAN_CADRE: RetirementRule(age=55, step=4, cap=36),
        RetirementGroup.WOMAN_WORKER: RetirementRule(age=50, step=2, cap=60),
    }
)


def retirement_month(
    birth: date, group: RetirementGroup, rules: Mapping[RetirementGroup, RetirementRule] = RETIREMENT_RULES
) -> date:
    """The first day of the month in which the statutory retirement age is reached."""
    rule = rules[group]
    months = (birth.year + rule.age) * 12 + birth.month - 1
    late = months - (rule.start.year * 12 + rule.start.month - 1)
    if late >= 0:
        months += min(rule.cap, late // rule.step + 1)
    return date(months // 12, months % 12 + 1, 1)

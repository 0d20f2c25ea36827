"""The official working-day calendar: the published one with what was entered in the database."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date

from django.db import transaction

from zhaoliang.kernel.days import WorkingCalendar
from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.models import CalendarOverride, CalendarYear

WORDS = {"班": True, "休": False}


def official_calendar() -> WorkingCalendar:
    """The calendar that deadlines are counted by. Raises CalendarNotPublished when asked about a year nobody published."""
    overrides = dict(CalendarOverride.objects.values_list("day", "is_workday"))
    return WorkingCalendar(overrides, published_years=set(CalendarYear.objects.values_list("year", flat=True)))


def enter_year(*, year: int, source: str, lines: Iterable[str]) -> int:
    """Enter a year's holiday notice (国务院办公厅关于节假日安排的通知) and return the number of days in it.

    `lines` is CSV with the columns 日期 (2027-01-01) and 班休 (班 or 休), only for days that differ from the weekday rule.
    Entering a year again replaces it. Raises BadInput naming the first wrong line.
    """
    days: dict[date, bool] = {}
    for number, row in enumerate(csv.DictReader(lines), start=2):
        try:
            day, works = date.fromisoformat((row["日期"] or "").strip()), WORDS[(row["班休"] or "").strip()]
            if day.year != year:
                raise ValueError
        except (KeyError, ValueError) as problem:
            raise BadInput(
                what=f"日历没有导入：第 {number} 行看不懂。",
                why=f"每行要有“日期”（{year} 年，如 {year}-01-01）和“班休”（填“班”或“休”）两列。",
                next_step="请改好这一行后重新导入；本次没有写入任何内容。",
            ) from problem
        days[day] = works
    if not days:
        raise BadInput("日历没有导入：文件里没有日期。", "放假通知至少有元旦。", "请核对文件。")
    with transaction.atomic():
        CalendarOverride.objects.filter(day__year=year).delete()
        CalendarOverride.objects.bulk_create(
            CalendarOverride(day=day, is_workday=works, source=source) for day, works in days.items()
        )
        CalendarYear.objects.update_or_create(year=year, defaults={"source": source})
    return len(days)

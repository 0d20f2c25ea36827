"""The official working-day calendar: the published one with the overrides kept in the database."""

from __future__ import annotations

from zhaoliang.kernel.days import WorkingCalendar
from zhaoliang.kernel.models import CalendarOverride


def official_calendar() -> WorkingCalendar:
    """The calendar that deadlines are counted by. Raises CalendarNotPublished when asked about a year nobody published."""
    return WorkingCalendar(dict(CalendarOverride.objects.values_list("day", "is_workday")))

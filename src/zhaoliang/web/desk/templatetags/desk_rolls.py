"""Short forms for the roll, whose columns are narrow."""

from __future__ import annotations

from datetime import date, datetime

from django import template

from zhaoliang.attendance.roll import MARKS, PersonDay, RollRow
from zhaoliang.attendance.weights import WEIGHTS
from zhaoliang.kernel.days import CHINA

register = template.Library()


@register.filter
def roll_mark(state: str) -> str:
    """The mark of an attendance on the roll."""
    return MARKS[state]


@register.filter
def month_day(at: datetime) -> str:
    """3-16: the Chinese day."""
    local = at.astimezone(CHINA)
    return f"{local.month}-{local.day}"


@register.filter
def hour_minute(at: datetime) -> str:
    """08:00 in China."""
    return at.astimezone(CHINA).strftime("%H:%M")


@register.filter
def on_day(row: RollRow, day: date) -> PersonDay | None:
    """A trainee's minutes of one day; None where nothing is decided of it."""
    return next((one for one in row.days if one.on == day), None)


@register.filter
def signal_why(signal: str) -> str:
    """Why a weak signal tells something, and what it may honestly be; nothing for one of an earlier table."""
    known = WEIGHTS.signals.get(signal)
    return known.why if known else ""

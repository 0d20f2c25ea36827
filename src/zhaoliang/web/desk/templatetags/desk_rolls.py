"""Short forms for the roll, whose columns are narrow."""

from __future__ import annotations

from datetime import datetime

from django import template

from zhaoliang.attendance.roll import MARKS
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

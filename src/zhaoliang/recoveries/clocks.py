"""The clock of a recovery: by which day who was told must answer or give back."""

from __future__ import annotations

from datetime import date

from zhaoliang.kernel.calendar import official_calendar
from zhaoliang.kernel.days import CalendarNotPublished
from zhaoliang.policy import PolicyError
from zhaoliang.registry.lawbook import policies_for

REPLY = "recovery_reply"


def reply_by(region_code: int, day: date) -> tuple[date | None, str]:
    """The last day to answer a notice of `day` and the clause that sets it; no day where no text or calendar gives one.

    Raises ValueError when the text counts anything but working days.
    """
    try:
        value = policies_for(region_code, on=day).clock(REPLY)
    except PolicyError:
        return None, ""
    if value.unit != "working_days":
        raise ValueError(f"the clock {REPLY} counts {value.unit}, not working days")
    doubt = "" if value.citation.verified else "（期限未核实）"
    try:
        return official_calendar().add_workdays(day, value.value), f"{value.citation}{doubt}"
    except CalendarNotPublished:
        return None, f"{value.citation}{doubt}"

"""The clocks of a claim: which text sets them, and the last day they give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from zhaoliang.kernel.calendar import official_calendar
from zhaoliang.kernel.days import CalendarNotPublished, chinese_day
from zhaoliang.policy import Citation, PolicyError
from zhaoliang.registry.lawbook import policies_for
from zhaoliang.subsidies.models import Claim

REVIEW, PUBLICITY = "claim_review", "publicity"
OBJECTION = "objection_answer"
APPEAL_WINDOW, APPEAL_DECISION = "appeal_window", "appeal_decision"


@dataclass(frozen=True)
class Deadline:
    """A deadline counted from a day: its length in working days, the last day, the clause that sets it."""

    working_days: int
    last_day: date
    citation: Citation


def deadline(claim: Claim, clock: str, day: date) -> Deadline | None:
    """The deadline that begins on `day` (not counted); None where no text in force sets such a clock.

    Raises CalendarNotPublished when it runs into a year whose holidays are not announced, ValueError for a clock that is
    not in working days.
    """
    try:
        value = policies_for(claim.region_id, on=day).clock(clock)
    except PolicyError:
        return None
    if value.unit != "working_days":
        raise ValueError(f"the clock {clock} counts {value.unit}, not working days")
    return Deadline(value.value, official_calendar().add_workdays(day, value.value), value.citation)


def countable(claim: Claim, clock: str, day: date) -> Deadline | None:
    """`deadline`, None also where the year's calendar is not out: nobody need wait for it."""
    try:
        return deadline(claim, clock, day)
    except CalendarNotPublished:
        return None


def review_due(claim: Claim, at: datetime) -> date | None:
    """The reviewers' last day, None where no text sets one or the year's calendar is not out: nobody need wait for it."""
    counted = countable(claim, REVIEW, chinese_day(at))
    return counted.last_day if counted else None


def last_of_publicity(claim: Claim) -> date | None:
    """The last day of a claim's publicity by the calendar of now: a holiday entered since lengthens it, none shortens it.

    None for a claim that is not published.
    """
    if claim.publicity_from is None or claim.publicity_until is None:
        return None
    try:
        counted = deadline(claim, PUBLICITY, claim.publicity_from)
    except CalendarNotPublished:
        counted = None
    return max(counted.last_day, claim.publicity_until) if counted else claim.publicity_until

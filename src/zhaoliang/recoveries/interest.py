"""The interest of money that was kept wrongly: recorded by the rate in force, never booked (no text of the library asks for it)."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction

from zhaoliang.funds.selectors import transfers_about_line
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.models import StateChange
from zhaoliang.policy import PolicyError
from zhaoliang.recoveries.models import RecoveryCase, RecoveryInterest
from zhaoliang.recoveries.states import RECOVERY_CASE
from zhaoliang.registry.lawbook import policies_for

RATE = "recovery_interest_daily"


def daily_rate(region_code: int, day: date) -> tuple[Fraction, str]:
    """The rate a day on money that must come back, and the clause that sets it; nothing where no text gives one."""
    try:
        found = policies_for(region_code, on=day).parameter(RATE)
    except PolicyError:
        return Fraction(0), ""
    if isinstance(found.value, date):
        raise TypeError(f"{RATE} must be a ratio, not a day")
    doubt = "" if found.citation.verified else "（未核实）"
    return Fraction(found.value), f"{found.citation}{doubt}"


def interest_fen(base_fen: int, days: int, rate: Fraction) -> int:
    """Simple interest in whole fen, half a fen rounded up."""
    return int(base_fen * days * rate + Fraction(1, 2))


def record_interest(case: RecoveryCase, base_fen: int, until: date, at: datetime) -> RecoveryInterest | None:
    """Keep how long `base_fen` was away; inside an act. Nothing when the payment is not in the books.

    From the day it was paid, or from the last hand-over, which has recorded everything owed up to then: no day counts twice.
    """
    paid = [one for one in transfers_about_line(case.city_code, case.claim_line_id) if one.kind == "pay"]
    if not paid or base_fen <= 0:
        return None
    handed = StateChange.objects.filter(
        city_code=case.city_code, machine=RECOVERY_CASE.name, object_id=case.pk, event="hand_over"
    ).order_by("-id")
    since = chinese_day(max([paid[-1].at, *handed.values_list("at", flat=True)[:1]]))
    rate, clause = daily_rate(case.region_code, until)
    until = max(since, until)
    return RecoveryInterest.objects.create(
        city_code=case.city_code,
        case=case,
        base_fen=base_fen,
        since=since,
        until=until,
        daily_rate=str(rate),
        amount_fen=interest_fen(base_fen, (until - since).days, rate),
        clause=clause[:300],
        at=at,
    )

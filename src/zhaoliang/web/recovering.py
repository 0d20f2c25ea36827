"""What the payee's pages show of a recovery case, the same on the phone and on the desk."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from zhaoliang.kernel.days import chinese_day
from zhaoliang.recoveries.selectors import CasePage
from zhaoliang.recoveries.states import RECOVERY_CASE
from zhaoliang.web.components.parts import Event

CAN_ANSWER = ("noticed", "agreed", "refused")


def rate_words(daily_rate: str) -> str:
    """A rate a day, kept as a fraction (`1/2000`), as the trade writes it: 万分之 5."""
    rate = Fraction(daily_rate) * 10_000
    return f"万分之 {Decimal(rate.numerator) / Decimal(rate.denominator):.4g}" if rate else "0"


def case_context(shown: CasePage, at: datetime) -> dict[str, Any]:
    """The case in words and figures, its plan with what is covered, and the way it went."""
    case = shown.case
    covered = case.collected_fen - (case.amount_fen - sum(one.amount_fen for one in shown.plan))
    plan = []
    for one in shown.plan:
        covered -= one.amount_fen
        plan.append((one, covered >= 0, covered < 0 and one.due_on < chinese_day(at)))
    return {
        "case": case,
        "changes": case.difference.summary.split("；"),
        "plan": plan,
        "receipts": shown.receipts,
        "late": case.due_on is not None and case.due_on < chinese_day(at),
        "may_answer": case.state in CAN_ANSWER,
        "events": [Event(RECOVERY_CASE.states[row.target], row.at, row.actor_name) for row in shown.timeline],
    }

"""When a session may be signed in for, by the figures of its region."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from zhaoliang.classes.limits import figure
from zhaoliang.classes.models import ClassSession
from zhaoliang.kernel.days import chinese_day, format_cn_time
from zhaoliang.kernel.errors import Refusal


class NotYet(Refusal):
    """Too early: the class has not begun or the sign-in is not open."""

    code = "not_yet"
    decided = False


@dataclass(frozen=True)
class Window:
    """When sign-in opens, when it counts as late, when it is over (then the session counts as missed)."""

    opens: datetime
    late_after: datetime
    closes: datetime


def setting(session: ClassSession, name: str) -> int:
    """A figure of the session's region on its day, or our unverified default."""
    region = session.training_class.project.region_id
    return figure(name, region_code=region, on=chinese_day(session.starts_at)).value


def window(session: ClassSession) -> Window:
    """The sign-in window of a session, by the figures of the region (defaults where it sets none)."""
    begins = session.starts_at
    return Window(
        begins - timedelta(minutes=setting(session, "sign_in_opens_minutes")),
        begins + timedelta(minutes=setting(session, "sign_in_grace_minutes")),
        begins + timedelta(minutes=setting(session, "sign_in_closes_minutes")),
    )


def not_yet_open(begins: datetime, opens: datetime) -> NotYet:
    """The refusal of a sign-in before its window."""
    return NotYet(
        "还不能签到。",
        f"这次课{format_cn_time(begins)}开始，{format_cn_time(opens)}起可以签到。",
        "请到时间再签到。",
    )

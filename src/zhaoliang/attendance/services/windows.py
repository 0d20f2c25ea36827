"""When a session may be signed in for, by the figures of its region."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from zhaoliang.classes.limits import SHARES, figure, share
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


# A site's own column over each figure of its region.
SITE_FIGURES = MappingProxyType(
    {
        "radius_m": "site_radius_m",
        "opens_minutes": "sign_in_opens_minutes",
        "grace_minutes": "sign_in_grace_minutes",
        "closes_minutes": "sign_in_closes_minutes",
    }
)


def _here(session: ClassSession, column: str) -> int:
    """The figure at the session's site: its own, or its region's."""
    own = getattr(session.training_class.site, column)
    return own if own is not None else setting(session, SITE_FIGURES[column])


def window(session: ClassSession) -> Window:
    """The sign-in window of a session: the site's own minutes, else the region's (defaults where it sets none)."""
    begins = session.starts_at
    late_after = begins + timedelta(minutes=_here(session, "grace_minutes"))
    closes = begins + timedelta(minutes=_here(session, "closes_minutes"))
    # A site may set only one of the two: nobody is late after it is over.
    return Window(begins - timedelta(minutes=_here(session, "opens_minutes")), late_after, max(late_after, closes))


def radius_m(session: ClassSession) -> int:
    """How many metres from its site count as there."""
    return _here(session, "radius_m")


def late_permille(session: ClassSession) -> int:
    """How many of a thousand planned minutes count for who came late, by the region's text; cut to 0 to 1,000."""
    region = session.training_class.project.region_id
    held = share("late_credit", region_code=region, on=chinese_day(session.starts_at))
    value = held.value if held is not None else SHARES["late_credit"]
    return max(0, min(1_000, int(value * 1_000)))


def not_yet_open(begins: datetime, opens: datetime) -> NotYet:
    """The refusal of a sign-in before its window."""
    return NotYet(
        "还不能签到。",
        f"这次课{format_cn_time(begins)}开始，{format_cn_time(opens)}起可以签到。",
        "请到时间再签到。",
    )

"""Online lessons: signed in by identity, credited by what was really played.

The player reports stretches; the server adds them up as a set, so that a stretch sent twice counts once. A stretch may not begin
beyond what has been watched (no skipping), and no more counts than the time that has passed under identity checks (no speeding,
no forged reports). Every so often the person is checked again. 电子培训券试点工作方案 一（三）2: online lessons use the identity check.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import cast

from django.db.models import Sum

from zhaoliang.attendance.models import Attendance, LessonProgress, SignIn
from zhaoliang.attendance.services.teaching import locked
from zhaoliang.attendance.services.windows import not_yet_open, setting, window
from zhaoliang.attendance.states import ATTENDANCE
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day, day_start
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.roles import Actor, Reach, Role

# A player's clock and ours, and the way of a report: a tenth and a few seconds are no speeding.
TOLERANCE_PERCENT, TOLERANCE_S = 10, 10
# Where a player resumes, it goes back a little or forward to the next picture.
RESUME_S = 5
_GRANTS = {Role.WORKER: Reach.SELF, Role.PARTNER: Reach.ORGANISATION}


class CheckNeeded(Refusal):
    """The person has to be identified (again) before more of the lesson counts."""

    code = "check_needed"
    decided = False


class Skipped(Refusal):
    """The stretch begins beyond what has been watched."""

    code = "lesson_skipped"
    decided = False


@act("attendance.check_identity", label="线上学习核验本人", grants=_GRANTS, on="attendance")
def check_identity(*, actor: Actor, at: datetime, attendance: Attendance) -> Attendance:
    """Record that the person was identified just now (the page or the partner did it); the first time signs him in.

    Raises BadInput for a session that is not online, NotYet before its window, WrongState when it is over for him.
    """
    held = _online(attendance)
    limits = window(held.session)
    if at < limits.opens:
        raise not_yet_open(held.session.starts_at, limits.opens)
    if held.state == "expected":
        event = "sign_in" if at <= limits.late_after else "sign_in_late"
        ATTENDANCE.fire(held, event, method="online", signed_at=at)
        SignIn.objects.create(
            city_code=held.city_code, attendance=held, at=at, received_at=at, method="online", by_user_id=actor.user_id
        )
    elif held.state not in ("present", "late"):
        raise ATTENDANCE.refusal(held.state, "sign_in")
    LessonProgress.objects.create(city_code=held.city_code, attendance=held, kind="check", at=at)
    return held


@act("attendance.report_progress", label="上报学习进度", grants=_GRANTS, on="attendance")
def report_progress(
    *, actor: Actor, at: datetime, attendance: Attendance, from_second: int, to_second: int
) -> Attendance:
    """Add a played stretch of the lesson (seconds from its beginning) and credit whole minutes of everything played.

    Raises CheckNeeded, Skipped, BadInput. What was played faster than time passed is kept, marked, and counts only as far as
    the time allows.
    """
    held = _online(attendance)
    length = held.planned_minutes * 60
    if not 0 <= from_second <= to_second <= length:
        raise BadInput(
            "进度没有记录。", f"这节课长 {length} 秒。", "请核对起止秒数。", fields={"to_second": "超出课长。"}
        )
    so_far = standing(held, at)
    if so_far.check_needed:
        raise CheckNeeded("进度没有记录。", "要先核验是您本人在学。", "请核验后接着学，已学的不会丢。")
    if from_second > so_far.watched + RESUME_S:
        raise Skipped("进度没有记录。", "中间有没看的部分，不能跳过。", "请从上次看到的地方接着学。")
    most = so_far.most
    fast = to_second - from_second > most
    counts = min(to_second, from_second + most)
    LessonProgress.objects.create(
        city_code=held.city_code,
        attendance=held,
        kind="play",
        from_second=from_second,
        to_second=counts,
        at=at,
        doubt="too_fast" if fast else "",
    )
    minutes = seconds_played([*so_far.played, (from_second, counts)]) // 60
    credited = max(held.credited_minutes, min(minutes, held.planned_minutes, held.credited_minutes + _left_today(held)))
    flags = [*held.flags, "too_fast"] if fast and "too_fast" not in held.flags else held.flags
    Attendance.objects.filter(city_code=held.city_code, pk=held.pk).update(credited_minutes=credited, flags=flags)
    held.credited_minutes, held.flags = credited, flags
    return held


@dataclass(frozen=True)
class Standing:
    """How far an online lesson has come: stretches played, the second reached, when the person has to be identified again
    (None before the first time), and how many seconds more may count now.
    """

    played: tuple[tuple[int, int], ...]
    watched: int
    check_due: datetime | None
    check_needed: bool
    most: int


def standing(attendance: Attendance, at: datetime) -> Standing:
    """How far a person has come in an online lesson.

    No more counts than time has passed under an identity check, each good for the region's minutes, less what has counted
    already: a phone that was without network brings its progress later, and still nothing is gained by speeding.
    """
    events = list(
        LessonProgress.objects.filter(city_code=attendance.city_code, attendance=attendance).order_by("at", "id")
    )
    checks = [one.at for one in events if one.kind == "check"]
    played = tuple((one.from_second, one.to_second) for one in events if one.kind == "play")
    every = timedelta(minutes=setting(attendance.session, "online_check_minutes"))
    covered = sum((min(every, after - one) for one, after in pairwise([*checks, at])), timedelta())
    most = int(covered.total_seconds() * (100 + TOLERANCE_PERCENT) / 100) + TOLERANCE_S
    return Standing(
        played=played,
        watched=max((end for _, end in played), default=0),
        check_due=checks[-1] + every if checks else None,
        check_needed=attendance.state not in ("present", "late") or not checks or at - checks[-1] > every,
        most=max(0, most - sum(end - begin for begin, end in played)),
    )


def seconds_played(stretches: Iterable[tuple[int, int]]) -> int:
    """How many seconds the stretches cover together, each second once."""
    total, until = 0, 0
    for begin, end in sorted(stretches):
        total += max(0, end - max(begin, until))
        until = max(until, end)
    return total


def _online(attendance: Attendance) -> Attendance:
    held = locked(attendance)
    if not held.session.online:
        raise BadInput("没有记录。", "这不是线上课。", "请到教室签到。")
    return held


def _left_today(held: Attendance) -> int:
    """Minutes of online lessons that may still be credited to this person on the session's Chinese day."""
    day = day_start(chinese_day(cast("datetime", held.session.starts_at)))
    credited = (
        Attendance.objects.filter(
            city_code=held.city_code,
            person_id=held.person_id,
            method="online",
            period__overlap=(day, day + timedelta(days=1)),
        ).aggregate(minutes=Sum("credited_minutes"))["minutes"]
        or 0
    )
    return max(0, setting(held.session, "online_daily_minutes") - credited)

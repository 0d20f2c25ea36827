"""Acts on the frame of attendance: start of the class, leave, closing of sessions, end of the class."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.utils import IntegrityError

from zhaoliang.attendance.models import Attendance
from zhaoliang.attendance.services.windows import NotYet, window
from zhaoliang.attendance.states import ATTENDANCE
from zhaoliang.classes.models import ClassSession, Enrolment, TrainingClass
from zhaoliang.classes.selectors import enrolments_in, locked_class
from zhaoliang.classes.selectors import sessions as timetable
from zhaoliang.classes.services import free_unlisted
from zhaoliang.classes.states import CLASS, ENROLMENT
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day, format_cn_date, format_cn_time
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.masking import mask_name
from zhaoliang.kernel.roles import Actor, Reach, Role

_BY_PROVIDER_OR_CLOCK = {Role.PROVIDER: Reach.ORGANISATION, Role.SYSTEM: Reach.ANY}


class TwoPlaces(Refusal):
    """A trainee would have to be in two classes at the same time."""

    code = "two_places"


def locked(attendance: Attendance) -> Attendance:
    """The attendance, locked for a change, with session, class, site and project."""
    held = (
        Attendance.objects.select_for_update(of=("self",), no_key=True)
        .select_related("session__training_class__site", "session__training_class__project", "enrolment")
        .get(city_code=attendance.city_code, pk=attendance.pk)
    )
    if held.enrolment.training_class_id == held.session.training_class_id:
        # Where it happens is asked of the trainee's class (`access`), which was read with the session.
        held.enrolment.training_class = held.session.training_class
    return held


def need_reason(reason: str, what: str) -> None:
    """Raise BadInput without a reason."""
    if not reason.strip():
        raise BadInput(what, "请写明原因。", "请填写原因后再提交。", fields={"reason": "请填写。"})


@act("attendance.start_class", label="开班", grants=_BY_PROVIDER_OR_CLOCK, on="training_class")
def start_class(*, actor: Actor, at: datetime, training_class: TrainingClass) -> TrainingClass:
    """Start an accepted class on or after its first day: freezes the roster and expects every trainee in every session.

    Raises NotYet before the day, TwoPlaces naming trainee and class where somebody is expected elsewhere then.
    """
    held = locked_class(training_class)
    if not CLASS.allows(held.state, "start"):
        raise CLASS.refusal(held.state, "start")
    if chinese_day(at) < held.starts_on:
        raise NotYet("还没有开班。", f"备案的开班日期是{format_cn_date(held.starts_on)}。", "请在开班当天再操作。")
    # By person in every class, so that two classes starting at once meet their common trainees in one order.
    enrolments = sorted(enrolments_in(held.city_code, held.pk, "listed"), key=lambda enrolment: enrolment.person_id)
    sessions = timetable(held)
    expected = [
        Attendance(
            city_code=held.city_code,
            enrolment=enrolment,
            session=session,
            person_id=enrolment.person_id,
            period=session.period,
            planned_minutes=session.hours * held.minutes_per_hour,
        )
        for enrolment in enrolments
        for session in sessions
    ]
    try:
        with transaction.atomic():
            Attendance.objects.bulk_create(expected, batch_size=2000)
    except IntegrityError as clash:
        if "attendance_one_place" not in str(clash):
            raise
        raise _two_places(held, enrolments, sessions) from clash
    for enrolment in enrolments:
        ENROLMENT.fire(enrolment, "start")
    CLASS.fire(held, "start")
    # A use can't be taken back once the class has begun: whoever is not in it keeps a voucher that is good elsewhere.
    free_unlisted(held, at=at, why="开班时您不在这个班的名册上")
    return held


def _two_places(
    training_class: TrainingClass, enrolments: Sequence[Enrolment], sessions: Sequence[ClassSession]
) -> TwoPlaces:
    """The refusal for the first trainee that is expected in another class at one of these times."""
    people = {enrolment.person_id: enrolment for enrolment in enrolments}
    other = None
    for session in sessions:
        other = (
            Attendance.objects.filter(
                city_code=training_class.city_code, person_id__in=sorted(people), period__overlap=session.period
            )
            .select_related("session__training_class")
            .order_by("person_id")
            .first()
        )
        if other is not None:
            break
    if other is None:
        return TwoPlaces("没有开班。", "有学员同一时间在另一个班有课，或本班课次互相重叠。", "请核对课程表后再开班。")
    name = mask_name(people[other.person_id].person.name)
    return TwoPlaces(
        "没有开班。",
        f"学员{name}{format_cn_time(other.session.starts_at)}在“{other.session.training_class.name}”有课，不能同时在两个班。",
        "请先把这名学员移出其中一个班，或调整上课时间。",
    )


@act("attendance.grant_leave", label="登记请假", grants={Role.PROVIDER: Reach.ORGANISATION}, on="attendance")
def grant_leave(*, actor: Actor, at: datetime, attendance: Attendance, reason: str) -> Attendance:
    """Record leave; it earns no minutes."""
    need_reason(reason, "请假没有登记。")
    held = locked(attendance)
    ATTENDANCE.fire(held, "take_leave", note=reason.strip())
    return held


@act("attendance.close_session", label="结束课次签到", grants=_BY_PROVIDER_OR_CLOCK, on="session")
def close_session(*, actor: Actor, at: datetime, session: ClassSession) -> ClassSession:
    """Mark those who did not sign in as absent. Raises NotYet while the window is open."""
    closes = window(session).closes
    if at < closes:
        raise NotYet("还不能结束签到。", f"{format_cn_time(closes)}前还可以签到。", "请过了签到时间再操作。")
    _miss(session.city_code, [session.pk])
    return session


def _miss(city_code: int, session_ids: Sequence[int]) -> None:
    missing = (
        Attendance.objects.select_for_update(of=("self",), no_key=True)
        .filter(city_code=city_code, session_id__in=list(session_ids), state="expected")
        .order_by("id")
    )
    for attendance in missing:
        ATTENDANCE.fire(attendance, "miss")


@act("attendance.end_class", label="结课", grants=_BY_PROVIDER_OR_CLOCK, on="training_class")
def end_class(*, actor: Actor, at: datetime, training_class: TrainingClass) -> TrainingClass:
    """End a running class after its last session; sessions nobody closed are closed. Raises NotYet before."""
    held = locked_class(training_class)
    if not CLASS.allows(held.state, "end"):
        raise CLASS.refusal(held.state, "end")
    sessions = timetable(held)
    last = max(session.ends_at for session in sessions)
    if at < last:
        raise NotYet("还没有结课。", f"最后一次课{format_cn_time(last)}结束。", "请在最后一次课结束后再操作。")
    _miss(held.city_code, [session.pk for session in sessions])
    CLASS.fire(held, "end")
    return held

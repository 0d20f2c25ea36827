"""Acts of attendance: start of the class, sign-in by timetable, closing of sessions, end of the class.

Doubts (place, device, late upload) are flags for a person: a sign-in is never refused nor deleted for them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.utils import IntegrityError

from zhaoliang.attendance.models import Attendance
from zhaoliang.attendance.states import ATTENDANCE
from zhaoliang.classes.limits import figure
from zhaoliang.classes.models import ClassSession, Enrolment, TrainingClass
from zhaoliang.classes.selectors import enrolments_in, locked_class
from zhaoliang.classes.selectors import sessions as timetable
from zhaoliang.classes.states import CLASS, ENROLMENT
from zhaoliang.kernel import crypto
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day, format_cn_date, format_cn_time
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.masking import mask_name
from zhaoliang.kernel.roles import Actor, Reach, Role

_BY_PROVIDER_OR_CLOCK = {Role.PROVIDER: Reach.ORGANISATION, Role.SYSTEM: Reach.ANY}
# 电子培训券试点工作方案 一（三）2: card or location; a trainee holds only his own phone, the staff the reader.
OWN_METHODS = frozenset({"location"})
STAFF_METHODS = frozenset({"card", "voucher", "roll_call"})
_EARTH_RADIUS_M = 6_371_000

OUTSIDE, NO_PLACE, SHARED_DEVICE, UPLOADED_LATE, TOO_LATE = (
    "outside_site",
    "no_place",
    "shared_device",
    "uploaded_late",
    "too_late",
)
FLAG_LABELS = {
    OUTSIDE: "签到位置在教学点范围以外",
    NO_PLACE: "没有定位",
    SHARED_DEVICE: "同一设备为多人签到",
    UPLOADED_LATE: "签到后较晚才上传",
    TOO_LATE: "超过签到时间",
}


class NotYet(Refusal):
    """Too early: the class has not begun or the sign-in is not open."""

    code = "not_yet"
    decided = False


class TwoPlaces(Refusal):
    """A trainee would have to be in two classes at the same time."""

    code = "two_places"


@dataclass(frozen=True)
class Window:
    """When sign-in opens, when it counts as late, when it is over (then the session counts as missed)."""

    opens: datetime
    late_after: datetime
    closes: datetime


def window(session: ClassSession) -> Window:
    """The sign-in window of a session, by the figures of the region (defaults where it sets none)."""
    begins = session.starts_at
    region, day = session.training_class.project.region_id, chinese_day(begins)

    def minutes(name: str) -> timedelta:
        return timedelta(minutes=figure(name, region_code=region, on=day).value)

    return Window(
        begins - minutes("sign_in_opens_minutes"),
        begins + minutes("sign_in_grace_minutes"),
        begins + minutes("sign_in_closes_minutes"),
    )


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


@act(
    "attendance.sign_in",
    label="签到",
    grants={Role.WORKER: Reach.SELF, Role.PROVIDER: Reach.ORGANISATION},
    on="attendance",
)
def sign_in(
    *,
    actor: Actor,
    at: datetime,
    attendance: Attendance,
    method: str,
    longitude: Decimal | None = None,
    latitude: Decimal | None = None,
    device: str = "",
    reason: str = "",
    signed_at: datetime | None = None,
) -> Attendance:
    """Sign a trainee in for a session. WGS84 degrees; `signed_at` is when the phone signed, for uploads after a dead spot.

    On time earns the planned minutes, late half of them, after the window the session is missed. A second sign-in
    changes nothing. Raises NotYet before the window, BadInput for a way of signing in that is not the actor's.
    """
    _check_method(actor, method, reason)
    held = _attendance(attendance)
    if held.state in ("present", "late"):
        return held
    if held.state != "expected":
        raise ATTENDANCE.refusal(held.state, "sign_in")
    moment = min(signed_at, at) if signed_at is not None else at
    limits = window(held.session)
    if moment < limits.opens:
        raise not_yet_open(held.session.starts_at, limits.opens)
    site = held.session.training_class.site
    answer = _signed(
        held.city_code,
        [
            [held.pk],
            [method],
            [moment],
            [limits.opens],
            [limits.late_after],
            [limits.closes],
            [longitude],
            [latitude],
            [distance_m(site.longitude, site.latitude, longitude, latitude)],
            [site.radius_m],
            [device_hash(device)],
            [actor.user_id],
            [actor.name],
            [reason.strip()],
            at,
        ],
    )
    held.refresh_from_db()
    if answer == "wrong_state":
        raise ATTENDANCE.refusal(held.state, "sign_in")
    return held


def _signed(city_code: int, given: list[Any]) -> str:
    """What the database's own rules of signing in answer (sql/sign_in.sql)."""
    marks = (
        "%s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], "
        "%s::numeric[], %s::numeric[], %s::int[], %s::int[], %s::bytea[], %s::bigint[], %s::text[], %s::text[], %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT answer FROM sign_in_many(%s, {marks})", [city_code, *given])
        return cursor.fetchone()[0]


def device_hash(device: str) -> bytes | None:
    """What is kept of a device's number."""
    return crypto.keyed_hash(device, purpose="device") if device else None


def not_yet_open(begins: datetime, opens: datetime) -> NotYet:
    """The refusal of a sign-in before its window."""
    return NotYet(
        "还不能签到。",
        f"这次课{format_cn_time(begins)}开始，{format_cn_time(opens)}起可以签到。",
        "请到时间再签到。",
    )


def _check_method(actor: Actor, method: str, reason: str) -> None:
    methods = (STAFF_METHODS if actor.has(Role.PROVIDER) else frozenset()) | (
        OWN_METHODS if actor.has(Role.WORKER) else frozenset()
    )
    if method not in methods:
        raise BadInput(
            "签到没有成功。",
            "本人用手机定位签到；刷卡、扫券和点名由培训机构工作人员操作。",
            "请换一种签到方式。",
            fields={"method": "不能用这种方式。"},
        )
    if method == "roll_call" and not reason.strip():
        raise BadInput(
            "点名没有保存。", "用点名代替本人签到，要写明原因。", "请填写原因。", fields={"reason": "请填写。"}
        )


def _attendance(attendance: Attendance) -> Attendance:
    return (
        Attendance.objects.select_for_update(of=("self",), no_key=True)
        .select_related("session__training_class__site", "session__training_class__project", "enrolment")
        .get(city_code=attendance.city_code, pk=attendance.pk)
    )


def distance_m(
    site_longitude: Decimal, site_latitude: Decimal, longitude: Decimal | None, latitude: Decimal | None
) -> int | None:
    """Metres between the site and a place on the sphere (haversine); None without a place. Raises BadInput."""
    if longitude is None or latitude is None:
        return None
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise BadInput("签到没有成功。", "定位的经纬度不对。", "请打开定位后重试。")
    one, two = math.radians(site_latitude), math.radians(latitude)
    across = math.radians(longitude - site_longitude)
    half = math.sin((two - one) / 2) ** 2 + math.cos(one) * math.cos(two) * math.sin(across / 2) ** 2
    return round(2 * _EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half))))


@act("attendance.roll_call", label="点名", grants={Role.PROVIDER: Reach.ORGANISATION}, on="session")
def roll_call(
    *, actor: Actor, at: datetime, session: ClassSession, present: Sequence[Enrolment], reason: str
) -> list[Attendance]:
    """Sign several trainees in by roll call, with the reason why they could not themselves; returns theirs.

    The same window holds. Trainees who are signed in already stay as they are.
    """
    attendances = (
        Attendance.objects.filter(
            city_code=session.city_code, session=session, enrolment_id__in=[one.pk for one in present]
        )
        .select_related("enrolment__training_class__project")
        .order_by("id")
    )
    return [
        sign_in(actor=actor, at=at, attendance=attendance, method="roll_call", reason=reason)
        for attendance in attendances
    ]


@act("attendance.grant_leave", label="登记请假", grants={Role.PROVIDER: Reach.ORGANISATION}, on="attendance")
def grant_leave(*, actor: Actor, at: datetime, attendance: Attendance, reason: str) -> Attendance:
    """Record leave; it earns no minutes."""
    _need_reason(reason, "请假没有登记。")
    held = _attendance(attendance)
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


@act("attendance.correct", label="更正考勤", grants={Role.REVIEWER: Reach.REGION}, on="attendance")
def correct_attendance(*, actor: Actor, at: datetime, attendance: Attendance, reason: str) -> Attendance:
    """Count a missed or late session as attended, on evidence; only the bureau may, and the reason is kept."""
    _need_reason(reason, "考勤没有更正。")
    held = _attendance(attendance)
    ATTENDANCE.fire(held, "correct", credited_minutes=held.planned_minutes, note=reason.strip())
    return held


def _need_reason(reason: str, what: str) -> None:
    if not reason.strip():
        raise BadInput(what, "请写明原因。", "请填写原因后再提交。", fields={"reason": "请填写。"})


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

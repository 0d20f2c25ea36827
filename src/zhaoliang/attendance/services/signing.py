"""Signing in and out of a session. What decides is in sql/sign_in.sql, which the gate calls too.

Doubts (place, device, late upload) are flags for a person: a sign-in is never refused nor deleted for them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from django.db import connection

from zhaoliang.attendance import classcode
from zhaoliang.attendance.models import Attendance, SignIn
from zhaoliang.attendance.phone import Phone
from zhaoliang.attendance.services.teaching import locked
from zhaoliang.attendance.services.windows import late_permille, not_yet_open, radius_m, setting, window
from zhaoliang.attendance.states import ATTENDANCE
from zhaoliang.classes.models import ClassSession, Enrolment
from zhaoliang.kernel import crypto, geo
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.roles import Actor, Reach, Role

# 电子培训券试点工作方案 一（三）2: card or location; a trainee holds only his own phone, the staff the reader.
OWN_METHODS = frozenset({"location", "class_code"})
STAFF_METHODS = frozenset({"card", "id_card", "voucher", "roll_call"})
READER_METHODS = STAFF_METHODS - {"roll_call"}
# Less than this between signing and arriving is the network, not a phone without one.
AT_ONCE = timedelta(seconds=60)

OUTSIDE, NO_PLACE, SHARED_DEVICE, UPLOADED_LATE, UNSIGNED, TOO_LATE = (
    "outside_site",
    "no_place",
    "shared_device",
    "uploaded_late",
    "unsigned",
    "too_late",
)
FLAG_LABELS = {
    OUTSIDE: "签到位置在教学点范围以外",
    NO_PLACE: "没有定位",
    SHARED_DEVICE: "同一设备为多人签到",
    UPLOADED_LATE: "签到后较晚才上传",
    UNSIGNED: "存在手机里的签到没有手机签名",
    TOO_LATE: "超过签到时间",
    "too_fast": "线上学习进度快过时间",
}
# What the database may have changed of a row; class and trainee are as they were read.
_OWN = [field.name for field in Attendance._meta.concrete_fields if not field.is_relation and not field.primary_key]
_GRANTS = {Role.WORKER: Reach.SELF, Role.PROVIDER: Reach.ORGANISATION, Role.PARTNER: Reach.ORGANISATION}


@act("attendance.sign_in", label="签到", grants=_GRANTS, on="attendance", beside=("proven",))
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
    phone: Phone | None = None,
    code: str = "",
    proven: Mapping[str, Any] | None = None,
) -> Attendance:
    """Sign a trainee in for a session. WGS84 degrees; `signed_at` is when the phone signed, for uploads after a dead spot;
    `code` is the class code for the method `class_code`; `proven` what the phone's signature showed (`signer.facts`).

    On time earns the planned minutes, late the region's share of them, after the window the session is missed. A second sign-in
    changes nothing. Raises NotYet before the window, StaleCode, BadInput for a way of signing in that is not the actor's.
    """
    _check_method(actor, method, reason)
    held = locked(attendance)
    session = held.session
    moment = min(signed_at, at) if signed_at is not None else at
    facts: dict[str, Any] = phone.facts() if phone is not None else {}
    facts["late_permille"] = late_permille(session)
    facts |= proven or {}
    if method == "class_code":
        every = setting(session, "class_code_seconds")
        facts |= code_facts(held.city_code, session.pk, every, code, moment=moment, at=at)
    limits, site = window(session), session.training_class.site
    answer = _signed(
        held.city_code,
        at,
        [
            held.pk,
            method,
            moment.timestamp(),
            limits.opens.timestamp(),
            limits.late_after.timestamp(),
            limits.closes.timestamp(),
            longitude,
            latitude,
            distance_m(site.longitude, site.latitude, longitude, latitude),
            radius_m(session),
            device_hash(device),
            actor.user_id,
            actor.name,
            reason.strip(),
            json.dumps(facts),
        ],
    )
    held.refresh_from_db(fields=_OWN)
    if answer == "early":
        raise not_yet_open(session.starts_at, limits.opens)
    if answer == "wrong_state":
        raise ATTENDANCE.refusal(held.state, "sign_in")
    return held


def _signed(city_code: int, at: datetime, given: list[Any]) -> str:
    """What the database's own rules of signing in answer (sql/sign_in.sql); the act holds the key and writes the audit event."""
    row = ", ".join(["%s"] * len(given))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT answer FROM sign_in_many(%s, ARRAY[ROW({row}, NULL, NULL, NULL)::sign_in_asked], %s)",
            [city_code, *given, at],
        )
        return cursor.fetchone()[0]


def code_facts(
    city_code: int, session_id: int, every: int, text: str, *, moment: datetime, at: datetime
) -> dict[str, int]:
    """What is kept of a class code: its age when it was scanned. Raises StaleCode (online only), BadInput."""
    scan = classcode.read_for(city_code, session_id, every, text, moment)
    # What a phone says of its own clock must not make an old code fresh: a short delay counts as the code's age.
    delay = at - moment if at - moment < AT_ONCE else timedelta()
    if delay or at == moment:
        classcode.check_fresh(scan, every)
    return {"code_age_s": scan.age_s + round(delay.total_seconds())}


def device_hash(device: str) -> bytes | None:
    """What is kept of a device's number."""
    return crypto.keyed_hash(device, purpose="device") if device else None


def _check_method(actor: Actor, method: str, reason: str) -> None:
    methods = frozenset[str]()
    if actor.has(Role.PROVIDER):
        methods |= STAFF_METHODS
    if actor.has(Role.PARTNER):
        methods |= READER_METHODS
    if actor.has(Role.WORKER):
        methods |= OWN_METHODS
    if method not in methods:
        raise BadInput(
            "签到没有成功。",
            "本人用手机定位或扫课堂码签到；刷卡、扫券和点名由培训机构工作人员操作。",
            "请换一种签到方式。",
            fields={"method": "不能用这种方式。"},
        )
    if method == "roll_call" and not reason.strip():
        raise BadInput(
            "点名没有保存。", "用点名代替本人签到，要写明原因。", "请填写原因。", fields={"reason": "请填写。"}
        )


def distance_m(
    site_longitude: Decimal | float,
    site_latitude: Decimal | float,
    longitude: Decimal | float | None,
    latitude: Decimal | float | None,
) -> int | None:
    """Metres between the site and a place on the sphere; None without a place. Raises BadInput."""
    if longitude is None or latitude is None:
        return None
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise BadInput("签到没有成功。", "定位的经纬度不对。", "请打开定位后重试。")
    return round(geo.distance_m(float(site_longitude), float(site_latitude), float(longitude), float(latitude)))


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


@act("attendance.sign_out", label="签退", grants=_GRANTS, on="attendance")
def sign_out(
    *,
    actor: Actor,
    at: datetime,
    attendance: Attendance,
    method: str,
    longitude: Decimal | None = None,
    latitude: Decimal | None = None,
    device: str = "",
    signed_at: datetime | None = None,
    phone: Phone | None = None,
) -> Attendance:
    """Sign a trainee out. Earlier than the region's grace before the end is leaving early: the minutes until then count.

    Signing out again changes nothing. Raises NotYet before the session begins, WrongState for who did not sign in.
    """
    _check_method(actor, method, "签退")
    held = locked(attendance)
    session = held.session
    if held.signed_out_at is not None:
        return held
    if held.state not in ("present", "late"):
        raise ATTENDANCE.refusal(held.state, "leave_early")
    moment = min(signed_at, at) if signed_at is not None else at
    moment = max(moment, cast("datetime", held.signed_at))
    if moment < session.starts_at:
        raise not_yet_open(session.starts_at, session.starts_at)
    site = session.training_class.site
    facts = phone.facts() if phone is not None else {}
    SignIn.objects.create(
        city_code=held.city_code,
        attendance=held,
        direction="out",
        at=moment,
        received_at=at,
        method=method,
        longitude=longitude,
        latitude=latitude,
        distance_m=distance_m(site.longitude, site.latitude, longitude, latitude),
        device_hash=device_hash(device),
        by_user_id=actor.user_id,
        accuracy_m=facts.get("accuracy"),
        mock=facts.get("mock"),
        skew_ms=facts.get("skew_ms"),
        elapsed_ms=facts.get("elapsed_ms"),
        sequence=facts.get("sequence"),
    )
    Attendance.objects.filter(city_code=held.city_code, pk=held.pk).update(signed_out_at=moment)
    held.signed_out_at = moment
    if moment < session.ends_at - timedelta(minutes=setting(session, "leave_early_grace_minutes")):
        ATTENDANCE.fire(held, "leave_early", credited_minutes=minutes_until(held, moment))
    return held


def minutes_until(held: Attendance, moment: datetime) -> int:
    """What a trainee who left at `moment` has earned: his share of the planned minutes, never more than signing in gave."""
    session = held.session
    whole = (session.ends_at - session.starts_at).total_seconds()
    there = max(0.0, (moment - session.starts_at).total_seconds())
    return min(held.credited_minutes, int(held.planned_minutes * there // whole))

"""Attendance for partner systems: readers sign trainees in, learning platforms report identity checks and progress."""

from __future__ import annotations

from typing import Any

from ninja import Router
from ninja.params.functions import Header

from zhaoliang.api.auth import Partner, PartnerAuth, partner_in
from zhaoliang.api.schemas import PROBLEMS, AttendanceOut, FaceIn, FaceOut, LessonIn, ProgressIn, ReaderIn
from zhaoliang.attendance import selectors, services
from zhaoliang.attendance.models import Attendance
from zhaoliang.classes import selectors as classes
from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.geo import wgs84_degrees
from zhaoliang.web.actors import ActorRequest

KEYED = "必须带请求头 Idempotency-Key：同一提交码重发得到同一结果，换了内容则拒绝。"
router = Router()


@router.post(
    "/attendance/sign-ins",
    auth=PartnerAuth(),
    response={200: AttendanceOut, **PROBLEMS},
    summary="读卡器签到、签退",
    tags=["考勤"],
    description=f"授权范围 attendance.sign_in。读到的一行由平台辨认，名册里没有的人签不了。{KEYED}",
)
def sign_in(
    request: ActorRequest, body: ReaderIn, idempotency_key: str = Header(..., min_length=8, max_length=64)
) -> AttendanceOut:
    """Sign in or out whom a reader's line names."""
    partner = partner_in(request, "attendance.sign_in")
    session = classes.session(partner.place.city_code, int(body.session_id))
    if session is None:
        raise NotFound("没有签到。", "没有这次课。", "请核对课次编号。")
    where: dict[str, Any] = {}
    if body.place is not None:
        longitude, latitude = wgs84_degrees(body.place.longitude, body.place.latitude, body.place.datum)
        where = {"longitude": longitude, "latitude": latitude, "accuracy_m": body.place.accuracy_m}
    # Named only where it is asked for: a key of the release before is the same input.
    if body.direction == "out":
        where["out"] = True
    done = services.sign_in_by_reader(
        actor=partner.actor,
        at=request.at,
        session=session,
        line=body.line,
        read_at=body.read_at,
        key=idempotency_key,
        **where,
    )
    return _out(done)


@router.post(
    "/attendance/face-checks",
    auth=PartnerAuth(),
    response={200: FaceOut, **PROBLEMS},
    summary="附上人脸核验结果",
    tags=["考勤"],
    description=f"授权范围 attendance.sign_in。只收登记服务签名的分值，不收照片；结果只作核对信号，不影响签到。{KEYED}",
)
def face_check(
    request: ActorRequest, body: FaceIn, idempotency_key: str = Header(..., min_length=8, max_length=64)
) -> FaceOut:
    """A face result for a sign-in."""
    partner = partner_in(request, "attendance.sign_in")
    kept = services.attach_face(
        actor=partner.actor,
        at=request.at,
        attendance=_attendance(partner, body.attendance_id),
        result=body.result,
        key=idempotency_key,
    )
    return FaceOut(attendance_id=body.attendance_id, service=kept.service, score=kept.score, threshold=kept.threshold)


@router.post(
    "/lessons/identity",
    auth=PartnerAuth(),
    response={200: AttendanceOut, **PROBLEMS},
    summary="线上学习已核验本人",
    tags=["考勤"],
    description=f"授权范围 attendance.progress。第一次即签到；之后按地方规定的间隔重新核验。{KEYED}",
)
def identity(
    request: ActorRequest, body: LessonIn, idempotency_key: str = Header(..., min_length=8, max_length=64)
) -> AttendanceOut:
    """The partner has just identified the learner."""
    partner = partner_in(request, "attendance.progress")
    found = _attendance(partner, body.attendance_id)
    return _out(services.check_identity(actor=partner.actor, at=request.at, attendance=found, key=idempotency_key))


@router.post(
    "/lessons/progress",
    auth=PartnerAuth(),
    response={200: AttendanceOut, **PROBLEMS},
    summary="上报线上学习进度",
    tags=["考勤"],
    description=f"授权范围 attendance.progress。不能跳过；计入的时间不超过实际过去的时间；重复的部分只计一次。{KEYED}",
)
def progress(
    request: ActorRequest, body: ProgressIn, idempotency_key: str = Header(..., min_length=8, max_length=64)
) -> AttendanceOut:
    """A played stretch of the lesson."""
    partner = partner_in(request, "attendance.progress")
    done = services.report_progress(
        actor=partner.actor,
        at=request.at,
        attendance=_attendance(partner, body.attendance_id),
        from_second=body.from_second,
        to_second=body.to_second,
        key=idempotency_key,
    )
    return _out(done)


def _attendance(partner: Partner, attendance_id: str) -> Attendance:
    found = selectors.attendance(partner.place.city_code, int(attendance_id))
    if found is None:
        raise NotFound("没有记录。", "没有这个考勤编号。", "请核对编号。")
    return found


def _out(row: Attendance) -> AttendanceOut:
    return AttendanceOut(
        city_code=row.city_code,
        attendance_id=str(row.pk),
        state=row.state,
        signed_at=row.signed_at,
        credited_minutes=row.credited_minutes,
        planned_minutes=row.planned_minutes,
        flags=row.flags,
    )

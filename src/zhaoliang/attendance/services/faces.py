"""Attaching the result of an outside face check to a sign-in: one signal among others, refused without harm to the sign-in."""

from __future__ import annotations

from datetime import datetime

from zhaoliang.attendance import face
from zhaoliang.attendance.models import Attendance, FaceCheck
from zhaoliang.attendance.states import CAME
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.roles import Actor, Reach, Role


@act(
    "attendance.attach_face",
    label="附上人脸核验结果",
    grants={Role.WORKER: Reach.SELF, Role.PARTNER: Reach.ORGANISATION},
    on="attendance",
)
def attach_face(*, actor: Actor, at: datetime, attendance: Attendance, result: str) -> FaceCheck:
    """Keep what a registered service says of the face at a sign-in; the same result twice is kept once. Raises BadInput for
    what `face.read` refuses, and before the sign-in.
    """
    said = face.read(result, attendance, at)
    if attendance.state not in CAME:
        raise BadInput("人脸核验结果没有收下。", "这次课还没有签到。", "请先签到；签到不需要人脸。")
    kept, _ = FaceCheck.objects.get_or_create(
        city_code=attendance.city_code,
        attendance=attendance,
        service=said.service,
        at=said.at,
        defaults={"score": said.score, "threshold": said.threshold, "received_at": at},
    )
    return kept

"""The result of a face check by an outside service, as it reaches us: a signed statement, never a picture.

`ZLF1.<payload>.<signature>`, base64url without padding. The payload is JSON: `attendance` ("city.id"), `score` and `threshold` (0 to
100), `service`, `at` (unix seconds). The service signs its bytes with Ed25519; its public key stands in
`ZHAOLIANG_FACE_SERVICES`, which is empty unless an installation has decided for it: the face is never the only way
(人脸识别技术应用安全管理办法: 非人脸方式可达同目的时不得作为唯一验证方式).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings

from zhaoliang.attendance.models import Attendance
from zhaoliang.kernel.errors import BadInput

PREFIX = "ZLF1"
# A result is of this lesson's sign-in, not one kept from another day.
FRESH = timedelta(hours=12)


@dataclass(frozen=True)
class FaceResult:
    """What a service says: how alike (0 to 100), from where on it takes it for the same person, and when."""

    service: str
    score: int
    threshold: int
    at: datetime


def read(token: str, attendance: Attendance, at: datetime) -> FaceResult:
    """The result in a token. Raises BadInput where no service is set up, for a forged one, another's, or one that is too old."""
    if not settings.FACE_SERVICES:
        raise _refused("本平台没有接入人脸核验。")
    parts = token.strip().split(".")
    try:
        if len(parts) != 3 or parts[0] != PREFIX:
            raise ValueError("parts")
        payload, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts[1:])
        said = json.loads(payload)
        service, score, threshold = str(said["service"]), int(said["score"]), int(said["threshold"])
        of, seen = str(said["attendance"]), datetime.fromtimestamp(int(said["at"]), UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        raise _refused("这不是人脸核验结果，或格式不对。") from None
    key = settings.FACE_SERVICES.get(service)
    if key is None:
        raise _refused("这个人脸核验服务没有在本平台登记。")
    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(key)).verify(signature, payload)
    except InvalidSignature:
        raise _refused("结果的签名不对，不是登记的服务出具的。") from None
    if of != f"{attendance.city_code}.{attendance.pk}":
        raise _refused("结果是另一次课或另一个人的。")
    if not (0 <= score <= 100 and 0 <= threshold <= 100) or not at - FRESH <= seen <= at + timedelta(minutes=5):
        raise _refused("结果的分值或时间不对。")
    return FaceResult(service, score, threshold, seen)


def _refused(why: str) -> BadInput:
    return BadInput("人脸核验结果没有收下。", why, "不影响签到；需要核对的，老师会联系您。")

"""An outside face service of the tests: its key, and results as it signs them."""

from __future__ import annotations

import base64
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zhaoliang.attendance.models import Attendance

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SERVICES = {"face": base64.b64encode(KEY.public_key().public_bytes_raw()).decode()}


def result(attendance: Attendance, /, *, key: Ed25519PrivateKey = KEY, **given: object) -> str:
    """A result for the beginning of the session, 55 of the 80 wanted; what is given replaces it."""
    said = {
        "attendance": f"{attendance.city_code}.{attendance.pk}",
        "score": 55,
        "threshold": 80,
        "service": "face",
        "at": int(attendance.session.starts_at.timestamp()),
    }
    payload = json.dumps(said | given).encode()
    return f"ZLF1.{_text(payload)}.{_text(key.sign(payload))}"


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")

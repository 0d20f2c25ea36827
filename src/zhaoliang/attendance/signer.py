"""The phone's own signature under a sign-in that it kept: this phone said this at that moment, and nobody changed it since.

The phone makes one key pair (ECDSA, P-256) and never gives the private half away. The public half goes into the pass for a
session, so that the platform's own mac binds it to person, session and phone before the network is gone (`passes`). Only what
comes later than `AT_ONCE` is looked at: a rush at 08:00 pays nothing for it. That the phone's clock or place is true no
signature says.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from zhaoliang.kernel.errors import BadInput

FORM = "zl-sign-in-1"
# What takes longer than this to arrive had waited on the phone.
AT_ONCE = timedelta(minutes=2)
_POINT_BYTES, _HALF_BYTES = 65, 32


class WrongSignature(BadInput):
    """The signature is not that of the pass's phone under these words."""

    code: ClassVar[str] = "signature_wrong"


@dataclass(frozen=True)
class Said:
    """What the phone says of a sign-in, as it wrote it: degrees as text in `datum`, None without a place; `signed_at` unix
    seconds; the class code as it was scanned or typed.
    """

    attendance_id: str
    key: str
    signed_at: int
    longitude: str | None
    latitude: str | None
    datum: str
    code: str


def signed_text(said: Said) -> str:
    """What is signed: a JSON list without spaces, in this order, as `signedText` on the phone (frontend/src/lib/signer.ts)."""
    words = [
        FORM,
        said.attendance_id,
        said.key,
        said.signed_at,
        said.longitude,
        said.latitude,
        said.datum,
        said.code,
    ]
    return json.dumps(words, ensure_ascii=False, separators=(",", ":"))


def is_signer(text: str) -> bool:
    """Whether this is a public key as the phone gives it: a point of the curve, uncompressed, base64url without padding."""
    try:
        _public_key(text)
    except ValueError:
        return False
    return True


def facts(held: Mapping[str, Any], said: Said, signature: str, *, moment: datetime, at: datetime) -> dict[str, Any]:
    """What the pass `held` tells of a sign-in that was made at `moment` and arrived `at`, as sql/sign_in.sql takes it.

    `signed` is true with the `proof` for whoever checks it again, false where a phone with a key gave no signature, which is
    one weak signal; neither for what came at once, and for a pass without a key. Raises WrongSignature.
    """
    signer = held.get("v")
    if signer is None or at - moment <= AT_ONCE:
        return {}
    # A key that the platform saw only after the moment does not show whose phone it was then, nor that it had one.
    afterwards = held["i"] > (moment + AT_ONCE).timestamp()
    if not signature:
        return {} if afterwards else {"signed": False}
    text = signed_text(said)
    if not _verifies(signer, signature, text):
        raise WrongSignature(
            "这次签到没有收下。",
            "它在手机里存过，但手机签名对不上：内容后来被改动过，或者不是这部手机存的。",
            "请找老师当面核对、登记。",
        )
    if afterwards:
        return {}
    return {"signed": True, "proof": {"signer": signer, "text": text, "signature": signature}}


def _verifies(signer: str, signature: str, text: str) -> bool:
    try:
        raw = _bytes(signature, 2 * _HALF_BYTES)
        halves = (int.from_bytes(raw[:_HALF_BYTES]), int.from_bytes(raw[_HALF_BYTES:]))
        _public_key(signer).verify(encode_dss_signature(*halves), text.encode(), ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _public_key(text: str) -> ec.EllipticCurvePublicKey:
    """Raises ValueError for what is no point of the curve."""
    raw = _bytes(text, _POINT_BYTES)
    if raw[0] != 4:
        raise ValueError("not an uncompressed point")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)


def _bytes(text: str, length: int) -> bytes:
    """So many bytes of base64url without padding, in their one spelling. Raises ValueError."""
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) <= 2 * length else b""
    if len(raw) != length or base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise ValueError("not base64url of this length")
    return raw

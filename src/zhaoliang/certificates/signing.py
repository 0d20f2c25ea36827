"""What a certificate says, signed: canonical JSON under Ed25519, and the token that a QR code carries.

Token: base64url, without padding, of one byte (length of the signature), the signature headed by its key's id
(`kernel.crypto`), and the deflated payload. Anyone with the public keys can check it without asking us; whether the
certificate was revoked since only the register knows.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import dataclass
from datetime import date
from typing import Any

from zhaoliang.certificates.models import Certificate
from zhaoliang.kernel import crypto
from zhaoliang.kernel.crypto import Tampered

VERSION = 1
_MAX_TOKEN, _MAX_PAYLOAD = 4096, 8192
_FIELDS = frozenset(
    {
        "v",
        "kind",
        "number",
        "name",
        "document",
        "occupation_code",
        "occupation",
        "level",
        "hours",
        "issuer",
        "issuer_uscc",
        "from",
        "to",
        "issued_on",
    }
)


@dataclass(frozen=True)
class Content:
    """What a certificate says. `level` is the rank on the ladder, None without one; the document is partly hidden."""

    kind: str
    number: str
    name: str
    document: str
    occupation_code: str
    occupation: str
    level: int | None
    hours: int
    issuer: str
    issuer_uscc: str
    trained_from: date
    trained_to: date
    issued_on: date


def encode(content: Content) -> bytes:
    """The canonical JSON that is signed: sorted keys, no blanks, UTF-8, dates as YYYY-MM-DD."""
    payload: dict[str, Any] = {
        "v": VERSION,
        "kind": content.kind,
        "number": content.number,
        "name": content.name,
        "document": content.document,
        "occupation_code": content.occupation_code,
        "occupation": content.occupation,
        "level": content.level,
        "hours": content.hours,
        "issuer": content.issuer,
        "issuer_uscc": content.issuer_uscc,
        "from": content.trained_from.isoformat(),
        "to": content.trained_to.isoformat(),
        "issued_on": content.issued_on.isoformat(),
    }
    return json.dumps(payload, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def decode(payload: bytes) -> Content:
    """The content again. Raises Tampered when the bytes are no payload of a certificate."""
    try:
        read = json.loads(payload)
        if not isinstance(read, dict) or read.keys() != _FIELDS or read["v"] != VERSION:
            raise Tampered("not the payload of a certificate")
        return Content(
            kind=read["kind"],
            number=read["number"],
            name=read["name"],
            document=read["document"],
            occupation_code=read["occupation_code"],
            occupation=read["occupation"],
            level=read["level"],
            hours=read["hours"],
            issuer=read["issuer"],
            issuer_uscc=read["issuer_uscc"],
            trained_from=date.fromisoformat(read["from"]),
            trained_to=date.fromisoformat(read["to"]),
            issued_on=date.fromisoformat(read["issued_on"]),
        )
    except (UnicodeDecodeError, ValueError, TypeError, RecursionError):
        raise Tampered("not the payload of a certificate") from None


def token_of(certificate: Certificate) -> str:
    """The token of a certificate as it was signed."""
    signature = bytes(certificate.signature)
    packed = bytes((len(signature),)) + signature + zlib.compress(bytes(certificate.payload), 9)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def read_token(token: str) -> tuple[Content, bytes]:
    """Content and signed bytes of a genuine token, without asking the register.

    Raises Tampered when anything was changed, KeyProblem when a key signed that this installation does not know.
    """
    text = token.strip()
    if not text.isascii() or not 0 < len(text) <= _MAX_TOKEN:
        raise Tampered("not a token")
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Tampered("not a token") from None
    if not packed or len(packed) < 2 + packed[0]:
        raise Tampered("not a token")
    signature, deflated = packed[1 : 1 + packed[0]], packed[1 + packed[0] :]
    inflate = zlib.decompressobj()
    try:
        payload = inflate.decompress(deflated, _MAX_PAYLOAD)
    except zlib.error:
        raise Tampered("not a token") from None
    if not inflate.eof or inflate.unused_data:
        raise Tampered("the token is cut short or has something added")
    crypto.verify(payload, signature)
    return decode(payload), payload


def is_intact(certificate: Certificate) -> bool:
    """Whether the register's row still says what was signed. Raises KeyProblem when the key is not known."""
    try:
        crypto.verify(bytes(certificate.payload), bytes(certificate.signature))
        content = decode(bytes(certificate.payload))
    except Tampered:
        return False
    row = (
        certificate.kind,
        certificate.number,
        certificate.name,
        certificate.document_masked,
        certificate.occupation_id,
        certificate.level,
        certificate.hours,
        certificate.issued_on,
    )
    signed = (
        content.kind,
        content.number,
        content.name,
        content.document,
        content.occupation_code,
        content.level,
        content.hours,
        content.issued_on,
    )
    return row == signed

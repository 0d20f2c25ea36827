"""The text of a voucher's QR code, signed: for a screen good for a minute, for paper good as long as the voucher.

`ZLQ1.<payload>.<signature>.<sum>`, base64url without padding. The payload is `code|s|unix seconds of issue` (screen) or
`code|p|unix seconds until when` (paper); the signature, headed by its key's id (`kernel.signatures`), is over the text
`ZLQ1.<payload>`; the sum is the first three bytes of SHA-256 over all before it. The sum needs no key: it tells a token
that was damaged or edited from one that somebody made up.

Nothing here needs Django, a database or the network: `zhaoliang voucher verify --offline` is this module. What only the
register knows is said by the platform: whether the voucher lives, and whether a token was shown elsewhere before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.kernel.identifiers.voucher_code import parse_code
from zhaoliang.kernel.signatures import KeyProblem, Tampered, padded, unpadded

PREFIX = "ZLQ1"
SCREEN, PAPER = "s", "p"
LIFE = timedelta(seconds=60)
SKEW = timedelta(seconds=5)
MAX_LENGTH = 400
SAYS = {
    "malformed": "这不是培训券的二维码内容，或者没有扫全。",
    "altered": "二维码内容被改动过，或者已经损坏。",
    "foreign_key": "二维码不是本平台签发的：签名密钥不认识。",
    "forged": "二维码是伪造的：签名不是本平台的。",
    "stale": "二维码已经过时（60 秒内有效），可能是截图。请持券人刷新后重新出示。",
    "expired": "纸质券码已过有效期。券如果延期了，请重新打印或输入券码。",
}


class QrProblem(Exception):
    """A token that is not accepted: `answer` is a key of SAYS, `what` says so in Chinese.

    `code` is whose it is where the token is genuine and only came too late (stale, expired); None else.
    """

    def __init__(self, answer: str, code: str | None = None) -> None:
        self.answer, self.what, self.code = answer, SAYS[answer], code
        super().__init__(self.what)


@dataclass(frozen=True)
class Reading:
    """A genuine token. `moment` is when it was issued (screen) or until when it is good (paper), in unix seconds."""

    code: str
    kind: str
    moment: int
    key_id: str


def is_qr(text: str) -> bool:
    """Whether the text is meant to be a voucher's QR token rather than a typed code."""
    return text.strip().startswith(f"{PREFIX}.")


def make(code: str, kind: str, moment: datetime, *, sign: Callable[[bytes], bytes]) -> str:
    """The token of a code."""
    head = f"{PREFIX}.{unpadded(f'{code}|{kind}|{int(moment.timestamp())}'.encode())}"
    signed = f"{head}.{unpadded(sign(head.encode()))}"
    return f"{signed}.{_sum(signed)}"


def read(token: str, at: datetime, *, verify: Callable[[bytes, bytes], str]) -> Reading:
    """What a token says. Raises QrProblem: malformed, altered, foreign_key, forged, stale or expired, in this order."""
    text = token.strip()
    parts = text.split(".")
    if len(text) > MAX_LENGTH or not text.isascii() or len(parts) != 4 or parts[0] != PREFIX or not all(parts):
        raise QrProblem("malformed")
    signed, _, given = text.rpartition(".")
    if _sum(signed) != given:
        raise QrProblem("altered")
    try:
        payload, signature = padded(parts[1]), padded(parts[2])
        code, kind, moment = payload.decode().split("|")
        reading = Reading(code, kind, int(moment), verify(f"{PREFIX}.{parts[1]}".encode(), signature))
        parse_code(code)
    except KeyProblem:
        raise QrProblem("foreign_key") from None
    except (ValueError, Tampered, InvalidIdentifier):
        raise QrProblem("forged") from None
    if kind == SCREEN:
        if not -SKEW.total_seconds() <= at.timestamp() - reading.moment <= LIFE.total_seconds():
            raise QrProblem("stale", code)
    elif kind != PAPER:
        raise QrProblem("forged")
    elif at.timestamp() > reading.moment:
        raise QrProblem("expired", code)
    return reading


def _sum(signed: str) -> str:
    return unpadded(hashlib.sha256(signed.encode()).digest()[:3])

"""The class code: shown on the teacher's screen, new every few seconds, scanned by the trainees with their own phones.

`ZLC1.<city>.<session>.<step>.<mac>`: the step counts the code's seconds since 1970, the mac is a keyed hash cut to 96 bits, so
that a code names its session and its time and can't be made. Whoever can't scan types the eight characters below it.
A photo sent on within seconds still works: what is against that is the place and the delay, weighed in `signals`.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from zhaoliang.attendance.services.windows import setting
from zhaoliang.classes.models import ClassSession
from zhaoliang.kernel import crypto, tokens
from zhaoliang.kernel.errors import BadInput, Refusal

PREFIX = "ZLC1."
# Clocks of the screen's and our computers differ; a scan just before the change arrives just after it.
TOLERANCE_S = 15
SCANNED = "class_scan"
_TYPED = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


class StaleCode(Refusal):
    """A class code that has been replaced on the screen meanwhile."""

    code: ClassVar[str] = "class_code_stale"
    decided: ClassVar[bool] = False


@dataclass(frozen=True)
class Shown:
    """The code on the screen now: the text of the QR, its eight characters, when it changes (seconds from now)."""

    text: str
    typed: str
    seconds: int


@dataclass(frozen=True)
class Scan:
    """A genuine code: of which session, and how long it had been on the screen when it was scanned."""

    city_code: int
    session_id: int
    age_s: int


def shown(session: ClassSession, at: datetime) -> Shown:
    """The code of a session at this moment."""
    every = setting(session, "class_code_seconds")
    step = int(at.timestamp()) // every
    begins = step * every
    text = f"{PREFIX}{session.city_code}.{session.pk}.{begins}.{_mac(session.city_code, session.pk, begins)}"
    return Shown(text, _short(session.city_code, session.pk, begins), begins + every - int(at.timestamp()))


def read(text: str, at: datetime) -> Scan:
    """What a scanned code says. Raises BadInput for one that is not ours."""
    parts = text.strip().removeprefix(PREFIX).split(".")
    try:
        city_code, session_id, begins = (int(part) for part in parts[:3])
        given = parts[3]
    except (ValueError, IndexError):
        raise _not_ours() from None
    if len(parts) != 4 or not hmac.compare_digest(given.encode(), _mac(city_code, session_id, begins).encode()):
        raise _not_ours()
    return Scan(city_code, session_id, round(at.timestamp()) - begins)


def read_for(city_code: int, session_id: int, every: int, text: str, at: datetime) -> Scan:
    """What a scanned or typed code says, for the session that is signed in for; `every` seconds it changes. Raises BadInput."""
    text = text.strip()
    if text.startswith(tokens.PREFIX):
        scan = kept_scan(text, at)
        if (scan.city_code, scan.session_id) != (city_code, session_id):
            raise _other_session()
        return scan
    if not text.startswith(PREFIX):
        return _typed(city_code, session_id, every, text, at)
    scan = read(text, at)
    if (scan.city_code, scan.session_id) != (city_code, session_id):
        raise _other_session()
    return scan


def check_fresh(scan: Scan, every: int) -> None:
    """Raise StaleCode for a code that left the screen too long ago, or comes from the future."""
    if not -TOLERANCE_S <= scan.age_s <= every + TOLERANCE_S:
        raise StaleCode(
            "签到没有成功：课堂码已经换了。", f"屏幕上的码每 {every} 秒换一次。", "请重新扫屏幕上现在的码。"
        )


def keep_scan(scan: Scan, until: datetime) -> str:
    """A token that remembers a scan while its trainee signs in to the platform: the code would be stale afterwards."""
    return tokens.issue(SCANNED, {"c": scan.city_code, "s": scan.session_id, "a": scan.age_s}, until=until)


def kept_scan(token: str, at: datetime) -> Scan:
    """The scan of such a token. Raises what `tokens.read` raises."""
    held = tokens.read(token, SCANNED, at)
    return Scan(held["c"], held["s"], held["a"])


def _typed(city_code: int, session_id: int, every: int, text: str, at: datetime) -> Scan:
    """Typing takes a while: the code of now and the two before it."""
    now = int(at.timestamp())
    written = text.upper().replace(" ", "").replace("-", "")
    for back in range(3):
        begins = (now // every - back) * every
        if hmac.compare_digest(written.encode(), _short(city_code, session_id, begins).encode()):
            # What is allowed for typing is not delay.
            return Scan(city_code, session_id, min(now - begins, every))
    raise BadInput(
        "签到没有成功。", "课堂码不对，或者已经换了。", "请看屏幕上现在的 8 位码再输。", fields={"code": "请核对。"}
    )


def _digest(city_code: int, session_id: int, begins: int, purpose: str) -> bytes:
    return crypto.keyed_hash(f"{city_code}.{session_id}.{begins}", purpose=purpose)


def _mac(city_code: int, session_id: int, begins: int) -> str:
    return base64.urlsafe_b64encode(_digest(city_code, session_id, begins, "class-code")[:12]).decode()


def _short(city_code: int, session_id: int, begins: int) -> str:
    return "".join(_TYPED[one % len(_TYPED)] for one in _digest(city_code, session_id, begins, "class-code-typed")[:8])


def _other_session() -> BadInput:
    return BadInput("签到没有成功。", "扫到的是另一个班（或另一次课）的课堂码。", "请扫本班教室屏幕上的码。")


def _not_ours() -> BadInput:
    return BadInput("签到没有成功。", "这不是本平台的课堂码，或者被改动过。", "请扫教室屏幕上的码。")

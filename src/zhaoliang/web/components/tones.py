"""Which tone a state's badge has. The word always says it; the tone only helps the eye.

ok = settled, passed, paid; ask = in hand, waiting for someone; no = refused, void; info = open, neutral fact.
"""

from __future__ import annotations

from typing import Literal, get_args

Tone = Literal["", "ok", "ask", "no", "info"]
TONES: frozenset[str] = frozenset(get_args(Tone))

_BY_STATE: dict[str, Tone] = {
    **dict.fromkeys(
        (
            "pass", "passed", "paid", "settled", "redeemed", "certified", "issued", "valid", "posted", "reconciled",
            "completed", "closed", "confirmed",
        ),
        "ok",
    ),
    **dict.fromkeys(
        (
            "cannot_tell", "submitted", "pending", "reviewing", "first_review", "second_review", "reviewed", "in_review",
            "publicity", "publicised", "audited", "paying", "sent", "unknown", "waiting", "due", "recovering",
        ),
        "ask",
    ),
    **dict.fromkeys(
        (
            "fail", "failed", "refused", "rejected", "returned", "void", "voided", "revoked", "expired", "cancelled",
            "suspended", "removed", "absent", "bounced",
        ),
        "no",
    ),
    **dict.fromkeys(
        ("published", "open", "claimed", "reserved", "enrolled", "filed", "active", "running", "approved", "used"), "info"
    ),
}

OUTCOME_WORDS = {"pass": "通过", "fail": "不符合", "cannot_tell": "说不准"}


def tone_of(code: str) -> Tone:
    """The tone of a state code; a neutral one for a code nobody has classified."""
    return _BY_STATE.get(code, "")

"""The tones of a badge. The word always says it; the tone only helps the eye.

ok = settled, passed, paid; ask = in hand, waiting for someone; no = refused, void; info = open, a neutral fact.
"""

from __future__ import annotations

from typing import Literal, get_args

Tone = Literal["", "ok", "ask", "no", "info"]
TONES: frozenset[str] = frozenset(get_args(Tone))

# The three answers of a rule, by code.
OUTCOMES: dict[str, tuple[str, Tone]] = {
    "pass": ("通过", "ok"),
    "fail": ("不符合", "no"),
    "cannot_tell": ("说不准", "ask"),
}

"""What the plain models of vouchers expect of a batch, told without the platform's own tables."""

from __future__ import annotations

from collections.abc import Iterable

from zhaoliang.kernel.errors import BadInput, Refusal, WrongState
from zhaoliang.vouchers import refusals

# Vouchers in these states can cost money still.
LIVE = {"claimed", "used", "verified", "in_claim"}
_WAYS = {
    ("open", "suspend"): "suspended",
    ("suspended", "resume"): "open",
    ("open", "close"): "closed",
    ("suspended", "close"): "closed",
    ("closed", "settle"): "settled",
}
Expected = type[Refusal] | None


def places_taken(states: Iterable[str]) -> int:
    """The places that vouchers in these states take; what was given back, ran out or is void has made room."""
    return sum(state not in ("returned", "expired", "void") for state in states)


def governed(state: str, event: str, vouchers: Iterable[str]) -> tuple[str, Expected]:
    """Where an event leads a batch in a state, with vouchers in these states, and the refusal where it leads nowhere."""
    target = _WAYS.get((state, event))
    if target is None:
        return state, WrongState
    if event == "settle" and LIVE & set(vouchers):
        return state, refusals.StillAlive
    return target, None


def changed(kind: str, number: int, *, state: str, quota: int, taken: int) -> tuple[Expected, Expected]:
    """The refusals of asking for a change (top_up, shrink, extend) of a batch, and of deciding it."""
    if state == "settled" or (kind == "top_up" and state == "closed"):
        return WrongState, None
    if kind == "shrink" and number >= quota:
        return BadInput, None
    if kind == "shrink" and number > quota - taken:
        return None, refusals.NotEnoughLeft
    return None, None

"""What the gate sends back, and how a stored answer becomes the same bytes again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from zhaoliang.kernel import errors
from zhaoliang.kernel.errors import Refusal

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a JSON body, and the seconds after which to come back (0: not said)."""

    status: int
    body: bytes
    retry_after: int = 0


def refused(refusal: Refusal) -> Answer:
    """A refusal in the platform's one form."""
    return Answer(refusal.status, _encode(refusal.as_dict()), getattr(refusal, "retry_after", 0))


def kept_refusal(refusal: Refusal) -> dict[str, Any]:
    """A refusal as `kernel.idempotency` stores it: the pages replay it too."""
    return {"refusal": errors.name_of(refusal), **refusal.as_dict()}


def replayed(kept: dict[str, Any]) -> Answer | None:
    """The stored answer again, byte for byte; None for one that a page stored, which has no body of ours."""
    if "refusal" in kept:
        parts = {name: kept.get(name) for name in ("code", "what", "why", "next", "clause", "fields")}
        return Answer(errors.kind_named(kept["refusal"]).status, _encode(parts))
    return Answer(200, kept["body"].encode()) if "body" in kept else None


def encoded(value: Any) -> bytes:
    """A msgspec structure or plain data as JSON."""
    return _encode(value)

"""What a phone says of itself with a sign-in: how sure it is of its place, its clock, which of its sign-ins this is.

Nothing of it decides a sign-in; it is what `signals` weighs. A phone that says nothing signs in all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Beyond these a figure tells nothing more, and must not overflow a column.
_MOST = {"accuracy": 100_000, "phone_at": 2**33, "skew_ms": 10**13, "elapsed_ms": 10**11, "sequence": 2**31 - 1}


@dataclass(frozen=True)
class Phone:
    """`accuracy` metres, `phone_at` unix seconds by the phone, `skew_ms` phone ahead of us when the page was opened,
    `elapsed_ms` by its steady clock since then, `sequence` counts its sign-ins, `mock` what it says of a made-up place.
    """

    accuracy: int | None = None
    mock: bool | None = None
    phone_at: int | None = None
    skew_ms: int | None = None
    elapsed_ms: int | None = None
    sequence: int | None = None

    def facts(self) -> dict[str, int | bool]:
        """What is known, as the SQL function takes it."""
        return {name: value for name, value in vars(self).items() if value is not None}


def phone_of(said: Mapping[str, object]) -> Phone:
    """The phone's words, as form fields or JSON; what is missing, no number or beyond all sense is left out."""
    if not said:
        return _SILENT
    known: dict[str, int] = {}
    for name, most in _MOST.items():
        value = said.get(name)
        if isinstance(value, bool) or value is None:
            continue
        try:
            number = round(float(str(value)))
        except (ValueError, OverflowError):
            continue
        if abs(number) <= most and (number >= 0 or name == "skew_ms"):
            known[name] = number
    mock = said.get("mock")
    return Phone(mock=str(mock).lower() in ("1", "true") if mock not in (None, "") else None, **known)


_SILENT = Phone()

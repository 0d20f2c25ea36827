"""Exact amounts to whole fen."""

from __future__ import annotations

from fractions import Fraction

MODES = ("half_up", "down", "up")


def round_fen(value: int | Fraction, mode: str = "half_up", step_fen: int = 1) -> int:
    """`value` fen to a whole multiple of `step_fen`, by mode `half_up`, `down` or `up` (amounts are not negative)."""
    steps = Fraction(value) / step_fen
    match mode:
        case "half_up":
            whole = (steps + Fraction(1, 2)) // 1
        case "down":
            whole = steps // 1
        case "up":
            whole = -(-steps // 1)
        case _:
            raise ValueError(f"unknown rounding mode {mode!r}; known: {', '.join(MODES)}")
    return int(whole) * step_fen

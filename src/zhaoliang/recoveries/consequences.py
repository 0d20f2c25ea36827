"""What follows from a line being worth another amount, as plain figures: the difference method without a database.

Paid so far is made equal to due now, whatever happened before (DAS: "paid = earned so far").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Standing:
    """Where a line stands: its state and, in fen, what it was given; the open parts that a change can still move.

    `waiting_fen` are queued top-ups that no batch holds, newest first; `owed_fen` what its open recovery cases still want.
    """

    state: str
    given_fen: int
    waiting_fen: tuple[int, ...] = ()
    owed_fen: tuple[int, ...] = ()


@dataclass(frozen=True)
class Consequence:
    """What to do: `action` as in `Difference.ACTIONS`, the signed difference, and in which parts it is settled (all fen).

    Before payment only the line changes. After it: `forgive_fen` (by open case) is wanted no longer, `drop_fen` (by queued
    top-up) is paid no longer, `top_up_fen` is paid in addition, `recover_fen` must come back.
    """

    action: str
    change_fen: int = 0
    forgive_fen: tuple[int, ...] = ()
    drop_fen: tuple[int, ...] = ()
    top_up_fen: int = 0
    recover_fen: int = 0


def consequence(standing: Standing, due_fen: int | None) -> Consequence:
    """What follows when the line is worth `due_fen` now; None: cannot be told, and then nothing is taken from anybody."""
    if due_fen is None:
        return Consequence("ask")
    change = due_fen - standing.given_fen
    if not change:
        return Consequence("none")
    if standing.state != "paid":
        return Consequence("revised" if due_fen else "overturned", change)
    if change > 0:
        forgiven, more = _spread(change, standing.owed_fen)
        return Consequence("top_up" if more else "settled", change, forgive_fen=forgiven, top_up_fen=more)
    dropped, back = _spread(-change, standing.waiting_fen)
    return Consequence("recovery" if back else "settled", change, drop_fen=dropped, recover_fen=back)


def _spread(amount_fen: int, parts: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """Take an amount out of the parts in their order: what was taken of each, and what is left over."""
    taken = []
    for part in parts:
        taken.append(min(part, amount_fen))
        amount_fen -= taken[-1]
    return tuple(taken), amount_fen

"""Between which sums an amount lies while a fact is not known yet: every answer it may have is worked out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zhaoliang.policy.decision import Decision
from zhaoliang.policy.expressions import Value
from zhaoliang.policy.model import Outcome, Phase
from zhaoliang.policy.worth import work_out

if TYPE_CHECKING:
    from zhaoliang.policy.policyset import PolicySet

# Amounts worked out for one line at most. Beyond that nothing is said rather than something half true.
MOST = 120


class _Untold(Exception):
    """One of the possible answers leads to no sum."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The least and the most an amount can come to, in fen, and the facts it still hangs on, by name."""

    least: int
    most: int
    hangs_on: tuple[str, ...]


def spread(policies: PolicySet, facts: Mapping[str, object], *, phase: Phase = "preflight") -> Spread | None:
    """The bounds of the amount over every answer that its missing facts (yes or no, or one of few codes) may get.

    None where the sum is known, where a number or a day is missing, or where some answer leads to no sum at all: then no
    bound would be true. Rules are not asked: whether the line passes is the decision's to say. Raises FactError as `decide`.
    """
    hangs_on: dict[str, None] = {}
    try:
        sums = list(_sums(policies, policies.known(facts), phase, hangs_on, [MOST]))
    except _Untold:
        return None
    return Spread(min(sums), max(sums), tuple(hangs_on)) if hangs_on else None


def spread_of(policies: PolicySet, decision: Decision) -> Spread | None:
    """The bounds of a decision that nothing refuses and whose sum cannot be told yet; None as for `spread`."""
    if decision.outcome is not Outcome.CANNOT_TELL or decision.fen is not None:
        return None
    return spread(policies, decision.facts, phase=decision.phase)


def _sums(
    policies: PolicySet, known: Mapping[str, Value], phase: Phase, hangs_on: dict[str, None], left: list[int]
) -> Iterator[int]:
    left[0] -= 1
    worked = work_out(policies, known, phase)
    if worked.fen is not None:
        yield worked.fen
        return
    name = next((one for one in worked.doubt.missing if one not in known), None) if worked.doubt else None
    answers = _answers(policies, name) if name is not None else ()
    if name is None or not answers or left[0] < len(answers):
        raise _Untold
    hangs_on[name] = None
    for answer in answers:
        yield from _sums(policies, {**known, name: answer}, phase, hangs_on, left)


def _answers(policies: PolicySet, name: str) -> tuple[Value, ...]:
    """Every answer the fact may have; none where they cannot be counted."""
    fact = policies.facts.facts.get(name)
    if fact is None:
        return ()
    if fact.type.kind == "bool":
        return (True, False)
    return tuple(policies.facts.enums[fact.type.enum]) if fact.type.kind == "enum" else ()

"""What the policies say of a person and a batch, asked whenever a voucher is claimed.

The rules need facts of the folders above (classes, employment): they answer, and say so when the platform starts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from zhaoliang.policy import Outcome, RuleResult
from zhaoliang.registry.models import Person
from zhaoliang.vouchers.models import VoucherBatch


@dataclass(frozen=True)
class Verdict:
    """Pass, fail with the rules that refuse, or cannot tell with what nobody knows, in words."""

    outcome: Outcome
    refusals: tuple[RuleResult, ...] = ()
    missing: tuple[str, ...] = ()


Judge: TypeAlias = Callable[[Sequence[Person], VoucherBatch, date], dict[int, Verdict]]
_judges: list[Judge] = []


def judged_by(judge: Judge) -> None:
    """Name who answers; the last one named does."""
    _judges[:] = [judge]


def verdicts(people: Sequence[Person], batch: VoucherBatch, on: date) -> dict[int, Verdict]:
    """What the policies in force on a day say of these people's claims, by person; queries do not grow with their number."""
    return _judges[0](people, batch, on)

"""Cost sharing as the desks of provider and bureau show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.sharing.models import CostShare, ShareReceipt
from zhaoliang.sharing.selectors import cost_share, receipts_of
from zhaoliang.subsidies.shares import CostStanding, cost_standings


@dataclass(frozen=True)
class SharesShown:
    """The shares of a class, where each trainee stands, the receipts newest first; sums in fen."""

    shares: CostShare | None
    standings: tuple[CostStanding, ...]
    receipts: tuple[ShareReceipt, ...]

    @property
    def person_fen(self) -> int:
        return sum(one.paid.person_fen for one in self.standings)

    @property
    def enterprise_fen(self) -> int:
        return sum(one.paid.enterprise_fen for one in self.standings)

    @property
    def subsidy_fen(self) -> int:
        return sum(one.subsidy_fen for one in self.standings)

    @property
    def surplus_fen(self) -> int:
        return sum(one.surplus_fen for one in self.standings)

    @property
    def waiting(self) -> int:
        """How many receipts wait for a second person."""
        return sum(one.state == "proposed" for receipt in self.receipts for one in receipt.seen_voidings)


def shares_shown(training_class: TrainingClass, roster: Sequence[Enrolment]) -> SharesShown:
    """Everything of a class's cost sharing in a fixed number of queries; nothing where its cost is not shared."""
    shares = cost_share(training_class)
    if shares is None:
        return SharesShown(None, (), ())
    standings = cost_standings(roster)
    rows = tuple(standings[one.pk] for one in roster if one.pk in standings)
    return SharesShown(shares, rows, tuple(receipts_of(training_class)))

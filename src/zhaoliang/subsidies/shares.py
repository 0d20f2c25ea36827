"""Where the cost of each trainee stands: price, what person and enterprise paid, what the government pays and to whom.

So that nobody pays, and nobody is paid, twice: what the provider holds beyond the price is given back, and who was paid the
subsidy for a fee advanced is given back no more than is left of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from zhaoliang.classes.models import Enrolment
from zhaoliang.sharing.models import CostShare
from zhaoliang.sharing.selectors import Paid, cost_shares, paid_for
from zhaoliang.subsidies.kind_facts import GRANTED
from zhaoliang.subsidies.kinds import MAIN
from zhaoliang.subsidies.models import ClaimLine


@dataclass(frozen=True)
class CostStanding:
    """The cost of one trainee, all in fen. `subsidy_fen` is what was approved, `to_person` that it goes to the trainee."""

    enrolment: Enrolment
    shares: CostShare
    paid: Paid
    subsidy_fen: int
    to_person: bool

    @property
    def provider_fen(self) -> int:
        """What the provider has, or has been promised, for this trainee."""
        return self.paid.total_fen + (0 if self.to_person else self.subsidy_fen)

    @property
    def missing_fen(self) -> int:
        """What the price still lacks."""
        return max(0, self.shares.price_fen - self.provider_fen)

    @property
    def surplus_fen(self) -> int:
        """What the provider has beyond the price."""
        return max(0, self.provider_fen - self.shares.price_fen)

    @property
    def borne_fen(self) -> int:
        """What the trainee bears in the end: paid, less given back, less a subsidy paid to the trainee."""
        return self.paid.person_fen - (self.subsidy_fen if self.to_person else 0)

    @property
    def excess_fen(self) -> int:
        """What the trainee was paid by the government beyond what the trainee has paid."""
        return max(0, -self.borne_fen)

    @property
    def refund_person_fen(self) -> int:
        """What is to be given back to the trainee: of the surplus, at most what the trainee bears."""
        return min(self.surplus_fen, max(0, self.borne_fen))

    @property
    def refund_enterprise_fen(self) -> int:
        """What is to be given back to the enterprise: the rest of the surplus, at most what it paid."""
        return min(self.surplus_fen - self.refund_person_fen, self.paid.enterprise_fen)

    def refund_fen(self, payer: str) -> int:
        """What is to be given back to a payer."""
        return self.refund_person_fen if payer == "person" else self.refund_enterprise_fen


def cost_standings(enrolments: Sequence[Enrolment]) -> dict[int, CostStanding]:
    """By enrolment id, for trainees of one city whose class shares its cost; three queries whatever their number."""
    if not enrolments:
        return {}
    city, ids = enrolments[0].city_code, [one.pk for one in enrolments]
    shares = cost_shares(city, {one.training_class_id for one in enrolments})
    if not shares:
        return {}
    paid = paid_for(city, ids)
    # A subsidy on its way to the trainee counts before it is approved: the fee must not be given back meanwhile.
    lines = ClaimLine.objects.filter(city_code=city, enrolment_id__in=ids, kind__in=MAIN)
    lines = lines.filter(Q(state__in=GRANTED) | Q(payee="person") & ~Q(state="refused"))
    due = {row[0]: row[1:] for row in lines.values_list("enrolment_id", "amount_fen", "payee")}
    return {
        one.pk: CostStanding(
            one,
            shares[one.training_class_id],
            paid.get(one.pk, Paid()),
            due.get(one.pk, (0, ""))[0],
            due.get(one.pk, (0, ""))[1] == "person",
        )
        for one in enrolments
        if one.training_class_id in shares
    }

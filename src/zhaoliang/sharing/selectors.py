"""Questions about cost sharing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.sharing.models import CostShare, SharePart, ShareReceipt, ShareVoiding


@dataclass(frozen=True)
class Paid:
    """What was paid for one trainee less what was given back, in fen."""

    person_fen: int = 0
    enterprise_fen: int = 0

    @property
    def total_fen(self) -> int:
        return self.person_fen + self.enterprise_fen


def cost_share(training_class: TrainingClass) -> CostShare | None:
    """How the price of the class is shared; None where nothing was laid down."""
    return cost_shares(training_class.city_code, [training_class.pk]).get(training_class.pk)


def cost_shares(city_code: int, class_ids: Collection[int]) -> dict[int, CostShare]:
    """The shares in force of these classes by class id; one query."""
    rows = CostShare.objects.filter(city_code=city_code, training_class_id__in=list(class_ids)).order_by("number")
    return {row.training_class_id: row for row in rows}


def paid_for(city_code: int, enrolment_ids: Collection[int]) -> dict[int, Paid]:
    """What was paid for these trainees by enrolment id, those without a receipt left out; one query."""
    rows = SharePart.objects.filter(
        city_code=city_code, enrolment_id__in=list(enrolment_ids), receipt__voided=False
    ).values_list("enrolment_id", "receipt__payer", "receipt__direction", "amount_fen")
    sums: dict[int, dict[str, int]] = {}
    for enrolment_id, payer, direction, fen in rows:
        held = sums.setdefault(enrolment_id, {"person": 0, "enterprise": 0})
        held[payer] += fen if direction == "paid" else -fen
    return {one: Paid(held["person"], held["enterprise"]) for one, held in sums.items()}


def receipts_of(training_class: TrainingClass) -> list[ShareReceipt]:
    """The receipts of a class, newest first, voided ones too, each with its voidings and parts; three queries."""
    rows = ShareReceipt.objects.filter(city_code=training_class.city_code, training_class=training_class)
    receipts = list(rows.select_related("training_class__project").order_by("-paid_on", "-id"))
    here = {"city_code": training_class.city_code, "receipt_id__in": [one.pk for one in receipts]}
    voidings: dict[int, list[ShareVoiding]] = {}
    for voiding in ShareVoiding.objects.filter(**here).order_by("id"):
        voidings.setdefault(voiding.receipt_id, []).append(voiding)
    parts: dict[int, list[SharePart]] = {}
    for part in SharePart.objects.filter(**here).select_related("enrolment__person").order_by("id"):
        parts.setdefault(part.receipt_id, []).append(part)
    for one in receipts:
        one.seen_voidings, one.seen_parts = voidings.get(one.pk, []), parts.get(one.pk, [])
    return receipts


def parts_of(enrolment: Enrolment) -> list[SharePart]:
    """What was paid for one trainee, and given back, in order of days; voided receipts left out."""
    rows = SharePart.objects.filter(city_code=enrolment.city_code, enrolment=enrolment, receipt__voided=False)
    return list(rows.select_related("receipt").order_by("receipt__paid_on", "id"))


def receipt(city_code: int, pk: int) -> ShareReceipt | None:
    """One receipt with its class."""
    rows = ShareReceipt.objects.filter(city_code=city_code, pk=pk)
    return rows.select_related("training_class__project").first()


def voiding(city_code: int, pk: int) -> ShareVoiding | None:
    """One proposal to void a receipt, with its class."""
    rows = ShareVoiding.objects.filter(city_code=city_code, pk=pk)
    return rows.select_related("receipt__training_class__project").first()

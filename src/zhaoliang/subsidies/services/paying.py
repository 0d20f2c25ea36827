"""What payments does to claim lines: plain functions, run inside the acts of `payments`."""

from __future__ import annotations

from zhaoliang.classes.states import CLASS
from zhaoliang.kernel.roles import within
from zhaoliang.subsidies.models import Claim, ClaimLine
from zhaoliang.subsidies.services.locking import locked_claim
from zhaoliang.subsidies.states import CLAIM, CLAIM_LINE

FINAL = ("paid", "refused")


def take_for_payment(city_code: int, region_code: int, fund_source: str, limit: int) -> list[ClaimLine]:
    """Lock approved lines of a fund in a region that no other payment run is taking right now."""
    return list(
        ClaimLine.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
        .select_related("claim__provider", "person", "enrolment")
        .filter(
            city_code=city_code,
            state="approved",
            claim__fund_source=fund_source,
            **within("claim__region_id", region_code),
        )
        .order_by("id")[:limit]
    )


def take_for_retry(line: ClaimLine) -> ClaimLine:
    """One line as it is now with what finding its payee needs, locked for the rest of the act."""
    return (
        ClaimLine.objects.select_for_update(of=("self",), no_key=True)
        .select_related("claim__provider", "person", "enrolment")
        .get(city_code=line.city_code, pk=line.pk)
    )


def line_into_batch(line: ClaimLine) -> None:
    """The line joins a payment batch."""
    CLAIM_LINE.fire(line, "pay")


def claims_into_payment(city_code: int, claim_ids: set[int]) -> None:
    """Claims with a line in a batch are being paid."""
    rows = Claim.objects.select_for_update(no_key=True).filter(city_code=city_code, pk__in=sorted(claim_ids))
    for claim in rows.order_by("id"):
        if claim.state == "approved":
            CLAIM.fire(claim, "pay")


def line_out_of_batch(line: ClaimLine) -> None:
    """The batch was dissolved before it went to the bank; the line waits for the next one."""
    CLAIM_LINE.fire(line, "withdraw")


def line_paid(line: ClaimLine) -> None:
    """The bank paid the line."""
    CLAIM_LINE.fire(line, "settle")


def line_failed(line: ClaimLine) -> None:
    """The bank sent the money back."""
    CLAIM_LINE.fire(line, "fail")


def try_again(line: ClaimLine) -> None:
    """A failed line waits for the next batch."""
    CLAIM_LINE.fire(line, "retry")


def settle_if_done(claim: Claim) -> bool:
    """Settle the claim and close its class once every line is paid or refused. Returns whether that is so."""
    claim = locked_claim(claim)
    rest = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim).exclude(state__in=FINAL)
    if claim.state not in ("approved", "paying") or rest.exists():
        return False
    if claim.state == "approved":
        CLAIM.fire(claim, "pay")
    CLAIM.fire(claim, "settle")
    if claim.training_class is not None:
        CLASS.fire(claim.training_class, "close")
    return True

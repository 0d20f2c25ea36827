"""What payments does to claim lines: plain functions, run inside the acts of `payments`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef, Q

from zhaoliang.classes.states import CLASS
from zhaoliang.kernel.roles import within
from zhaoliang.registry.models import Organisation
from zhaoliang.registry.standing import Gate, barred_codes
from zhaoliang.subsidies.kinds import MAIN
from zhaoliang.subsidies.models import Claim, ClaimLine, PaymentDue
from zhaoliang.subsidies.states import CLAIM, CLAIM_LINE, PAYMENT_DUE

FINAL = ("paid", "refused")
# Rows read at once of what is paid.
PART = 5_000


@dataclass(frozen=True)
class Owed:
    """What is to be paid to one payee: the first subsidy of a line (`due_id` None) or a due of it. Amounts are fen."""

    line_id: int
    claim_id: int
    due_id: int | None
    purpose: str
    amount_fen: int
    payee: str
    person_name: str
    card_number: str
    provider_id: int | None
    employer_uscc: str
    employer_name: str


_OF_LINE = (
    "id",
    "claim_id",
    "amount_fen",
    "payee",
    "person__name",
    "person__card_number",
    "claim__provider_id",
    "enrolment__employer_uscc",
    "enrolment__employer_name",
)


def _owed(row: tuple[Any, ...], due_id: int | None, purpose: str, amount_fen: int, payee: str) -> Owed:
    line_id, claim_id, _, _, name, card, provider_id, uscc, employer = row
    account = (card or "", provider_id, uscc or "", employer or "")
    return Owed(line_id, claim_id, due_id, purpose, amount_fen, payee, name, *account)


def take_for_payment(
    city_code: int, region_code: int, fund_source: str, limit: int, *, on: date
) -> Iterator[list[Owed]]:
    """Lock what waits for payment of a fund in a region and no other payment run is taking right now, oldest first.

    Approved lines (their first subsidy) and waiting dues, together at most `limit`, part by part: whole account numbers of
    no more than a part are in memory. What would go to an organisation that may not be paid on the day waits until it may
    (registry/standing.py).
    """
    barred = barred_codes(city_code, Gate.PAYMENT, on)
    locking: dict[str, Any] = {"of": ("self",), "no_key": True, "skip_locked": True}
    lines = ClaimLine.objects.select_for_update(**locking).filter(
        **_waiting(city_code, region_code, fund_source, "claim"), state="approved"
    )
    if barred:
        lines = lines.exclude(paid_to(barred))
    taken = list(lines.order_by("id").values_list("id", flat=True)[:limit])
    for part in _parts(taken):
        rows = ClaimLine.objects.filter(city_code=city_code, pk__any_of=part).order_by("id")
        yield [_owed(row, None, "subsidy", row[2], row[3]) for row in rows.values_list(*_OF_LINE)]
    dues = PaymentDue.objects.select_for_update(**locking).filter(
        **_waiting(city_code, region_code, fund_source, "claim_line__claim"), state="waiting"
    )
    if barred:
        dues = dues.exclude(paid_to(barred, line="claim_line__"))
    fields = ("id", "purpose", "amount_fen", "payee", *(f"claim_line__{name}" for name in _OF_LINE))
    for part in _parts(list(dues.order_by("id").values_list("id", flat=True)[: limit - len(taken)])):
        rows = PaymentDue.objects.filter(city_code=city_code, pk__any_of=part).order_by("id").values_list(*fields)
        yield [_owed(row[4:], row[0], row[1], row[2], row[3]) for row in rows]


def _parts(ids: list[int]) -> Iterator[list[int]]:
    return (ids[start : start + PART] for start in range(0, len(ids), PART))


def count_waiting(city_code: int, region_code: int, fund_source: str, most: int) -> int:
    """How many lines and dues of a fund wait for a batch in a region, counted no further than `most`."""
    lines = ClaimLine.objects.filter(**_waiting(city_code, region_code, fund_source, "claim"), state="approved")
    dues = PaymentDue.objects.filter(
        **_waiting(city_code, region_code, fund_source, "claim_line__claim"), state="waiting"
    )
    return min(most, sum(len(rows.values_list("id")[:most]) for rows in (lines, dues)))


def waiting_for_payment(city_code: int, region_code: int, fund_source: str, limit: int) -> list[tuple[Owed, str]]:
    """What waits for payment or for a corrected account, each with its state, lines before dues; nothing is locked."""
    states = {"line": ("approved", "failed"), "due": ("waiting", "failed")}
    lines = ClaimLine.objects.filter(**_waiting(city_code, region_code, fund_source, "claim"), state__in=states["line"])
    found = [
        (_owed(row[1:], None, "subsidy", row[3], row[4]), row[0])
        for row in lines.order_by("id").values_list("state", *_OF_LINE)[:limit]
    ]
    dues = PaymentDue.objects.filter(
        **_waiting(city_code, region_code, fund_source, "claim_line__claim"), state__in=states["due"]
    )
    fields = ("state", "id", "purpose", "amount_fen", "payee", *(f"claim_line__{name}" for name in _OF_LINE))
    rows = dues.order_by("id").values_list(*fields)[: limit - len(found)]
    return found + [(_owed(row[5:], row[1], row[2], row[3], row[4]), row[0]) for row in rows]


def paid_to(organisations: Mapping[int, str], *, payee: str = "payee", line: str = "") -> Q:
    """Rows whose money goes to one of these organisations (id → credit code), as `payments.payees` finds whom to pay.

    `payee` names the column that says person, provider or enterprise, `line` the way from the row to its claim line.
    """
    applicant = Q(**{f"{line}claim__provider_id__in": list(organisations)})
    code = f"{line}enrolment__employer_uscc"
    unnamed = Q(**{f"{line}enrolment__isnull": True}) | Q(**{code: ""})
    employer = Q(**{f"{code}__in": list(organisations.values())})
    nobody = Q(**{f"{line}claim__provider__isnull": True})
    to_provider = Q(**{payee: "provider"}) & (applicant | (nobody & employer))
    return to_provider | (Q(**{payee: "enterprise"}) & (employer | (unnamed & applicant)))


def _waiting(city_code: int, region_code: int, fund_source: str, claim: str) -> dict[str, Any]:
    return {
        "city_code": city_code,
        f"{claim}__fund_source": fund_source,
        **within(f"{claim}__region_id", region_code),
    }


def take_for_retry(line: ClaimLine) -> ClaimLine:
    """One line as it is now with what finding its payee needs, locked for the rest of the act."""
    return (
        ClaimLine.objects.select_for_update(of=("self",), no_key=True)
        .select_related("claim__provider", "person", "enrolment")
        .get(city_code=line.city_code, pk=line.pk)
    )


def move_owed(city_code: int, line_ids: Sequence[int], due_ids: Sequence[int], event: str) -> None:
    """What payments does to lines and dues, any number at once; inside an act.

    `event` is pay (into a batch), withdraw (the batch never left), settle (paid) or fail (the bank sent the money back).
    Raises WrongState when one of them stands elsewhere; then none has moved.
    """
    waiting = event == "pay"
    CLAIM_LINE.fire_ids(ClaimLine, city_code, line_ids, event, source="approved" if waiting else "in_batch")
    PAYMENT_DUE.fire_ids(PaymentDue, city_code, due_ids, event, source="waiting" if waiting else "in_batch")


def claims_into_payment(city_code: int, claim_ids: set[int]) -> None:
    """Claims with a line in a batch are being paid."""
    rows = Claim.objects.select_for_update(no_key=True).filter(city_code=city_code, pk__any_of=claim_ids)
    CLAIM.fire_all([claim for claim in rows.order_by("id") if claim.state == "approved"], "pay")


def try_again(line: ClaimLine) -> None:
    """A failed line waits for the next batch."""
    CLAIM_LINE.fire(line, "retry")


def prove_paid(city_code: int, line_ids: Sequence[int], due_ids: Sequence[int]) -> None:
    """Lines and dues the bank had called failed were paid after all; inside an act. Raises WrongState once retried."""
    CLAIM_LINE.fire_ids(ClaimLine, city_code, line_ids, "prove", source="failed")
    PAYMENT_DUE.fire_ids(PaymentDue, city_code, due_ids, "prove", source="failed")


def settle_claims(city_code: int, claim_ids: set[int]) -> None:
    """Settle those of the claims whose every line is paid or refused, and close their classes; any number at once."""
    open_lines = ClaimLine.objects.filter(city_code=OuterRef("city_code"), claim_id=OuterRef("pk")).exclude(
        state__in=FINAL
    )
    rows = Claim.objects.select_for_update(of=("self",), no_key=True).select_related("training_class")
    done = list(
        rows.filter(city_code=city_code, pk__any_of=claim_ids, state__in=("approved", "paying"))
        .exclude(Exists(open_lines))
        .order_by("id")
    )
    CLAIM.fire_all([claim for claim in done if claim.state == "approved"], "pay")
    CLAIM.fire_all(done, "settle")
    # What is claimed beside the training leaves the class as it is.
    main = [claim.training_class for claim in done if claim.kind in MAIN]
    # A claim that an appeal opened again settles twice; its class was closed the first time.
    open_classes = [one for one in main if one is not None and CLASS.allows(one.state, "close")]
    CLASS.fire_all(open_classes, "close")


def settle_if_done(claim: Claim) -> None:
    """`settle_claims` for one."""
    settle_claims(claim.city_code, {claim.pk})


def retry_all_of(organisation: Organisation) -> int:
    """Everything paid to an organisation that came back waits for the next batch; inside an act. Returns how many."""
    city = organisation.city_code
    lines = ClaimLine.objects.select_for_update(of=("self",), no_key=True).filter(
        city_code=city, state="failed", payee="provider", claim__provider=organisation
    )
    ids = list(lines.order_by("id").values_list("id", flat=True))
    CLAIM_LINE.fire_ids(ClaimLine, city, ids, "retry", source="failed")
    dues = PaymentDue.objects.select_for_update(of=("self",), no_key=True).filter(
        city_code=city, state="failed", payee="provider", claim_line__claim__provider=organisation
    )
    due_ids = list(dues.order_by("id").values_list("id", flat=True))
    PAYMENT_DUE.fire_ids(PaymentDue, city, due_ids, "retry", source="failed")
    return len(ids) + len(due_ids)

"""Questions about payments: batches and their lines, what waits and why, what the bank said."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass

from django.db.models import QuerySet

from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.models import StateChange
from zhaoliang.kernel.roles import Actor, Role, within
from zhaoliang.payments.excel import bank_file
from zhaoliang.payments.models import BankReturn, BankReturnLine, PaymentBatch, PaymentLine
from zhaoliang.payments.payees import payee_finder
from zhaoliang.payments.trace import Trace, cent_trace, trace_from_bank_line
from zhaoliang.registry.models import Organisation, Person
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.subsidies.services import Owed, waiting_for_payment

__all__ = [
    "BatchPage",
    "Trace",
    "WaitingLine",
    "batch",
    "batch_page",
    "batches_for",
    "cent_trace",
    "file_as_sent",
    "lines_for",
    "paid_lines_of",
    "payments_of",
    "trace_from_bank_line",
    "waiting_lines",
]

# Beyond this a page tells numbers of the oldest only.
MOST_SHOWN = 5_000


@dataclass(frozen=True)
class WaitingLine:
    """Something owed that no batch holds yet; `missing` says why it cannot be paid ("" when it can)."""

    owed: Owed
    payee_name: str
    missing: str


@dataclass(frozen=True)
class BatchPage:
    """A batch with its lines, the bank's answers, and the rows of those answers that need a person."""

    batch: PaymentBatch
    lines: tuple[PaymentLine, ...]
    counts: dict[str, int]
    returns: tuple[BankReturn, ...]
    doubts: tuple[BankReturnLine, ...]
    timeline: tuple[StateChange, ...]


def batch(city_code: int, batch_id: int) -> PaymentBatch:
    """A payment batch. Raises NotFound."""
    found = PaymentBatch.objects.filter(city_code=city_code, pk=batch_id).first()
    if found is None:
        raise NotFound(what="没有这个拨付批次。", why="本市没有这个编号的批次。", next_step="请从列表进入。")
    return found


def batches_for(actor: Actor) -> list[PaymentBatch]:
    """The batches in the regions of the actor's money roles, latest first."""
    found: dict[int, PaymentBatch] = {}
    for assignment in actor.assignments:
        if assignment.role in (Role.FUND_OFFICER, Role.FINANCE, Role.AUDITOR):
            rows = PaymentBatch.objects.filter(
                city_code=assignment.city_code, **within("region_code", assignment.region_code)
            )
            found.update((row.pk, row) for row in rows.order_by("-id")[:200])
    return sorted(found.values(), key=lambda row: -row.pk)


def batch_page(city_code: int, batch_id: int) -> BatchPage:
    """The page of a batch; a fixed number of queries. Account numbers are masked in it. Raises NotFound."""
    found = batch(city_code, batch_id)
    of_batch = {"city_code": city_code, "batch": found}
    lines = PaymentLine.objects.select_related("claim_line__claim", "claim_line__person")
    rows = tuple(lines.filter(**of_batch).order_by("sequence"))
    doubts = BankReturnLine.objects.select_related("bank_return", "payment_line").filter(
        city_code=city_code, bank_return__batch=found
    )
    return BatchPage(
        batch=found,
        lines=rows,
        counts=dict(Counter(row.state for row in rows)),
        returns=tuple(BankReturn.objects.filter(**of_batch).order_by("id")),
        doubts=tuple(doubts.exclude(outcome__in=("paid", "failed", "repeated")).order_by("id")),
        timeline=tuple(
            StateChange.objects.filter(city_code=city_code, machine="payment_batch", object_id=found.pk).order_by("id")
        ),
    )


def file_as_sent(found: PaymentBatch, kind: str = "xlsx") -> bytes:
    """The bank file, for download. Raises ValueError when it is no longer the one whose digest was fixed at sending."""
    content = bank_file(found, "xlsx")
    if found.file_sha256 is not None and hashlib.sha256(content).digest() != bytes(found.file_sha256):
        raise ValueError(f"the bank file of batch {found.number} differs from the one that was sent")
    return content if kind == "xlsx" else bank_file(found, kind)


def waiting_lines(city_code: int, region_code: int, fund_source: str) -> list[WaitingLine]:
    """What is owed of a fund in a region and no batch holds, with what keeps it from being paid."""
    find = payee_finder(city_code)
    found = []
    for owed, state in waiting_for_payment(city_code, region_code, fund_source, MOST_SHOWN):
        account = find(owed)
        missing = account.missing or ("银行退回，等待更正账号" if state == "failed" else "")
        found.append(WaitingLine(owed, account.name, missing))
    return found


def paid_lines_of(person: Person, *, everywhere: bool = False) -> list[PaymentLine]:
    """The payments for a person's trainings that reached an account, latest first, with claim line and class.

    Of the city, or of all cities (for the holder).
    """
    rows = PaymentLine.objects.select_related("claim_line__claim").filter(state="paid")
    rows = rows.order_by("-settled_at", "-id")
    if not everywhere:
        return list(rows.filter(city_code=person.city_code, claim_line__person=person))
    with national():
        return list(rows.filter(claim_line__person_id=person.pk))


def lines_for(provider: Organisation) -> QuerySet[PaymentLine]:
    """Every payment of a provider's claims, to whomever it went, latest first, with batch, class and trainee.

    What a dissolved batch never sent is no payment and left out.
    """
    rows = PaymentLine.objects.select_related("batch", "claim_line__claim", "claim_line__person")
    return (
        rows.filter(city_code=provider.city_code, claim_line__claim__provider=provider)
        .exclude(batch__state="dissolved")
        .order_by("-batch_id", "sequence")
    )


def payments_of(line: ClaimLine) -> list[PaymentLine]:
    """Every attempt to pay a claim line, first to last."""
    rows = PaymentLine.objects.select_related("batch").filter(city_code=line.city_code, claim_line=line)
    return list(rows.order_by("attempt"))

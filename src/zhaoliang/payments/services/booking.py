"""What a confirmed answer of the bank does: any number of payment lines paid, sent back, or returned after they had arrived.

Plain functions for the acts of `statements` and `cases`. Set-based: a file of 100,000 lines is a dozen statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from zhaoliang.funds.models import Account, FundSource, Transfer
from zhaoliang.funds.selectors import accounts_of, transfers_of
from zhaoliang.funds.services import Entry, ensure_account, post_transfer, post_transfers
from zhaoliang.kernel import faults
from zhaoliang.payments.models import PaymentBatch, PaymentLine
from zhaoliang.payments.services.batches import split_subjects
from zhaoliang.payments.services.telling import tell_failed, tell_paid, tell_returned
from zhaoliang.payments.states import PAYMENT_BATCH, PAYMENT_LINE
from zhaoliang.subsidies.selectors import claim_line, due_of
from zhaoliang.subsidies.services import bounce_due, move_owed, prove_paid, queue_repayment, settle_claims
from zhaoliang.vouchers.services import redeem_all

LINES_MOVED = faults.point("payments.book:lines_moved")
BOOKED = faults.point("payments.book:booked")
REDEEMED = faults.point("payments.book:redeemed")
BATCHES_CLOSED = faults.point("payments.book:batches_closed")

# What is paid: lines with the account that owes each, the claim it belongs to and the voucher it kills.
_PAID = """
SELECT line.id, line.claim_line_id, line.due_id, line.amount_fen, line.sequence, batch.number,
       coalesce(due.payable_id, owed.credit_id) AS payable_id, claim_line.claim_id,
       CASE WHEN line.due_id IS NULL AND voucher.state = 'in_claim' THEN voucher.id END
FROM payment_line AS line
JOIN payment_batch AS batch ON batch.city_code = line.city_code AND batch.id = line.batch_id
JOIN claim_line ON claim_line.city_code = line.city_code AND claim_line.id = line.claim_line_id
LEFT JOIN voucher ON voucher.city_code = line.city_code AND voucher.id = claim_line.voucher_id
LEFT JOIN payment_due AS due ON due.city_code = line.city_code AND due.id = line.due_id
LEFT JOIN LATERAL (
    SELECT transfer.credit_id FROM transfer
    WHERE transfer.city_code = line.city_code AND transfer.subject_type IN ('claim_line', 'claim_line.excess')
      AND transfer.subject_id = line.claim_line_id AND transfer.kind = 'accrue'
    ORDER BY transfer.id LIMIT 1
) AS owed ON TRUE
WHERE line.city_code = %s AND line.id = ANY(%s)
ORDER BY line.id
"""


@dataclass(frozen=True)
class Paid:
    """A line about to be booked as paid."""

    line_id: int
    claim_line_id: int
    due_id: int | None
    amount_fen: int
    sequence: int
    batch_number: str
    payable_id: int
    claim_id: int
    voucher_id: int | None

    @property
    def subject(self) -> tuple[str, int]:
        return ("claim_line", self.claim_line_id) if self.due_id is None else ("payment_due", self.due_id)


def book_paid(city_code: int, line_ids: Sequence[int], *, at: datetime, source: str = "sent") -> None:
    """Lines reached their accounts: they leave the books, their vouchers die, claims with nothing left open are settled.

    `source` "failed" is for a line the bank had called failed and which a person has proved to be paid after all.
    """
    if not line_ids:
        return
    PAYMENT_LINE.fire_ids(
        PaymentLine,
        city_code,
        line_ids,
        "settle" if source == "sent" else "prove",
        source=source,
        settled_at=at,
        failure="",
    )
    LINES_MOVED()
    with connection.cursor() as cursor:
        cursor.execute(_PAID, [city_code, list(line_ids)])
        rows = [Paid(*row) for row in cursor.fetchall()]
    _post(city_code, rows, at)
    BOOKED()
    lines, dues = split_subjects((row.claim_line_id, row.due_id) for row in rows)
    if source == "sent":
        move_owed(city_code, lines, dues, "settle")
    else:
        prove_paid(city_code, lines, dues)
    redeem_all(city_code, [row.voucher_id for row in rows if row.voucher_id is not None], at=at, reason="补贴已到账")
    REDEEMED()
    settle_claims(city_code, {row.claim_id for row in rows if row.due_id is None})
    tell_paid(city_code, line_ids, at=at)


def _post(city_code: int, rows: list[Paid], at: datetime) -> None:
    """From payable to disbursed; the ledger takes one payment of a claim line or due, ever."""
    ids = {row.payable_id for row in rows}
    payables = {one.pk: one for one in accounts_of(city_code, kind="payable") if one.pk in ids}
    disbursed = {pk: disbursed_account(account) for pk, account in payables.items()}
    entries = [
        Entry(
            kind="pay",
            debit=payables[row.payable_id],
            credit=disbursed[row.payable_id],
            amount_fen=row.amount_fen,
            subject_type=row.subject[0],
            subject_id=row.subject[1],
            memo=f"批次 {row.batch_number} 第 {row.sequence} 行到账",
        )
        for row in rows
    ]
    post_transfers(entries, at=at)


def disbursed_account(payable: Account) -> Account:
    """Where what was owed goes once it is paid, opened when missing; inside an act."""
    return ensure_account(
        city_code=payable.city_code,
        region_code=payable.region_code,
        code=f"disbursed-{payable.region_code}-{payable.fund_source}-{payable.year}",
        name=f"{payable.year} 年{FundSource(payable.fund_source).label}已付出",
        kind="disbursed",
        fund_source=payable.fund_source,
        year=payable.year,
    )


def book_failed(city_code: int, line_ids: Sequence[int], *, at: datetime) -> None:
    """The bank did not pay lines, or sent their money back before it arrived: each waits for a corrected account."""
    if not line_ids:
        return
    PAYMENT_LINE.fire_ids(PaymentLine, city_code, line_ids, "fail", source="sent")
    rows = PaymentLine.objects.filter(city_code=city_code, pk__in=line_ids).values_list("claim_line_id", "due_id")
    lines, dues = split_subjects(rows)
    move_owed(city_code, lines, dues, "fail")
    tell_failed(city_code, line_ids, at=at)


def book_returned(line: PaymentLine, *, at: datetime, reason: str) -> None:
    """The bank gave the money of a paid line back: the payment is reversed in the books and owed anew as a repayment.

    The voucher stays dead and the claim settled: what follows is a case of its own. Raises WrongState.
    """
    PAYMENT_LINE.fire(line, "bounce", returned_at=at, failure=reason[:200])
    paid = _payment_of(line)
    post_transfer(
        kind="reverse",
        debit=paid.credit,
        credit=paid.debit,
        amount_fen=paid.amount_fen,
        at=at,
        subject_type="payment_line",
        subject_id=line.pk,
        memo=f"到账后退汇：{reason}",
        reverses=paid,
    )
    payee = ""
    if line.due_id is not None:
        due = due_of(line.city_code, line.due_id)
        bounce_due(due)
        payee = due.payee
    queue_repayment(
        line=claim_line(line.city_code, line.claim_line_id),
        amount_fen=line.amount_fen,
        payable=paid.debit,
        at=at,
        reason=f"到账后退汇：{reason}",
        payee=payee,
    )
    tell_returned(line, at=at)


def _payment_of(line: PaymentLine) -> Transfer:
    kind, pk = line.subject
    return next(one for one in transfers_of(line.city_code, kind, pk) if one.kind == "pay")


def close_batches(city_code: int, batch_ids: Sequence[int]) -> None:
    """Note that the bank has answered batches, and settle those whose every line is paid or sent back."""
    rows = PaymentBatch.objects.filter(city_code=city_code, pk__in=batch_ids, state__in=("sent", "answered"))
    for batch in rows.select_for_update(no_key=True).order_by("id"):
        if batch.state == "sent":
            PAYMENT_BATCH.fire(batch, "answer")
        open_lines = PaymentLine.objects.filter(city_code=city_code, batch=batch, state__in=("waiting", "sent"))
        if not open_lines.exists():
            PAYMENT_BATCH.fire(batch, "settle")
    BATCHES_CLOSED()

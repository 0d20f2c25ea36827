"""What a confirmed answer of the bank does: any number of payment lines paid, sent back, or returned after they had arrived.

Plain functions for the acts of `statements` and `cases`. Set-based: a file of 100,000 lines is a dozen statements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from zhaoliang.funds.models import Account, FundSource, Transfer
from zhaoliang.funds.selectors import accounts_of, transfers_of
from zhaoliang.funds.services import ensure_account, post_selected, post_transfer
from zhaoliang.kernel import faults
from zhaoliang.kernel.db.lookups import id_array
from zhaoliang.kernel.jobs.reporting import report
from zhaoliang.kernel.states import EachRow
from zhaoliang.payments.models import PaymentBatch, PaymentLine
from zhaoliang.payments.services.batches import split_subjects
from zhaoliang.payments.services.telling import tell_failed, tell_paid, tell_returned
from zhaoliang.payments.states import PAYMENT_BATCH, PAYMENT_LINE
from zhaoliang.payments.totals import count_lines, count_transfer
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
       CASE WHEN line.due_id IS NULL AND voucher.state = 'in_claim' THEN voucher.id END AS voucher_id
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
WHERE line.city_code = %(city)s AND line.id = ANY(%(lines)s::bigint[])
"""
_TOUCHED = f"""
SELECT array_agg(paid.claim_line_id) FILTER (WHERE paid.due_id IS NULL),
       array_agg(paid.due_id) FILTER (WHERE paid.due_id IS NOT NULL),
       array_agg(DISTINCT paid.claim_id) FILTER (WHERE paid.due_id IS NULL),
       array_agg(paid.voucher_id) FILTER (WHERE paid.voucher_id IS NOT NULL),
       array_agg(DISTINCT paid.payable_id)
FROM ({_PAID}) AS paid
"""
# As `post_selected` reads it.
_ENTRIES = f"""
SELECT 'pay', paid.payable_id, owed.disbursed, paid.amount_fen,
       CASE WHEN paid.due_id IS NULL THEN 'claim_line' ELSE 'payment_due' END, coalesce(paid.due_id, paid.claim_line_id),
       '批次 ' || paid.number || ' 第 ' || paid.sequence || ' 行到账'
FROM ({_PAID}) AS paid
JOIN unnest(%(payables)s::bigint[], %(disbursed)s::bigint[]) AS owed(payable, disbursed) ON owed.payable = paid.payable_id
ORDER BY paid.id
"""


@dataclass(frozen=True)
class Said:
    """What the bank said of lines, written onto them as they move: its reference, and why it did not pay.

    `changes` where it is the same for all of them, `each` (`bank_reference`, `failure`) where it is not.
    """

    changes: Mapping[str, str]
    each: EachRow | None = None


@dataclass(frozen=True)
class Touched:
    """What lines about to be booked as paid lead to, by ids: nothing else of them is read."""

    lines: Sequence[int]
    dues: Sequence[int]
    claims: Sequence[int]
    vouchers: Sequence[int]
    payables: Sequence[int]


def book_paid(city_code: int, line_ids: Sequence[int], *, at: datetime, said: Said, source: str = "sent") -> None:
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
        each=said.each,
        settled_at=at,
        **said.changes,
    )
    LINES_MOVED()
    found = {"city": city_code, "lines": id_array(line_ids)}
    with connection.cursor() as cursor:
        cursor.execute(_TOUCHED, found)
        touched = Touched(*(ids or () for ids in cursor.fetchone() or ()))
    report(len(line_ids), None, "正在记账")
    _post(city_code, touched.payables, found, len(line_ids), at)
    BOOKED()
    if source == "sent":
        move_owed(city_code, touched.lines, touched.dues, "settle")
    else:
        prove_paid(city_code, touched.lines, touched.dues)
    redeem_all(city_code, touched.vouchers, at=at, reason="补贴已到账")
    REDEEMED()
    settle_claims(city_code, set(touched.claims))
    report(len(line_ids), None, "正在告知收款人")
    tell_paid(city_code, line_ids, at=at)


def _post(city_code: int, payable_ids: Sequence[int], found: Mapping[str, Any], count: int, at: datetime) -> None:
    """From payable to disbursed; the ledger takes one payment of a claim line or due, ever."""
    payables = [one for one in accounts_of(city_code, kind="payable") if one.pk in set(payable_ids)]
    accounts = {
        "payables": [one.pk for one in payables],
        "disbursed": [disbursed_account(one).pk for one in payables],
    }
    post_selected(city_code, _ENTRIES, {**found, **accounts}, count=count, at=at)
    count_lines(_PAID, {**found, **accounts}, at)


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


def book_failed(city_code: int, line_ids: Sequence[int], *, at: datetime, said: Said) -> None:
    """The bank did not pay lines, or sent their money back before it arrived: each waits for a corrected account."""
    if not line_ids:
        return
    PAYMENT_LINE.fire_ids(PaymentLine, city_code, line_ids, "fail", source="sent", each=said.each, **said.changes)
    rows = PaymentLine.objects.filter(city_code=city_code, pk__any_of=line_ids).values_list("claim_line_id", "due_id")
    lines, dues = split_subjects(rows)
    move_owed(city_code, lines, dues, "fail")
    tell_failed(city_code, line_ids, at=at)


def book_returned(line: PaymentLine, *, at: datetime, reason: str) -> None:
    """The bank gave the money of a paid line back: the payment is reversed in the books and owed anew as a repayment.

    The voucher stays dead and the claim settled: what follows is a case of its own. Raises WrongState.
    """
    PAYMENT_LINE.fire(line, "bounce", returned_at=at, failure=reason[:200])
    paid = _payment_of(line)
    undone = post_transfer(
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
    count_transfer(line.city_code, undone.pk)
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

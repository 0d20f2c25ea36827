"""A batch on its way to the bank. Once it may have left it is never sent again: first ask the bank."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.db import connection
from django.db.models import Count, Max, Sum

from zhaoliang.funds.models import FundSource
from zhaoliang.kernel import faults
from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.masking import mask_card
from zhaoliang.kernel.money import format_yuan
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.payments.excel import bank_file
from zhaoliang.payments.models import PaymentBatch, PaymentLine
from zhaoliang.payments.payees import PayeeAccount, payee_finder
from zhaoliang.payments.states import PAYMENT_BATCH, PAYMENT_LINE
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.subsidies.services import (
    claims_into_payment,
    line_into_batch,
    line_out_of_batch,
    take_for_payment,
    take_for_retry,
    try_again,
)

MOST_LINES = 5000
BUILT_LINE = faults.point("payments.build:line")
BUILT = faults.point("payments.build:end")
SENT_LINES = faults.point("payments.send:lines")
SENT = faults.point("payments.send:end")

_OFFICER = {Role.FUND_OFFICER: Reach.REGION}


@act("payments.build", label="编制拨付批次", grants=_OFFICER, on="place")
def build_batch(*, actor: Actor, at: datetime, place: Place, fund_source: str) -> PaymentBatch:
    """Collect the approved lines of a fund in the place's region, at most 5,000, one payment each.

    Two officers at once never take the same line. Lines whose payee has no account stay behind
    (`payments.selectors.waiting_lines` says why). Raises Refusal when nothing can be paid.
    """
    taken = take_for_payment(place.city_code, place.region_code, fund_source, MOST_LINES)
    find = payee_finder(place.city_code)
    accounts = [(line, find(line)) for line in taken]
    payable = [(line, account) for line, account in accounts if account.number and line.amount_fen > 0]
    if not payable:
        raise _nothing_to_pay(fund_source, [account for _, account in accounts])
    batch = _new_batch(place, fund_source, at)
    attempts = _attempts(place.city_code, [line for line, _ in payable])
    for sequence, (line, account) in enumerate(payable, start=1):
        PaymentLine.objects.create(
            city_code=batch.city_code,
            batch=batch,
            claim_line=line,
            sequence=sequence,
            attempt=attempts.get(line.pk, 0) + 1,
            payee_name=account.name,
            account_number=account.number,
            account_masked=mask_card(account.number),
            amount_fen=line.amount_fen,
        )
        line_into_batch(line)
        BUILT_LINE()
    claims_into_payment(batch.city_code, {line.claim_id for line, _ in payable})
    BUILT()
    return batch


def _new_batch(place: Place, fund_source: str, at: datetime) -> PaymentBatch:
    with connection.cursor() as cursor:
        # The number people quote to the bank holds the row's own id, so it needs no counter and no second writing.
        cursor.execute("SELECT nextval(pg_get_serial_sequence('payment_batch', 'id'))")
        row = cursor.fetchone()
    assert row is not None
    return PaymentBatch.objects.create(
        city_code=place.city_code,
        id=row[0],
        number=f"BF{place.city_code}{chinese_day(at):%Y%m%d}{row[0]:06d}",
        region_code=place.region_code,
        fund_source=fund_source,
        created_at=at,
    )


def _attempts(city_code: int, lines: list[ClaimLine]) -> dict[int, int]:
    rows = (
        PaymentLine.objects.filter(city_code=city_code, claim_line_id__in=[line.pk for line in lines])
        .values("claim_line_id")
        .annotate(last=Max("attempt"))
    )
    return {row["claim_line_id"]: row["last"] for row in rows}


def _nothing_to_pay(fund_source: str, accounts: list[PayeeAccount]) -> Refusal:
    label = FundSource(fund_source).label
    reasons = sorted({account.missing for account in accounts if account.missing})
    if reasons:
        return Refusal(
            what="没有编制拨付批次。",
            why=f"“{label}”下有 {len(accounts)} 条已审批明细，但都付不出去：{'；'.join(reasons)}。",
            next_step="请先补登账号，再编制批次。",
        )
    return Refusal(
        what="没有编制拨付批次。",
        why=f"“{label}”下现在没有等待拨付的已审批明细，或另一位同事正在编制。",
        next_step="请在补贴申领审批后再来。",
    )


def locked_batch(batch: PaymentBatch) -> PaymentBatch:
    """The batch as it is now, nobody else changing it until the act ends."""
    return PaymentBatch.objects.select_for_update(no_key=True).get(city_code=batch.city_code, pk=batch.pk)


def locked_payment_lines(batch: PaymentBatch) -> list[PaymentLine]:
    """The lines of a locked batch in their order."""
    rows = PaymentLine.objects.select_for_update(of=("self",), no_key=True).select_related("claim_line")
    return list(rows.filter(city_code=batch.city_code, batch=batch).order_by("sequence"))


def _require(batch: PaymentBatch, event: str) -> None:
    if not PAYMENT_BATCH.allows(batch.state, event):
        raise PAYMENT_BATCH.refusal(batch.state, event)


def _sums(batch: PaymentBatch) -> tuple[int, int]:
    found = PaymentLine.objects.filter(city_code=batch.city_code, batch=batch).aggregate(
        count=Count("id"), total=Sum("amount_fen")
    )
    return found["count"], found["total"] or 0


@act("payments.seal", label="封存拨付批次", grants=_OFFICER, on="batch")
def seal_batch(*, actor: Actor, at: datetime, batch: PaymentBatch) -> PaymentBatch:
    """Freeze number of lines and total. Raises WrongState."""
    batch = locked_batch(batch)
    _require(batch, "seal")
    count, total = _sums(batch)
    PAYMENT_BATCH.fire(
        batch,
        "seal",
        lines_count=count,
        total_fen=total,
        sealed_by_user=actor.user_id,
        sealed_by_person=actor.person_id,
    )
    return batch


@act("payments.authorise", label="授权拨付", grants={Role.FINANCE: Reach.REGION}, on="batch")
def authorise_batch(*, actor: Actor, at: datetime, batch: PaymentBatch) -> PaymentBatch:
    """Authorise a sealed batch, by somebody else than who sealed it.

    Raises SamePerson, WrongState, and Refusal when the lines no longer add up to what was sealed.
    """
    batch = locked_batch(batch)
    _require(batch, "authorise")
    require_other_person(actor, person_id=batch.sealed_by_person, user_id=batch.sealed_by_user, step="封存批次")
    count, total = _sums(batch)
    if (count, total) != (batch.lines_count, batch.total_fen):
        raise Refusal(
            what="没有授权。",
            why=f"封存时是 {batch.lines_count} 笔 {format_yuan(batch.total_fen)}，现在是 {count} 笔 {format_yuan(total)}。",
            next_step="请不要付款，立即联系系统管理员和监督部门核查。",
        )
    PAYMENT_BATCH.fire(batch, "authorise", authorised_by_user=actor.user_id, authorised_by_person=actor.person_id)
    return batch


@act("payments.send", label="送银行", grants=_OFFICER, on="batch")
def send_batch(*, actor: Actor, at: datetime, batch: PaymentBatch) -> PaymentBatch:
    """Fix the bank file (`payments.excel.bank_file` gives the same bytes any time) and count the batch as sent.

    The file is handed over once: a batch that may have left is never authorised again without the bank's word
    (`mark_unknown`, `confirm_not_sent`). Raises WrongState.
    """
    batch = locked_batch(batch)
    _require(batch, "send")
    for line in locked_payment_lines(batch):
        PAYMENT_LINE.fire(line, "send")
    SENT_LINES()
    digest = hashlib.sha256(bank_file(batch)).digest()
    PAYMENT_BATCH.fire(batch, "send", sent_at=at, file_sha256=digest)
    SENT()
    return batch


@act("payments.mark_unknown", label="标为送达未知", grants=_OFFICER, on="batch")
def mark_unknown(*, actor: Actor, at: datetime, batch: PaymentBatch) -> PaymentBatch:
    """Nobody knows whether the bank got the file: nothing may be sent until the bank has answered. Raises WrongState."""
    batch = locked_batch(batch)
    _require(batch, "lose")
    for line in locked_payment_lines(batch):
        if line.state == "waiting":
            PAYMENT_LINE.fire(line, "send")
    PAYMENT_BATCH.fire(batch, "lose")
    return batch


@act("payments.confirm_sent", label="银行确认收到", grants=_OFFICER, on="batch")
def confirm_sent(*, actor: Actor, at: datetime, batch: PaymentBatch) -> PaymentBatch:
    """The bank says it has the file. Raises WrongState."""
    batch = locked_batch(batch)
    _require(batch, "confirm_sent")
    digest = hashlib.sha256(bank_file(batch)).digest()
    PAYMENT_BATCH.fire(batch, "confirm_sent", sent_at=batch.sent_at or at, file_sha256=digest)
    return batch


@act("payments.confirm_not_sent", label="银行确认未收到", grants=_OFFICER, on="batch")
def confirm_not_sent(*, actor: Actor, at: datetime, batch: PaymentBatch) -> PaymentBatch:
    """The bank says it has no such file: the batch is authorised as before and may be sent. Raises WrongState."""
    batch = locked_batch(batch)
    _require(batch, "confirm_not_sent")
    for line in locked_payment_lines(batch):
        PAYMENT_LINE.fire(line, "unsend")
    PAYMENT_BATCH.fire(batch, "confirm_not_sent", sent_at=None, file_sha256=None)
    return batch


@act(
    "payments.dissolve",
    label="撤销拨付批次",
    grants={Role.FUND_OFFICER: Reach.REGION, Role.FINANCE: Reach.REGION},
    on="batch",
)
def dissolve_batch(*, actor: Actor, at: datetime, batch: PaymentBatch, reason: str) -> PaymentBatch:
    """Give up a batch that never left; its lines wait for the next one. Raises WrongState once it may have left."""
    batch = locked_batch(batch)
    _require(batch, "dissolve")
    for line in locked_payment_lines(batch):
        PAYMENT_LINE.fire(line, "cancel", failure=f"批次撤销：{reason.strip()}"[:200])
        line_out_of_batch(line.claim_line)
    PAYMENT_BATCH.fire(batch, "dissolve")
    return batch


@act("payments.retry", label="更正后再拨", grants=_OFFICER, on="line")
def retry_line(*, actor: Actor, at: datetime, line: ClaimLine, same_account: bool = False) -> ClaimLine:
    """Let a line the bank sent back wait for the next batch, after its account was corrected.

    Raises Refusal when the account is still the one that failed, unless `same_account` says the bank has cleared it;
    WrongState.
    """
    line = take_for_retry(line)
    failed = (
        PaymentLine.objects.filter(city_code=line.city_code, claim_line=line, state="failed")
        .order_by("-attempt")
        .first()
    )
    now = payee_finder(line.city_code)(line).number
    uncorrected = failed is not None and now in ("", failed.account_number)
    if failed is not None and uncorrected and line.state == "failed" and not same_account:
        raise Refusal(
            what="还不能再拨。",
            why=f"银行退回的原因是“{failed.failure}”，收款账号还没有更正。",
            next_step="请先更正账号；如果银行已确认原账号可以入账，请选择“账号不变，再拨一次”。",
        )
    try_again(line)
    return line

"""A batch on its way to the bank. Once it may have left it is never sent again: first ask the bank."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import count
from typing import Any

from django.db import connection
from django.db.models import Count, Max, QuerySet, Sum

from zhaoliang.funds.models import FundSource
from zhaoliang.kernel import faults
from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.db.copying import copy_rows
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.jobs.reporting import report
from zhaoliang.kernel.masking import mask_card
from zhaoliang.kernel.money import format_yuan
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.payments.excel import bank_file_pieces, pieces_digest
from zhaoliang.payments.models import PaymentBatch, PaymentLine
from zhaoliang.payments.payees import PayeeAccount, owed_for, payee_finder
from zhaoliang.payments.selectors import account_in_use, lines_to_barred
from zhaoliang.payments.services.accounts import no_account_in_use
from zhaoliang.payments.services.telling import tell_sent
from zhaoliang.payments.states import PAYING_ACCOUNT, PAYMENT_BATCH, PAYMENT_LINE
from zhaoliang.subsidies.models import ClaimLine, PaymentDue
from zhaoliang.subsidies.services import (
    Owed,
    claims_into_payment,
    move_owed,
    retry_due,
    take_due_for_retry,
    take_for_payment,
    take_for_retry,
    try_again,
)

MOST_LINES = 100_000
# What was sealed and authorised is so no longer.
_UNSEALED = {
    "lines_count": 0,
    "total_fen": 0,
    "paying_account": None,
    "sealed_by_user": None,
    "sealed_by_person": None,
    "authorised_by_user": None,
    "authorised_by_person": None,
}
WRITTEN = faults.point("payments.build:written")
MOVED = faults.point("payments.build:moved")
BUILT = faults.point("payments.build:end")
SENT_LINES = faults.point("payments.send:lines")
SENT = faults.point("payments.send:end")

_COLUMNS = (
    "city_code",
    "batch",
    "claim_line",
    "due",
    "purpose",
    "sequence",
    "attempt",
    "payee_name",
    "account_number",
    "account_masked",
    "amount_fen",
    "state",
    "bank_reference",
    "failure",
)
OFFICER = {Role.FUND_OFFICER: Reach.REGION}


@act("payments.build", label="编制拨付批次", grants=OFFICER, on="place")
def build_batch(*, actor: Actor, at: datetime, place: Place, fund_source: str) -> PaymentBatch:
    """Collect what is owed of a fund in the place's region, at most 100,000, one payment each.

    Approved lines and whatever `subsidies.services.queue_payment` let wait. Two officers at once never take the same.
    What has a payee without account stays behind (`payments.selectors.waiting_lines` says why). Raises Refusal when
    nothing can be paid.
    """
    find = payee_finder(place.city_code)
    batch: PaymentBatch | None = None
    lines: list[int] = []
    dues: list[int] = []
    claims: set[int] = set()
    held: Counter[str] = Counter()
    for taken in take_for_payment(place.city_code, place.region_code, fund_source, MOST_LINES, on=chinese_day(at)):
        accounts = [(owed, find(owed)) for owed in taken]
        held.update(account.missing for _, account in accounts)
        payable = [(owed, account) for owed, account in accounts if account.number and owed.amount_fen > 0]
        if not payable:
            continue
        batch = batch or _new_batch(place, fund_source, at)
        _write(batch, payable, first=len(lines) + len(dues) + 1)
        lines += [owed.line_id for owed, _ in payable if owed.due_id is None]
        dues += [owed.due_id for owed, _ in payable if owed.due_id is not None]
        claims |= {owed.claim_id for owed, _ in payable if owed.due_id is None}
        report(len(lines) + len(dues), None, "正在列入待拨付明细")
    if batch is None:
        raise _nothing_to_pay(fund_source, held)
    WRITTEN()
    move_owed(batch.city_code, lines, dues, "pay")
    MOVED()
    claims_into_payment(batch.city_code, claims)
    BUILT()
    return batch


def _write(batch: PaymentBatch, payable: list[tuple[Owed, PayeeAccount]], *, first: int) -> None:
    """The payment lines of a part, numbered from `first`."""
    attempts = _attempts(batch.city_code, [owed.line_id for owed, _ in payable])
    copy_rows(
        PaymentLine,
        _COLUMNS,
        (
            (
                batch.city_code,
                batch.pk,
                owed.line_id,
                owed.due_id,
                owed.purpose,
                sequence,
                next(attempts[owed.line_id, owed.purpose]),
                account.name,
                account.number,
                mask_card(account.number),
                owed.amount_fen,
                "waiting",
                "",
                "",
            )
            for sequence, (owed, account) in enumerate(payable, start=first)
        ),
    )


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


def _attempts(city_code: int, line_ids: list[int]) -> dict[tuple[int, str], Iterator[int]]:
    """The numbers of the next attempts of each line and purpose, counted on from the payments there are."""
    rows = (
        PaymentLine.objects.filter(city_code=city_code, claim_line_id__in=line_ids)
        .values_list("claim_line_id", "purpose")
        .annotate(last=Max("attempt"))
    )
    found: dict[tuple[int, str], Iterator[int]] = defaultdict(lambda: count(1))
    found.update({(line, purpose): count(last + 1) for line, purpose, last in rows})
    return found


def split_subjects(rows: Iterable[tuple[int, int | None]]) -> tuple[list[int], list[int]]:
    """The ids of claim lines whose first subsidy a payment is, and the ids of dues that the others pay."""
    pairs = list(rows)
    return [line for line, due in pairs if due is None], [due for _, due in pairs if due is not None]


def _nothing_to_pay(fund_source: str, held: Counter[str]) -> Refusal:
    label = FundSource(fund_source).label
    reasons = sorted(reason for reason in held if reason)
    if reasons:
        return Refusal(
            what="没有编制拨付批次。",
            why=f"“{label}”下有 {held.total()} 条已审批明细，但都付不出去：{'；'.join(reasons)}。",
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


def move_lines(batch: PaymentBatch, event: str, **changes: Any) -> None:
    """Move all lines of a locked batch that stand where `event` starts."""
    (source,) = PAYMENT_LINE.sources(event)
    rows = PaymentLine.objects.filter(city_code=batch.city_code, batch=batch, state=source).order_by("id")
    report(0, batch.lines_count, "正在逐笔登记")
    ids = list(rows.select_for_update(no_key=True).values_list("id", flat=True))
    PAYMENT_LINE.fire_ids(PaymentLine, batch.city_code, ids, event, source=source, **changes)


def _require(batch: PaymentBatch, event: str) -> None:
    if not PAYMENT_BATCH.allows(batch.state, event):
        raise PAYMENT_BATCH.refusal(batch.state, event)


def _sums(batch: PaymentBatch) -> tuple[int, int]:
    found = PaymentLine.objects.filter(city_code=batch.city_code, batch=batch).aggregate(
        count=Count("id"), total=Sum("amount_fen")
    )
    return found["count"], found["total"] or 0


@act("payments.seal", label="封存拨付批次", grants=OFFICER, on="batch")
def seal_batch(*, actor: Actor, at: datetime, batch: PaymentBatch) -> PaymentBatch:
    """Freeze number of lines, total, and the account the money leaves from.

    Raises WrongState, and Refusal while the region has no confirmed account for the fund or a payee was barred since.
    """
    batch = locked_batch(batch)
    _require(batch, "seal")
    _require_payable(batch, at, "没有封存。")
    account = account_in_use(batch.city_code, batch.region_code, batch.fund_source)
    if account is None:
        raise no_account_in_use(batch.fund_source)
    count, total = _sums(batch)
    PAYMENT_BATCH.fire(
        batch,
        "seal",
        paying_account=account,
        lines_count=count,
        total_fen=total,
        sealed_by_user=actor.user_id,
        sealed_by_person=actor.person_id,
    )
    return batch


def _require_payable(batch: PaymentBatch, at: datetime, what: str) -> None:
    """Raise Refusal when an organisation of the batch may not be paid any more: it was barred after the batch was built.

    What was sealed is not changed behind who sealed it: `leave_out_barred` takes it out, and the rest is sealed again.
    """
    held = lines_to_barred(batch, on=chinese_day(at))
    number = held.count()
    if number:
        names = held.order_by("payee_name").values_list("payee_name", flat=True).distinct()[:3]
        raise Refusal(
            what=what,
            why=f"编制以后，{'、'.join(names)}被暂停、处理或列入黑名单，其中 {number} 笔不得拨付。",
            next_step="请资金管理员先撤出这些明细：批次回到编制，其余重新封存、授权后照常拨付。",
        )


def _require_account(batch: PaymentBatch) -> None:
    """Raise Refusal unless the account a batch was sealed with is in use: replaced, refused, not confirmed, or none at all.

    Batches sealed before there were paying accounts have none; they are built anew like the others.
    """
    account = batch.paying_account
    if account is None or account.state != "confirmed":
        why = "封存时没有登记付款账户。"
        if account is not None:
            said = PAYING_ACCOUNT.states[account.state]
            why = f"封存时的付款账户（尾号 {account.account_masked[-4:]}）现在是“{said}”，不是在用的账户。"
        raise Refusal(
            what="没有送银行。",
            why=why,
            next_step="请撤销这一批次后重新编制，新批次从在用的账户付款；还没有在用账户的，请先登记并由另一位同事复核。",
        )


@act("payments.authorise", label="授权拨付", grants={Role.FINANCE: Reach.REGION}, on="batch")
def authorise_batch(*, actor: Actor, at: datetime, batch: PaymentBatch) -> PaymentBatch:
    """Authorise a sealed batch, by somebody else than who sealed it.

    Raises SamePerson, WrongState, and Refusal when the lines no longer add up to what was sealed or a payee was barred since.
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
    _require_payable(batch, at, "没有授权。")
    PAYMENT_BATCH.fire(batch, "authorise", authorised_by_user=actor.user_id, authorised_by_person=actor.person_id)
    return batch


@act("payments.send", label="送银行", grants=OFFICER, on="batch")
def send_batch(*, actor: Actor, at: datetime, batch: PaymentBatch, file_kind: str = "xlsx") -> PaymentBatch:
    """Fix the bank file (`payments.excel.bank_file` gives the same bytes any time) and count the batch as sent.

    `file_kind` is one of `PaymentBatch.FILE_KINDS`: one batch goes in one format, so that no bank gets it twice.

    The file is handed over once: a batch that may have left is never authorised again without the bank's word
    (`mark_unknown`, `confirm_not_sent`). Raises WrongState, BadInput for an unknown format, Refusal when the account the
    money was to leave from is not, or no longer, the one in use.
    """
    batch = locked_batch(batch)
    _require(batch, "send")
    if file_kind not in dict(PaymentBatch.FILE_KINDS):
        raise BadInput("没有送银行。", "没有这种银行文件格式。", "请选择页面上列出的格式。")
    _require_payable(batch, at, "没有送银行。")
    _require_account(batch)
    move_lines(batch, "send")
    SENT_LINES()
    report(0, batch.lines_count, "正在生成银行文件")
    digest = pieces_digest(bank_file_pieces(batch, file_kind))
    PAYMENT_BATCH.fire(batch, "send", sent_at=at, file_kind=file_kind, file_sha256=digest)
    report(0, batch.lines_count, "正在告知收款人")
    tell_sent(batch, at=at)
    SENT()
    return batch


@act("payments.mark_unknown", label="标为送达未知", grants=OFFICER, on="batch")
def mark_unknown(*, actor: Actor, at: datetime, batch: PaymentBatch) -> PaymentBatch:
    """Nobody knows whether the bank got the file: nothing may be sent until the bank has answered. Raises WrongState."""
    batch = locked_batch(batch)
    _require(batch, "lose")
    move_lines(batch, "send")
    PAYMENT_BATCH.fire(batch, "lose")
    return batch


@act("payments.confirm_sent", label="银行确认收到", grants=OFFICER, on="batch")
def confirm_sent(*, actor: Actor, at: datetime, batch: PaymentBatch) -> PaymentBatch:
    """The bank says it has the file. Raises WrongState."""
    batch = locked_batch(batch)
    _require(batch, "confirm_sent")
    digest = pieces_digest(bank_file_pieces(batch))
    told = batch.sent_at is not None
    PAYMENT_BATCH.fire(batch, "confirm_sent", sent_at=batch.sent_at or at, file_sha256=digest)
    if not told:
        # Lost on its way out of the house: nobody has heard yet that the money is under way.
        tell_sent(batch, at=at)
    return batch


@act("payments.confirm_not_sent", label="银行确认未收到", grants=OFFICER, on="batch")
def confirm_not_sent(*, actor: Actor, at: datetime, batch: PaymentBatch) -> PaymentBatch:
    """The bank says it has no such file: the batch is authorised as before and may be sent. Raises WrongState."""
    batch = locked_batch(batch)
    _require(batch, "confirm_not_sent")
    move_lines(batch, "unsend")
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
    _give_up(batch, f"批次撤销：{reason.strip()}")
    return batch


def _give_up(batch: PaymentBatch, failure: str) -> None:
    """The payments of a batch that never left are none; what is owed waits for the next batch."""
    rows = PaymentLine.objects.filter(city_code=batch.city_code, batch=batch, state="waiting")
    lines, dues = split_subjects(rows.values_list("claim_line_id", "due_id"))
    move_lines(batch, "cancel", failure=failure[:200])
    move_owed(batch.city_code, lines, dues, "withdraw")
    PAYMENT_BATCH.fire(batch, "dissolve")


@act("payments.leave_out", label="撤出不得拨付的明细", grants=OFFICER, on="batch")
def leave_out_barred(*, actor: Actor, at: datetime, batch: PaymentBatch) -> PaymentBatch:
    """Take the payments to organisations barred since out of a batch that has not left; the rest is sealed and authorised anew.

    They are split off into a batch of their own that is dissolved at once: what was in which batch stays to be read, and
    what is owed waits until its payee may be paid again. Raises WrongState; Refusal when nobody in it is barred, and when
    nothing would be left.
    """
    batch = locked_batch(batch)
    _require(batch, "reopen")
    held = list(lines_to_barred(batch, on=chinese_day(at)).values_list("id", flat=True))
    if not held:
        raise Refusal("没有撤出明细。", "这一批次里没有不得拨付的收款单位。", "请照常办理。")
    if len(held) == PaymentLine.objects.filter(city_code=batch.city_code, batch=batch).count():
        raise Refusal("没有撤出明细。", "这一批次全部不得拨付，撤出以后就空了。", "请撤销这一批次。")
    apart = _new_batch(Place(batch.city_code, batch.region_code), batch.fund_source, at)
    PaymentLine.objects.filter(city_code=batch.city_code, pk__any_of=held).update(batch=apart)
    _give_up(apart, f"收款单位被暂停、处理或列入黑名单，撤出批次 {batch.number}")
    PAYMENT_BATCH.fire(batch, "reopen", **_UNSEALED)
    return batch


@act("payments.retry", label="更正后再拨", grants=OFFICER, on="line")
def retry_line(*, actor: Actor, at: datetime, line: ClaimLine, same_account: bool = False) -> ClaimLine:
    """Let a line the bank sent back wait for the next batch, after its account was corrected.

    Raises Refusal when the account is still the one that failed, unless `same_account` says the bank has cleared it;
    WrongState.
    """
    line = take_for_retry(line)
    if line.state == "failed" and not same_account:
        _require_corrected(PaymentLine.objects.filter(city_code=line.city_code, claim_line=line), owed_for(line))
    try_again(line)
    return line


@act("payments.retry_due", label="更正后再拨应付款项", grants=OFFICER, on="due")
def retry_payment_due(*, actor: Actor, at: datetime, due: PaymentDue, same_account: bool = False) -> PaymentDue:
    """Let a due whose money came back wait for the next batch, after the account was corrected. Raises as `retry_line`."""
    due = take_due_for_retry(due)
    if due.state == "failed" and not same_account:
        earlier = PaymentLine.objects.filter(city_code=due.city_code, claim_line_id=due.claim_line_id)
        _require_corrected(earlier, owed_for(due.claim_line, due.payee))
    retry_due(due)
    return due


def _require_corrected(payments: QuerySet[PaymentLine], owed: Owed) -> None:
    """Refuse while the payee's account is none or the one that the last money came back from."""
    failed = payments.filter(state__in=("failed", "returned")).exclude(batch__state="dissolved").order_by("-id").first()
    if failed is None:
        return
    if payee_finder(failed.city_code)(owed).number in ("", failed.account_number):
        raise Refusal(
            what="还不能再拨。",
            why=f"银行退回的原因是“{failed.failure}”，收款账号还没有更正。",
            next_step="请先更正账号；如果银行已确认原账号可以入账，请选择“账号不变，再拨一次”。",
        )

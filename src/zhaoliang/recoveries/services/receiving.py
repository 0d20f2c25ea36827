"""Money that comes back: by the bank, or kept from a payment that is due to the same payee."""

from __future__ import annotations

from datetime import date, datetime

from django.db import IntegrityError, transaction

from zhaoliang.funds.models import Account
from zhaoliang.funds.selectors import transfers_about_line
from zhaoliang.funds.services import post_transfer
from zhaoliang.kernel import faults
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.money import format_yuan
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.payments.services import count_transfer
from zhaoliang.recoveries.interest import record_interest
from zhaoliang.recoveries.models import Difference, RecoveryCase, RecoveryReceipt
from zhaoliang.recoveries.services.cases import locked_case, plan_of, settled
from zhaoliang.recoveries.services.opening import beside, opening
from zhaoliang.recoveries.states import OPEN, RECOVERY_CASE
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.subsidies.selectors import approved_lines_of
from zhaoliang.subsidies.services import queue_repayment, retry_due, settle_if_done
from zhaoliang.subsidies.services.later import settle_by_set_off, take_for_reading, take_grant_back
from zhaoliang.vouchers.selectors import vouchers_by_id
from zhaoliang.vouchers.services import redeem

RECEIVED = faults.point("recoveries.receive:booked")
SET_OFF = faults.point("recoveries.set_off:booked")
_DESK = {Role.FUND_OFFICER: Reach.REGION, Role.FINANCE: Reach.REGION}
RECEIPT = "recovery_receipt"
# Cases of which nothing is wanted any more.
BACK = ("recovered", "withdrawn")


@act("recoveries.receive", label="登记追回到账", grants=_DESK, on="case")
def receive(
    *, actor: Actor, at: datetime, case: RecoveryCase, amount_fen: int, received_on: date, bank_reference: str
) -> RecoveryReceipt:
    """Book money (fen) that came back by the bank: receivable → recovered → budget, to the appropriation of a past year.

    The same bank reference never counts twice; the case closes when everything is back. Raises BadInput for more than is
    owed, a day to come or no reference; WrongState for a closed case; Refusal for a reference that was booked.
    """
    what, reference = "没有登记到账。", bank_reference.strip()
    case = locked_case(case)
    _require_open(case, what)
    wrong = {
        "amount_fen": ""
        if 0 < amount_fen <= case.owed_fen
        else f"还欠 {format_yuan(case.owed_fen)}，多收的请退回原账户。",
        "received_on": "" if received_on <= chinese_day(at) else "到账日期不能晚于今天。",
        "bank_reference": "" if reference else "请填写银行流水号。",
    }
    if fields := {name: message for name, message in wrong.items() if message}:
        raise BadInput(what, "有内容填写不对。", "请改正后重新提交。", fields=fields)
    try:
        with transaction.atomic():
            receipt = _enter(case, amount_fen, received_on, actor, at, bank_reference=reference)
    except IntegrityError as problem:
        raise Refusal(what, f"流水号 {reference} 已经登记过。", "请核对回单，同一笔不能记两次。") from problem
    _book(case, receipt, at)
    RECEIVED()
    _count(case, amount_fen, at)
    return receipt


@act("recoveries.set_off", label="抵扣应付补贴", grants={Role.FUND_OFFICER: Reach.REGION}, on="case")
def set_off(*, actor: Actor, at: datetime, case: RecoveryCase, line: ClaimLine) -> RecoveryReceipt:
    """Keep what is owed from an approved line that is due to the same payee; the rest of the line waits for the next batch.

    Books the kept part payable → disbursed for the line and receivable → recovered → budget for the case; the line is paid
    and its voucher redeemed. Raises Refusal unless set-off was agreed and the line is approved, of the same payee and fund.
    """
    what = "没有抵扣。"
    case = locked_case(case)
    line = take_for_reading(line)
    _require_open(case, what)
    if case.way != "set_off":
        raise Refusal(what, "没有约定用抵扣的方式退还。", "请先登记约定。")
    payable = next((one.credit for one in transfers_about_line(line.city_code, line.pk) if one.kind == "accrue"), None)
    receivable = opening(case).credit
    if line.state != "approved" or payable is None or not _same_payee(case, line):
        raise Refusal(what, "只能从同一收款方已审批、还没有列入批次的明细中抵扣。", "请选择另一条明细。")
    if payable.fund_source != receivable.fund_source:
        raise Refusal(what, "两笔的资金渠道不同，资金不能混用。", "请选择同一渠道的明细。")
    kept = min(case.owed_fen, line.amount_fen)
    paid = post_transfer(
        kind="pay",
        debit=payable,
        credit=beside(payable, "disbursed"),
        amount_fen=kept,
        at=at,
        subject_type="claim_line.set_off",
        subject_id=line.pk,
        memo=f"抵扣追回事项 {case.pk}",
    )
    count_transfer(line.city_code, paid.pk)
    settle_by_set_off(line)
    if line.voucher_id is not None:
        [voucher] = vouchers_by_id(line.city_code, [line.voucher_id]).values()
        redeem(voucher, at=at, reason="补贴已抵扣应退还的款项")
    if line.amount_fen > kept:
        reason = f"抵扣追回事项 {case.pk} 以后的余额"
        retry_due(queue_repayment(line=line, amount_fen=line.amount_fen - kept, payable=payable, at=at, reason=reason))
    settle_if_done(line.claim)
    receipt = _enter(case, kept, chinese_day(at), actor, at, set_off_line=line)
    _book(case, receipt, at)
    SET_OFF()
    _count(case, kept, at)
    return receipt


def set_off_lines(case: RecoveryCase) -> list[ClaimLine]:
    """Approved lines of the same payee that the case could be set off against, oldest first."""
    return approved_lines_of(
        case.city_code,
        fund_source=case.claim_line.claim.fund_source,
        payee=case.claim_line.payee if case.organisation else "person",
        person=case.person,
        organisation=case.organisation,
    )


def _same_payee(case: RecoveryCase, line: ClaimLine) -> bool:
    return line.pk in {one.pk for one in set_off_lines(case)}


def _require_open(case: RecoveryCase, what: str) -> None:
    if case.state not in OPEN or case.state == "opened":
        raise Refusal(what, f"这件事现在是“{RECOVERY_CASE.states[case.state]}”。", "请核对追回事项。")


def _enter(
    case: RecoveryCase,
    amount_fen: int,
    received_on: date,
    actor: Actor,
    at: datetime,
    *,
    bank_reference: str = "",
    set_off_line: ClaimLine | None = None,
) -> RecoveryReceipt:
    receipt = RecoveryReceipt.objects.create(
        city_code=case.city_code,
        case=case,
        amount_fen=amount_fen,
        received_on=received_on,
        bank_reference=bank_reference[:60],
        set_off_line=set_off_line,
        at=at,
        by_name=actor.name,
    )
    record_interest(case, amount_fen, received_on, at)
    return receipt


def _book(case: RecoveryCase, receipt: RecoveryReceipt, at: datetime) -> None:
    receivable = opening(case).credit
    recovered = beside(receivable, "recovered")
    for kind, debit, credit in (
        ("collect", receivable, recovered),
        ("restore", recovered, _home(receivable, at)),
    ):
        post_transfer(
            kind=kind,
            debit=debit,
            credit=credit,
            amount_fen=receipt.amount_fen,
            at=at,
            subject_type=RECEIPT,
            subject_id=receipt.pk,
            memo=f"追回事项 {case.pk} 退还 {receipt.bank_reference}".strip(),
        )


def _home(receivable: Account, at: datetime) -> Account:
    """Where money that came back belongs: the budget of its year while the year runs, afterwards the appropriation."""
    return beside(receivable, "budget" if receivable.year >= chinese_day(at).year else "appropriation")


def _count(case: RecoveryCase, amount_fen: int, at: datetime) -> None:
    case.collected_fen += amount_fen
    changed = ["collected_fen"]
    if case.way and case.owed_fen:
        # The next day that matters is that of the first instalment not covered yet.
        covered = case.collected_fen - (case.amount_fen - sum(one.amount_fen for one in plan_of(case)))
        for one in plan_of(case):
            covered -= one.amount_fen
            if covered < 0:
                case.due_on = one.due_on
                changed.append("due_on")
                break
    case.save(update_fields=changed)
    if not case.owed_fen:
        settled(case, at)
        if _nothing_left(case):
            take_grant_back(case.claim_line, at)


def _nothing_left(case: RecoveryCase) -> bool:
    """Whether the line is worth nothing now and no other case of it still waits for money or was written off."""
    here = {"city_code": case.city_code, "claim_line": case.claim_line}
    latest = Difference.objects.filter(**here).latest("pk")
    return latest.after_fen == 0 and not RecoveryCase.objects.filter(**here).exclude(state__in=BACK).exists()

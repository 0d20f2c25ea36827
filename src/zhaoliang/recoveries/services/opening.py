"""A recovery case comes to be, or is wanted no longer: plain functions, run inside the acts that settle a difference."""

from __future__ import annotations

from datetime import datetime

from zhaoliang.funds.models import Account, FundSource, Transfer
from zhaoliang.funds.selectors import transfers_about_line, transfers_of
from zhaoliang.funds.services import ensure_account, post_transfer
from zhaoliang.kernel import faults
from zhaoliang.kernel.days import chinese_day, format_cn_date
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.kernel.money import format_yuan
from zhaoliang.recoveries.clocks import reply_by
from zhaoliang.recoveries.models import Difference, RecoveryCase
from zhaoliang.recoveries.states import RECOVERY_CASE
from zhaoliang.registry.models import Organisation
from zhaoliang.registry.selectors import organisation_by_uscc
from zhaoliang.registry.services import Message, tell
from zhaoliang.subsidies.models import ClaimLine

OPENED = faults.point("recoveries.open:booked")
NOTICED = faults.point("recoveries.open:noticed")
CASE = "recovery_case"


def open_case(line: ClaimLine, difference: Difference, amount_fen: int, at: datetime) -> RecoveryCase:
    """Want `amount_fen` of a paid line back: books disbursed → receivable, and tells who got it; inside an act.

    Raises Refusal when the payment is not in the books any more (the bank gave it back).
    """
    paid = [transfer for transfer in transfers_about_line(line.city_code, line.pk) if transfer.kind == "pay"]
    if not paid:
        raise Refusal("没有立案追回。", "账上没有这一条的支付。", "请先核对银行回单。")
    disbursed = paid[-1].credit
    organisation = _organisation(line)
    due_on, ground = reply_by(line.claim.region_id, chinese_day(at))
    clause = "；".join(part for part in (difference.clause, ground) if part)
    case = RecoveryCase.objects.create(
        city_code=line.city_code,
        claim_line=line,
        difference=difference,
        person=None if organisation else line.person,
        organisation=organisation,
        payee_name=organisation.name if organisation else line.person.name,
        region_code=line.claim.region_id,
        amount_fen=amount_fen,
        clause=clause[:300],
        opened_at=at,
    )
    post_transfer(
        kind="recover",
        debit=disbursed,
        credit=beside(disbursed, "receivable"),
        amount_fen=amount_fen,
        at=at,
        subject_type=CASE,
        subject_id=case.pk,
        memo=f"申领明细 {line.pk} 应追回：{difference.summary}",
    )
    OPENED()
    RECOVERY_CASE.fire(case, "notice", due_on=due_on)
    tell(line.city_code, [_message(case, difference)], at=at)
    NOTICED()
    return case


def _message(case: RecoveryCase, difference: Difference) -> Message:
    until = f"请在{format_cn_date(case.due_on)}以前退还或说明情况。" if case.due_on else "请尽快退还或说明情况。"
    ground = f"依据：{case.clause}。" if case.clause else ""
    text = f"已发的补贴中有 {format_yuan(case.amount_fen)} 应当退还：{difference.summary[:110]}。{until}{ground}"
    return Message(
        kind="recovery",
        title=f"请退还补贴 {format_yuan(case.amount_fen)}",
        text=text[:300],
        person_id=case.person_id,
        organisation_id=case.organisation_id,
        subject=(CASE, case.pk),
        once=f"recovery:{case.pk}",
    )


def _organisation(line: ClaimLine) -> Organisation | None:
    """The organisation that got the money; None when it was the person."""
    if line.payee == "provider":
        return line.claim.provider
    if line.payee == "person" or line.enrolment is None:
        return None
    try:
        return organisation_by_uscc(line.city_code, line.enrolment.employer_uscc)
    except InvalidIdentifier:
        return None


def forgive(case: RecoveryCase, amount_fen: int, difference: Difference, at: datetime) -> None:
    """Want so much less of an open case: it was due after all. Books receivable → disbursed; inside an act."""
    if not amount_fen:
        return
    opened = opening(case)
    post_transfer(
        kind="amend",
        debit=opened.credit,
        credit=opened.debit,
        amount_fen=amount_fen,
        at=at,
        # One difference may forgive part of a case, a later one the rest.
        subject_type=f"{CASE}.{difference.pk}",
        subject_id=case.pk,
        memo=f"追回事项 {case.pk} 更正：{difference.summary}",
    )
    if amount_fen < case.owed_fen:
        case.amount_fen -= amount_fen
        case.save(update_fields=["amount_fen"])
    elif case.collected_fen:
        RECOVERY_CASE.fire(case, "settle", amount_fen=case.collected_fen, due_on=None)
    else:
        RECOVERY_CASE.fire(case, "withdraw", note=f"撤销：{difference.summary}"[:500], due_on=None)


def opening(case: RecoveryCase) -> Transfer:
    """The transfer that made the case's money a receivable."""
    return next(one for one in transfers_of(case.city_code, CASE, case.pk) if one.kind == "recover")


def beside(account: Account, kind: str) -> Account:
    """The account of another kind for the same region, fund and year, opened when missing; inside an act."""
    return ensure_account(
        city_code=account.city_code,
        region_code=account.region_code,
        code=f"{kind}-{account.region_code}-{account.fund_source}-{account.year}",
        name=f"{account.year} 年{FundSource(account.fund_source).label}{dict(Account.KINDS)[kind]}",
        kind=kind,
        fund_source=account.fund_source,
        year=account.year,
    )

"""我的补贴到哪了: the way of one subsidy from the class to the card, who has it now and until when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from zhaoliang.kernel.days import format_cn_date
from zhaoliang.kernel.models import StateChange
from zhaoliang.payments.models import PaymentLine
from zhaoliang.subsidies.models import ClaimLine, PaymentDue
from zhaoliang.web.components.parts import Event, StepState

# The stations of a claim: its title, who has it there, and the states in which it stands there.
STATIONS = (
    ("申领材料", "申领单位确认", ("assembled", "returned")),
    ("初审", "人社部门经办人", ("first_review",)),
    ("复核", "人社部门复核人", ("second_review",)),
    ("公示", "公众可以提出异议", ("publicity",)),
    ("审批", "人社部门审批人", ("approved", "paying", "settled")),
)
DONE, NOW, NEXT, PROBLEM = "done", "now", "next", "problem"


@dataclass(frozen=True)
class Journey:
    """The stations in order, one sentence that says where the money is, and whether the account must be corrected."""

    events: tuple[Event, ...]
    sentence: str
    to_correct: bool


def journey(
    line: ClaimLine, payments: Sequence[PaymentLine], dues: Sequence[PaymentDue], changes: Iterable[StateChange]
) -> Journey:
    """The journey of a line from what was read of it; asks nothing of the database."""
    reached = {change.target: change.at for change in changes}
    claimed = [*_claim(line, reached)]
    alive = [one for one in payments if one.batch.state != "dissolved"]
    first = [one for one in alive if one.due_id is None]
    approved = line.state in ("approved", "in_batch", "failed", "paid")
    mends = _who(line) if line.state == "failed" else ""
    paid = [*_payments(first, waiting=line.state == "approved", to_mend=mends)] if approved else []
    if line.state == "paid" and not first:
        paid = [Event("已结清", None, text="这笔补贴已经抵扣结清，没有另外付款。")]
    ahead = [Event("送银行", state=NEXT), Event("到账", state=NEXT)] if not approved and line.state != "refused" else []
    later = [event for due in dues for event in _due(due, [one for one in alive if one.due_id == due.pk])]
    events = (*claimed, *paid, *ahead, *later)
    open_dues = [due for due in dues if due.state not in ("paid", "returned", "dropped")]
    to_correct = line.payee == "person" and (
        line.state == "failed" or any(due.state == "failed" and due.payee == "person" for due in dues)
    )
    return Journey(events, _sentence(line, first, open_dues, to_correct), to_correct)


def _claim(line: ClaimLine, reached: dict[str, datetime]) -> Iterable[Event]:
    claim = line.claim
    at = next((number for number, one in enumerate(STATIONS) if claim.state in one[2]), 0)
    # A claim that an appeal opened again moves on without the lines that were decided.
    decided = line.state in ("approved", "in_batch", "failed", "paid")
    refused_for_good = line.state == "refused" and claim.approved_at is not None
    over = decided or refused_for_good or claim.state in ("approved", "paying", "settled")
    for number, (title, who, _states) in enumerate(STATIONS):
        state: StepState = DONE if number < at or over else NOW if number == at else NEXT
        if line.state == "refused" and state == NEXT:
            return
        left = reached.get(STATIONS[number + 1][2][0]) if number + 1 < len(STATIONS) else claim.approved_at
        text = due = ""
        if title == "公示" and claim.publicity_until is not None and state != NEXT:
            due = f"到{format_cn_date(claim.publicity_until)}为止"
        if state == NOW and title in ("初审", "复核") and claim.review_due_on is not None:
            due = f"应在{format_cn_date(claim.review_due_on)}前办完"
        if state == NOW and claim.state == "returned":
            text = f"被退回补正：{claim.return_reason}"
        yield Event(title, left if state == DONE else None, who, text, due, state)
    if line.state == "refused":
        yield Event("不予补贴", None, "", line.refusal or "逐条结果见下。", "", PROBLEM)


def _who(owed: ClaimLine | PaymentDue) -> str:
    """Whose account must be corrected, as its reader is told."""
    return "您" if owed.payee == "person" else dict(ClaimLine.PAYEES)[owed.payee]


def _payments(payments: Sequence[PaymentLine], *, waiting: bool, to_mend: str) -> Iterable[Event]:
    """Each attempt: into a batch, to the bank, on the card or back; `to_mend` is who must correct the account."""
    for one in payments:
        batch = one.batch
        again = f"（第 {one.attempt} 次）" if one.attempt > 1 else ""
        if batch.sent_at is None:
            yield Event(f"已列入拨付批次{again}", batch.created_at, "人社部门资金管理员和财政部门", "", "", NOW)
            yield Event("到账", state=NEXT)
            continue
        yield Event(f"已送银行{again}", batch.sent_at, "银行", f"付到 {one.account_masked}", "", DONE)
        if one.state == "paid":
            yield Event("已到账", one.settled_at, "", f"{one.account_masked}，银行流水 {one.bank_reference or '—'}")
        elif one.state == "returned":
            yield Event("到账后被退回", one.returned_at, "银行", one.failure, "", PROBLEM)
        elif one.state == "failed":
            yield Event("银行退回", None, "银行", one.failure, "", PROBLEM)
        else:
            unknown = batch.state == "unknown"
            yield Event("等银行回音", None, "银行", "正在向银行核实是否收到。" if unknown else "", "", NOW)
    if to_mend:
        yield Event("等待更正账号", None, to_mend, "更正后自动列入下一批。", "", NOW)
    elif waiting:
        yield Event("等待列入拨付批次", None, "人社部门资金管理员", "", "", NOW)
        yield Event("到账", state=NEXT)


def _due(due: PaymentDue, payments: Sequence[PaymentLine]) -> Iterable[Event]:
    if due.state == "dropped":
        return
    yield Event(due.get_purpose_display(), due.queued_at, "", due.reason)
    yield from _payments(payments, waiting=due.state == "waiting", to_mend=_who(due) if due.state == "failed" else "")


def _sentence(line: ClaimLine, first: Sequence[PaymentLine], open_dues: Sequence[PaymentDue], to_correct: bool) -> str:
    if to_correct:
        return "钱被银行退回来了，要您更正收款账号；更正后会再拨一次。"
    if line.state == "refused":
        return "这一笔不予补贴。"
    if open_dues:
        return f"还有一笔{open_dues[-1].get_purpose_display()}在路上。"
    if line.state == "paid":
        return "钱已经到账。" if first else "这笔补贴已经抵扣结清。"
    if line.state == "in_batch":
        last = first[-1] if first else None
        if last is not None and last.batch.state == "unknown":
            return "已送银行，正在核实银行收到没有；核实清楚以前不会重付。"
        return "钱在银行，等入账。" if last is not None and last.state == "sent" else "已列入拨付批次，等授权后送银行。"
    if line.state == "approved":
        return "已审批，等资金管理员列入拨付批次。"
    if line.claim.state == "returned":
        return "申领材料被退回补正，申领单位改好再提交后接着审。"
    if line.claim.state == "publicity":
        return "公示中，期满没有异议就审批。"
    titles = {state: title for title, _who, states in STATIONS for state in states}
    return f"{titles[line.claim.state]}正在办理。"

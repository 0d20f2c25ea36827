"""Decisions on what the bank said and did not match: proposed with evidence by one person, decided by another."""

from __future__ import annotations

from datetime import datetime

from zhaoliang.kernel import faults
from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.payments.models import PaymentLine, ReconciliationCase
from zhaoliang.payments.services.booking import Said, book_failed, book_paid, book_returned, close_batches
from zhaoliang.payments.services.opening import close_answered
from zhaoliang.payments.states import PAYMENT_LINE, RECONCILIATION

DECIDED = faults.point("payments.case:booked")
CLOSED = faults.point("payments.case:closed")

_DECIDERS = {Role.FUND_OFFICER: Reach.REGION, Role.FINANCE: Reach.REGION}
# From which state of a line each answer moves it.
MOVES = {"paid": ("sent", "failed"), "failed": ("sent",), "returned": ("paid",)}


@act("payments.propose_case", label="对账：提出处理意见", grants=_DECIDERS, on="case")
def propose_case(
    *, actor: Actor, at: datetime, case: ReconciliationCase, answer: str, text: str, evidence: str = ""
) -> ReconciliationCase:
    """Say what a case is, with the reason and the evidence (the bank's letter, voucher number, who answered and when).

    An explanation that moves nothing closes the case; everything else waits for a second person (`decide_case`). Raises
    BadInput without reason or evidence, Refusal for an answer the lines do not allow, WrongState.
    """
    case = _locked(case)
    if not RECONCILIATION.allows(case.state, "propose"):
        raise RECONCILIATION.refusal(case.state, "propose")
    moves = answer != "explained"
    wrong = {
        "answer": "" if answer in dict(ReconciliationCase.ANSWERS) else "请选择一种处理意见。",
        "text": "" if len(text.strip()) >= 4 else "请写明理由，至少 4 个字。",
        "evidence": "请写明凭据：银行函件号、凭证号，或答复人和日期。" if moves and len(evidence.strip()) < 2 else "",
    }
    if fields := {field: message for field, message in wrong.items() if message}:
        raise BadInput("没有提出处理意见。", "有内容没有填好。", "请补充后再提交。", fields=fields)
    said = {"answer": answer, "answer_text": text.strip()[:500], "evidence": evidence.strip()[:300]}
    who = {"proposed_by_user": actor.user_id, "proposed_by_person": actor.person_id}
    if not moves:
        RECONCILIATION.fire(case, "close", closed_at=at, **said, **who)
        return case
    _require_possible(case, answer, case_lines(case))
    RECONCILIATION.fire(case, "propose", **said, **who)
    return case


@act("payments.decide_case", label="对账：复核处理意见", grants=_DECIDERS, on="case")
def decide_case(
    *, actor: Actor, at: datetime, case: ReconciliationCase, agrees: bool, text: str = ""
) -> ReconciliationCase:
    """Agree with the proposal, which books it, or send it back. Raises SamePerson, Refusal when lines moved meanwhile."""
    case = _locked(case)
    event = "close" if agrees else "reject"
    if case.state != "proposed":
        raise RECONCILIATION.refusal(case.state, event)
    require_other_person(actor, person_id=case.proposed_by_person, user_id=case.proposed_by_user, step="提出处理意见")
    if not agrees:
        RECONCILIATION.fire(case, "reject", answer="", answer_text=f"{case.answer_text}（退回：{text.strip()}）"[:500])
        return case
    lines = case_lines(case, locked=True)
    _require_possible(case, case.answer, lines)
    _book(case, lines, at)
    DECIDED()
    RECONCILIATION.fire(case, "close", closed_at=at, decided_by_user=actor.user_id, decided_by_person=actor.person_id)
    batches = sorted({line.batch_id for line in lines})
    close_batches(case.city_code, batches)
    close_answered(case.city_code, batches, at=at)
    CLOSED()
    return case


def case_lines(case: ReconciliationCase, *, locked: bool = False) -> list[PaymentLine]:
    """The payment lines a case is about: its own, or those that the bank put together. None for a row that knows no line."""
    ids = [case.payment_line_id] if case.payment_line_id is not None else []
    if case.bank_line is not None and not ids:
        ids = list(case.bank_line.line_ids)
    rows = PaymentLine.objects.filter(city_code=case.city_code, pk__in=ids).order_by("id")
    return list(rows.select_for_update(no_key=True) if locked else rows)


def possible_answers(case: ReconciliationCase) -> list[tuple[str, str]]:
    """The answers that the lines of a case allow now; an explanation is always possible."""
    states = {line.state for line in case_lines(case)}
    return [
        (code, label)
        for code, label in ReconciliationCase.ANSWERS
        if code == "explained" or (states and states <= set(MOVES[code]) and (code != "returned" or len(states) == 1))
    ]


def _book(case: ReconciliationCase, lines: list[PaymentLine], at: datetime) -> None:
    city = case.city_code
    if case.answer == "returned":
        for line in lines:
            book_returned(line, at=at, reason=case.answer_text)
        return
    reference = case.bank_line.bank_reference if case.bank_line is not None else ""
    ids = [line.pk for line in lines]
    if case.answer == "failed":
        said = Said({"bank_reference": reference, "failure": case.answer_text[:200]})
        book_failed(city, ids, at=at, said=said)
        return
    said = Said({"bank_reference": reference, "failure": ""})
    for source in MOVES["paid"]:
        book_paid(city, [line.pk for line in lines if line.state == source], at=at, said=said, source=source)


def _require_possible(case: ReconciliationCase, answer: str, lines: list[PaymentLine]) -> None:
    if lines and all(line.state in MOVES[answer] for line in lines):
        return
    stand = "、".join(sorted({PAYMENT_LINE.states[line.state] for line in lines})) or "没有对应的拨付明细"
    raise Refusal(
        what="这个处理意见现在不能登记。",
        why=f"“{dict(ReconciliationCase.ANSWERS)[answer]}”与拨付明细的状态（{stand}）不相容。",
        next_step="请先核对明细；与拨付无关的，选择“已查明，不用记账”并写明理由。",
    )


def _locked(case: ReconciliationCase) -> ReconciliationCase:
    rows = ReconciliationCase.objects.select_for_update(of=("self",), no_key=True).select_related("bank_line")
    return rows.get(city_code=case.city_code, pk=case.pk)

"""A later change of facts, or a correction by two people, becomes a signed difference: line, books, case and notice in one act."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog

from zhaoliang.funds.models import Account
from zhaoliang.funds.selectors import MOST_DIFFERENCES, budget_account, transfers_about_line
from zhaoliang.funds.services import post_transfer
from zhaoliang.kernel import faults
from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.money import format_yuan
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.policy import PolicyError
from zhaoliang.recoveries.consequences import Consequence, Standing, consequence
from zhaoliang.recoveries.models import Correction, Difference, RecoveryCase
from zhaoliang.recoveries.services.opening import forgive, open_case
from zhaoliang.recoveries.states import CORRECTION, OPEN
from zhaoliang.subsidies.models import ClaimLine, Decision, PaymentDue
from zhaoliang.subsidies.selectors import due_payments
from zhaoliang.subsidies.services import drop_payment, queue_payment
from zhaoliang.subsidies.services.later import (
    AFTER_APPROVAL,
    give_grant_again,
    keep_decision,
    overturn,
    reread,
    revise,
    take_for_reading,
)

log = structlog.get_logger("recoveries")

DECIDED = faults.point("recoveries.reassess:decided")
BOOKED = faults.point("recoveries.reassess:booked")
END = faults.point("recoveries.reassess:end")
UNDECIDED = "按现在的政策文本或作出决定时的文本，不能用规则重新核定这一条；金额没有改动，请两人核对后作出更正决定"
_REVIEWER = {Role.REVIEWER: Reach.REGION, Role.FUND_OFFICER: Reach.REGION}


@dataclass(frozen=True)
class _Found:
    """What makes a line worth another amount, and the words for it."""

    due_fen: int | None
    summary: str
    clause: str
    decision: Decision | None = None
    correction: Correction | None = None


@act("recoveries.reassess", label="按事实变化重新核定", grants={**_REVIEWER, Role.SYSTEM: Reach.ANY}, on="line")
def reassess(*, actor: Actor, at: datetime, line: ClaimLine) -> Difference | None:
    """Decide an approved or paid line again by the texts of its day and settle the difference; None when nothing changed.

    Before payment the line changes or leaves; after it a top-up waits for the next batch or a recovery case opens with its
    notice. Where the rules cannot tell, cannot be asked, or the text of now comes to something else than that of then, nothing is
    taken and people must look. Raises Refusal while a payment is under way: its outcome comes first.
    """
    line = take_for_reading(line)
    _require_still(line)
    stands = standing_decision(line)
    if stands is None:
        raise Refusal("没有重新核定。", "这一条明细没有按规则作出的决定。", "需要更正的，请由两人作出更正决定。")
    given = standing(line)[0].given_fen
    try:
        read = reread(line, stands, money_decision(line) or stands, given, at)
    except PolicyError as problem:
        log.error("line_not_decided_again", line_id=line.pk, error=type(problem).__name__)
        return None if _asked_already(line) else _settle(line, _Found(None, UNDECIDED, ""), actor, at)
    if read is None:
        return None
    keep_decision(read.decision, at)
    DECIDED()
    return _settle(line, _Found(read.due_fen, read.summary, read.clause, decision=read.decision), actor, at)


@act("recoveries.propose_correction", label="提出更正决定", grants={Role.REVIEWER: Reach.REGION}, on="line")
def propose_correction(
    *, actor: Actor, at: datetime, line: ClaimLine, amount_fen: int, cause: str, text: str
) -> Correction:
    """Propose that a line was worth another amount (fen), with the reason and the clause; another person confirms it.

    Raises BadInput for an amount below 0, an unknown cause or no reason; Refusal while one is open already.
    """
    what, said = "没有提出更正。", text.strip()
    wrong = {
        "amount_fen": "" if amount_fen >= 0 else "金额不能小于零。",
        "cause": "" if cause in dict(Correction.CAUSES) else "请选择原因。",
        "text": "" if 4 <= len(said) <= 500 else "请写明理由和依据，4 到 500 个字。",
    }
    if fields := {name: message for name, message in wrong.items() if message}:
        raise BadInput(what, "有内容填写不对。", "请改正后重新提交。", fields=fields)
    line = take_for_reading(line)
    if line.state not in AFTER_APPROVAL:
        raise Refusal(what, "只有审批以后、没有正在拨付的明细才能这样更正。", "审批以前请在审核中处理。")
    if Correction.objects.filter(city_code=line.city_code, claim_line=line, state="proposed").exists():
        raise Refusal(what, "这一条已经有一份更正在等另一人确认。", "请先确认或放弃那一份。")
    return Correction.objects.create(
        city_code=line.city_code,
        claim_line=line,
        cause=cause,
        amount_fen=amount_fen,
        text=said,
        proposed_by_user=actor.user_id,
        proposed_by_person=actor.person_id,
        at=at,
    )


@act("recoveries.confirm_correction", label="确认更正决定", grants={Role.APPROVER: Reach.REGION}, on="correction")
def confirm_correction(*, actor: Actor, at: datetime, correction: Correction) -> Difference:
    """Confirm a correction and settle its difference. Raises SamePerson, WrongState, Refusal while a payment is under way."""
    line = take_for_reading(correction.claim_line)
    correction = _locked(correction)
    require_other_person(
        actor, person_id=correction.proposed_by_person, user_id=correction.proposed_by_user, step="提出更正"
    )
    _require_still(line)
    CORRECTION.fire(correction, "confirm", confirmed_by_user=actor.user_id, confirmed_by_person=actor.person_id)
    summary = f"{dict(Correction.CAUSES)[correction.cause]}：{correction.text}"
    return _settle(line, _Found(correction.amount_fen, summary, "", correction=correction), actor, at)


@act(
    "recoveries.drop_correction",
    label="放弃更正决定",
    grants={Role.REVIEWER: Reach.REGION, Role.APPROVER: Reach.REGION},
    on="correction",
)
def drop_correction(*, actor: Actor, at: datetime, correction: Correction) -> Correction:
    """Give up a proposed correction. Raises WrongState."""
    correction = _locked(correction)
    CORRECTION.fire(correction, "drop")
    return correction


def _asked_already(line: ClaimLine) -> bool:
    """Whether people were asked about a line that no rules can decide, and nothing followed yet."""
    # What two people decided in between answers it for those facts; the rules can be asked no better afterwards.
    asked = Difference.objects.filter(city_code=line.city_code, claim_line=line, correction__isnull=True)
    latest = asked.order_by("-id").first()
    return latest is not None and (latest.action, latest.summary) == ("ask", UNDECIDED)


def standing_decision(line: ClaimLine) -> Decision | None:
    """The decision that stands for a line: the one of its latest difference that had one, else its own."""
    latest = (
        Difference.objects.filter(city_code=line.city_code, claim_line=line, decision__isnull=False)
        .select_related("decision")
        .order_by("-id")
        .first()
    )
    return latest.decision if latest is not None else line.decision


def money_decision(line: ClaimLine) -> Decision | None:
    """The decision that a line's money rests on: of its latest difference that settled something by one, else its own."""
    settled = Difference.objects.filter(city_code=line.city_code, claim_line=line, decision__isnull=False)
    # One that moved nothing asked no other text: the money still rests on the one before it.
    latest = settled.exclude(action__in=("ask", "none")).select_related("decision").order_by("-id").first()
    return latest.decision if latest is not None else line.decision


def standing(line: ClaimLine) -> tuple[Standing, list[PaymentDue], list[RecoveryCase]]:
    """Where a line stands, with its queued top-ups (newest first) and open cases that a change can still move."""
    if line.state != "paid":
        return Standing(line.state, line.amount_fen), [], []
    dues = [due for due in due_payments(line) if due.purpose == "top_up" and due.state not in ("dropped", "returned")]
    cases = list(
        RecoveryCase.objects.select_for_update(no_key=True)
        .filter(city_code=line.city_code, claim_line=line)
        .exclude(state="withdrawn")
        .order_by("id")
    )
    waiting = [due for due in reversed(dues) if due.state in ("waiting", "failed")]
    wanted = [case for case in cases if case.state in OPEN]
    given = line.amount_fen + sum(due.amount_fen for due in dues) - sum(case.amount_fen for case in cases)
    where = Standing("paid", given, tuple(due.amount_fen for due in waiting), tuple(case.owed_fen for case in wanted))
    return where, waiting, wanted


def _settle(line: ClaimLine, found: _Found, actor: Actor, at: datetime) -> Difference:
    where, waiting, wanted = standing(line)
    follows = consequence(where, found.due_fen)
    difference = Difference.objects.create(
        city_code=line.city_code,
        claim_line=line,
        decision=found.decision,
        correction=found.correction,
        summary=found.summary[:500],
        clause=found.clause[:300],
        stage=line.state,
        before_fen=where.given_fen,
        after_fen=found.due_fen,
        change_fen=follows.change_fen,
        action=follows.action,
        at=at,
        by_name=actor.name,
    )
    if follows.action in ("revised", "overturned"):
        _before_payment(line, found, follows, at)
    for case, fen in zip(wanted, follows.forgive_fen, strict=False):
        forgive(case, fen, difference, at)
    for due, fen in zip(waiting, follows.drop_fen, strict=False):
        _drop(line, due, fen, found.summary, at)
    if follows.top_up_fen:
        if where.given_fen == 0:
            give_grant_again(line)
        queue_payment(line=line, purpose="top_up", amount_fen=follows.top_up_fen, at=at, reason=found.summary[:180])
    if follows.recover_fen:
        open_case(line, difference, follows.recover_fen, at)
    END()
    return difference


def _drop(line: ClaimLine, due: PaymentDue, fen: int, reason: str, at: datetime) -> None:
    """Pay `fen` less of a queued top-up: it is dropped, and what remains is queued again."""
    if not fen:
        return
    drop_payment(due=due, at=at, reason=reason[:180])
    if fen < due.amount_fen:
        queue_payment(line=line, purpose="top_up", amount_fen=due.amount_fen - fen, at=at, reason=due.reason)


def _before_payment(line: ClaimLine, found: _Found, follows: Consequence, at: datetime) -> None:
    """Owe the difference, or owe it no longer; the money goes back where it came from, the budget's part first."""
    posted = transfers_about_line(line.city_code, line.pk)
    payable = next(transfer.credit for transfer in posted if transfer.kind == "accrue")
    memo = f"补贴申领明细 {line.pk} 更正：{found.summary}"
    number = sum(transfer.subject_type.startswith("claim_line.difference") for transfer in posted)

    def book(kind: str, debit: Account, credit: Account, fen: int) -> None:
        nonlocal number
        number += 1
        if number > MOST_DIFFERENCES:
            raise Refusal(
                "没有更正。", f"这一条在拨付前已经更正过 {MOST_DIFFERENCES} 次。", "请先查清事实，再联系系统管理员。"
            )
        post_transfer(
            kind=kind,
            debit=debit,
            credit=credit,
            amount_fen=fen,
            at=at,
            subject_type=f"claim_line.difference.{number}",
            subject_id=line.pk,
            memo=memo,
        )

    if follows.change_fen > 0:
        source = budget_account(line.city_code, payable.region_code, payable.fund_source, payable.year)
        book("accrue", source, payable, follows.change_fen)
    else:
        held: dict[int, int] = {}
        sources: dict[int, Account] = {}
        for transfer in posted:
            if transfer.kind in ("accrue", "amend"):
                account = transfer.debit if transfer.kind == "accrue" else transfer.credit
                sources[account.pk] = account
                sign = 1 if transfer.kind == "accrue" else -1
                held[account.pk] = held.get(account.pk, 0) + sign * transfer.amount_fen
        back = -follows.change_fen
        for account in sorted(sources.values(), key=lambda account: (account.kind != "budget", -account.pk)):
            part = min(back, held[account.pk])
            if part:
                book("amend", payable, account, part)
                back -= part
    BOOKED()
    if follows.action == "revised":
        assert found.due_fen is not None
        revise(line, found.due_fen, found.decision)
    else:
        overturn(line, found.decision, f"审批以后事实有变，不予补贴：{found.summary}")


def _require_still(line: ClaimLine) -> None:
    if line.state == "in_batch":
        raise Refusal(
            what="还不能重新核定。",
            why=f"这一条 {format_yuan(line.amount_fen)} 正在拨付，银行还没有答复。",
            next_step="银行答复后会自动重新核定。",
        )
    if line.state not in AFTER_APPROVAL:
        raise Refusal(
            what="没有重新核定。", why="这一条还没有审批，或没有给予补贴。", next_step="审批以前请在审核中重新核验。"
        )


def _locked(correction: Correction) -> Correction:
    rows = Correction.objects.select_for_update(no_key=True)
    return rows.get(city_code=correction.city_code, pk=correction.pk)

"""Publicity, objections, and the approval that makes the money due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from zhaoliang.funds.selectors import budget_account
from zhaoliang.funds.services import Entry, post_transfers
from zhaoliang.kernel import faults
from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.days import chinese_day, format_cn_date
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.policy import Outcome
from zhaoliang.registry.services.grants import GrantedElsewhere, record_grant
from zhaoliang.registry.standing import Gate
from zhaoliang.subsidies.appeals import personal
from zhaoliang.subsidies.clocks import OBJECTION, countable, last_of_publicity
from zhaoliang.subsidies.kind_facts import GRANTED
from zhaoliang.subsidies.kinds import KINDS
from zhaoliang.subsidies.models import Claim, ClaimLine, Objection
from zhaoliang.subsidies.services.appeals import tell_refused
from zhaoliang.subsidies.services.checks import attach, decide
from zhaoliang.subsidies.services.dues import payable_account
from zhaoliang.subsidies.services.locking import locked_claim, locked_line, locked_lines, reason_given
from zhaoliang.subsidies.services.mass import is_large
from zhaoliang.subsidies.services.mass_approval import free_vouchers, grant_passed, owe_passed, refuse_changed
from zhaoliang.subsidies.services.paying import settle_claims
from zhaoliang.subsidies.services.review import require_no_judge, require_no_stake, require_standing
from zhaoliang.subsidies.states import CLAIM, CLAIM_LINE
from zhaoliang.vouchers.services import leave_claim

AT_START = faults.point("subsidies.approve:start")
AFTER_GRANTS = faults.point("subsidies.approve:granted")
AFTER_LINE = faults.point("subsidies.approve:line_accrued")
AT_END = faults.point("subsidies.approve:end")


@act(
    "subsidies.object",
    label="提出异议",
    grants={
        Role.WORKER: Reach.ANY,
        Role.PROVIDER: Reach.ANY,
        Role.REVIEWER: Reach.REGION,
        Role.APPROVER: Reach.REGION,
        Role.INSPECTOR: Reach.REGION,
        Role.SYSTEM: Reach.ANY,
    },
    on="claim",
)
def raise_objection(*, actor: Actor, at: datetime, claim: Claim, text: str, contact: str = "") -> Objection:
    """Object to a published claim; open objections keep it from approval. For the public, the page acts as the system.

    Raises Refusal outside the publicity period, BadInput for an empty or overlong text.
    """
    claim = locked_claim(claim)
    if claim.state != "publicity":
        raise Refusal(
            what="没有登记异议。",
            why=f"这份申领现在是“{CLAIM.states[claim.state]}”，不在公示中。",
            next_step="您仍可以向当地人力资源社会保障部门反映。",
        )
    plain, reach = text.strip(), contact.strip()
    if not 4 <= len(plain) <= 1000 or len(reach) > 120:
        raise BadInput(
            what="没有登记异议。",
            why="异议内容要写 4 到 1000 个字，联系方式最多 120 个字。",
            next_step="请修改后再提交。",
            fields={"text": "请写明哪一条、有什么问题，4 到 1000 个字。"},
        )
    return Objection.objects.create(
        city_code=claim.city_code,
        claim=claim,
        text=plain,
        contact=reach or None,
        raised_at=at,
        due_on=_answer_due(claim, chinese_day(at)),
    )


def _answer_due(claim: Claim, today: date) -> date | None:
    """The last day for an answer; None where no text sets one or the calendar is not out."""
    counted = countable(claim, OBJECTION, today)
    return counted.last_day if counted else None


@act("subsidies.recount_publicity", label="按新的工作日历顺延公示", grants={Role.SYSTEM: Reach.ANY}, on="place")
def recount_publicity(*, actor: Actor, at: datetime, place: Place) -> int:
    """The clock: publicity ends later where a holiday was entered after it began. Returns how many claims were moved."""
    rows = Claim.objects.select_for_update(of=("self",), no_key=True).filter(
        city_code=place.city_code, state="publicity"
    )
    moved = 0
    for claim in rows.order_by("id"):
        last = last_of_publicity(claim)
        if last is not None and last != claim.publicity_until:
            claim.publicity_until = last
            claim.save(update_fields=["publicity_until"])
            moved += 1
    return moved


@act(
    "subsidies.answer_objection",
    label="处理异议",
    grants={Role.REVIEWER: Reach.REGION, Role.APPROVER: Reach.REGION},
    on="objection",
)
def answer_objection(
    *, actor: Actor, at: datetime, objection: Objection, upheld: bool, answer: str, line: ClaimLine | None = None
) -> Objection:
    """Answer an objection. Upheld: the claim leaves publicity and is reviewed anew (津经办规程 八: 有异议班期撤回).

    With `line` only that line leaves, with the answer as its reason, and the others go on. Raises BadInput without an
    answer or for a line of another claim, Refusal when it was answered before, WrongState.
    """
    claim = locked_claim(objection.claim)
    objection = Objection.objects.select_for_update(no_key=True).get(city_code=objection.city_code, pk=objection.pk)
    if objection.answered_at is not None:
        raise Refusal(what="这条异议已经处理过。", why="处理结果不能再改。", next_step="请刷新页面查看处理结果。")
    objection.answer = reason_given(answer, "answer", "没有登记处理结果。")
    objection.upheld, objection.answered_at = upheld, at
    objection.save(update_fields=["answer", "upheld", "answered_at"])
    if upheld and line is not None and claim.state == "publicity":
        if line.claim_id != claim.pk:
            raise BadInput(what="没有登记处理结果。", why="这条明细不在被异议的申领里。", next_step="请核对明细编号。")
        CLAIM_LINE.fire(locked_line(line), "refuse", amount_fen=0, refusal=f"公示异议成立：{objection.answer}"[:500])
    elif upheld and claim.state == "publicity":
        CLAIM.fire(
            claim,
            "object",
            first_user=None,
            first_person=None,
            second_user=None,
            second_person=None,
            publicity_from=None,
            publicity_until=None,
        )
    return objection


@act("subsidies.approve", label="公示期满审批", grants={Role.APPROVER: Reach.REGION}, on="claim")
def approve_claim(*, actor: Actor, at: datetime, claim: Claim) -> Claim:
    """Approve a claim after the last day of publicity: each passed line is granted nationally and becomes due in the ledger.

    A line whose subsidy was granted anywhere in the meantime, or that a rule refuses on the facts of today, leaves with its
    reason; the others go on. Raises Refusal before the end of publicity, with an open objection, or when the money is not
    there (Exhausted); SamePerson for who reviewed it, judged one of its lines or has a stake in it; Barred; WrongState.
    """
    claim = locked_claim(claim)
    if not CLAIM.allows(claim.state, "approve"):
        raise CLAIM.refusal(claim.state, "approve")
    require_other_person(actor, person_id=claim.first_person, user_id=claim.first_user, step="初审")
    require_other_person(actor, person_id=claim.second_person, user_id=claim.second_user, step="复核")
    require_no_judge(actor, claim)
    require_no_stake(actor, claim, at)
    require_standing(claim, Gate.APPROVAL, at)
    _require_publicity_over(claim, chinese_day(at))
    AT_START()
    own, refused = _approve_many(claim, at) if is_large(claim) else _approve_singly(claim, at)
    CLAIM.fire(claim, "approve", approved_at=at, approved_by_user=actor.user_id, approved_by_person=actor.person_id)
    settle_claims(claim.city_code, {claim.pk})
    claim.refresh_from_db()
    tell_refused(claim, own, refused, at)
    AT_END()
    return claim


def _approve_singly(claim: Claim, at: datetime) -> tuple[Sequence[ClaimLine], int]:
    """Grant and owe the passed lines one by one; returns the refused ones that are people's own, and how many are refused."""
    lines = locked_lines(claim)
    granted = _grant(claim, [line for line in lines if line.state == "passed"], at)
    AFTER_GRANTS()
    # All at once, which locks the accounts in one order: another approval may draw on the same ones at this moment.
    post_transfers([entry for line in granted for entry in _owed(claim, line, at)], at=at)
    for line in granted:
        CLAIM_LINE.fire(line, "approve")
        AFTER_LINE()
    refused = [line for line in lines if line.state == "refused"]
    for line in refused:
        if line.voucher is not None and line.voucher.state == "in_claim":
            leave_claim(line.voucher)
    return [line for line in refused if personal(line)], len(refused)


def _approve_many(claim: Claim, at: datetime) -> tuple[Sequence[ClaimLine], int]:
    """The same for a large claim, in a few statements."""
    refuse_changed(claim, at)
    grant_passed(claim, at)
    AFTER_GRANTS()
    owe_passed(claim, at)
    AFTER_LINE()
    free_vouchers(claim)
    rows = ClaimLine.objects.select_related("claim").filter(city_code=claim.city_code, claim=claim, state="refused")
    return list(rows.filter(payee="person").order_by("id")), rows.count()


def _require_publicity_over(claim: Claim, today: date) -> None:
    last = last_of_publicity(claim)
    if last is None or today <= last:
        raise Refusal(
            what="还不能审批。",
            why=f"公示到{format_cn_date(last)}为止，期满后没有异议才能审批。" if last else "还没有公示。",
            next_step="请在公示期满的次日再审批。",
        )
    waiting = Objection.objects.filter(city_code=claim.city_code, claim=claim, answered_at__isnull=True).count()
    if waiting:
        raise Refusal(
            what="还不能审批。",
            why=f"有 {waiting} 条异议没有处理。",
            next_step="请先核实并答复异议。",
        )


def _grant(claim: Claim, lines: list[ClaimLine], at: datetime) -> list[ClaimLine]:
    """Enter the lines in the national register, in the order of persons; those refused meanwhile leave with their reason."""
    made_on = decide(claim, lines) if lines else {}
    granted: list[ClaimLine] = []
    for line in sorted(lines, key=lambda line: (line.person_id, line.pk)):
        made = made_on[line.pk]
        if made.outcome == Outcome.FAIL:
            attach([made], at)
            CLAIM_LINE.fire(line, "refuse", decision=made, amount_fen=0, refusal="公示后核验发现不符合，见逐条结果。")
            continue
        try:
            _enter(claim, line, at)
        except GrantedElsewhere as refusal:
            CLAIM_LINE.fire(line, "refuse", amount_fen=0, refusal=f"{refusal.what}{refusal.why}"[:500])
            continue
        granted.append(line)
    return granted


def _advanced(line: ClaimLine) -> bool:
    """Whether the apprentice's advance was entered in the register already: it stands for the settlement too."""
    return ClaimLine.objects.filter(
        city_code=line.city_code, enrolment_id=line.enrolment_id, kind="apprentice_advance", state__in=GRANTED
    ).exists()


def _enter(claim: Claim, line: ClaimLine, at: datetime) -> None:
    """Note the line in the national register under its kind's scheme. Raises GrantedElsewhere."""
    kind = KINDS[line.kind]
    if not kind.grant or (line.kind == "apprenticeship" and _advanced(line)):
        return
    record_grant(
        person_id=line.person_id,
        scheme=kind.grant,
        occupation_code=line.occupation_id,
        level=(line.level or 0) if kind.by_level else 0,
        city_code=line.city_code,
        claim_line_id=line.pk,
        certificate_number=line.certificate.number if line.certificate else "",
        fund_source=claim.fund_source,
        granted_on=chinese_day(at),
        source="本平台审批",
    )


def _owed(claim: Claim, line: ClaimLine, at: datetime) -> Iterator[Entry]:
    """What makes the line's amount due: from the batch's reservation up to the voucher's share, the rest from the budget."""
    batch = line.voucher.batch if line.voucher else None
    year = batch.budget_account.year if batch else chinese_day(at).year
    memo = f"补贴申领明细 {line.pk} 审批"
    payable = payable_account(line, year)
    if batch is None or batch.reserved_account is None:
        budget = budget_account(claim.city_code, claim.region_id, claim.fund_source, year)
        yield Entry("accrue", budget, payable, line.amount_fen, "claim_line", line.pk, memo)
        return
    reserved = min(line.amount_fen, line.voucher.amount_fen) if line.voucher else 0
    if reserved:
        yield Entry("accrue", batch.reserved_account, payable, reserved, "claim_line", line.pk, memo)
    if line.amount_fen > reserved:
        subject = "claim_line.excess" if reserved else "claim_line"
        yield Entry("accrue", batch.budget_account, payable, line.amount_fen - reserved, subject, line.pk, memo)

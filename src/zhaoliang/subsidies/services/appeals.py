"""Appeal against a refused line: filed by the applicant, decided by who took none of the earlier steps."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from zhaoliang.kernel import faults
from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.days import chinese_day, format_cn_date
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.models import StateChange
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.policy import Outcome
from zhaoliang.registry.lawbook import clause_of
from zhaoliang.registry.selectors import people_behind
from zhaoliang.registry.services import Message, tell
from zhaoliang.subsidies.appeals import Window, personal, remedy, window
from zhaoliang.subsidies.clocks import APPEAL_DECISION, APPEAL_WINDOW, countable, review_due
from zhaoliang.subsidies.judging import put_decisions
from zhaoliang.subsidies.models import Appeal, Claim, ClaimLine
from zhaoliang.subsidies.resting import keep_marks
from zhaoliang.subsidies.services.checks import attach, cannot_pass, decide, take_over
from zhaoliang.subsidies.services.evidence import usable_name
from zhaoliang.subsidies.services.locking import locked_claim, locked_line, reason_given
from zhaoliang.subsidies.services.review import require_no_stake
from zhaoliang.subsidies.states import APPEAL, CLAIM, CLAIM_LINE
from zhaoliang.subsidies.verifiers import verify_claim
from zhaoliang.vouchers.services import enter_claim

GRANTED = faults.point("subsidies.appeal:line_passed")
REOPENED = faults.point("subsidies.appeal:reopened")
_FILED = "没有提出申诉。"
# A claim that is reviewed again already takes one more line; one in publicity cannot, for that line was not published.
JOINABLE = ("first_review", "second_review")


@act(
    "subsidies.file_appeal",
    label="提出申诉",
    grants={Role.WORKER: Reach.SELF, Role.PROVIDER: Reach.ORGANISATION},
    on="line",
)
def file_appeal(
    *, actor: Actor, at: datetime, line: ClaimLine, reason: str, file_name: str = "", content: bytes = b""
) -> Appeal:
    """Appeal against a line that was refused for good, with a reason and at most one file.

    The provider appeals for its class, the trainee where the money was to be his own. Raises BadInput; Refusal while the line is
    not refused for good, for a second appeal against one refusal, and after the last day where a confirmed text sets it
    (津: none found; the platform's own fifteen working days only mark an appeal as late).
    """
    line = locked_line(line)
    said = reason_given(reason, "reason", _FILED)
    refused = window(line)
    if refused is None:
        raise Refusal(
            what=_FILED,
            why="申诉针对的是已经生效的“不予补贴”；这一条现在没有这样的结论。",
            next_step="审核中的不同意见，请在确认申领时或公示期间提出。",
        )
    worker = actor.person_id == line.person_id and actor.has(Role.WORKER)
    if worker and not personal(line):
        raise Refusal(
            what=_FILED,
            why="这笔补贴是发给培训机构的，由机构申诉。",
            next_step="请联系机构；有情况要反映的，也可以直接找当地人社部门。",
        )
    if Appeal.objects.filter(city_code=line.city_code, claim_line=line, refused_change=refused.change_id).exists():
        raise Refusal(what=_FILED, why="对这一结论已经申诉过一次。", next_step="请看申诉的进展和决定。")
    today = chinese_day(at)
    late = not refused.open_on(today)
    if late:
        _require_unconfirmed(refused)
    due = countable(line.claim, APPEAL_DECISION, today)
    kept: dict[str, Any] = {}
    if content or file_name.strip():
        kept["file_name"] = usable_name(file_name, content, _FILED)
        kept["sha256"] = hashlib.sha256(content).hexdigest()
        kept["content"] = base64.b64encode(content).decode()
    return Appeal.objects.create(
        city_code=line.city_code,
        claim_line=line,
        side="worker" if worker else "provider",
        refused_change=refused.change_id,
        reason=said,
        filed_at=at,
        filed_by_user=actor.user_id,
        filed_by_person=actor.person_id,
        late=late,
        due_on=due.last_day if due else None,
        **kept,
    )


def _require_unconfirmed(refused: Window) -> None:
    clock = refused.deadline
    if clock is not None and clock.citation.verified:
        raise Refusal(
            what=_FILED,
            why=f"申诉期限已在{format_cn_date(clock.last_day)}届满。",
            next_step=remedy().excerpt,
            clause=clause_of(clock.citation),
        )


@act("subsidies.decide_appeal", label="决定申诉", grants={Role.APPROVER: Reach.REGION}, on="appeal")
def decide_appeal(*, actor: Actor, at: datetime, appeal: Appeal, grants: bool, text: str, clause: str = "") -> Appeal:
    """Decide an appeal, by who took no earlier step on the claim or the line, whatever the account.

    Granted: the line is decided again from the facts of now and passes by this decision; its claim goes on from second review
    (this decision stands for the first), so that publicity, approval and payment follow as ever. Not granted: the reason, the
    `clause` and where to go next are told. Raises BadInput; SamePerson; WrongState; Refusal where a rule still refuses by a
    clause (facts must be corrected first) or the claim is being published.
    """
    line = locked_line(appeal.claim_line)
    appeal = Appeal.objects.select_for_update(no_key=True).get(city_code=appeal.city_code, pk=appeal.pk)
    event = "grant" if grants else "reject"
    if not APPEAL.allows(appeal.state, event):
        raise APPEAL.refusal(appeal.state, event)
    _require_no_part(actor, appeal, line)
    require_no_stake(actor, line.claim, at)
    what = "没有作出申诉决定。"
    reason, law = reason_given(text, "text", what), clause.strip()[:300]
    if not grants and not law:
        raise BadInput(what, "维持原结论要写明依据的条款。", "请填写条款。", fields={"clause": "请填写依据的条款。"})
    if grants:
        _open_again(actor, line, reason, at)
    decided = {"decided_at": at, "decided_by_user": actor.user_id, "decided_by_person": actor.person_id}
    APPEAL.fire(appeal, event, decision=reason, clause=law, **decided)
    tell(line.city_code, [_answer(appeal, line)], at=at)
    return appeal


def _require_no_part(actor: Actor, appeal: Appeal, line: ClaimLine) -> None:
    """Raise SamePerson for who took a step on the claim or the line, under whichever account, and for the appellant."""
    changes = StateChange.objects.filter(city_code=line.city_code, actor_user_id__isnull=False)
    # The decision on the appeal of another line of the claim is no step that led to this refusal.
    of_claim = changes.filter(machine="claim", object_id=line.claim_id).exclude(event="reopen")
    steps = of_claim | changes.filter(machine="claim_line", object_id=line.pk)
    users = {user for user in steps.values_list("actor_user_id", flat=True).distinct() if user is not None}
    users |= {user for user in (line.judged_by_user, appeal.filed_by_user) if user is not None}
    people = people_behind(users)
    people |= {one for one in (line.judged_by_person, appeal.filed_by_person) if one is not None}
    mine = actor.user_id in users or actor.person_id in people
    require_other_person(
        actor,
        user_id=actor.user_id if mine else None,
        person_id=actor.person_id if mine else None,
        step="这份申领的某个环节",
    )


def _open_again(actor: Actor, line: ClaimLine, reason: str, at: datetime) -> None:
    """The line passes by the decision on its appeal and its claim is reviewed on."""
    claim = locked_claim(line.claim)
    if not CLAIM.allows(claim.state, "reopen") and claim.state not in JOINABLE:
        raise Refusal(
            what="现在还不能决定为成立。",
            why=f"这份申领现在是“{CLAIM.states[claim.state]}”，新增的明细没有公示过。",
            next_step="请等这一轮公示和审批结束后再决定。",
        )
    _require_not_claimed_again(line)
    take_over(claim, [line])
    keep_marks([line])
    made = decide(claim, [line])[line.pk]
    if made.outcome == Outcome.FAIL or (made.amount_fen or 0) <= 0:
        raise cannot_pass(made)
    verify_claim(claim, [line], at)
    attach([made], at)
    put_decisions([line], {line.pk: made})
    if line.voucher is not None and line.voucher.state != "in_claim":
        enter_claim(line.voucher)
    CLAIM_LINE.fire(
        line,
        "appeal",
        amount_fen=made.amount_fen,
        refusal="",
        question="",
        judged_by_user=actor.user_id,
        judged_by_person=actor.person_id,
        judgement=f"申诉成立：{reason}"[:500],
    )
    GRANTED()
    if claim.state in JOINABLE:
        return
    CLAIM.fire(
        claim,
        "reopen",
        review_due_on=review_due(claim, at),
        first_user=actor.user_id,
        first_person=actor.person_id,
        second_user=None,
        second_person=None,
        publicity_from=None,
        publicity_until=None,
        approved_by_user=None,
        approved_by_person=None,
    )
    REOPENED()


def _require_not_claimed_again(line: ClaimLine) -> None:
    """A certificate is claimed for once at a time: after the refusal the person may have applied anew."""
    if line.enrolment_id is not None or line.certificate_id is None:
        return
    others = ClaimLine.objects.filter(
        city_code=line.city_code, certificate_id=line.certificate_id, kind=line.kind, enrolment__isnull=True
    )
    if others.exclude(pk=line.pk).exclude(state="refused").exists():
        raise Refusal(what="不能决定为成立。", why="本人已经用同一本证书重新申请。", next_step="请办理新的那一份申请。")


def tell_refused(claim: Claim, own: Sequence[ClaimLine], number: int, at: datetime) -> None:
    """Tell those concerned that lines of an approved claim were refused, and until when they can appeal; inside an act.

    `own` are the lines that people appeal about themselves (`appeals.personal`), `number` is how many were refused.
    """
    counted = countable(claim, APPEAL_WINDOW, chinese_day(at))
    until = f"可以在{format_cn_date(counted.last_day)}以前申诉" if counted else "可以申诉"
    messages = [
        Message(
            kind="refused",
            title="您的补贴申请没有通过",
            text=f"“{claim.title}”中您的{dict(Claim.KINDS)[line.kind]}不予补贴。打开可以看原因和条款；不服的，{until}。",
            person_id=line.person_id,
            subject=("claim_line", line.pk),
        )
        for line in own
    ]
    if number and claim.provider_id is not None:
        messages.append(
            Message(
                kind="refused",
                title=f"有 {number} 条明细不予补贴",
                text=f"“{claim.title}”已审批，其中 {number} 条不予补贴。逐条原因和条款在申领页上；不服的，{until}。",
                organisation_id=claim.provider_id,
                subject=("claim", claim.pk),
            )
        )
    tell(claim.city_code, messages, at=at)


def _answer(appeal: Appeal, line: ClaimLine) -> Message:
    """What the appellant is told of the decision."""
    granted = appeal.state == "granted"
    follows = "这一条重新进入复核和公示，之后照常拨付。" if granted else f"依据：{appeal.clause}。{remedy().excerpt}"
    worker = appeal.side == "worker"
    return Message(
        kind="appeal",
        title="申诉成立" if granted else "申诉没有成立，维持原结论",
        text=f"“{line.claim.title}”的申诉：{appeal.decision[:90]}{follows}"[:300],
        person_id=line.person_id if worker else None,
        organisation_id=None if worker else line.claim.provider_id,
        subject=("claim_line", line.pk) if worker else ("claim", line.claim_id),
    )

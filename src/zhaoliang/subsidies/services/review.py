"""First review, second review by somebody else, return with reasons; who may not take a step, and for whom none is taken."""

from __future__ import annotations

from datetime import datetime

from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Forbidden, Refusal, SamePerson
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.registry.selectors import organisations_by_code, works_for
from zhaoliang.registry.services import Message, tell
from zhaoliang.registry.standing import Gate, standing_on
from zhaoliang.subsidies.clocks import PUBLICITY, deadline
from zhaoliang.subsidies.models import Claim, ClaimLine
from zhaoliang.subsidies.services.locking import locked_claim, reason_given
from zhaoliang.subsidies.states import CLAIM

OPEN = ("due", "to_person")


def require_no_judge(actor: Actor, claim: Claim) -> None:
    """Who judged a line of the claim takes no later step on it, whatever the account. Raises SamePerson."""
    judges = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim, judged_by_user__isnull=False)
    for user_id, person_id in judges.values_list("judged_by_user", "judged_by_person").distinct():
        require_other_person(actor, person_id=person_id, user_id=user_id, step="明细的人工判断")


def require_no_stake(actor: Actor, claim: Claim, at: datetime) -> None:
    """Nobody decides on what he claims himself or his own organisation claims, under whichever account. Raises SamePerson."""
    why, side = "", [claim.provider] if claim.provider is not None else []
    paid = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim, payee="enterprise")
    codes = paid.exclude(enrolment__employer_uscc="").values_list("enrolment__employer_uscc", flat=True).distinct()
    side += organisations_by_code(claim.city_code, [code for code in codes.order_by() if code])
    own = next((one for one in side if works_for(actor, one, chinese_day(at))), None)
    if own is not None:
        why = f"您本人也在申领或收款的“{own.short_name}”任职（同一人的两个账号也算一个人）。"
    elif (
        actor.person_id is not None
        and ClaimLine.objects.filter(city_code=claim.city_code, claim=claim, person_id=actor.person_id).exists()
    ):
        why = "这份申领里有您本人的明细。"
    if why:
        raise SamePerson(
            what="这一步要由另一位同事完成。",
            why=f"{why}申领一方的人不能审核、审批这份申领。",
            next_step="请回避，转给有权限的另一位同事。",
        )


def require_standing(claim: Claim, gate: Gate, at: datetime) -> None:
    """Raise Barred while the claim's organisation may not come to this step: suspended, removed, blacklisted."""
    if claim.provider is not None:
        standing_on(claim.provider, chinese_day(at)).require(gate)


@act("subsidies.pass_first", label="初审通过", grants={Role.REVIEWER: Reach.REGION}, on="claim")
def pass_first(*, actor: Actor, at: datetime, claim: Claim) -> Claim:
    """Pass a whole claim at first review.

    Raises Refusal while a line is undecided or waits for a person; SamePerson for who has a stake in it; Barred; WrongState.
    """
    claim = locked_claim(claim)
    if not CLAIM.allows(claim.state, "pass_first"):
        raise CLAIM.refusal(claim.state, "pass_first")
    require_no_stake(actor, claim, at)
    require_standing(claim, Gate.REVIEW, at)
    # Lines move only under their claim's lock.
    open_lines = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim, state__in=OPEN).count()
    if open_lines:
        raise Refusal(
            what="初审还不能通过。",
            why=f"有 {open_lines} 条明细尚待人工判断；信息不全不等于不符合，要由人看过才能定。",
            next_step="请逐条写明判断理由，再通过初审。",
        )
    CLAIM.fire(claim, "pass_first", first_user=actor.user_id, first_person=actor.person_id)
    return claim


@act("subsidies.pass_second", label="复核通过并公示", grants={Role.APPROVER: Reach.REGION}, on="claim")
def pass_second(*, actor: Actor, at: datetime, claim: Claim) -> Claim:
    """Pass a claim at second review and publish it from today, for as many working days as the region's text says.

    Raises SamePerson when the first reviewer or who has a stake in it tries, Barred, CalendarNotPublished when the last day
    cannot be counted yet (the claim stays in second review), Refusal where no text sets the publicity period, WrongState.
    """
    claim = locked_claim(claim)
    if not CLAIM.allows(claim.state, "pass_second"):
        raise CLAIM.refusal(claim.state, "pass_second")
    require_other_person(actor, person_id=claim.first_person, user_id=claim.first_user, step="初审")
    require_no_judge(actor, claim)
    require_no_stake(actor, claim, at)
    require_standing(claim, Gate.REVIEW, at)
    today = chinese_day(at)
    publicity = deadline(claim, PUBLICITY, today)
    if publicity is None:
        raise Refusal(
            what="还不能公示。",
            why="本地现行文件中没有找到公示期的规定，无法计算公示到哪一天。",
            next_step="请政策管理员在政策文件中补录公示期及其依据。",
        )
    CLAIM.fire(
        claim,
        "pass_second",
        second_user=actor.user_id,
        second_person=actor.person_id,
        publicity_from=today,
        publicity_until=publicity.last_day,
    )
    return claim


@act(
    "subsidies.return",
    label="退回补贴申领",
    grants={Role.REVIEWER: Reach.REGION, Role.APPROVER: Reach.REGION},
    on="claim",
)
def return_claim(*, actor: Actor, at: datetime, claim: Claim, reason: str) -> Claim:
    """Send a claim back to the provider with the reason, which it is told: the reviewer in first review, the approver in second.

    Raises BadInput without a reason, Forbidden for the other desk, WrongState.
    """
    claim = locked_claim(claim)
    if not CLAIM.allows(claim.state, "return"):
        raise CLAIM.refusal(claim.state, "return")
    desk = Role.REVIEWER if claim.state == "first_review" else Role.APPROVER
    if not actor.reaches({desk: Reach.REGION}, claim.access()):
        raise Forbidden(
            what="没有退回。",
            why=f"申领现在是“{CLAIM.states[claim.state]}”，由这一环节的人员决定是否退回。",
            next_step="请与经办这一环节的同事联系。",
        )
    said = reason_given(reason, "reason", "没有退回。")
    CLAIM.fire(
        claim,
        "return",
        return_reason=said,
        reply="",
        first_user=None,
        first_person=None,
        review_due_on=None,
    )
    if claim.provider_id is not None:
        message = Message(
            kind="claim_returned",
            title="补贴申领被退回",
            text=f"“{claim.title}”：{said[:200]}请更正，并写明怎么改的，再提交。",
            organisation_id=claim.provider_id,
            subject=("claim", claim.pk),
        )
        tell(claim.city_code, [message], at=at)
    return claim

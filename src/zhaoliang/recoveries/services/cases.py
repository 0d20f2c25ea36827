"""What happens to a case: the answer of who was told, the agreed plan, hand-over to the authorities, write-off by two people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from zhaoliang.funds.services import post_transfer
from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.money import format_yuan, split
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.recoveries.interest import record_interest
from zhaoliang.recoveries.models import Instalment, RecoveryCase
from zhaoliang.recoveries.services.opening import CASE, beside, opening
from zhaoliang.recoveries.states import RECOVERY_CASE
from zhaoliang.registry.services import Message, tell

_OFFICER = {Role.FUND_OFFICER: Reach.REGION}
# A case may be handed over again: an earlier approval, which stays among the state changes, says nothing of the new proposal.
_NOT_HANDED = {"handed_by_user": None, "handed_by_person": None, "handed_at": None}
MOST_INSTALMENTS = 36


@act(
    "recoveries.reply",
    label="回复追回通知",
    grants={Role.WORKER: Reach.SELF, Role.PROVIDER: Reach.ORGANISATION},
    on="case",
)
def reply(*, actor: Actor, at: datetime, case: RecoveryCase, text: str) -> RecoveryCase:
    """Answer a notice: agree, explain, or contest; the bureau sees it with the case. Raises BadInput, Refusal when closed."""
    case = locked_case(case)
    if case.state not in ("noticed", "agreed", "refused"):
        raise Refusal("没有提交回复。", f"这件事现在是“{RECOVERY_CASE.states[case.state]}”。", "有疑问请联系经办部门。")
    case.reply, case.replied_at = said(text, "text", "没有提交回复。", most=1000), at
    case.save(update_fields=["reply", "replied_at"])
    return case


@act("recoveries.agree", label="约定退还方式", grants=_OFFICER, on="case")
def agree(
    *, actor: Actor, at: datetime, case: RecoveryCase, way: str, parts: int = 1, first_on: date, note: str
) -> RecoveryCase:
    """Agree how the rest is given back: once, in monthly instalments (`parts`, from `first_on`), or by set-off.

    The instalments sum to what is owed; a new agreement takes the place of an earlier one. Raises BadInput, WrongState.
    """
    what = "没有登记约定。"
    wrong = {
        "way": "" if way in dict(RecoveryCase.WAYS) else "请选择退还方式。",
        "parts": "" if 1 <= parts <= MOST_INSTALMENTS else f"期数在 1 到 {MOST_INSTALMENTS} 之间。",
        "first_on": "" if first_on >= chinese_day(at) else "第一期不能早于今天。",
    }
    if fields := {name: message for name, message in wrong.items() if message}:
        raise BadInput(what, "有内容填写不对。", "请改正后重新提交。", fields=fields)
    case = locked_case(case)
    count = parts if way == "instalments" else 1
    if count > case.owed_fen:
        raise BadInput(what, "每一期至少一分钱。", "请减少期数。", fields={"parts": "期数太多。"})
    plan = 1 + max((one.plan for one in Instalment.objects.filter(city_code=case.city_code, case=case)), default=0)
    days = [_months_later(first_on, month) for month in range(count)]
    Instalment.objects.bulk_create(
        Instalment(city_code=case.city_code, case=case, plan=plan, number=number, due_on=day, amount_fen=fen)
        for number, (day, fen) in enumerate(zip(days, split(case.owed_fen, [1] * count), strict=True), start=1)
    )
    RECOVERY_CASE.fire(case, "agree", way=way, due_on=days[0], note=said(note, "note", what))
    return case


@act("recoveries.refuse", label="登记不退还", grants=_OFFICER, on="case")
def refuse(*, actor: Actor, at: datetime, case: RecoveryCase, note: str) -> RecoveryCase:
    """Note that who was told will not give it back. Raises BadInput without a reason, WrongState."""
    case = locked_case(case)
    RECOVERY_CASE.fire(case, "refuse", note=said(note, "note", "没有登记。"), due_on=None)
    return case


@act("recoveries.overdue", label="逾期没有退还", grants={Role.SYSTEM: Reach.ANY}, on="case")
def overdue(*, actor: Actor, at: datetime, case: RecoveryCase) -> RecoveryCase:
    """The clock: the day for answering or paying has passed; the officer hands over or agrees anew. Raises Refusal before."""
    case = locked_case(case)
    if case.due_on is None or chinese_day(at) <= case.due_on:
        raise Refusal("还没有逾期。", "期限还没有过。", "到期后会自动登记。")
    RECOVERY_CASE.fire(case, "overdue" if case.state == "noticed" else "default", due_on=None)
    return case


@act("recoveries.propose_hand_over", label="提请移送", grants=_OFFICER, on="case")
def propose_hand_over(*, actor: Actor, at: datetime, case: RecoveryCase, to: str, note: str) -> RecoveryCase:
    """Propose to hand a case over to the authority `to`, with the reason its document will give. Raises BadInput, WrongState."""
    case, what = locked_case(case), "没有提请移送。"
    RECOVERY_CASE.fire(
        case,
        "propose_hand_over",
        handed_to=said(to, "to", what, most=120),
        hand_over_reason=said(note, "note", what),
        hand_over_by_user=actor.user_id,
        hand_over_by_person=actor.person_id,
        **_NOT_HANDED,
    )
    return case


@act("recoveries.hand_over", label="审批移送", grants={Role.APPROVER: Reach.REGION}, on="case")
def hand_over(*, actor: Actor, at: datetime, case: RecoveryCase) -> RecoveryCase:
    """Hand a case over to the authorities (涉嫌犯罪的，移送司法机关处理), by another person than who proposed it.

    What is still owed is recorded with the days it was kept. Raises SamePerson, WrongState.
    """
    case = locked_case(case)
    require_other_person(actor, person_id=case.hand_over_by_person, user_id=case.hand_over_by_user, step="提请移送")
    # Before the case moves: the days since the hand-over before this one are counted, not those since this one.
    record_interest(case, case.owed_fen, chinese_day(at), at)
    RECOVERY_CASE.fire(
        case, "hand_over", handed_by_user=actor.user_id, handed_by_person=actor.person_id, handed_at=at, due_on=None
    )
    return case


@act("recoveries.keep_here", label="不同意移送", grants={Role.APPROVER: Reach.REGION}, on="case")
def keep_here(*, actor: Actor, at: datetime, case: RecoveryCase, note: str) -> RecoveryCase:
    """Do not hand it over: the bureau goes on with the case. Raises BadInput without a reason, WrongState."""
    case = locked_case(case)
    RECOVERY_CASE.fire(
        case,
        "keep_here",
        note=said(note, "note", "没有退回。"),
        handed_to="",
        hand_over_reason="",
        hand_over_by_user=None,
        hand_over_by_person=None,
        **_NOT_HANDED,
    )
    return case


@act("recoveries.propose_write_off", label="提请核销", grants=_OFFICER, on="case")
def propose_write_off(*, actor: Actor, at: datetime, case: RecoveryCase, note: str) -> RecoveryCase:
    """Propose to write the rest off, with the decision it rests on. Raises BadInput, WrongState."""
    case = locked_case(case)
    RECOVERY_CASE.fire(
        case,
        "propose_write_off",
        note=said(note, "note", "没有提请核销。"),
        write_off_by_user=actor.user_id,
        write_off_by_person=actor.person_id,
    )
    return case


@act("recoveries.write_off", label="审批核销", grants={Role.APPROVER: Reach.REGION}, on="case")
def write_off(*, actor: Actor, at: datetime, case: RecoveryCase) -> RecoveryCase:
    """Write off what did not come back, by another person than who proposed it: books receivable → written off.

    Raises SamePerson, WrongState.
    """
    case = locked_case(case)
    require_other_person(actor, person_id=case.write_off_by_person, user_id=case.write_off_by_user, step="提请核销")
    RECOVERY_CASE.fire(case, "write_off", closed_by_user=actor.user_id, closed_by_person=actor.person_id, due_on=None)
    receivable = opening(case).credit
    post_transfer(
        kind="write_off",
        debit=receivable,
        credit=beside(receivable, "written_off"),
        amount_fen=case.owed_fen,
        at=at,
        subject_type=CASE,
        subject_id=case.pk,
        memo=f"追回事项 {case.pk} 核销：{case.note}",
    )
    return case


@act("recoveries.keep", label="不同意核销", grants={Role.APPROVER: Reach.REGION}, on="case")
def keep(*, actor: Actor, at: datetime, case: RecoveryCase, note: str) -> RecoveryCase:
    """Do not write it off: the case stays open. Raises BadInput, WrongState."""
    case = locked_case(case)
    RECOVERY_CASE.fire(
        case, "keep", note=said(note, "note", "没有退回。"), write_off_by_user=None, write_off_by_person=None
    )
    return case


def settled(case: RecoveryCase, at: datetime) -> None:
    """Close a case of which everything came back, and say so; inside an act."""
    RECOVERY_CASE.fire(case, "settle", due_on=None)
    message = Message(
        kind="recovery",
        title="应退还的补贴已结清",
        text=f"应退还的 {format_yuan(case.amount_fen)} 已全部收到，这件事办结。",
        person_id=case.person_id if case.organisation_id is None else None,
        organisation_id=case.organisation_id,
        subject=(CASE, case.pk),
        once=f"recovered:{case.pk}",
    )
    tell(case.city_code, [message], at=at)


def locked_case(case: RecoveryCase) -> RecoveryCase:
    """The case as it is now, nobody else changing it until the act ends."""
    rows = RecoveryCase.objects.select_for_update(of=("self",), no_key=True).select_related("claim_line", "difference")
    return rows.get(city_code=case.city_code, pk=case.pk)


def said(text: str, field: str, what: str, *, most: int = 500) -> str:
    """The text, trimmed. Raises BadInput when it says nothing or too much."""
    plain = text.strip()
    if not 2 <= len(plain) <= most:
        raise BadInput(
            what, f"这里要写 2 到 {most} 个字。", "请补写后再提交。", fields={field: f"请填写，2 到 {most} 个字。"}
        )
    return plain


def _months_later(day: date, months: int) -> date:
    """The same day so many months later, the last one where the month is shorter."""
    year, month = divmod(day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(day.year + year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def plan_of(case: RecoveryCase) -> Sequence[Instalment]:
    """The instalments of the latest agreement, in order."""
    rows = list(Instalment.objects.filter(city_code=case.city_code, case=case).order_by("-plan", "number"))
    return [one for one in rows if one.plan == rows[0].plan]

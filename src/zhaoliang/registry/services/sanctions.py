"""The ladder of sanctions: told with its grounds, answered by the organisation, decided by a second person, lifted by two.

Which step follows from a breach, and for how long, is policy data (scheme `sanction` of the region's text, else the
platform's default ladder, which no text confirms). When the office does not decide in time nothing is imposed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.calendar import official_calendar
from zhaoliang.kernel.days import chinese_day, format_cn_date
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.policy import ClockValue, Outcome, PolicyError, PolicySet, RuleResult
from zhaoliang.registry.lawbook import policies_for
from zhaoliang.registry.models import Organisation, Sanction
from zhaoliang.registry.services.notices import Message, tell
from zhaoliang.registry.standing import BINDING, strictest
from zhaoliang.registry.states import SANCTION

SCHEMES = ("sanction", "default_ladder")
BLACKLIST_CITE = "cn/jiuyezu-2025-06-20#6.18"
BANS = {
    "rectification": "ban_after_rectification",
    "notice": "ban_after_notice",
    "termination": "ban_after_termination",
}
OFFICE = {Role.INSPECTOR: Reach.REGION, Role.REVIEWER: Reach.REGION}


@dataclass(frozen=True)
class Advice:
    """The step that the ladder in force gives for a breach, with its clause and whether a text confirms it."""

    step: str
    citation: str
    verified: bool


def advised(organisation: Organisation, violation: str, on: date) -> Advice:
    """What the ladder says of a breach today, counting this calendar year's steps. Raises Refusal where it names no step."""
    taken = dict.fromkeys(("interview", "rectification", "notice"), 0)
    rows = Sanction.objects.filter(
        city_code=organisation.city_code, organisation=organisation, state__in=BINDING, from_day__year=on.year
    )
    for step in rows.values_list("step", flat=True):
        taken[step] = taken.get(step, 0) + 1
    facts = {
        "violation": violation,
        "interviews_this_year": taken["interview"],
        "rectifications_this_year": taken["rectification"],
        "notices_this_year": taken["notice"],
    }
    for scheme in SCHEMES:
        policies = policies_for(organisation.region_id, on=on, scheme=scheme)
        asked = {_step(one): one for one in policies.decide(facts).results if _applies(one)}
        step = strictest(asked)
        if step is not None:
            cited = asked[step].citation
            return Advice(step, f"{cited.number or cited.title} {cited.clause}", asked[step].verified)
    raise Refusal(
        what="没有可用的处理步骤。",
        why="现行文件没有把这种情形列入处理阶梯。",
        next_step="请核对情形；确需列入黑名单的，请选“列入黑名单”并写明依据。",
    )


def _applies(result: RuleResult) -> bool:
    """Whether a rule of the ladder calls for its step: it is not met, and for no want of facts."""
    return "step_" in result.rule_id and not result.missing and result.outcome is not Outcome.PASS


def _step(result: RuleResult) -> str:
    return result.rule_id.partition("step_")[2].partition("_")[0]


def _clock(policies: PolicySet, name: str) -> ClockValue:
    try:
        return policies.clock(name)
    except PolicyError:
        raise Refusal(
            what="没有办理。",
            why="现行文件和平台默认设置都没有规定这一步的期限。",
            next_step="请政策管理员补录期限及其依据。",
        ) from None


def _after(day: date, clock: ClockValue) -> date:
    """The last day of a period that begins on `day`: working days are counted from the next, months run to the day before."""
    if clock.unit == "working_days":
        return official_calendar().add_workdays(day, int(clock.value))
    months = day.month - 1 + int(clock.value)
    year, month = day.year + months // 12, months % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(day.day, last)) - timedelta(days=1)


def _said(text: str) -> str:
    plain = text.strip()
    if not 10 <= len(plain) <= 1000:
        raise BadInput(
            what="没有办理。",
            why="事实和理由要写 10 到 1000 个字，机构会看到。",
            next_step="请补写后再提交。",
            fields={"text": "请写明事实和理由，10 到 1000 个字。"},
        )
    return plain


def _locked(sanction: Sanction) -> Sanction:
    return (
        Sanction.objects.select_for_update(of=("self",), no_key=True)
        .select_related("organisation")
        .get(city_code=sanction.city_code, pk=sanction.pk)
    )


def _told(sanction: Sanction, title: str, text: str, at: datetime) -> None:
    message = Message(
        "sanction",
        title,
        text,
        organisation_id=sanction.organisation_id,
        subject=("sanction", sanction.pk),
        once=f"sanction-{sanction.state}:{sanction.pk}:{at.isoformat()}",
    )
    tell(sanction.city_code, [message], at=at)


@act("registry.propose_sanction", label="拟对机构作出处理", grants=OFFICE, on="organisation")
def propose_sanction(
    *,
    actor: Actor,
    at: datetime,
    organisation: Organisation,
    violation: str,
    text: str,
    blacklist_until: date | None = None,
    blacklist: bool = False,
) -> Sanction:
    """Tell an organisation what is held against it and which step the ladder gives; its time to answer begins.

    `blacklist` proposes the blacklist instead, until the given day or without end. Raises Refusal where the ladder names no
    step, BadInput without the facts.
    """
    today = chinese_day(at)
    policies = policies_for(organisation.region_id, on=today)
    if blacklist:
        cited = policies_for(organisation.region_id, on=today).citation(BLACKLIST_CITE)
        advice = Advice("blacklist", f"{cited.number or cited.title} {cited.clause}", cited.verified)
    else:
        advice = advised(organisation, violation, today)
    made = Sanction.objects.create(
        city_code=organisation.city_code,
        organisation=organisation,
        region_code=organisation.region_id,
        step=advice.step,
        violation=violation,
        facts=_said(text),
        citation=advice.citation,
        verified=advice.verified,
        until_day=blacklist_until if blacklist else None,
        proposed_at=at,
        proposed_by_user=actor.user_id,
        proposed_by_person=actor.person_id,
        reply_until=_after(today, _clock(policies, "sanction_defence")),
        decide_by=_after(today, _clock(policies, "sanction_decision")),
    )
    _told(
        made,
        f"拟作出处理：{made.step_label}",
        f"{made.facts} 依据：{made.citation}。您可以在{format_cn_date(made.reply_until)}以前陈述申辩。",
        at,
    )
    return made


@act(
    "registry.reply_sanction",
    label="陈述申辩",
    grants={Role.PROVIDER: Reach.ORGANISATION, Role.EVALUATOR: Reach.ORGANISATION},
    on="sanction",
)
def reply_sanction(*, actor: Actor, at: datetime, sanction: Sanction, text: str) -> Sanction:
    """The organisation's own account. Raises Refusal after its last day, WrongState when it was decided."""
    held = _locked(sanction)
    if SANCTION.allows(held.state, "reply") and chinese_day(at) > held.reply_until:
        raise Refusal(
            what="陈述申辩没有提交。",
            why=f"陈述申辩到{format_cn_date(held.reply_until)}为止。",
            next_step="处理决定作出以后，您仍可以申请解除。",
        )
    SANCTION.fire(held, "reply", reply=_said(text), replied_at=at)
    return held


@act("registry.decide_sanction", label="决定对机构的处理", grants={Role.APPROVER: Reach.REGION}, on="sanction")
def decide_sanction(*, actor: Actor, at: datetime, sanction: Sanction, imposes: bool, text: str) -> Sanction:
    """A second person imposes the step from today, or drops it.

    Raises SamePerson for who proposed it, Refusal while the organisation may still answer and after the office's own last
    day (then nothing is imposed), BadInput without reasons.
    """
    held, today = _locked(sanction), chinese_day(at)
    event = "decide" if imposes else "drop"
    if not SANCTION.allows(held.state, event):
        raise SANCTION.refusal(held.state, event)
    require_other_person(actor, person_id=held.proposed_by_person, user_id=held.proposed_by_user, step="处理建议")
    if today > held.decide_by:
        raise Refusal(
            what="没有作出处理。",
            why=f"决定期限到{format_cn_date(held.decide_by)}为止，逾期视为不予处理。",
            next_step="确有必要的，请重新查明事实，另行告知。",
        )
    if imposes and held.state == "noticed" and today <= held.reply_until:
        raise Refusal(
            what="还不能作出处理。",
            why=f"机构的陈述申辩期到{format_cn_date(held.reply_until)}为止。",
            next_step="请等机构陈述，或期满以后再决定。",
        )
    decided = {"decided_at": at, "decided_by_user": actor.user_id, "decided_by_person": actor.person_id}
    reasons = _said(text)
    if not imposes:
        SANCTION.fire(held, "drop", reasons=reasons, **decided)
        _told(held, "不予处理", reasons, at)
        return held
    SANCTION.fire(held, "decide", reasons=reasons, from_day=today, **decided, **_spans(held, today))
    until = f"，到{format_cn_date(held.until_day)}为止" if held.until_day else ""
    _told(held, f"处理决定：{held.step_label}", f"{reasons}{until}。依据：{held.citation}。", at)
    return held


def _spans(held: Sanction, today: date) -> dict[str, date | None]:
    """The last day of the ban and of the mending that go with a step."""
    if held.step == "blacklist":
        return {"until_day": held.until_day, "rectify_by": None}
    ladder = policies_for(held.organisation.region_id, on=today)
    mending = "interview_rectification" if held.step == "interview" else "rectification"
    ban = BANS.get(held.step)
    return {
        "until_day": _after(today, _clock(ladder, ban)) if ban else today,
        "rectify_by": _after(today, _clock(ladder, mending)),
    }


@act("registry.accept_rectification", label="验收整改", grants=OFFICE, on="sanction")
def accept_rectification(*, actor: Actor, at: datetime, sanction: Sanction, text: str) -> Sanction:
    """The mending is done and was looked at. Raises Refusal where none is open."""
    held = _locked(sanction)
    if held.state not in BINDING or held.rectify_by is None or held.rectified_on is not None:
        raise Refusal(what="没有登记验收。", why="这项处理没有待验收的整改。", next_step="请刷新页面核对。")
    held.rectified_on, held.rectification = chinese_day(at), _said(text)
    held.save(update_fields=["rectified_on", "rectification"])
    return held


@act("registry.ask_lift", label="提请解除处理", grants=OFFICE, on="sanction")
def ask_lift(*, actor: Actor, at: datetime, sanction: Sanction, text: str) -> Sanction:
    """Propose to end a sanction before its time, for instance because the organisation was right. Raises WrongState."""
    held = _locked(sanction)
    SANCTION.fire(
        held,
        "ask_lift",
        lift_reason=_said(text),
        lift_asked_by_user=actor.user_id,
        lift_asked_by_person=actor.person_id,
    )
    return held


@act("registry.decide_lift", label="决定解除处理", grants={Role.APPROVER: Reach.REGION}, on="sanction")
def decide_lift(*, actor: Actor, at: datetime, sanction: Sanction, lifts: bool) -> Sanction:
    """A second person ends a sanction from today, or leaves it in force. Raises SamePerson, WrongState."""
    held = _locked(sanction)
    event = "lift" if lifts else "refuse_lift"
    if not SANCTION.allows(held.state, event):
        raise SANCTION.refusal(held.state, event)
    require_other_person(actor, person_id=held.lift_asked_by_person, user_id=held.lift_asked_by_user, step="提请解除")
    if not lifts:
        SANCTION.fire(held, "refuse_lift", lift_asked_by_user=None, lift_asked_by_person=None)
        return held
    lifted = {"lifted_by_user": actor.user_id, "lifted_by_person": actor.person_id, "lifted_on": chinese_day(at)}
    SANCTION.fire(held, "lift", **lifted)
    _told(held, f"已解除：{held.step_label}", held.lift_reason, at)
    return held


@act("registry.lapse_sanctions", label="逾期未决定的处理终止", grants={Role.SYSTEM: Reach.ANY}, on="place")
def lapse_sanctions(*, actor: Actor, at: datetime, place: Place) -> int:
    """The clock: what the office did not decide by its last day is not imposed. Returns how many."""
    rows = Sanction.objects.select_for_update(of=("self",), no_key=True).filter(
        city_code=place.city_code, state__in=("noticed", "replied"), decide_by__lt=chinese_day(at)
    )
    late = list(rows.select_related("organisation").order_by("id"))
    for held in late:
        SANCTION.fire(held, "lapse")
        _told(held, "不予处理", f"没有在{format_cn_date(held.decide_by)}以前作出决定，视为不予处理。", at)
    return len(late)

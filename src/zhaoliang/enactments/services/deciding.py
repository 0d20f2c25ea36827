"""Acts on the way into force: check, try on the past, submit, approve by another person, and the clock."""

from __future__ import annotations

from dataclasses import astuple, replace
from datetime import datetime
from typing import Any

from zhaoliang.enactments import past
from zhaoliang.enactments.checking import Checked, check, draft_path, trial_of
from zhaoliang.enactments.editing.figures import tree_of
from zhaoliang.enactments.models import PolicyDraft, PolicyRevision, PolicySimulation
from zhaoliang.enactments.past import cities_of, past_lines
from zhaoliang.enactments.services.common import APPROVERS, DRAFTERS, locked, reason_given
from zhaoliang.enactments.simulation import Simulated, simulate
from zhaoliang.enactments.states import DRAFT
from zhaoliang.enactments.whole import whole
from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.jobs.reporting import report
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.policy import PolicyError
from zhaoliang.registry import services as registry
from zhaoliang.registry.lawbook import forget, lawbook
from zhaoliang.registry.selectors import region


@act("enactments.check", label="检查政策文本", grants=DRAFTERS, on="draft")
def check_draft(*, actor: Actor, at: datetime, draft: PolicyDraft) -> PolicyDraft:
    """Write down the compile report and the scenarios of this revision. With an error the draft stays where it is."""
    held = locked(draft)
    for_nothing = not DRAFT.allows(held.state, "check")
    if for_nothing:
        raise DRAFT.refusal(held.state, "check")
    found = check(held, lawbook(), at)
    held.checked = _report(held, found, at)
    if found.ok:
        DRAFT.fire(held, "check", checked=held.checked, simulated={})
    elif held.state in ("checked", "simulated"):
        # What else was enacted meanwhile made it wrong: back to the writing desk, the text as it is.
        DRAFT.fire(held, "edit", checked=held.checked, simulated={})
    else:
        held.save(update_fields=["checked"])
    return held


def _report(draft: PolicyDraft, found: Checked, at: datetime) -> dict[str, Any]:
    return found.to_json() | {"revision": draft.revision, "at": at.isoformat(), "ok": found.ok}


@act("enactments.simulate", label="用历史申领试算", grants=DRAFTERS, on="draft")
def simulate_draft(*, actor: Actor, at: datetime, draft: PolicyDraft) -> PolicyDraft:
    """Decide past lines twice, with and without the draft, and keep sums and lines. Raises WrongState, Refusal.

    Run as a job it says how many lines it has done.
    """
    held = locked(draft)
    if not DRAFT.allows(held.state, "simulate"):
        raise DRAFT.refusal(held.state, "simulate")
    try:
        trial = trial_of(held, lawbook())
    except PolicyError as problem:
        raise Refusal("没有试算。", f"文本读不懂：{problem}", "请重新检查。") from problem
    lines = past_lines(held.city_code, held.region_id, past.MOST_LINES)
    each = len(lines)
    # Beyond the newest, all are added up once more.
    all_lines = past.count_past_lines(held.city_code, held.region_id) if each == past.MOST_LINES else 0

    def region_name(code: int) -> str:
        found = region(code)
        return found.name if found is not None else str(code)

    def one_by_one(done: int) -> None:
        report(done, each + all_lines, f"正在逐笔重算：已算 {done:,} 笔，共 {each:,} 笔")

    def added_up(done: int) -> None:
        report(each + done, each + all_lines, f"正在合计全部申领：已算 {done:,} 笔，共 {all_lines:,} 笔")

    found, results = simulate(lines, trial.store, trial.library, held.valid_from, region_name, one_by_one)
    if all_lines:
        added_up(0)
        cities = cities_of(held.city_code, held.region_id)
        sums = whole(cities, held.region_id, trial.store, trial.library, held.valid_from, region_name, added_up)
        found = replace(
            sums, replayed=found.replayed, changed_past=found.changed_past, skipped=found.skipped, listed=len(results)
        )
    PolicySimulation.objects.create(
        city_code=held.city_code,
        draft=held,
        revision=held.revision,
        lines=[astuple(one) for one in results],
        at=at,
    )
    DRAFT.fire(held, "simulate", simulated=found.to_json() | {"revision": held.revision, "at": at.isoformat()})
    return held


@act("enactments.submit", label="政策文本送审", grants=DRAFTERS, on="draft")
def submit(*, actor: Actor, at: datetime, draft: PolicyDraft) -> PolicyDraft:
    """Hand the draft to the approver. Raises Refusal where it would change decisions already made."""
    held = locked(draft)
    if not DRAFT.allows(held.state, "submit"):
        raise DRAFT.refusal(held.state, "submit")
    changed = Simulated.from_json(_without(held.simulated)).changed_past
    if changed:
        raise Refusal(
            "没有送审。",
            f"加入这份文本以后，{changed} 条已经作出的决定重算结果不同；新规定不能改动过去。",
            "请核对条款的核实标记和被引用的条款，改正后重新检查、试算。",
        )
    DRAFT.fire(
        held,
        "submit",
        submitted_by_user=actor.user_id,
        submitted_by_person=actor.person_id,
        submitted_by_name=actor.name,
        return_reason="",
    )
    return held


def _without(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stored.items() if name not in ("revision", "at")}


@act("enactments.withdraw", label="撤回送审的政策文本", grants=DRAFTERS, on="draft")
def withdraw(*, actor: Actor, at: datetime, draft: PolicyDraft) -> PolicyDraft:
    """Take a submitted draft back to change it. Raises WrongState."""
    held = locked(draft)
    DRAFT.fire(held, "withdraw")
    return held


@act("enactments.return", label="退回政策文本", grants=APPROVERS, on="draft")
def return_draft(*, actor: Actor, at: datetime, draft: PolicyDraft, reason: str) -> PolicyDraft:
    """Give the draft back with a reason. Raises BadInput without one, WrongState."""
    held = locked(draft)
    DRAFT.fire(held, "return", return_reason=reason_given(reason, "没有退回。"))
    return held


@act("enactments.drop", label="放弃政策草稿", grants=DRAFTERS, on="draft")
def drop(*, actor: Actor, at: datetime, draft: PolicyDraft) -> PolicyDraft:
    """Give a draft up; its revisions stay readable. Raises WrongState."""
    held = locked(draft)
    DRAFT.fire(held, "drop")
    return held


@act("enactments.approve", label="批准政策文本", grants=APPROVERS, on="draft")
def approve(*, actor: Actor, at: datetime, draft: PolicyDraft) -> PolicyDraft:
    """Put the text into the library; it binds from its day. By somebody who wrote none of its revisions.

    Checked once more against what else was enacted meanwhile. Raises SamePerson, Refusal, WrongState.
    """
    registry.lock_library()
    # Whatever was enacted up to now counts, not what this process last looked at.
    forget()
    held = locked(draft)
    if not DRAFT.allows(held.state, "approve"):
        raise DRAFT.refusal(held.state, "approve")
    authors = PolicyRevision.objects.filter(city_code=held.city_code, draft=held)
    for user_id, person_id in {
        (held.submitted_by_user, held.submitted_by_person),
        *authors.values_list("by_user", "by_person"),
    }:
        require_other_person(actor, person_id=person_id, user_id=user_id, step="这份文本的起草或修改")
    found = check(held, lawbook(), at)
    if not found.ok:
        raise Refusal(
            "没有批准。",
            f"重新检查没有通过：{found.errors[0].text}",
            "请退回起草人，改正后重新检查、试算、送审。",
        )
    text = registry.enact_text(
        path=draft_path(held),
        document_id=held.document_id,
        region_code=held.region_id,
        valid_from=held.valid_from,
        content=held.content,
        tables=held.tables,
        drafted_by=Actor(held.submitted_by_user, held.submitted_by_person, held.submitted_by_name),
        approved_by=actor,
        at=at,
    )
    for earlier in _same_day(held):
        DRAFT.fire(earlier, "supersede")
    DRAFT.fire(
        held,
        "approve",
        approved_by_user=actor.user_id,
        approved_by_person=actor.person_id,
        approved_by_name=actor.name,
        text=text,
    )
    DRAFT.fire(held, "schedule")
    return held


def _same_day(draft: PolicyDraft) -> list[PolicyDraft]:
    """Drafts of the same document for the same day that wait to take effect and now never will."""
    return list(
        PolicyDraft.objects.select_for_update(of=("self",), no_key=True).filter(
            city_code=draft.city_code,
            document_id=draft.document_id,
            valid_from=draft.valid_from,
            state="scheduled",
        )
    )


def repeals_of(draft: PolicyDraft) -> list[str]:
    """The documents that a draft's text ends."""
    return [str(one) for one in tree_of(draft.content).data["document"].get("repeals", ())]


@act("enactments.advance", label="政策文本按日生效", grants={Role.SYSTEM: Reach.ANY}, on="place")
def advance(*, actor: Actor, at: datetime, place: Place) -> int:
    """What began to bind by now is in force; what it stands for or ends is superseded or repealed. Returns how many moved.

    Decisions do not wait for this: they read the library by the day. It keeps the desks' lists and timelines true.
    """
    today = chinese_day(at)
    here = PolicyDraft.objects.select_for_update(of=("self",), no_key=True).filter(city_code=place.city_code)
    due = list(here.filter(state="scheduled", valid_from__lte=today).order_by("valid_from", "pk"))
    for draft in due:
        for earlier in here.filter(document_id=draft.document_id, state="in_force"):
            DRAFT.fire(earlier, "supersede")
        DRAFT.fire(draft, "take_effect")
        if draft.kind == "repeal":
            ended = repeals_of(draft)
            for gone in here.filter(document_id__in=ended, state="in_force"):
                DRAFT.fire(gone, "repeal")
    return len(due)

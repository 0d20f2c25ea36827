"""Corrections of what an attendance counts: proposed by one person, decided by another, both ways, kept for good.

The subsidy's difference is drawn from what the attendances say afterwards; nothing here moves money.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.utils import IntegrityError

from zhaoliang.attendance.models import Attendance, AttendanceCorrection, AttendanceDoubt
from zhaoliang.attendance.services.teaching import locked, need_reason
from zhaoliang.attendance.services.telling import correction_decided
from zhaoliang.attendance.states import ATTENDANCE, CORRECTION
from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.roles import Actor, Reach, Role


class AlreadyProposed(Refusal):
    """A correction of this attendance waits for its second person."""

    code = "already_proposed"


@act(
    "attendance.propose_correction",
    label="提出更正考勤",
    grants={Role.PROVIDER: Reach.ORGANISATION, Role.REVIEWER: Reach.REGION},
    on="attendance",
)
def propose_correction(
    *,
    actor: Actor,
    at: datetime,
    attendance: Attendance,
    reason: str,
    evidence: str = "",
    event: str = "correct",
    minutes: int | None = None,
) -> AttendanceCorrection:
    """Ask for a session to count (`correct`, the planned minutes unless told fewer) or not to count (`strike`).

    Raises WrongState, BadInput, AlreadyProposed. Nothing changes until another person has decided.
    """
    need_reason(reason, "更正没有提出。")
    if event == "correct" and not evidence.strip():
        raise BadInput(
            "更正没有提出。", "要写明凭据，如监控时段、读卡器记录。", "请补上凭据。", fields={"evidence": "请填写。"}
        )
    return proposed(
        locked(attendance), actor=actor, at=at, event=event, reason=reason, evidence=evidence, minutes=minutes
    )


def proposed(
    held: Attendance,
    *,
    actor: Actor,
    at: datetime,
    event: str,
    reason: str,
    evidence: str = "",
    minutes: int | None = None,
    doubt: AttendanceDoubt | None = None,
) -> AttendanceCorrection:
    """The proposal for a locked attendance, inside an act. Raises WrongState, BadInput, AlreadyProposed."""
    if event not in ("correct", "strike") or not ATTENDANCE.allows(held.state, event):
        raise ATTENDANCE.refusal(held.state, event if event in ATTENDANCE.events else "correct")
    after = 0 if event == "strike" else held.planned_minutes if minutes is None else minutes
    if not 0 <= after <= held.planned_minutes:
        raise BadInput(
            "更正没有提出。",
            f"这次课最多计 {held.planned_minutes} 分钟。",
            "请核对分钟数。",
            fields={"minutes": "超出了这次课的时长。"},
        )
    try:
        with transaction.atomic():
            return AttendanceCorrection.objects.create(
                city_code=held.city_code,
                attendance=held,
                doubt=doubt,
                event=event,
                state_before=held.state,
                minutes_before=held.credited_minutes,
                minutes_after=after,
                reason=reason.strip()[:200],
                evidence=evidence.strip()[:500],
                proposed_at=at,
                proposed_by_user_id=actor.user_id,
                proposed_by_person_id=actor.person_id,
                proposed_by_name=actor.name,
            )
    except IntegrityError as clash:
        if "attendance_correction_one_open" not in str(clash):
            raise
        raise AlreadyProposed("更正没有提出。", "这次课已有一项更正在等另一人决定。", "请等决定后再提出。") from clash


@act("attendance.decide_correction", label="决定考勤更正", grants={Role.REVIEWER: Reach.REGION}, on="correction")
def decide_correction(
    *, actor: Actor, at: datetime, correction: AttendanceCorrection, accept: bool, decision: str = ""
) -> AttendanceCorrection:
    """Accept or decline a proposed correction; only accepting changes the attendance.

    Raises SamePerson for who proposed it, WrongState when it was decided or the attendance has moved meanwhile.
    """
    if not accept:
        need_reason(decision, "没有决定。")
    attendance = locked(correction.attendance)
    held = AttendanceCorrection.objects.select_for_update(of=("self",), no_key=True).get(
        city_code=correction.city_code, pk=correction.pk
    )
    require_other_person(actor, person_id=held.proposed_by_person_id, user_id=held.proposed_by_user_id, step="这项更正")
    if accept:
        if (attendance.state, attendance.credited_minutes) != (held.state_before, held.minutes_before):
            raise ATTENDANCE.refusal(attendance.state, held.event)
        ATTENDANCE.fire(attendance, held.event, credited_minutes=held.minutes_after, note=held.reason)
    CORRECTION.fire(
        held,
        "accept" if accept else "decline",
        decided_at=at,
        decided_by_user_id=actor.user_id,
        decided_by_person_id=actor.person_id,
        decided_by_name=actor.name,
        decision=decision.strip()[:200],
    )
    correction_decided(held, attendance, at)
    return held

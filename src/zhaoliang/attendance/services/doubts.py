"""Doubtful sign-ins: weighed after the session, answered by the worker and the provider, decided by the bureau.

A doubt never takes hours away. Upholding one proposes to strike them; that needs a second person (`corrections`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from zhaoliang.attendance import evidence, signals
from zhaoliang.attendance.models import Attendance, AttendanceDoubt, SessionReview
from zhaoliang.attendance.services.corrections import proposed
from zhaoliang.attendance.services.teaching import locked, need_reason
from zhaoliang.attendance.services.telling import doubt_decided, doubts_raised
from zhaoliang.attendance.services.windows import NotYet, setting
from zhaoliang.attendance.states import CAME, DOUBT
from zhaoliang.classes.models import ClassSession
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day, format_cn_date, format_cn_time
from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.roles import Actor, Reach, Role

_BUREAU = {Role.REVIEWER: Reach.REGION, Role.INSPECTOR: Reach.REGION}


@act("attendance.weigh_session", label="核对课次签到", grants={Role.SYSTEM: Reach.ANY} | _BUREAU, on="session")
def weigh_session(*, actor: Actor, at: datetime, session: ClassSession) -> SessionReview:
    """Weigh every sign-in of a session that is over; what reaches the region's score becomes a doubt for a person.

    Weighing again (after late uploads) changes scores and adds doubts; what a person decided stays decided.
    Raises NotYet before the end of the session.
    """
    if at < session.ends_at:
        raise NotYet("还不能核对。", f"这次课{format_cn_time(session.ends_at)}结束。", "请下课后再核对。")
    weights = signals.WEIGHTS
    verdicts = evidence.weighed(session, weights, sign_out_required=bool(setting(session, "sign_out_required")))
    rows = {
        row.pk: row
        for row in Attendance.objects.select_for_update(of=("self",), no_key=True)
        .filter(city_code=session.city_code, session=session)
        .order_by("id")
    }
    changed = []
    for verdict in verdicts:
        row = rows[verdict.attendance]
        found: list[list[object]] = [[one.signal, one.points] for one in verdict.reasons]
        if (row.score, row.signals or []) != (verdict.score, found):
            row.score, row.signals = verdict.score, found
            changed.append(row)
    Attendance.objects.filter(city_code=session.city_code).bulk_update(changed, ["score", "signals"])
    bar = setting(session, "doubt_score")
    doubtful = [one for one in verdicts if one.score >= bar]
    known = set(
        AttendanceDoubt.objects.filter(city_code=session.city_code, attendance__session=session).values_list(
            "attendance_id", flat=True
        )
    )
    due = chinese_day(at) + timedelta(days=setting(session, "doubt_answer_days"))
    raised = AttendanceDoubt.objects.bulk_create(
        AttendanceDoubt(
            city_code=session.city_code,
            attendance_id=one.attendance,
            score=one.score,
            signals=[[reason.signal, reason.points, reason.says] for reason in one.reasons],
            weights=weights.version,
            opened_at=at,
            answer_due_on=due,
        )
        for one in doubtful
        if one.attendance not in known
    )
    doubts_raised(session, [(rows[one.attendance_id], one) for one in raised], at)
    return SessionReview.objects.create(
        city_code=session.city_code,
        session=session,
        at=at,
        weighed=len(verdicts),
        doubtful=len(doubtful),
        weights=weights.version,
    )


@act(
    "attendance.answer_doubt",
    label="说明签到情况",
    grants={Role.WORKER: Reach.SELF, Role.PROVIDER: Reach.ORGANISATION},
    on="doubt",
)
def answer_doubt(*, actor: Actor, at: datetime, doubt: AttendanceDoubt, text: str) -> AttendanceDoubt:
    """Say how it was: the worker himself, or the provider; each once more as long as nothing is decided."""
    if not text.strip():
        raise BadInput("没有提交。", "请写几句当时的情况。", "请填写后再提交。", fields={"text": "请填写。"})
    held = _locked_doubt(doubt)
    own = actor.person_id is not None and actor.person_id == held.attendance.enrolment.person_id
    said = {"worker_answer": text.strip()[:500], "worker_answered_at": at}
    if not (own and actor.has(Role.WORKER)):
        said = {"provider_answer": text.strip()[:500], "provider_answered_at": at}
    DOUBT.fire(held, "answer", **said)
    return held


@act("attendance.decide_doubt", label="核实可疑签到", grants=_BUREAU, on="doubt")
def decide_doubt(*, actor: Actor, at: datetime, doubt: AttendanceDoubt, uphold: bool, decision: str) -> AttendanceDoubt:
    """Clear a doubt, or uphold it. Upholding proposes to strike the hours, which another officer decides.

    Raises NotYet for upholding before the worker has answered or the days for it are over.
    """
    need_reason(decision, "没有核实。")
    # The attendance first, as everywhere.
    attendance = locked(doubt.attendance)
    held = _locked_doubt(doubt)
    if not DOUBT.allows(held.state, "uphold" if uphold else "clear"):
        raise DOUBT.refusal(held.state, "uphold" if uphold else "clear")
    if uphold and not held.worker_answer and chinese_day(at) <= held.answer_due_on:
        raise NotYet(
            "还不能认定有问题。",
            f"本人还没有说明情况，{format_cn_date(held.answer_due_on)}前都可以说明。",
            "请等本人说明，或过了这一天再认定。",
        )
    DOUBT.fire(
        held,
        "uphold" if uphold else "clear",
        decided_at=at,
        decided_by_user_id=actor.user_id,
        decided_by_name=actor.name,
        decision=decision.strip()[:500],
    )
    doubt_decided(held, attendance, at)
    if uphold and attendance.state in CAME:
        proposed(attendance, actor=actor, at=at, event="strike", reason=decision, doubt=held)
    return held


def _locked_doubt(doubt: AttendanceDoubt) -> AttendanceDoubt:
    return (
        AttendanceDoubt.objects.select_for_update(of=("self",), no_key=True)
        .select_related("attendance__enrolment")
        .get(city_code=doubt.city_code, pk=doubt.pk)
    )

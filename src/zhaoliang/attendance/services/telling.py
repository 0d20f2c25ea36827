"""What trainees and their providers are told of doubts, corrections and lessons made up, in the transaction of the act."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from zhaoliang.attendance.models import Attendance, AttendanceCorrection, AttendanceDoubt, MakeUp
from zhaoliang.classes.models import ClassSession
from zhaoliang.kernel.days import format_cn_date, format_cn_time
from zhaoliang.registry.services import Message, tell

# A notice has room for so many characters; what an officer wrote stands whole on the page it leads to.
MOST, QUOTED = 300, 90


def _quoted(text: str) -> str:
    return text if len(text) <= QUOTED else f"{text[: QUOTED - 1]}…"


def _lesson(session: ClassSession) -> str:
    return f"{format_cn_time(session.starts_at)}“{session.training_class.name}”"


def _to_both(attendance: Attendance, kind: str, title: str, text: str, *, named: str, at: datetime) -> None:
    """The trainee and the provider, who is told of whom it is."""
    held = attendance.session.training_class
    tell(
        attendance.city_code,
        [
            Message(kind, title, text[:MOST], attendance.person_id, subject=("enrolment", attendance.enrolment_id)),
            Message(
                kind,
                title,
                f"{named}：{text}"[:MOST],
                organisation_id=held.provider_id,
                subject=("training_class", held.pk),
            ),
        ],
        at=at,
    )


def doubts_raised(session: ClassSession, raised: Sequence[tuple[Attendance, AttendanceDoubt]], at: datetime) -> None:
    """Who is asked how it was, and until when; the provider once for the whole session."""
    if not raised:
        return
    held, lesson = session.training_class, _lesson(session)
    due = format_cn_date(raised[0][1].answer_due_on)
    own = f"{lesson}的签到有些地方对不上。课时没有减。请在{due}前到“上课”里说说当时的情况。"
    messages = [
        Message(
            "attendance_doubt",
            "请说明一次签到",
            own,
            attendance.person_id,
            subject=("enrolment", attendance.enrolment_id),
            once=f"doubt:{attendance.pk}",
        )
        for attendance, _ in raised
    ]
    messages.append(
        Message(
            "attendance_doubt",
            "有签到要核实",
            f"{lesson}有 {len(raised)} 条签到对不上。课时没有减。请在{due}前到考勤表里补充您了解的情况。",
            organisation_id=held.provider_id,
            subject=("training_class", held.pk),
        )
    )
    tell(session.city_code, messages, at=at)


def doubt_decided(doubt: AttendanceDoubt, attendance: Attendance, at: datetime) -> None:
    """What the bureau came to, and that the hours stand until a second officer has agreed."""
    outcome = (
        f"认定有问题：{_quoted(doubt.decision)}。课时现在没有减；要不计课时，还要另一位同志同意。"
        if doubt.state == "upheld"
        else f"没有问题，课时照计。{_quoted(doubt.decision)}"
    )
    text = f"{_lesson(attendance.session)}的签到核实完了。{outcome}"
    _to_both(attendance, "attendance_doubt", "签到核实完了", text, named=attendance.person.name, at=at)


def correction_decided(correction: AttendanceCorrection, attendance: Attendance, at: datetime) -> None:
    """What was corrected and why, or why it was not."""
    change = (
        f"{dict(correction.EVENTS)[correction.event]}（{correction.minutes_before} → {correction.minutes_after} 分钟）"
    )
    if correction.state == "accepted":
        title, outcome = "考勤已更正", f"{change}。原因：{_quoted(correction.reason)}"
    else:
        title, outcome = "考勤更正没有采纳", f"提出的是{change}。不采纳的理由：{_quoted(correction.decision)}"
    text = f"{_lesson(attendance.session)}：{outcome}"
    _to_both(attendance, "attendance_correction", title, text, named=attendance.person.name, at=at)


def make_up_decided(make_up: MakeUp, attendance: Attendance, at: datetime) -> None:
    """When and where the missed lesson is made up, or that it is not."""
    period: Any = make_up.period
    when = f"{format_cn_time(period.lower)}到{format_cn_time(period.upper)}，{make_up.room}"
    agreed = make_up.state == "agreed"
    text = f"缺的是{_lesson(attendance.session)}。" + (
        f"补课时间：{when}。请带卡、身份证或券码签到。" if agreed else f"提出的补课（{when}）没有同意。"
    )
    title = "补课安排好了" if agreed else "补课没有同意"
    _to_both(attendance, "make_up", title, text, named=attendance.person.name, at=at)

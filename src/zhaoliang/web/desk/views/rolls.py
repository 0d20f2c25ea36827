"""The roll of a class on the provider's desk: rates by person and day, corrections proposed, lessons made up, doubts answered."""

from __future__ import annotations

from datetime import datetime, time

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.attendance import perms, selectors
from zhaoliang.attendance import services as attendance
from zhaoliang.attendance.models import Attendance, AttendanceDoubt, MakeUp
from zhaoliang.attendance.roll import MARKS, roll
from zhaoliang.attendance.states import ATTENDANCE
from zhaoliang.classes import selectors as classes
from zhaoliang.classes.models import TrainingClass
from zhaoliang.kernel.days import CHINA
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, refused, subject
from zhaoliang.web.components import toasts
from zhaoliang.web.desk.desk import DeskRequest
from zhaoliang.web.rolls import excel_of


def roll_url(training_class: TrainingClass) -> str:
    return reverse("provider:attendance", args=[training_class.city_code, training_class.pk])


@page(perms.ROLL, access=subject(classes.training_class))
@require_GET
def attendance_page(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The roll, what may be corrected or made up, and what the bureau asks about."""
    found: TrainingClass = request.subject
    whole = roll(found, request.at)
    open_ones = [
        row
        for one in whole.rows
        for row in one.attendances
        if row.state in ("absent", "leave", "late", "left_early", "struck")
    ]
    corrections = selectors.corrections_of_class(found)
    context = {
        "found": found,
        "roll": whole,
        "marks": MARKS,
        "words": [(mark, ATTENDANCE.states[state]) for state, mark in MARKS.items()],
        "open_ones": open_ones,
        "doubts": selectors.doubts_of_class(found),
        "corrections": corrections,
        "waiting": {one.attendance_id for one in corrections if one.state == "proposed"},
        "make_ups": selectors.make_ups_of_class(found),
        "teachers": classes.teachers_of(found.provider),
        "may_propose": may(request, attendance.propose_correction, found.access()),
    }
    return render(request, "desk/attendance.html", context)


@page(perms.ROLL, access=subject(classes.training_class))
@require_GET
def export(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The roll as an Excel file."""
    return excel_of(request.subject, request.at)


def _back(row: Attendance) -> str:
    return roll_url(row.session.training_class)


propose_correction = act_view(
    attendance.propose_correction,
    fetch=selectors.attendance,
    argument="attendance",
    say="已提出更正，等人社部门的同志决定。",
    texts=("reason", "evidence"),
    back=_back,
)


@page(attendance.propose_make_up.declaration, access=subject(selectors.attendance))
@require_http_methods(["POST"])
def propose_make_up(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Plan a lesson in place of a missed one."""
    row: Attendance = request.subject
    try:
        begins, ends = _times(request)
        teachers = {str(one.pk): one for one in classes.teachers_of(row.session.training_class.provider)}
        teacher = teachers.get(request.POST.get("teacher", ""))
        if teacher is None:
            raise BadInput("补课没有提出。", "要选本机构登记的教师。", "请选择教师。", fields={"teacher": "请选择。"})
        attendance.propose_make_up(
            **given(request),
            attendance=row,
            teacher=teacher,
            starts_at=begins,
            ends_at=ends,
            room=request.POST.get("room", ""),
            reason=request.POST.get("reason", ""),
        )
    except Refusal as problem:
        return refused(request, problem, _back(row))
    toasts.say(request, "已提出补课，等人社部门同意。")
    return redirect(_back(row))


def _times(request: DeskRequest) -> tuple[datetime, datetime]:
    """Day, beginning and end as typed, in Chinese time. Raises BadInput."""
    try:
        day = datetime.fromisoformat(request.POST.get("on", "")).date()
        begins, ends = (time.fromisoformat(request.POST.get(name, "")) for name in ("begins", "ends"))
    except ValueError:
        raise BadInput("补课没有提出。", "日期或时间没有填对。", "请填写补课的日期和起止时间。") from None
    return datetime.combine(day, begins, tzinfo=CHINA), datetime.combine(day, ends, tzinfo=CHINA)


def _class_of(row: MakeUp | AttendanceDoubt) -> str:
    return roll_url(row.attendance.session.training_class)


hold_make_up = act_view(
    attendance.hold_make_up,
    fetch=selectors.make_up,
    argument="make_up",
    say="补课已签到，按应到课时计入。",
    texts=("line",),
    back=_class_of,
)

answer_doubt = act_view(
    attendance.answer_doubt,
    fetch=selectors.doubt,
    argument="doubt",
    say="说明已提交。",
    texts=("text",),
    back=_class_of,
)

"""The sign-in board: who is here, readable from the back of a room; card sign-in, roll call, end of a session."""

from __future__ import annotations

from datetime import date

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.attendance import perms, selectors
from zhaoliang.attendance import services as attendance
from zhaoliang.classes import selectors as classes
from zhaoliang.classes.models import ClassSession, TrainingClass
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, refused, subject
from zhaoliang.web.components import toasts
from zhaoliang.web.desk.desk import DeskRequest


def board_url(found: TrainingClass, on: date) -> str:
    return reverse("provider:board", args=[found.city_code, found.pk]) + f"?on={on.isoformat()}"


def _session_url(session: ClassSession) -> str:
    return board_url(session.training_class, chinese_day(session.starts_at))


@page(perms.BOARD, access=subject(classes.training_class))
@require_GET
def board(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The sessions of a day with every trainee."""
    found: TrainingClass = request.subject
    on = _day(request.GET.get("on", ""), found, chinese_day(request.at))
    context = {
        "found": found,
        "on": on,
        "sessions": selectors.class_board(found, on),
        "days": sorted({chinese_day(one.starts_at) for one in classes.sessions(found)}),
        "may_sign": found.state == "running" and may(request, attendance.sign_in, found.access()),
        "labels": attendance.FLAG_LABELS,
    }
    return render(request, "desk/board.html", context)


def _day(text: str, found: TrainingClass, today: date) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return min(max(today, found.starts_on), found.ends_on)


@page(attendance.sign_in.declaration, access=subject(selectors.attendance))
@require_http_methods(["POST"])
def sign_in(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """One trainee signs in with the card at the reader."""
    row = request.subject
    back = _session_url(row.session)
    try:
        attendance.sign_in(**given(request), attendance=row, method="card")
    except Refusal as problem:
        return refused(request, problem, back)
    toasts.say(request, "已签到。")
    return redirect(back)


@page(attendance.roll_call.declaration, access=subject(classes.session))
@require_http_methods(["POST"])
def roll_call(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The teacher calls the roll for those who cannot sign in themselves, with the reason."""
    session: ClassSession = request.subject
    chosen = {int(one) for one in request.POST.getlist("present") if one.isdigit()}
    present = [one for one in classes.roster(session.training_class) if one.pk in chosen]
    back = _session_url(session)
    try:
        attendance.roll_call(
            **given(request), session=session, present=present, reason=request.POST.get("reason", "").strip()
        )
    except Refusal as problem:
        return refused(request, problem, back)
    toasts.say(request, f"已点名 {len(present)} 人。")
    return redirect(back)


close_session = act_view(
    attendance.close_session,
    fetch=classes.session,
    argument="session",
    say="这次课已结束签到。",
    back=_session_url,
)

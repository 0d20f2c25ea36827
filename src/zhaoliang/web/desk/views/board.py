"""The sign-in board: who is here, readable from the back of a room; the reader in and out, roll call, end of a session."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction

import segno
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.attendance import classcode, perms, selectors
from zhaoliang.attendance import services as attendance
from zhaoliang.attendance.models import Attendance
from zhaoliang.attendance.selectors import BoardSession
from zhaoliang.attendance.states import ATTENDANCE
from zhaoliang.classes import selectors as classes
from zhaoliang.classes.models import ClassSession, TrainingClass
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, refused, subject
from zhaoliang.web.components import toasts
from zhaoliang.web.desk.desk import DeskRequest

# After the last lesson people leave one by one.
LEAVING = timedelta(minutes=30)


def board_url(found: TrainingClass, on: date) -> str:
    return reverse("provider:board", args=[found.city_code, found.pk]) + f"?on={on.isoformat()}"


def _session_url(session: ClassSession) -> str:
    return board_url(session.training_class, chinese_day(session.starts_at))


@dataclass(frozen=True)
class Mark:
    """One trainee on the board, with what somebody should look at, in words."""

    row: Attendance
    flags: tuple[str, ...]


@dataclass(frozen=True)
class ShownCode:
    """The class code on the screen: its drawing, what to type, when it changes."""

    svg: str
    typed: str
    seconds: int


def shown_code(request: DeskRequest, session: ClassSession) -> ShownCode:
    """The class code of a session now, as an address that a phone's own camera opens."""
    now = classcode.shown(session, request.at)
    address = request.build_absolute_uri(reverse("worker:class-code", args=[now.text]))
    drawn = segno.make(address, error="m", boost_error=False)
    # Drawn by segno from our own address: no foreign text is in it.
    svg = mark_safe(drawn.svg_inline(omitsize=True, border=2))
    return ShownCode(svg, f"{now.typed[:4]} {now.typed[4:]}", max(1, now.seconds))


@dataclass(frozen=True)
class Lesson:
    """A session on the board with its sign-in window and heads."""

    board: BoardSession
    window: attendance.Window
    marks: tuple[Mark, ...]
    open: bool
    # Whether people may sign out at the reader: from the beginning until some time after the end.
    leaving: bool = False
    # What of a session counts for who is late.
    late_share: Fraction = Fraction(1)
    # The QR of the class code, while it may be shown and signing in is open.
    code: ShownCode | None = None

    def heads(self, *states: str) -> int:
        return sum(one.row.state in states for one in self.marks)

    @property
    def waiting(self) -> int:
        """How many have not signed in yet."""
        return self.heads("expected")

    @property
    def tally(self) -> tuple[tuple[str, int], ...]:
        """The states that somebody is in, each with its heads."""
        return tuple((state, self.heads(state)) for state in ATTENDANCE.states if self.heads(state))


def _lessons(found: TrainingClass, on: date, at: datetime) -> list[Lesson]:
    made = []
    for one in selectors.class_board(found, on):
        one.session.training_class = found
        window = attendance.window(one.session)
        marks = tuple(Mark(row, tuple(attendance.FLAG_LABELS[flag] for flag in row.flags)) for row in one.attendances)
        leaving = one.session.starts_at <= at <= one.session.ends_at + LEAVING
        late = Fraction(attendance.late_permille(one.session), 1_000)
        made.append(Lesson(one, window, marks, window.opens <= at <= window.closes, leaving, late))
    return made


@page(perms.BOARD, access=subject(classes.training_class))
@require_GET
def board(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The sessions of a day with every trainee, for whoever keeps the attendance."""
    found: TrainingClass = request.subject
    on = _day(request.GET.get("on", ""), found, chinese_day(request.at))
    return _board(request, found, on, out=request.GET.get("direction") == "out")


def _board(
    request: DeskRequest, found: TrainingClass, on: date, *, out: bool, problem: Refusal | None = None
) -> HttpResponse:
    """The board, with what was wrong with the card before: the next one is read all the same."""
    running = found.state == "running"
    context = {
        "found": found,
        "on": on,
        "here": board_url(found, on),
        "lessons": _lessons(found, on, request.at),
        "days": sorted({chinese_day(one.starts_at) for one in classes.sessions(found)}),
        "may_sign": running and may(request, attendance.sign_in_by_reader, found.access()),
        "may_leave": running and may(request, attendance.grant_leave, found.access()),
        "out": out,
        "refused": problem,
    }
    return render(request, "desk/board.html", context, status=problem.status if problem else 200)


@page(perms.BOARD, access=subject(classes.training_class))
@require_GET
def wall(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The session in hand on a screen in the classroom: names and states in big type, nothing to press, no doubts named."""
    found: TrainingClass = request.subject
    on = _day(request.GET.get("on", ""), found, chinese_day(request.at))
    lessons = _lessons(found, on, request.at)
    # The one that can be signed now, else the next, else the day's last.
    ahead = [one for one in lessons if one.window.closes >= request.at or one.board.session.ends_at >= request.at]
    lesson = (ahead or lessons[-1:] or [None])[0]
    if lesson is not None and lesson.open and perms.CLASS_CODE.allows(request.actor, found.access()):
        lesson = replace(lesson, code=shown_code(request, lesson.board.session))
    context = {"found": found, "on": on, "lesson": lesson, "at": request.at}
    return render(request, "desk/board_wall.html", context)


def _day(text: str, found: TrainingClass, today: date) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return min(max(today, found.starts_on), found.ends_on)


@never_cache
@page(perms.CLASS_CODE, access=subject(classes.session))
@require_GET
def class_code(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The class code anew, for the screen that shows it."""
    session: ClassSession = request.subject
    context = {"code": shown_code(request, session), "session": session}
    return render(request, "desk/parts/class_code.html", context)


@page(attendance.sign_in_by_reader.declaration, access=subject(classes.session))
@require_http_methods(["POST"])
def reader(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A line of the card reader, ID reader or scanner: whoever it names is signed in, or out (`direction=out`)."""
    session: ClassSession = request.subject
    back, out = _session_url(session), request.POST.get("direction") == "out"
    try:
        row = attendance.sign_in_by_reader(
            **given(request), session=session, line=request.POST.get("line", ""), out=out
        )
    except Refusal as problem:
        return _board(request, session.training_class, chinese_day(session.starts_at), out=out, problem=problem)
    person = selectors.attendance(row.city_code, row.pk)
    name = person.person.name if person is not None else ""
    word = "已签退" if out and row.state != "left_early" else ATTENDANCE.states[row.state]
    toasts.say(request, f"{name} {word}。")
    # The next one of a row of people does the same.
    return redirect(f"{back}&direction=out" if out else back)


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

grant_leave = act_view(
    attendance.grant_leave,
    fetch=selectors.attendance,
    argument="attendance",
    say="已登记请假，这次课不计课时。",
    texts=("reason",),
    back=lambda row: _session_url(row.session),
)

"""Doubtful sign-ins, corrections and make-up lessons at the bureau: the queue, the evidence, the decision of the second person."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.attendance import perms, selectors, services
from zhaoliang.attendance.models import AttendanceDoubt, SignIn
from zhaoliang.attendance.states import DOUBT
from zhaoliang.attendance.weights import WEIGHTS
from zhaoliang.kernel.audit import record_look
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.masking import mask_name
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, refused, subject
from zhaoliang.web.bureau import forms
from zhaoliang.web.bureau.desk import DeskRequest, desk_of, here
from zhaoliang.web.components import toasts
from zhaoliang.web.tables import Column, table

COLUMNS = (
    Column("name", "学员", lambda row: mask_name(row.attendance.person.name)),
    Column("at", "课次", lambda row: row.attendance.period.lower, "datetime", "begins"),
    Column("class", "班级", lambda row: row.attendance.session.training_class.name, wide=True),
    Column("score", "可疑程度", lambda row: row.score, "count", "score"),
    Column("why", "原因", lambda row: _short(row.signals), wide=True),
    Column("due", "说明截止", lambda row: row.answer_due_on, "date", "answer_due_on"),
    Column("state", "状态", lambda row: row.state, "state", "state", "attendance_doubt"),
)


def _short(signals: list[Any]) -> str:
    known = WEIGHTS.signals
    return "、".join(known[name].label if name in known else name for name, points, _ in signals if points > 0)


def _points(points: int) -> str:
    """Points with their sign, as amounts have it."""
    return f"{'−' if points < 0 else '+'}{abs(points)}"


@page(perms.DOUBTS, access=here)
@require_GET
def doubt_list(request: DeskRequest) -> HttpResponse:
    """What waits: doubts, corrections for a second person, make-up lessons."""
    wanted, desk = forms.StateFilter(DOUBT, request.GET, hint="班级"), desk_of(request)
    rows = selectors.doubts_in(desk.city_code, desk.region_code)
    if state := wanted.said("state"):
        rows = rows.filter(state=state)
    if text := wanted.said("text"):
        rows = rows.filter(attendance__session__training_class__name__icontains=text)
    context = {
        "filters": wanted,
        "table": table(request, rows, COLUMNS, url=doubt_url, unit="条"),
        "corrections": selectors.corrections_in(desk.city_code, desk.region_code)[:50],
        "make_ups": selectors.make_ups_in(desk.city_code, desk.region_code)[:50],
        "may_decide": may(request, services.decide_correction, desk.access),
    }
    return render(request, "bureau/doubt_list.html", context)


def doubt_url(row: AttendanceDoubt) -> str:
    return reverse("bureau:doubt", args=[row.city_code, row.pk])


def _queue(_: Any) -> str:
    return reverse("bureau:doubts")


@page(perms.DOUBTS, access=subject(selectors.doubt))
@require_GET
def doubt_page(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """One doubt: every signal with its points and why it may be honest, the sign-ins as they came, both answers."""
    found: AttendanceDoubt = request.subject
    record_look(actor=request.actor, target=found.attendance.person, at=request.at, why="核实可疑签到")
    methods = dict(forms.choices_of(SignIn, "method"))
    known = WEIGHTS.signals
    open_ = found.state in ("open", "answered")
    context = {
        "found": found,
        "signals": [
            (says, _points(points), known[name].why if name in known else "") for name, points, says in found.signals
        ],
        "sign_ins": [(row, methods.get(row.method, row.method)) for row in selectors.sign_ins_of(found.attendance)],
        "corrections": selectors.corrections_of(found.attendance),
        "may_decide": open_ and may(request, services.decide_doubt, found.access()),
    }
    return render(request, "bureau/doubt.html", context)


@page(services.decide_doubt.declaration, access=subject(selectors.doubt))
@require_http_methods(["POST"])
def decide(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Uphold (`outcome=uphold`) or clear a doubt, with the reason."""
    found: AttendanceDoubt = request.subject
    uphold = request.POST.get("outcome") == "uphold"
    try:
        services.decide_doubt(
            **given(request), doubt=found, uphold=uphold, decision=request.POST.get("decision", "").strip()
        )
    except Refusal as problem:
        return refused(request, problem, doubt_url(found))
    toasts.say(request, "已认定有问题，不计课时要另一位同事同意。" if uphold else "已认定无问题。")
    return redirect("bureau:doubts")


accept_correction = act_view(
    services.decide_correction,
    fetch=selectors.correction,
    argument="correction",
    say="已同意更正，课时已按更正计算。",
    also=lambda request, found: {"accept": True},
    back=_queue,
)
decline_correction = act_view(
    services.decide_correction,
    fetch=selectors.correction,
    argument="correction",
    say="没有采纳这项更正。",
    texts=("decision",),
    also=lambda request, found: {"accept": False},
    back=_queue,
)
agree_make_up = act_view(
    services.decide_make_up,
    fetch=selectors.make_up,
    argument="make_up",
    say="已同意补课。",
    also=lambda request, found: {"agree": True},
    back=_queue,
)
decline_make_up = act_view(
    services.decide_make_up,
    fetch=selectors.make_up,
    argument="make_up",
    say="没有同意补课。",
    also=lambda request, found: {"agree": False},
    back=_queue,
)

"""Subsidies that the organisation must give back: the list, and one case with its answer."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.kernel.errors import NotFound, Refusal
from zhaoliang.recoveries import perms, selectors
from zhaoliang.recoveries.models import RecoveryCase
from zhaoliang.recoveries.services import reply
from zhaoliang.web.access import page
from zhaoliang.web.acting import given, subject
from zhaoliang.web.components import toasts
from zhaoliang.web.desk.desk import DeskRequest, here, own
from zhaoliang.web.recovering import case_context
from zhaoliang.web.tables import Column, table
from zhaoliang.web.worker.views.recoveries import ReplyForm

COLUMNS = (
    Column("class", "申领", lambda row: row.claim_line.claim.title, wide=True),
    Column("trainee", "学员", lambda row: row.claim_line.person.name),
    Column("fen", "应退还", lambda row: row.amount_fen, "money", "amount_fen"),
    Column("owed", "还欠", lambda row: row.owed_fen or None, "money"),
    Column("due", "期限", lambda row: row.due_on, "date", "due_on"),
    Column("why", "原因", lambda row: row.difference.summary, wide=True),
    Column("state", "状态", lambda row: row.state, "state", "state", "recovery_case"),
)


@page(perms.CASE, access=here)
@require_GET
def case_list(request: DeskRequest) -> HttpResponse:
    """Every case of the organisation, newest first."""
    organisation = own(request)
    rows = selectors.cases_of(organisation.city_code, organisation_id=organisation.pk)
    context = {
        "table": table(request, rows, COLUMNS, url=_url, unit="件"),
        "owed_fen": selectors.owed(rows),
    }
    return render(request, "desk/recovery_list.html", context)


def _url(row: RecoveryCase) -> str:
    return reverse("provider:recovery", args=[row.city_code, row.pk])


@page(perms.CASE, act=reply.declaration, access=subject(selectors.recovery_case))
@require_http_methods(["GET", "POST"])
def recovery(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """One case of the organisation, and its answer."""
    shown = selectors.case_page(city, pk)
    if shown.case.organisation_id != own(request).pk:
        raise NotFound("没有这件事。", "它不是贵单位的。", "请从列表进入。")
    form = ReplyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            reply(**given(request), case=shown.case, **form.cleaned_data)
        except Refusal as problem:
            form.add_error("text" if problem.fields else None, problem.why)
        else:
            toasts.say(request, "回复已送达经办部门。")
            return redirect(_url(shown.case))
    context = {"form": form, **case_context(shown, request.at)}
    return render(request, "desk/recovery.html", context, status=422 if form.errors else 200)

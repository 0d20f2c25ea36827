"""The claim nobody types: each line as decided, confirmed or disputed by the provider."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.classes import selectors as classes
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.models import StateChange
from zhaoliang.payments import selectors as payments
from zhaoliang.subsidies import perms, selectors, services
from zhaoliang.subsidies.models import Claim
from zhaoliang.subsidies.states import CLAIM
from zhaoliang.web.access import page
from zhaoliang.web.acting import given, may, refused, subject
from zhaoliang.web.components import toasts
from zhaoliang.web.components.parts import Event
from zhaoliang.web.desk.desk import DeskRequest, here, own
from zhaoliang.web.desk.forms import StateFilter
from zhaoliang.web.desk.views.classes import class_url
from zhaoliang.web.tables import Column, table

COLUMNS = (
    Column("class", "申领", lambda row: row.title, order="title", wide=True),
    Column("state", "状态", lambda row: row.state, "state", "state", "claim"),
    Column("size", "明细", lambda row: row.size, "count", "size"),
    Column("waiting", "待判断", lambda row: row.waiting, "count", "waiting"),
    Column("refused", "不予补贴", lambda row: row.refused, "count", "refused"),
    Column("fen", "金额", lambda row: row.fen, "money", "fen"),
    Column("confirmed", "提交时间", lambda row: row.confirmed_at, "datetime", "confirmed_at"),
)


@page(perms.QUEUE, access=here)
@require_GET
def claim_list(request: DeskRequest) -> HttpResponse:
    """The claims of the organisation, newest first."""
    wanted = StateFilter(CLAIM, request.GET)
    rows = selectors.claims_of(own(request)).filter(**wanted.wanted())
    context = {"filters": wanted, "table": table(request, rows, COLUMNS, url=claim_url, unit="份申领")}
    return render(request, "desk/claim_list.html", context)


def claim_url(claim: Claim) -> str:
    return reverse("provider:claim", args=[claim.city_code, claim.pk])


@page(services.assemble_claim.declaration, access=subject(classes.training_class))
@require_http_methods(["POST"])
def assemble(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Let the claim of an assessed class assemble itself."""
    found = request.subject
    try:
        claim = services.assemble_claim(**given(request), training_class=found)
    except Refusal as problem:
        return refused(request, problem, class_url(found))
    toasts.say(request, "补贴申领已自动生成，请逐条核对。")
    return redirect(claim_url(claim))


@page(perms.CLAIM, access=subject(selectors.claim))
@require_GET
def claim(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Every line with its decision: outcome, clauses, amount steps."""
    found: Claim = request.subject
    shown = selectors.claim_page(city, pk, at=request.at)
    open_states = ("assembled", "returned")
    context = {
        "found": found,
        "page": shown,
        "clean": sum(not one.problems and one.line.state != "refused" for one in shown.lines),
        "events": [_event(one) for one in shown.timeline],
        "paid": payments.lines_for(found.provider).filter(claim_line__claim=found).exists(),
        "may_confirm": found.state in open_states and may(request, services.confirm_claim, found.access()),
    }
    return render(request, "desk/claim.html", context)


def _event(change: StateChange) -> Event:
    return Event(CLAIM.events[change.event], change.at, change.actor_name, CLAIM.states[change.target])


@page(services.confirm_claim.declaration, access=subject(selectors.claim))
@require_http_methods(["POST"])
def confirm(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Hand the claim in; a line with a written doubt goes to a person."""
    found: Claim = request.subject
    disputes = {
        int(name.removeprefix("dispute-")): text
        for name in request.POST
        if name.startswith("dispute-")
        and name.removeprefix("dispute-").isdigit()
        and (text := request.POST.get(name, "").strip())
    }
    try:
        services.confirm_claim(**given(request), claim=found, disputes=disputes)
    except Refusal as problem:
        return refused(request, problem, claim_url(found))
    toasts.say(request, "已提交，等待人社部门初审。")
    return redirect(claim_url(found))

"""Appeals against refused lines: by deadline, each with the reason, the file and the conclusion it is about."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from zhaoliang.kernel.audit import record_look
from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.masking import mask_name
from zhaoliang.subsidies import perms, services
from zhaoliang.subsidies.appeals import appeal, appeals_in
from zhaoliang.subsidies.models import Appeal
from zhaoliang.subsidies.selectors import claim_line, line_view
from zhaoliang.subsidies.states import APPEAL
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, may, subject
from zhaoliang.web.bureau import forms
from zhaoliang.web.bureau.desk import DeskRequest, clock_of, desk_of, here
from zhaoliang.web.bureau.views.claims import line_url
from zhaoliang.web.files import download
from zhaoliang.web.tables import Column, table

COLUMNS = (
    Column("claim", "申领", lambda row: row.claim_line.claim.title, wide=True),
    Column("who", "学员", lambda row: mask_name(row.claim_line.person.name)),
    Column("side", "申诉人", lambda row: row.get_side_display()),
    Column("reason", "理由", lambda row: row.reason[:60], wide=True),
    Column("filed", "提出", lambda row: row.filed_at, "datetime", "filed_at"),
    Column("due", "决定期限", lambda row: row.due_on, "date", "due_on"),
    Column("state", "状态", lambda row: row.state, "state", "state", "appeal"),
)


def appeal_url(found: Appeal) -> str:
    return reverse("bureau:appeal", args=[found.city_code, found.pk])


@page(perms.APPEAL, access=here)
@require_GET
def appeal_list(request: DeskRequest) -> HttpResponse:
    """The appeals of the region, the nearest deadline first; those that wait, when nothing else is asked for."""
    wanted = forms.StateFilter(APPEAL, request.GET if "state" in request.GET else {"state": "filed"}, hint="班级")
    desk = desk_of(request)
    rows = appeals_in(desk.city_code, desk.region_code, state=wanted.said("state"), text=wanted.said("text"))
    context = {"filters": wanted, "table": table(request, rows, COLUMNS, url=appeal_url, unit="件")}
    return render(request, "bureau/appeal_list.html", context)


@page(perms.APPEAL, access=subject(appeal))
@require_GET
def appeal_page(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """One appeal beside the conclusion it is about."""
    found: Appeal = request.subject
    line = claim_line(city, found.claim_line_id)
    record_look(actor=request.actor, target=line, at=request.at, why="审核申诉")
    view = line_view(line)
    context = {
        "found": found,
        "line": line,
        "view": view,
        "due": clock_of(request).due(found.due_on) if found.state == "filed" else None,
        "claim_url": line_url(line),
        "clause": str(view.problems[0].citation) if view.problems else "",
        "may_decide": found.state == "filed" and may(request, services.decide_appeal, found.access()),
    }
    return render(request, "bureau/appeal.html", context)


@page(perms.APPEAL, access=subject(appeal))
@require_GET
def appeal_file(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The file handed in with an appeal, to keep."""
    found: Appeal = request.subject
    if not found.content:
        raise NotFound("没有材料。", "这件申诉没有附文件。", "请回到申诉。")
    record_look(actor=request.actor, target=found.claim_line, at=request.at, why="查看申诉材料")
    return download(found)


decide = act_view(
    services.decide_appeal,
    fetch=appeal,
    argument="appeal",
    texts=("text", "clause"),
    also=lambda request, _: {"grants": request.POST.get("grants") == "yes"},
    say="申诉已决定，申诉人会收到消息。",
    back=appeal_url,
)

"""Targeted issue: a list by Excel or by a query, seen masked before it goes out, approved by a second person, issued as a job."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhaoliang.kernel.audit import record_look
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.jobs.selectors import job_to_show
from zhaoliang.kernel.masking import mask_id, mask_name
from zhaoliang.registry.selectors import regions_under
from zhaoliang.vouchers import selectors, services
from zhaoliang.vouchers.excel import MAX_ROWS, PeopleFile, read_people, template
from zhaoliang.vouchers.models import IssueLine, IssueList, VoucherBatch
from zhaoliang.vouchers.states import ISSUE, VOUCHER
from zhaoliang.vouchers.tasks import check_issue, issue_all
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, refused, subject
from zhaoliang.web.bureau import forms, timelines, voucherforms
from zhaoliang.web.bureau import perms as desk_perms
from zhaoliang.web.bureau import selectors as desk_selectors
from zhaoliang.web.bureau.desk import DeskRequest, desk_of, here
from zhaoliang.web.components import toasts
from zhaoliang.web.tables import Column, table

SHORT, ROWS_NAMED, BESIDES, FAULTS_SHOWN = 30, 10, 30, 200
LINE_STATES = dict(IssueLine.STATES)
TONES = {"issued": "ok", "held": "ask", "refused": "no"}
OUTCOMES = dict(IssueLine.OUTCOMES)
OUTCOME_TONES = {"pass": "ok", "cannot_tell": "ask", "fail": "no"}
LINES = (
    Column("row", "行", lambda line: line.row, "count", "row"),
    Column("name", "姓名", lambda line: mask_name(line.person.name), order="person__pinyin_key"),
    Column("number", "证件号码", lambda line: mask_id(line.person.document_number), "code"),
    Column(
        "outcome",
        "领券条件",
        lambda line: (OUTCOMES.get(line.outcome, "待核对"), OUTCOME_TONES.get(line.outcome, "")),
        "badge",
        "outcome",
    ),
    Column("state", "结果", lambda line: (LINE_STATES[line.state], TONES.get(line.state, "")), "badge", "state"),
    Column("held", "这一批的券", lambda line: VOUCHER.states[line.held] if line.held else None),
    Column("note", "说明", lambda line: "；".join(filter(None, (line.note, _short(line.why))))),
)


def _short(why: str) -> str:
    """A reason for a line; the whole of it stands once above the table."""
    return why if len(why) <= SHORT else f"{why[:SHORT]}……"


def issue_url(found: IssueList) -> str:
    return reverse("bureau:voucher_issue", args=[found.city_code, found.pk])


@page(services.draft_issue.declaration, access=here)
@require_GET
def issue_template(request: DeskRequest) -> HttpResponse:
    """The sheet to fill in."""
    response = HttpResponse(
        template(), content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
    response["Content-Disposition"] = "attachment; filename*=UTF-8''%E5%8F%91%E5%88%B8%E5%90%8D%E5%8D%95.xlsx"
    return response


@page(services.draft_issue.declaration, access=subject(desk_selectors.voucher_batch))
@require_http_methods(["GET", "POST"])
def issue_new(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Draw up a list: upload one, or ask the registry; faults come back row by row and nothing is taken."""
    found: VoucherBatch = request.subject
    by_query = request.POST.get("way") == "query"
    posted = request.POST or None
    others = {str(one.pk): one for one in _others(request, found)}
    file_form = voucherforms.IssueFileForm(
        list(others.values()), None if by_query else posted, None if by_query else request.FILES or None
    )
    query_form = voucherforms.IssueQueryForm(regions_under(found.region_id), posted if by_query else None)
    context: dict[str, Any] = {"found": found, "file_form": file_form, "query_form": query_form, "rows": MAX_ROWS}
    if by_query and query_form.is_valid():
        criteria = query_form.criteria()
        if request.POST.get("step") == "draft":
            try:
                made = services.query_issue(
                    **given(request),
                    batch=found,
                    criteria=criteria,
                    on_unclear=query_form.cleaned_data["on_unclear"] or "issue",
                )
            except Refusal as problem:
                forms.refuse(query_form, problem)
            else:
                return _drafted(request, made)
        else:
            context |= selectors.preview(found, criteria, chinese_day(request.at)) | {"says": criteria.says()}
    elif posted and not by_query and file_form.is_valid():
        besides = [others[pk] for pk in file_form.cleaned_data.get("besides", ())]
        done = _from_file(request, [found, *besides], file_form, context)
        if done is not None:
            return done
    wrong = bool(file_form.errors or query_form.errors or context.get("faults"))
    return render(request, "bureau/voucher_issue_new.html", context, status=422 if wrong else 200)


def _others(request: DeskRequest, found: VoucherBatch) -> list[VoucherBatch]:
    """The other batches of the desk that a list can be drawn up for now."""
    rows = selectors.batches_of(found.city_code, desk_of(request).region_code, state="open")
    return [one for one in rows if one.pk != found.pk and one.phase(request.at) != "late"][:BESIDES]


def _from_file(
    request: DeskRequest, batches: list[VoucherBatch], form: voucherforms.IssueFileForm, context: dict[str, Any]
) -> HttpResponse | None:
    """A list for each of the batches, the first of which must be good; None with what is wrong in the form or the context."""
    upload = form.cleaned_data["file"]
    content = upload.read()
    first, *besides = batches
    try:
        read: PeopleFile = read_people(content, on=chinese_day(request.at))
        if read.faults:
            context |= {"faults": read.faults[:FAULTS_SHOWN], "fault_count": len(read.faults)}
            return None
        terms = {
            "entries": read.entries,
            "file_name": upload.name,
            "file_hash": hashlib.sha256(content).hexdigest(),
            "on_duplicate": form.cleaned_data["on_duplicate"],
            "on_unclear": form.cleaned_data["on_unclear"] or "issue",
        }
        made = services.draft_issue(**given(request), batch=first, **terms)
    except Refusal as problem:
        forms.refuse(form, problem)
        return None
    if read.repeated:
        rows = "、".join(str(row) for row in read.repeated[:ROWS_NAMED]) + (
            "等" if len(read.repeated) > ROWS_NAMED else ""
        )
        toasts.say(request, f"名单第 {rows} 行与前面的人重复，共跳过 {len(read.repeated)} 行。")
    for one in besides:
        key = f"{request.POST['key'][:40]}-{one.pk}" if request.POST.get("key") else None
        try:
            more = services.draft_issue(**given(request) | {"key": key}, batch=one, **terms)
        except Refusal as problem:
            toasts.say(request, f"“{one.name}”没有拟：{problem.why}")
        else:
            toasts.say(request, f"“{one.name}”也拟好一份，请到那一批的页面核对、提交。")
            if selectors.issue_unchecked(more):
                _start_check(request, more)
    return _drafted(request, made)


def _drafted(request: DeskRequest, made: IssueList) -> HttpResponse:
    """To the new list; the rest of a long one is asked about by a job."""
    if selectors.issue_unchecked(made):
        _start_check(request, made)
    return redirect(issue_url(made))


def _start_check(request: DeskRequest, found: IssueList) -> None:
    title = f"核对发券名单：{found.batch.name}，{found.people} 人"
    check_issue.start(**given(request), subject=found, title=title, link=issue_url(found))


@page(desk_perms.ISSUES, access=subject(selectors.issue_list))
@require_GET
def issue(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A list: to whom it goes (masked), what came of each, and the next step; the look is recorded."""
    found: IssueList = request.subject
    record_look(actor=request.actor, target=found, at=request.at, why="查看发券名单")
    access = found.access()
    job = job_to_show(check_issue if found.state == "draft" else issue_all, found)
    wanted = voucherforms.IssueFilter(request.GET)
    chosen: dict[str, Any] = {name: wanted.said(name) for name in ("outcome", "state") if wanted.said(name)}
    if wanted.said("held"):
        chosen["held__isnull"] = wanted.said("held") == "no"
    outcomes = selectors.issue_outcomes(found)
    unchecked = outcomes.pop("", 0) if found.state == "draft" else 0
    context = {
        "found": found,
        "counts": [(LINE_STATES[state], number) for state, number in selectors.issue_counts(found).items()],
        "filters": wanted,
        "outcomes": [(OUTCOMES[key], OUTCOME_TONES[key], key, outcomes[key]) for key in OUTCOMES if key in outcomes],
        "unchecked": unchecked,
        "goes": outcomes.get("pass", 0) + (outcomes.get("cannot_tell", 0) if found.on_unclear == "issue" else 0),
        "reasons": [
            (OUTCOMES[key], OUTCOME_TONES[key], why, number) for key, why, number in selectors.issue_reasons(found)
        ],
        "held": selectors.issue_holding(found),
        "says": selectors.criteria_of(found).says() if found.source == "query" else "",
        "table": table(request, selectors.issue_lines(found).filter(**chosen), LINES, unit="人"),
        "events": timelines.events(desk_selectors.changes_of("issue_list", city, pk), ISSUE),
        "job": job,
        "choice_form": voucherforms.IssueChoiceForm(initial=_choice(found))
        if found.state == "draft" and found.source == "file" and may(request, services.choose_for_issue, access)
        else None,
        "may_check": unchecked > 0
        and not (job and job.is_open)
        and check_issue.start.declaration.allows(request.actor, access),
        "may_submit": found.state == "draft" and not unchecked and may(request, services.submit_issue, access),
        "may_approve": found.state == "submitted"
        and found.submitted_by_user != request.actor.user_id
        and may(request, services.approve_issue, access),
        "may_refuse": ISSUE.allows(found.state, "refuse") and may(request, services.refuse_issue, access),
        "may_go_on": found.state == "approved"
        and not (job and job.is_open)
        and issue_all.start.declaration.allows(request.actor, access),
    }
    return render(request, "bureau/voucher_issue.html", context)


def _choice(found: IssueList) -> dict[str, str]:
    return {"on_duplicate": found.on_duplicate, "on_unclear": found.on_unclear}


@page(services.choose_for_issue.declaration, access=subject(selectors.issue_list))
@require_POST
def choose(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Choose anew what becomes of duplicates and of those nobody can tell of, after a look at who they are."""
    found: IssueList = request.subject
    form = voucherforms.IssueChoiceForm(request.POST)
    said = form.cleaned_data if form.is_valid() else {}
    try:
        services.choose_for_issue(
            **given(request),
            issue=found,
            on_duplicate=said.get("on_duplicate", ""),
            on_unclear=said.get("on_unclear") or "issue",
        )
    except Refusal as problem:
        return refused(request, problem, issue_url(found))
    toasts.say(request, "已改。")
    return redirect(issue_url(found))


submit = act_view(
    services.submit_issue,
    fetch=selectors.issue_list,
    argument="issue",
    say="已提交，等另一位同事批准发放。",
    back=issue_url,
)
refuse = act_view(
    services.refuse_issue, fetch=selectors.issue_list, argument="issue", say="这份名单不发了。", back=issue_url
)


@page(check_issue.start.declaration, access=subject(selectors.issue_list))
@require_POST
def check(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Go on asking the policies about a list whose job stopped half way."""
    found: IssueList = request.subject
    try:
        _start_check(request, found)
    except Refusal as problem:
        return refused(request, problem, issue_url(found))
    return redirect(issue_url(found))


@page(services.approve_issue.declaration, access=subject(selectors.issue_list))
@require_POST
def approve(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Let the list go out; also starts the issuing of an approved list again that stopped half way."""
    found: IssueList = request.subject
    try:
        if found.state != "approved":
            found = services.approve_issue(**given(request), issue=found)
        title = f"按名单发券：{found.batch.name}，{found.people} 人"
        issue_all.start(**given(request), subject=found, title=title, link=issue_url(found))
    except Refusal as problem:
        return refused(request, problem, issue_url(found))
    toasts.say(request, "已批准，正在发放；可以离开这一页，回来看进度。")
    return redirect(issue_url(found))

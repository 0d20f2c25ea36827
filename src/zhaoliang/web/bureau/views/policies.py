"""Policy texts of a region: what is in force, drafts on their way, and the acts that decide on them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhaoliang.enactments import perms, selectors, services
from zhaoliang.enactments.checking import Checked, text_days
from zhaoliang.enactments.models import PolicyDraft
from zhaoliang.enactments.states import DRAFT
from zhaoliang.enactments.tasks import what_if
from zhaoliang.kernel.acts import Act
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import NotFound, Refusal
from zhaoliang.policy import Document
from zhaoliang.registry.lawbook import earliest_effect, lawbook
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, refused, subject
from zhaoliang.web.bureau import forms, lawforms, timelines
from zhaoliang.web.bureau import selectors as desk_selectors
from zhaoliang.web.bureau.desk import DeskRequest
from zhaoliang.web.bureau.lawmaking import (
    buttons,
    draft_url,
    head,
    law_here,
    law_place,
    law_region,
    law_regions,
    spine,
    with_occupations,
)
from zhaoliang.web.components import formats, toasts
from zhaoliang.web.tables import Column, table

COLUMNS = (
    Column("title", "文件", lambda row: row.title, order="title", wide=True),
    Column("purpose", "为什么改", lambda row: row.purpose, wide=True),
    Column("kind", "种类", lambda row: row.get_kind_display(), order="kind"),
    Column("from", "施行", lambda row: row.valid_from, "date", "valid_from"),
    Column("state", "状态", lambda row: row.state, "state", "state", "policy_draft"),
)
NEXT = {
    "draft": "检查这一稿，改正错误",
    "returned": "按退回的原因修改，再检查",
    "checked": "用历史申领试算",
    "simulated": "看过试算结果后送审",
    "submitted": "由另一位同事批准",
    "scheduled": "到施行日自动生效",
}


@page(perms.DRAFTS, access=law_here)
@require_GET
def policy_list(request: DeskRequest) -> HttpResponse:
    """The texts a region sets itself and the drafts on their way."""
    region = law_region(request)
    today = chinese_day(request.at)
    context = {
        "region": region,
        "regions": law_regions(request),
        "texts": selectors.texts_of(region.code, today),
        "unread": [(one.title, one.notice.splitlines()[-1]) for one in lawbook().unread if one.region == region.code],
        "drafts": table(
            request, selectors.drafts_of(region.city_code, region.code), COLUMNS, url=draft_url, unit="份草稿"
        ),
        "may_draft": may(request, services.start_revision, law_place(request).access()),
    }
    return render(request, "bureau/policy_list.html", context)


def _version(request: DeskRequest) -> Document:
    """The text named in the address. Raises NotFound."""
    try:
        start = date.fromisoformat(request.GET.get("version", ""))
    except ValueError:
        start = date.min
    wanted = request.GET.get("document", "")
    found = next((one for one in lawbook().documents if (one.id, one.start) == (wanted, start)), None)
    if found is None or found.region != law_region(request).code:
        raise NotFound("没有这份文本。", "它不在这个地区的文件里。", "请从列表进入。")
    return found


def _list_url(request: DeskRequest) -> str:
    return f"{reverse('bureau:policies')}?region={law_region(request).code}"


@page(services.start_revision.declaration, access=law_here)
@require_http_methods(["GET", "POST"])
def policy_revise(request: DeskRequest) -> HttpResponse:
    """Begin the next version of a text in force."""
    if "document" not in request.GET:
        return redirect(_list_url(request))
    document = _version(request)
    initial = {
        "valid_from": max(earliest_effect(request.at), document.start + timedelta(days=1)),
        "valid_to": document.end,
    }
    form = lawforms.RevisionForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.start_revision(
                **given(request),
                place=law_place(request),
                document_id=document.id,
                version=document.start,
                **form.cleaned_data,
            )
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            toasts.say(request, "草稿已建立，内容和现行文本相同。请修改数值或标准表。")
            return redirect(draft_url(made))
    title = f"修订《{document.title}》"
    return _start(request, form, title, f"{document.number} · {formats.cn_date(document.start)}起施行的文本")


@page(services.start_document.declaration, access=law_here)
@require_http_methods(["GET", "POST"])
def policy_new(request: DeskRequest) -> HttpResponse:
    """Begin a new document."""
    form = lawforms.DocumentForm(request.POST or None, initial={"valid_from": earliest_effect(request.at)})
    if request.method == "POST" and form.is_valid():
        try:
            made = services.start_document(**given(request), place=law_place(request), **form.cleaned_data)
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            toasts.say(request, "草稿已建立。条款、数值、标准表和规则写在“全文”里。")
            return redirect(draft_url(made, "policy_text"))
    return _start(request, form, "起草新文件", "先写文件头和第一条；数值、标准表和规则随后写在全文里。")


@page(services.start_repeal.declaration, access=law_here)
@require_http_methods(["GET", "POST"])
def policy_repeal(request: DeskRequest) -> HttpResponse:
    """Begin a document that ends another one on a day."""
    if "document" not in request.GET:
        return redirect(_list_url(request))
    document = _version(request)
    first = earliest_effect(request.at)
    initial = {"valid_from": first, "issuers": "、".join(document.issuers)}
    form = lawforms.DocumentForm(request.POST or None, initial=initial, repealed=document.title, at=first)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.start_repeal(
                **given(request),
                place=law_place(request),
                document_id=document.id,
                version=document.start,
                **form.cleaned_data,
            )
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            toasts.say(request, "废止文件已起草。请检查、试算后送审。")
            return redirect(draft_url(made))
    return _start(
        request, form, f"废止《{document.title}》", "以前开班的仍按开班日的规定；施行日以后开班的不再适用它。"
    )


def _start(request: DeskRequest, form: Any, title: str, says: str) -> HttpResponse:
    context = {"form": form, "title": title, "says": says, "back": _list_url(request)}
    return render(request, "bureau/policy_start.html", context, status=422 if form.errors else 200)


@page(perms.DRAFTS, access=subject(selectors.draft))
@require_GET
def policy_page(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A draft: why, where it stands, what it changes, who did what, and what comes next."""
    found: PolicyDraft = request.subject
    changed = selectors.changes(found)
    context = head(request, found, "policy") | {
        "spine": spine(found),
        "next": NEXT.get(found.state, ""),
        "buttons": buttons(request, found),
        "may_return": DRAFT.allows(found.state, "return") and may(request, services.return_draft, found.access()),
        "may_drop": DRAFT.allows(found.state, "drop") and may(request, services.drop, found.access()),
        "base": selectors.base_of(found),
        "changes": with_occupations(changed),
        "valid_to": text_days(found.content)[1],
        "checked": Checked.from_json(found.checked),
        "total": found.simulated.get("total"),
        "revisions": selectors.revisions(found),
        "path": selectors.path_of_draft(found),
        "events": timelines.events(
            desk_selectors.changes_of("policy_draft", city, pk), DRAFT, now=NEXT.get(found.state, "")
        ),
    }
    return render(request, "bureau/policy.html", context)


def _step(service: Act[Any], say: str, back: str = "policy", texts: tuple[str, ...] = ()) -> Any:
    return act_view(
        service,
        fetch=selectors.draft,
        argument="draft",
        say=say,
        back=lambda found: draft_url(found, back),
        texts=texts,
    )


@page(what_if.start.declaration, access=subject(selectors.draft))
@require_POST
def simulate(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Let the background try the draft on past claims; its page shows how far that is."""
    found: PolicyDraft = request.subject
    here = draft_url(found, "policy_whatif")
    if not DRAFT.allows(found.state, "simulate"):
        return refused(request, DRAFT.refusal(found.state, "simulate"), here)
    try:
        what_if.start(**given(request), subject=found, title=f"试算：{found.title}", link=here)
    except Refusal as problem:
        return refused(request, problem, here)
    return redirect(here)


run_check = _step(services.check_draft, "检查完了，结果在下面。", "policy_check")
submit = _step(services.submit, "已送审，等另一位同事批准。")
withdraw = _step(services.withdraw, "已撤回，可以继续修改。")
approve = _step(services.approve, "已批准。到施行日自动生效；以前开班的不受影响。")
send_back = _step(services.return_draft, "已退回起草人。", texts=("reason",))
drop = _step(services.drop, "草稿已放弃，各稿仍可查看。")


@page(perms.DRAFTS, access=subject(selectors.draft))
@require_GET
def policy_revision(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """An earlier revision as it was saved."""
    found: PolicyDraft = request.subject
    number = request.GET.get("number", "")
    row = selectors.revision(found, int(number)) if number.isdigit() else selectors.revision(found, found.revision)
    if row is None:
        raise NotFound("没有这一稿。", "编号不对。", "请从草稿页进入。")
    context = head(request, found, "policy") | {"row": row, "lines": list(enumerate(row.content.splitlines(), 1))}
    return render(request, "bureau/policy_revision.html", context)

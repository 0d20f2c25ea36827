"""The recovery desk: cases by deadline, each with its facts, clause, transfers and plan; corrections by two people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhaoliang.kernel.acts import Act
from zhaoliang.kernel.audit import record_look
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.jobs.selectors import job_to_show
from zhaoliang.kernel.masking import mask_name
from zhaoliang.recoveries import perms, selectors, services
from zhaoliang.recoveries.models import Correction, RecoveryCase
from zhaoliang.recoveries.services.receiving import set_off_lines
from zhaoliang.recoveries.states import RECOVERY_CASE
from zhaoliang.recoveries.tasks import find_changes
from zhaoliang.subsidies import selectors as subsidies
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, refused, subject
from zhaoliang.web.bureau import forms, handover, moneyforms, reports, timelines
from zhaoliang.web.bureau.desk import DeskRequest, clock_of, desk_of, here
from zhaoliang.web.components import formats, toasts
from zhaoliang.web.components.forms import PlainForm
from zhaoliang.web.recovering import rate_words
from zhaoliang.web.tables import Column, excel, ordered, table

COLUMNS = (
    Column("payee", "退还人或单位", lambda row: row.shown_name, order="payee_name"),
    Column("fen", "应追回", lambda row: row.amount_fen, "money", "amount_fen"),
    Column("back", "已退还", lambda row: row.collected_fen or None, "money", "collected_fen"),
    Column("owed", "还欠", lambda row: row.owed_fen or None, "money"),
    Column("due", "期限", lambda row: row.due_on, "date", "due_on"),
    Column("why", "原因", lambda row: row.difference.summary, wide=True),
    Column("opened", "立案", lambda row: row.opened_at, "datetime", "opened_at"),
    Column("state", "状态", lambda row: row.state, "state", "state", "recovery_case"),
)
# What is to be done next, by state: the words of the page's head.
NEXT = {
    "noticed": "等对方回复或退还；到期没有回复会自动登记为没有退还。",
    "agreed": "按约定收款；每收到一笔登记一笔。",
    "refused": "可以重新约定、提请移送，或提请核销。",
    "to_hand_over": "等另一位同事审批移送；提请人不能审批。",
    "handed_over": "已移送；收到退还的款项时照常登记。",
    "to_write_off": "等另一位同事审批核销。",
    "recovered": "全部退还，已办结。",
    "written_off": "已按决定核销，办结。",
    "withdrawn": "事实更正后不再追回，已撤销。",
}


MOST_SHOWN = 20


def case_url(found: RecoveryCase) -> str:
    return reverse("bureau:recovery", args=[found.city_code, found.pk])


def trace_url(line: ClaimLine) -> str:
    return reverse("bureau:trace", args=[line.city_code, line.pk])


@page(perms.CASE, access=here)
@require_GET
def case_list(request: DeskRequest, export: bool = False) -> HttpResponse:
    """The cases of the region by deadline, what a person must look at, and corrections that wait for another."""
    desk, clock = desk_of(request), clock_of(request)
    wanted = moneyforms.CaseFilter(request.GET if "state" in request.GET else {"state": "open"} | request.GET.dict())
    rows = selectors.cases(desk.city_code, desk.region_code, state=wanted.said("state"), text=wanted.said("text"))
    if export:
        return excel("追回事项", COLUMNS, ordered(request, rows, COLUMNS))
    owed, back = selectors.totals(desk.city_code, desk.region_code)
    context = {
        "filters": wanted,
        "export_url": reverse("bureau:recoveries_export"),
        "table": table(request, rows, COLUMNS, url=case_url, unit="件"),
        "owed_fen": owed,
        "back_fen": back,
        "overdue": rows.filter(due_on__lt=clock.today).count(),
        "doubts": _first(selectors.to_look_at(desk.city_code, desk.region_code)),
        "corrections": _first(selectors.open_corrections(desk.city_code, desk.region_code, request.actor.user_id)),
        "job": job_to_show(find_changes, desk.place),
        "may_look": may(request, find_changes.start, desk.access),
        "may_confirm": may(request, services.confirm_correction, desk.access),
    }
    return render(request, "bureau/recovery_list.html", context)


def _first(rows: QuerySet[Any]) -> dict[str, Any]:
    """What is to be done first of these rows, how many there are, and how many are not shown."""
    shown = list(rows[:MOST_SHOWN])
    count = len(shown) if len(shown) < MOST_SHOWN else rows.count()
    return {"rows": shown, "count": count, "rest": count - len(shown)}


@page(find_changes.start.declaration, access=here)
@require_POST
def look_again(request: DeskRequest) -> HttpResponse:
    """Look for changed facts now instead of at night."""
    place, back = desk_of(request).place, reverse("bureau:recoveries")
    try:
        find_changes.start(**given(request), subject=place, title="查找事实变化", link=back)
    except Refusal as problem:
        return refused(request, problem, back)
    toasts.say(request, "正在逐条核对，完成后这里会列出结果。")
    return redirect(back)


@page(perms.CASE, access=subject(selectors.recovery_case))
@require_GET
def case_page(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """One case: who owes what and why, what was agreed and received, each transfer, and what can be done now."""
    shown = selectors.case_page(city, pk)
    case = shown.case
    context = {
        "page": shown,
        "case": case,
        "sentence": NEXT.get(case.state, ""),
        "due": clock_of(request).due(case.due_on),
        "changes": case.difference.summary.split("；"),
        "events": timelines.events(shown.timeline, RECOVERY_CASE),
        "rate": rate_words(shown.interest[-1].daily_rate) if shown.interest else "",
        "interest_fen": sum(one.amount_fen for one in shown.interest),
        "may_print": (case.state == "to_hand_over" or case.handed_at is not None)
        and perms.DOCUMENT.allows(request.actor, case.access()),
        "forms": [
            (form, reverse(f"bureau:{name}", args=[city, pk]), label, action)
            for name, service, form, label, action, event in _forms(request, case)
            if RECOVERY_CASE.allows(case.state, event) and may(request, service, case.access())
        ],
        "buttons": [
            (reverse(f"bureau:{name}", args=[city, pk]), label)
            for name, service, label, event in (
                ("recovery_hand_over", services.hand_over, "审批移送", "hand_over"),
                ("recovery_write_off", services.write_off, "审批核销", "write_off"),
            )
            if RECOVERY_CASE.allows(case.state, event) and may(request, service, case.access())
        ],
    }
    return render(request, "bureau/recovery.html", context)


@page(perms.DOCUMENT, access=subject(selectors.recovery_case))
@require_GET
def hand_over_document(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The document that goes with a case to the authorities, a draft until it is approved. The download is recorded."""
    case: RecoveryCase = request.subject
    if case.state != "to_hand_over" and case.handed_at is None:
        problem = Refusal("还没有移送书。", "这件事没有提请移送。", "请先提请移送，写明接收机关和理由。")
        return refused(request, problem, case_url(case))
    record_look(actor=request.actor, target=case, at=request.at, why="下载移送书")
    data = handover.document(selectors.case_page(city, pk))
    return reports.typeset(handover.TEMPLATE, f"移送书-{case.pk}", data)


def _forms(request: DeskRequest, case: RecoveryCase) -> list[tuple[str, Act[Any], PlainForm, str, str, str]]:
    """Every form of a case: address, act, form, label, what its button does, the event it needs to be possible."""
    today = chinese_day(request.at)
    found: list[tuple[str, Act[Any], PlainForm, str, str, str]] = [
        (
            "recovery_receive",
            services.receive,
            moneyforms.ReceiptForm(initial={"amount_fen": case.owed_fen, "received_on": today}),
            "登记到账",
            "登记并入账",
            "settle",
        ),
        (
            "recovery_agree",
            services.agree,
            moneyforms.AgreeForm(initial={"first_on": today + timedelta(days=30)}),
            "约定退还方式",
            "登记约定",
            "agree",
        ),
    ]
    if case.way == "set_off":
        lines = _lines_to_keep(case)
        if lines:
            form = moneyforms.SetOffForm(lines)
            found.append(("recovery_set_off", services.set_off, form, "从应付补贴中抵扣", "抵扣并入账", "settle"))
    found += [
        ("recovery_refuse", services.refuse, moneyforms.NoteForm(), "登记不退还", "登记不退还", "refuse"),
        (
            "recovery_propose_hand_over",
            services.propose_hand_over,
            moneyforms.HandOverForm(),
            "提请移送有关机关",
            "提请另一人审批",
            "propose_hand_over",
        ),
        ("recovery_keep_here", services.keep_here, moneyforms.NoteForm(), "不同意移送", "退回继续追回", "keep_here"),
        (
            "recovery_propose_write_off",
            services.propose_write_off,
            moneyforms.NoteForm(),
            "提请核销",
            "提请另一人审批",
            "propose_write_off",
        ),
        ("recovery_keep", services.keep, moneyforms.NoteForm(), "不同意核销", "退回继续追回", "keep"),
    ]
    return found


def _lines_to_keep(case: RecoveryCase) -> list[tuple[int, str]]:
    return [
        (line.pk, f"{line.claim.title} {mask_name(line.person.name)} {formats.fen(line.amount_fen)}")
        for line in set_off_lines(case)
    ]


def form_view(
    service: Act[Any],
    make: Callable[[DeskRequest, Any], PlainForm],
    *,
    fetch: Callable[[int, int], Any],
    argument: str,
    say: str,
    back: Callable[[Any], str],
    also: Callable[[DeskRequest, Any, dict[str, Any]], dict[str, Any]] | None = None,
) -> Callable[..., HttpResponse]:
    """A view of one form of one act: asked for alone it shows the form, wrong fields come back on the same page."""

    @page(service.declaration, access=subject(fetch))
    @require_http_methods(["GET", "POST"])
    def view(request: DeskRequest, city: int, pk: int) -> HttpResponse:
        found = request.subject
        form = make(request, found)
        if request.method == "POST" and form.is_valid():
            said = also(request, found, form.cleaned_data) if also else form.cleaned_data
            try:
                service(**given(request), **{argument: found}, **said)
            except Refusal as problem:
                if not problem.fields:
                    return refused(request, problem, back(found))
                forms.refuse(form, problem)
            else:
                toasts.say(request, say)
                return redirect(back(found))
        title = service.declaration.label
        context = {"form": form, "title": title, "back": back(found), "action": title}
        return render(request, "bureau/one_form.html", context, status=422 if form.errors else 200)

    return view


def _case_form(service: Act[Any], form: type[PlainForm], say: str) -> Callable[..., HttpResponse]:
    return form_view(
        service,
        lambda request, _: form(request.POST or None),
        fetch=selectors.recovery_case,
        argument="case",
        say=say,
        back=case_url,
    )


receive = _case_form(services.receive, moneyforms.ReceiptForm, "到账已登记并入账。")
agree = _case_form(services.agree, moneyforms.AgreeForm, "约定已登记。")
refuse = _case_form(services.refuse, moneyforms.NoteForm, "已登记。")
propose_hand_over = _case_form(services.propose_hand_over, moneyforms.HandOverForm, "已提请移送，等另一位同事审批。")
keep_here = _case_form(services.keep_here, moneyforms.NoteForm, "已退回，继续追回。")
hand_over = act_view(
    services.hand_over, fetch=selectors.recovery_case, argument="case", say="已移送，请下载移送书。", back=case_url
)
propose_write_off = _case_form(services.propose_write_off, moneyforms.NoteForm, "已提请核销，等另一位同事审批。")
keep = _case_form(services.keep, moneyforms.NoteForm, "已退回，继续追回。")
set_off = form_view(
    services.set_off,
    lambda request, case: moneyforms.SetOffForm(_lines_to_keep(case), request.POST or None),
    fetch=selectors.recovery_case,
    argument="case",
    say="已抵扣并入账。",
    back=case_url,
    also=lambda request, case, said: {"line": subsidies.claim_line(case.city_code, said["line"])},
)
write_off = act_view(services.write_off, fetch=selectors.recovery_case, argument="case", say="已核销。", back=case_url)
correct = form_view(
    services.propose_correction,
    lambda request, line: moneyforms.CorrectionForm(request.POST or None, selectors.worth_now(line)),
    fetch=subsidies.claim_line,
    argument="line",
    say="更正已提出，等另一位同事确认。",
    back=lambda _: reverse("bureau:recoveries"),
)


def _to_list(_: Correction) -> str:
    return reverse("bureau:recoveries")


confirm_correction = act_view(
    services.confirm_correction,
    fetch=selectors.correction,
    argument="correction",
    say="更正已确认，差额已记账。",
    back=_to_list,
)
drop_correction = act_view(
    services.drop_correction, fetch=selectors.correction, argument="correction", say="更正已放弃。", back=_to_list
)

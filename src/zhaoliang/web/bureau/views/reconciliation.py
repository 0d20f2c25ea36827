"""The bank's files: looked at before they are booked, matched row by row, and the cases that people decide."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.jobs.selectors import job_to_show, last_done
from zhaoliang.kernel.roles import Access, Place
from zhaoliang.payments import perms, selectors, services
from zhaoliang.payments.agreement import agreements
from zhaoliang.payments.models import BankReturn, BankReturnLine, BankUpload, PaymentBatch, ReconciliationCase
from zhaoliang.payments.states import RECONCILIATION
from zhaoliang.payments.tasks import BOOKED_AT_ONCE, book_upload, look_at_upload
from zhaoliang.web.access import page
from zhaoliang.web.acting import given, may, refused, subject
from zhaoliang.web.bureau import forms, timelines
from zhaoliang.web.bureau import selectors as desk_selectors
from zhaoliang.web.bureau.desk import DeskRequest, desk_of, here
from zhaoliang.web.components import formats, toasts
from zhaoliang.web.tables import Column, excel, ordered, table

OUTCOMES = dict(BankReturnLine.OUTCOMES)
KINDS = dict(ReconciliationCase.KINDS)
TONES = {"paid": "ok", "repeated": "info", "failed": "no"}
CASE_COLUMNS = (
    Column("opened", "出现", lambda row: row.opened_at, "datetime", "opened_at"),
    Column("kind", "事项", lambda row: (KINDS[row.kind], "ask"), "badge", "kind"),
    Column("says", "说明", lambda row: row.says, wide=True),
    Column("fen", "金额", lambda row: row.amount_fen, "money", "amount_fen"),
    Column("batch", "批次", lambda row: row.batch.number if row.batch else "", "code", "batch__number"),
    Column("reference", "银行流水号", lambda row: row.bank_line.bank_reference if row.bank_line else "", "code"),
    Column("state", "状态", lambda row: row.state, "state", "state", "reconciliation"),
)
ROW_COLUMNS = (
    Column("row", "文件行", lambda row: row.row, "count", "row"),
    Column("outcome", "结果", lambda row: (OUTCOMES[row.outcome], TONES.get(row.outcome, "ask")), "badge", "outcome"),
    Column("reason", "说明", lambda row: row.reason, wide=True),
    Column("value_on", "记账日", lambda row: row.value_on, "date", "value_on"),
    Column("reference", "流水号", lambda row: row.bank_reference, "code", "bank_reference"),
    Column("counterparty", "对方", lambda row: f"{row.counterparty} {row.account_tail}".strip()),
    Column("sequence", "批次行", lambda row: row.payment_line.sequence if row.payment_line else None, "count"),
    Column("fen", "金额", lambda row: row.amount_fen, "money", "amount_fen"),
)


@page(perms.BATCH, act=services.keep_upload.declaration, access=here)
@require_http_methods(["GET", "POST"])
def overview(request: DeskRequest, export: bool = False) -> HttpResponse:
    """What waits for a decision, the statements taken in, and the form for the next one."""
    desk = desk_of(request)
    wanted = forms.CaseFilter(RECONCILIATION, request.GET)
    cases = desk_selectors.reconciliation_cases(desk, state=wanted.said("state"), kind=wanted.said("kind"))
    if export:
        return excel("银行对账事项", CASE_COLUMNS, ordered(request, cases, CASE_COLUMNS))
    if request.method == "POST":
        return take_upload(request, desk.place, None, reverse("bureau:reconciliation"))
    context = {
        "filters": wanted,
        "export_url": reverse("bureau:reconciliation_export"),
        "table": table(request, cases, CASE_COLUMNS, url=case_url, unit="件"),
        "statements": desk_selectors.statements(desk),
        "form": forms.ReturnForm(),
        "may_import": may(request, services.keep_upload, desk.access),
    }
    return render(request, "bureau/reconciliation.html", context)


AGREEMENT_COLUMNS = (
    Column("month", "月份", lambda row: formats.cn_month(row.month)),
    Column("fund", "资金渠道", lambda row: row.fund, wide=True),
    Column("platform", "平台账支付", lambda row: row.platform_fen, "money"),
    Column("bank", "银行付出", lambda row: row.bank_fen, "money"),
    Column("late", "跨月入账", lambda row: row.late_fen, "money"),
    Column("bank_difference", "账实差额", lambda row: row.bank_difference, "money"),
    Column("sheet", "财政报表", lambda row: row.sheet_fen, "money"),
    Column("sheet_difference", "账表差额", lambda row: row.sheet_difference, "money"),
)


@page(perms.BATCH, act=services.import_sheet.declaration, access=here)
@require_http_methods(["GET", "POST"])
def agreement(request: DeskRequest, export: bool = False) -> HttpResponse:
    """账实相符、账表相符: platform, bank and finance sheet by fund and month, each difference open to what is behind it."""
    desk, back = desk_of(request), reverse("bureau:agreement")
    if request.method == "POST":
        form = forms.SheetForm(request.POST, request.FILES)
        try:
            if not form.is_valid():
                raise BadInput("财政报表没有导入。", "没有选择文件，或文件是空的。", "请选择文件。")
            file = form.cleaned_data["file"]
            taken = services.import_sheet(**given(request), place=desk.place, file_name=file.name, content=file.read())
        except Refusal as problem:
            return refused(request, problem, back)
        toasts.say(request, f"已导入 {len(taken)} 行财政报表。")
        return redirect(back)
    wanted = forms.MonthFilter(request.GET, today=chinese_day(request.at))
    since, until = wanted.period()
    rows = agreements(desk.city_code, desk.region_code, since, until)
    if export:
        return excel(f"对账表-{since:%Y%m}-{until:%Y%m}", AGREEMENT_COLUMNS, rows)
    context = {
        "filters": wanted,
        "since": since,
        "until": until,
        "rows": rows,
        "differing": sum(not row.agrees for row in rows),
        "without_sheet": any(row.sheet_fen is None for row in rows),
        "late": any(row.late_fen for row in rows),
        "unclaimed": desk_selectors.reconciliation_cases(desk).count(),
        "form": forms.SheetForm(),
        "export_url": reverse("bureau:agreement_export"),
        "pdf_url": f"{reverse('bureau:agreement_pdf')}?{request.GET.urlencode()}",
        "may_import": may(request, services.import_sheet, desk.access),
    }
    return render(request, "bureau/agreement.html", context)


def case_url(case: ReconciliationCase) -> str:
    return reverse("bureau:reconciliation_case", args=[case.city_code, case.pk])


def take_upload(request: DeskRequest, place: Place, batch: PaymentBatch | None, back: str) -> HttpResponse:
    """Keep the posted bank file and go to the page that shows what booking it would do."""
    form = forms.ReturnForm(request.POST, request.FILES)
    try:
        if not form.is_valid():
            raise BadInput("银行文件没有导入。", "没有选择文件，或文件是空的。", "请选择银行给的文件。")
        file = form.cleaned_data["file"]
        kept = services.keep_upload(
            **given(request), place=place, batch=batch, file_name=file.name, content=file.read()
        )
        if kept.rows > BOOKED_AT_ONCE:
            title = f"核对银行文件：{kept.file_name}，{kept.rows:,} 行"
            look_at_upload.start(actor=request.actor, at=request.at, subject=kept, title=title, link=_upload_url(kept))
    except Refusal as problem:
        return refused(request, problem, back)
    return redirect("bureau:bank_upload", city=kept.city_code, pk=kept.pk)


@page(perms.BATCH, act=services.keep_upload.declaration, access=subject(selectors.upload))
@require_http_methods(["GET", "POST"])
def upload(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """What booking a file would do, row by outcome; the POST books it."""
    kept: BankUpload = request.subject
    place, back = Place(kept.city_code, kept.region_code), _upload_back(kept)
    content = services.upload_content(kept)
    given_file = {"file_name": kept.file_name, "content": content}
    large, job = kept.rows > BOOKED_AT_ONCE, None
    if request.method == "GET" and (done := selectors.booked_upload(kept)) is not None:
        return redirect("bureau:bank_return", city=city, pk=done.pk)
    try:
        if not content:
            raise Refusal("这份文件已经处理过。", "入账后不再保留原文件。", "请在批次或对账单里看结果。")
        if request.method == "POST" and large:
            title = f"银行文件入账：{kept.file_name}，{kept.rows:,} 行"
            book_upload.start(**given(request), subject=kept, title=title, link=_upload_url(kept))
            return redirect(_upload_url(kept))
        if request.method == "POST":
            booked = (
                services.import_return(**given(request), batch=kept.batch, **given_file)
                if kept.batch is not None
                else services.import_statement(**given(request), place=place, **given_file)
            )
            return redirect("bureau:bank_return", city=city, pk=booked.pk)
        if large:
            job = job_to_show(book_upload, kept) or job_to_show(look_at_upload, kept)
            looked = last_done(look_at_upload, kept)
            if looked is None:
                return render(request, "bureau/bank_upload_waits.html", {"kept": kept, "job": job, "back": back})
            shown = services.Preview.from_dict(looked.result)
        else:
            shown = services.preview(place=place, batch=kept.batch, at=request.at, **given_file)
    except Refusal as problem:
        return refused(request, problem, back)
    booking = {name: shown.outcomes.get(name, (0, 0)) for name in ("paid", "failed")}
    doubtful = sum(number for name, (number, _) in shown.outcomes.items() if name not in TONES)
    context = {
        "kept": kept,
        "shown": shown,
        "form_label": dict(BankReturn.FORMS)[shown.form],
        "outcomes": [
            (OUTCOMES[name], TONES.get(name, "ask"), *shown.outcomes[name])
            for name in OUTCOMES
            if name in shown.outcomes
        ],
        "paid": booking["paid"],
        "failed": booking["failed"],
        "doubtful": doubtful,
        "doubts": [(row, OUTCOMES[row.outcome]) for row in shown.doubts],
        "back": back,
        "job": job,
        "may_book": may(request, services.keep_upload, kept.access()) and not (job and job.is_open),
    }
    return render(request, "bureau/bank_upload.html", context)


def _upload_url(kept: BankUpload) -> str:
    return reverse("bureau:bank_upload", args=[kept.city_code, kept.pk])


def _upload_back(kept: BankUpload) -> str:
    if kept.batch is None:
        return reverse("bureau:reconciliation")
    return reverse("bureau:payment_batch", args=[kept.city_code, kept.batch.pk])


@page(perms.BATCH, access=subject(desk_selectors.bank_return))
@require_GET
def bank_return(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The match of a booked bank file, row by row."""
    kept: BankReturn = request.subject
    wanted = forms.OutcomeFilter(request.GET)
    sums = selectors.outcome_sums(kept)
    rows = desk_selectors.bank_return_lines(kept, outcome=wanted.said("outcome"))
    context = {
        "kept": kept,
        "batch": kept.batch,
        "filters": wanted,
        "counts": [(OUTCOMES[name], TONES.get(name, "ask"), *sums[name]) for name in OUTCOMES if name in sums],
        "paid_fen": sums.get("paid", (0, 0))[1],
        "doubts": sum(number for name, (number, _) in sums.items() if name not in TONES),
        "table": table(request, rows, ROW_COLUMNS, url=_row_url, unit="行"),
    }
    return render(request, "bureau/bank_return.html", context)


def _row_url(row: BankReturnLine) -> str:
    return reverse("bureau:bank_line", args=[row.city_code, row.pk])


def _line_access(request: DeskRequest, city: int, pk: int, **_: Any) -> Access:
    request.subject = selectors.bank_line(city, pk)
    return request.subject.bank_return.access()


@page(perms.TRACE, access=_line_access)
@require_GET
def bank_line(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """From a row of a bank file back to the clause; a row that stands for several payments lists them first."""
    row: BankReturnLine = request.subject
    lines = selectors.lines_behind(row)
    if len({line.pk for line in lines}) == 1:
        return redirect(f"{reverse('bureau:trace', args=[city, lines[0].pk])}?from=bank")
    cases = desk_selectors.cases_of_row(row)
    return render(
        request, "bureau/bank_line.html", {"row": row, "word": OUTCOMES[row.outcome], "lines": lines, "cases": cases}
    )


@page(perms.BATCH, access=subject(selectors.reconciliation_case))
@require_GET
def case_page(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A case: what the bank said, the payments it is about, and who has said what to do."""
    return render(request, "bureau/reconciliation_case.html", _case_context(request, forms.AnswerForm()))


def _case_context(request: DeskRequest, form: forms.AnswerForm) -> dict[str, Any]:
    case: ReconciliationCase = request.subject
    form.choose(services.possible_answers(case))
    own = case.proposed_by_user == request.actor.user_id
    return {
        "case": case,
        "word": KINDS[case.kind],
        "lines": selectors.case_lines(case),
        "rows": desk_selectors.rows_of_case(case),
        "form": form,
        "may_propose": RECONCILIATION.allows(case.state, "propose")
        and may(request, services.propose_case, case.access()),
        "may_decide": case.state == "proposed" and not own and may(request, services.decide_case, case.access()),
        "waits_for_other": case.state == "proposed" and own,
        "events": timelines.events(
            desk_selectors.changes_of("reconciliation", case.city_code, case.pk), RECONCILIATION
        ),
    }


@page(services.propose_case.declaration, access=subject(selectors.reconciliation_case))
@require_POST
def propose(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Say what a case is; what moves money then waits for a second person."""
    case: ReconciliationCase = request.subject
    form = forms.AnswerForm(request.POST)
    form.choose(ReconciliationCase.ANSWERS)
    if form.is_valid():
        try:
            done = services.propose_case(**given(request), case=case, **form.cleaned_data)
        except BadInput as problem:
            for name, message in problem.fields.items():
                form.add_error(name, message)
        except Refusal as problem:
            return refused(request, problem, case_url(case))
        else:
            toasts.say(request, "已了结。" if done.state == "closed" else "已提出，等另一位同事复核。")
            return redirect(case_url(case))
    return render(request, "bureau/reconciliation_case.html", _case_context(request, form), status=422)


@page(services.decide_case.declaration, access=subject(selectors.reconciliation_case))
@require_POST
def decide(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Agree, which books it, or send it back."""
    case: ReconciliationCase = request.subject
    agrees = request.POST.get("agrees") == "yes"
    try:
        services.decide_case(**given(request), case=case, agrees=agrees, text=request.POST.get("text", ""))
    except Refusal as problem:
        return refused(request, problem, case_url(case))
    toasts.say(request, "已复核并登记。" if agrees else "已退回，请重新提出意见。")
    return redirect(case_url(case))

"""Payment batches on their way to the bank and back, and the trace of a cent from clause to bank line and back."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import quote

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhaoliang.funds import perms as fund_perms
from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.acts import Act
from zhaoliang.kernel.audit import record_look
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.jobs.selectors import job_to_show
from zhaoliang.kernel.masking import mask_name
from zhaoliang.kernel.roles import Place
from zhaoliang.payments import perms, selectors, services
from zhaoliang.payments.models import PaymentBatch, PaymentLine
from zhaoliang.payments.states import PAYMENT_BATCH, PAYMENT_LINE
from zhaoliang.payments.tasks import BOOKED_AT_ONCE, build_many, send_many
from zhaoliang.recoveries import perms as recovery_perms
from zhaoliang.recoveries import selectors as recoveries
from zhaoliang.recoveries.services import propose_correction
from zhaoliang.subsidies import perms as claim_perms
from zhaoliang.subsidies import selectors as subsidies
from zhaoliang.subsidies.models import ClaimLine, PaymentDue
from zhaoliang.subsidies.services import count_waiting
from zhaoliang.subsidies.services.later import AFTER_APPROVAL
from zhaoliang.vouchers import perms as voucher_perms
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, refused, start_job, subject
from zhaoliang.web.bureau import forms, timelines, tracing
from zhaoliang.web.bureau import selectors as desk_selectors
from zhaoliang.web.bureau.desk import DeskRequest, clock_of, desk_of, here
from zhaoliang.web.bureau.views.reconciliation import KINDS, OUTCOMES, take_upload
from zhaoliang.web.components import toasts
from zhaoliang.web.tables import Column, excel, ordered, table

COLUMNS = (
    Column("number", "批次号", lambda row: row.number, "code", "number"),
    Column("fund", "资金渠道", lambda row: row.get_fund_source_display(), order="fund_source"),
    Column("lines", "笔数", lambda row: row.lines_count or None, "count", "lines_count"),
    Column("fen", "总额", lambda row: row.total_fen or None, "money", "total_fen"),
    Column("created", "编制", lambda row: row.created_at, "datetime", "created_at"),
    Column("sent", "送出", lambda row: row.sent_at, "datetime", "sent_at"),
    Column("state", "状态", lambda row: row.state, "state", "state", "payment_batch"),
)
LINE_COLUMNS = (
    Column("sequence", "行号", lambda row: row.sequence, "count", "sequence"),
    Column("payee", "户名", lambda row: _payee(row), order="payee_name"),
    Column("account", "账号", lambda row: row.account_masked, "code"),
    Column("claim", "申领", lambda row: row.claim_line.claim.title, wide=True),
    Column("purpose", "款项", lambda row: row.get_purpose_display(), order="purpose"),
    Column("fen", "金额", lambda row: row.amount_fen, "money", "amount_fen"),
    Column("state", "状态", lambda row: row.state, "state", "state", "payment_line"),
    Column("reference", "流水号", lambda row: row.bank_reference, "code", "bank_reference"),
    Column("failure", "退回原因", lambda row: row.failure, wide=True),
)


def _payee(row: PaymentLine) -> str:
    """The name on the account; a person's is masked."""
    payee = row.due.payee if row.due is not None else row.claim_line.payee
    return mask_name(row.payee_name) if payee == "person" else row.payee_name


FILE_TYPES = {
    "xlsx": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "csv": ("csv", "text/csv; charset=gb18030"),
    "pain001": ("xml", "application/xml"),
}


@page(perms.BATCH, act=services.build_batch.declaration, access=here)
@require_http_methods(["GET", "POST"])
def batch_list(request: DeskRequest, export: bool = False) -> HttpResponse:
    """The batches of the region, what waits for one and why, and the form that builds one."""
    wanted, desk = forms.PaymentFilter(PAYMENT_BATCH, request.GET), desk_of(request)
    rows = desk_selectors.payment_batches(desk, state=wanted.said("state"), fund_source=wanted.said("fund_source"))
    if export:
        return excel("拨付批次", COLUMNS, ordered(request, rows, COLUMNS))
    form = forms.BuildForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        fund = form.cleaned_data["fund_source"]
        try:
            if count_waiting(desk.city_code, desk.region_code, fund, BOOKED_AT_ONCE + 1) > BOOKED_AT_ONCE:
                start_job(request, build_many, desk.place, reverse("bureau:payments"), fund_source=fund)
                return redirect("bureau:payments")
            made = services.build_batch(**given(request), place=desk.place, **form.cleaned_data)
        except Refusal as problem:
            return refused(request, problem, reverse("bureau:payments"))
        toasts.say(request, "批次已编制，请核对后封存。")
        return redirect(batch_url(made))
    context = {
        "filters": wanted,
        "export_url": reverse("bureau:payments_export"),
        "table": table(request, rows, COLUMNS, url=batch_url, unit="个批次"),
        "waiting": _waiting(request),
        "job": job_to_show(build_many, desk.place),
        "may_build": may(request, services.build_batch, desk.access),
    }
    return render(request, "bureau/payment_list.html", context)


def _waiting(request: DeskRequest) -> list[dict[str, Any]]:
    """By fund: approved lines no batch holds yet, what can be paid now, and what keeps the rest."""
    desk = desk_of(request)
    found = []
    for fund in desk_selectors.funds_waiting(desk):
        lines = selectors.waiting_lines(desk.city_code, desk.region_code, fund, on=clock_of(request).today)
        payable = [one.owed for one in lines if not one.missing]
        held = Counter(one.missing for one in lines if one.missing)
        found.append(
            {
                "fund": fund,
                "label": FundSource(fund).label,
                "payable": len(payable),
                "payable_fen": sum(owed.amount_fen for owed in payable),
                "held": held.most_common(),
            }
        )
    return found


def batch_url(found: PaymentBatch) -> str:
    return reverse("bureau:payment_batch", args=[found.city_code, found.pk])


@page(perms.BATCH, access=subject(selectors.batch))
@require_GET
def batch_page(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A batch: where it stands, who is next, its lines, the bank's answers."""
    shown = selectors.batch_page(city, pk)
    batch = shown.batch
    wanted = forms.LineFilter(PAYMENT_LINE, request.GET)
    context = {
        "page": shown,
        "failed": [(row, _payee(row)) for row in shown.failed],
        "batch": batch,
        "filters": wanted,
        "table": table(request, shown.lines.filter(**wanted.wanted()), LINE_COLUMNS, url=_trace_url, unit="笔"),
        "payer": selectors.account_to_pay_from(batch),
        "paid_fen": shown.sums.get("paid", (0, 0))[1],
        "spine": _spine(batch),
        "sentence": _sentence(shown),
        "steps": _steps(request, batch),
        "kinds": PaymentBatch.FILE_KINDS,
        "job": job_to_show(send_many, batch) if shown.size > BOOKED_AT_ONCE else None,
        "may_send": PAYMENT_BATCH.allows(batch.state, "send") and may(request, services.send_batch, batch.access()),
        "events": timelines.events(shown.timeline, PAYMENT_BATCH),
        "cases": [(case, KINDS[case.kind]) for case in shown.cases],
        "may_import": batch.state in ("sent", "answered", "settled")
        and may(request, services.import_return, batch.access()),
        "may_download": batch.state in ("sent", "answered", "settled", "unknown")
        and perms.BANK_FILE.allows(request.actor, batch.access()),
        "may_dissolve": PAYMENT_BATCH.allows(batch.state, "dissolve")
        and may(request, services.dissolve_batch, batch.access()),
        "barred": _barred(request, batch),
        "may_leave_out": may(request, services.leave_out_barred, batch.access()),
        "may_retry": may(request, services.retry_line, batch.access()),
        "form": forms.ReturnForm(),
    }
    return render(request, "bureau/payment_batch.html", context)


def _barred(request: DeskRequest, batch: PaymentBatch) -> int:
    """How many payments of a batch that can still be held back go to organisations barred since."""
    if not PAYMENT_BATCH.allows(batch.state, "reopen"):
        return 0
    return selectors.lines_to_barred(batch, on=clock_of(request).today).count()


def _trace_url(row: PaymentLine) -> str:
    return reverse("bureau:trace", args=[row.city_code, row.claim_line_id])


def _spine(batch: PaymentBatch) -> dict[str, Any]:
    at = {"building": 0, "sealed": 1, "authorised": 2, "unknown": 2, "sent": 3, "answered": 3, "settled": 4}
    labels = ("编制封存", "财政授权", "送银行", "银行回单", "结清")
    return {"labels": labels, "now": at.get(batch.state, 0) + (batch.state == "settled")}


def _sentence(shown: selectors.BatchPage) -> str:
    batch, counts, size = shown.batch, shown.counts, shown.size
    if batch.state == "unknown":
        return "不知道银行是否收到。问清以前，本批次不会再送，也不会登记回单。"
    if batch.state in ("answered", "settled"):
        paid, failed = counts.get("paid", 0), counts.get("failed", 0)
        rest = size - paid - failed
        waiting = f"，{rest} 笔还没有回音" if rest else ""
        return f"{size:,} 笔中 {paid:,} 笔到账，{failed:,} 笔被银行退回{waiting}。"
    return {
        "building": "核对户名和金额后封存；封存后笔数和总额不再改动。",
        "sealed": "等财政部门授权。封存人不能授权。",
        "authorised": "可以送银行。文件送出后，本批次不再重送。",
        "sent": "等银行回单。",
        "dissolved": "已撤销，明细回到待拨付。",
    }[batch.state]


def _steps(request: DeskRequest, batch: PaymentBatch) -> list[tuple[str, str, str]]:
    known: list[tuple[str, Act[Any], str, str, str]] = [
        ("seal", services.seal_batch, "payment_seal", "封存笔数和总额", "btn-primary"),
        ("authorise", services.authorise_batch, "payment_authorise", "授权拨付", "btn-primary"),
        ("confirm_sent", services.confirm_sent, "payment_confirm", "银行说收到了", "btn-primary"),
        ("confirm_not_sent", services.confirm_not_sent, "payment_not_sent", "银行说没收到", "btn-outline"),
        ("lose", services.mark_unknown, "payment_unknown", "不知道银行收没收到", "btn-outline"),
    ]
    return [
        (reverse(f"bureau:{name}", args=[batch.city_code, batch.pk]), label, look)
        for event, service, name, label, look in known
        if PAYMENT_BATCH.allows(batch.state, event) and may(request, service, batch.access())
    ]


@page(perms.BATCH, access=subject(selectors.batch))
@require_GET
def batch_export(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The lines of a batch as Excel, accounts masked."""
    shown = selectors.batch_page(city, pk)
    return excel(f"拨付明细-{shown.batch.number}", LINE_COLUMNS, shown.lines)


def _step(service: Act[Any], say: str, **given_: Any) -> Any:
    return act_view(service, fetch=selectors.batch, argument="batch", say=say, back=batch_url, **given_)


seal = _step(services.seal_batch, "已封存，等财政部门授权。")
authorise = _step(services.authorise_batch, "已授权，资金管理员可以送银行。")
send = _step(
    services.send_batch,
    "已登记送银行，请下载银行文件并交给银行。",
    also=lambda request, _: {"file_kind": request.POST.get("file_kind", "xlsx")},
    job=send_many,
    large=lambda batch: batch.lines_count > BOOKED_AT_ONCE,
)
unknown = _step(services.mark_unknown, "已标为送达未知，请向银行核实。")
confirm = _step(services.confirm_sent, "已登记：银行收到了。")
not_sent = _step(services.confirm_not_sent, "已登记：银行没有收到，可以重新送出。")
leave_out = _step(services.leave_out_barred, "不得拨付的明细已撤出；请核对其余明细，重新封存。")
dissolve = _step(services.dissolve_batch, "批次已撤销，明细回到待拨付。", texts=("reason",))


@page(perms.BANK_FILE, access=subject(selectors.batch))
@require_GET
def bank_file(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The file for the bank, whole account numbers in it: recorded, never kept by the browser."""
    batch: PaymentBatch = request.subject
    if batch.sent_at is None and batch.state != "unknown":
        problem = Refusal("还不能下载银行文件。", "文件在登记送银行时定稿。", "请先完成封存、授权和送银行。")
        return refused(request, problem, batch_url(batch))
    record_look(actor=request.actor, target=batch, at=request.at, why="下载银行文件")
    suffix, content_type = FILE_TYPES[batch.file_kind]
    response = HttpResponse(selectors.file_as_sent(batch), content_type=content_type)
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(batch.number)}.{suffix}"
    response["Cache-Control"] = "no-store"
    return response


@page(services.import_return.declaration, access=subject(selectors.batch))
@require_POST
def import_return(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Take in the bank's answer and show what booking it would do."""
    batch: PaymentBatch = request.subject
    return take_upload(request, Place(batch.city_code, batch.region_code), batch, batch_url(batch))


def _line_back(line: ClaimLine) -> str:
    return reverse("bureau:trace", args=[line.city_code, line.pk])


def _due_back(due: PaymentDue) -> str:
    return reverse("bureau:trace", args=[due.city_code, due.claim_line_id])


retry_due = act_view(
    services.retry_payment_due,
    fetch=subsidies.due_of,
    argument="due",
    also=lambda request, _: {"same_account": request.POST.get("same_account") == "yes"},
    say="已列回待拨付，下一批次会带上它。",
    back=_due_back,
)
retry = act_view(
    services.retry_line,
    fetch=subsidies.claim_line,
    argument="line",
    also=lambda request, _: {"same_account": request.POST.get("same_account") == "yes"},
    say="已列回待拨付，下一批次会带上它。",
    back=_line_back,
)


@page(perms.TRACE, access=subject(subsidies.claim_line))
@require_GET
def trace(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Every place the money of a line passed, from the clause to the bank and (`?from=bank`) back."""
    line: ClaimLine = request.subject
    record_look(actor=request.actor, target=line, at=request.at, why="资金溯源")
    context = {
        "line": line,
        "view": tracing.view_of(
            selectors.cent_trace(line),
            line,
            urls=_urls(request, line),
            backwards=request.GET.get("from") == "bank",
        ),
        "may_retry": line.state == "failed" and may(request, services.retry_line, line.access()),
        "dues": [due for due in subsidies.due_payments(line) if due.state == "failed"]
        if may(request, services.retry_payment_due, line.access())
        else [],
        "may_correct": line.state in AFTER_APPROVAL and may(request, propose_correction, line.access()),
        "differences": recoveries.differences_of(line),
        "cases": [
            one for one in recoveries.cases_of_line(line) if recovery_perms.CASE.allows(request.actor, one.access())
        ],
    }
    return render(request, "bureau/trace.html", context)


def _urls(request: DeskRequest, line: ClaimLine) -> dict[str, str]:
    """Where the stops of a trace lead, as far as the visitor may go there."""
    access, city = line.access(), line.city_code
    urls: dict[str, str] = {}
    if claim_perms.CLAIM.allows(request.actor, access):
        urls[f"line:{line.pk}"] = f"{reverse('bureau:claim', args=[city, line.claim.pk])}?line={line.pk}"
    if fund_perms.BOOKS.allows(request.actor, access):
        booked = selectors.transfers_behind(line)
        urls |= {f"transfer:{one.pk}": reverse("bureau:account", args=[city, one.debit.pk]) for one in booked}
    if perms.BATCH.allows(request.actor, access):
        rows = selectors.bank_rows_behind(line)
        urls |= {f"bank:{one.pk}": reverse("bureau:bank_return", args=[city, one.bank_return_id]) for one in rows}
        attempts = selectors.payments_of(line)
        urls |= {f"payment:{one.pk}": reverse("bureau:payment_batch", args=[city, one.batch.pk]) for one in attempts}
    if line.voucher is not None and voucher_perms.BATCH.allows(request.actor, access):
        target = reverse("bureau:voucher_batch", args=[city, line.voucher.batch.pk])
        urls[f"voucher:{line.voucher.pk}"] = target
    return urls


@page(perms.TRACE, access=here)
@require_GET
def trace_search(request: DeskRequest) -> HttpResponse:
    """From a bank reference, or our own (ZL…), back to the clause."""
    form = forms.ReferenceForm(request.GET or None)
    reference = request.GET.get("reference", "").strip()
    found = desk_selectors.bank_lines_found(desk_of(request), reference) if reference else []
    known = [row for row in found if row.payment_line is not None]
    if len({row.payment_line.claim_line_id for row in known}) == 1:
        target = reverse("bureau:trace", args=[known[0].city_code, known[0].payment_line.claim_line_id])
        return redirect(f"{target}?from=bank")
    context = {
        "form": form if request.GET else forms.ReferenceForm(),
        "reference": reference,
        "found": [(row, OUTCOMES[row.outcome]) for row in found],
        "returned": [
            (case, case.shown_name)
            for case in recoveries.cases_of_reference(desk_of(request).city_code, reference)
            if recovery_perms.CASE.allows(request.actor, case.access())
        ],
        "recent": desk_selectors.recent_bank_lines(desk_of(request)),
    }
    return render(request, "bureau/trace_search.html", context)

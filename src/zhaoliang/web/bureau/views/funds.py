"""The books: accounts as bank statements, each entry open to what it is for, the trial balance and the proof."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.funds import perms, proof, selectors, services
from zhaoliang.funds.models import Account, FundSource, Transfer
from zhaoliang.kernel.days import chinese_day, day_start
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.jobs.selectors import job_to_show
from zhaoliang.recoveries.proof import CHECKS, shown_proof
from zhaoliang.recoveries.tasks import prove_books
from zhaoliang.web.access import page
from zhaoliang.web.acting import given, may, subject
from zhaoliang.web.bureau import forms, moneyforms
from zhaoliang.web.bureau import selectors as desk_selectors
from zhaoliang.web.bureau.desk import DeskRequest, desk_of, here
from zhaoliang.web.bureau.views import budgets
from zhaoliang.web.components import toasts
from zhaoliang.web.paging import part
from zhaoliang.web.tables import Column, excel, ordered, table

COLUMNS = (
    Column("name", "账户", lambda row: row.name, order="name", wide=True),
    Column("code", "编码", lambda row: row.code, "code", "code"),
    Column("kind", "种类", lambda row: row.get_kind_display(), order="kind"),
    Column("fund", "资金渠道", lambda row: row.get_fund_source_display(), order="fund_source"),
    Column("year", "年度", lambda row: str(row.year), order="year"),
    Column("fen", "余额", lambda row: row.balance_fen, "money", "balance_fen"),
)
ENTRY_COLUMNS = (
    Column("at", "时间", lambda line: line.transfer.at, "datetime"),
    Column("kind", "种类", lambda line: line.transfer.get_kind_display()),
    Column("memo", "摘要", lambda line: line.transfer.memo, wide=True),
    Column("other", "对方账户", lambda line: line.other.name, wide=True),
    Column("out", "支出", lambda line: -line.change_fen if line.change_fen < 0 else None, "money"),
    Column("in", "收入", lambda line: line.change_fen if line.change_fen > 0 else None, "money"),
    Column("balance", "余额", lambda line: line.balance_fen, "money"),
)


@page(perms.BOOKS, access=here)
@require_GET
def account_list(request: DeskRequest, export: bool = False) -> HttpResponse:
    """The accounts of the region with their balances."""
    wanted, desk = forms.AccountFilter(request.GET), desk_of(request)
    year = wanted.said("year")
    rows = desk_selectors.accounts(desk, year=int(year) if year else None, kind=wanted.said("kind"))
    if export:
        return excel("资金账户", COLUMNS, ordered(request, rows, COLUMNS))
    context = {
        "filters": wanted,
        "export_url": reverse("bureau:accounts_export"),
        "table": table(request, rows, COLUMNS, url=account_url, unit="个账户"),
        "may_open": may(request, services.open_account, desk.access),
    }
    return render(request, "bureau/account_list.html", context)


def account_url(found: Account) -> str:
    return reverse("bureau:account", args=[found.city_code, found.pk])


@page(services.open_account.declaration, access=here)
@require_http_methods(["GET", "POST"])
def account_new(request: DeskRequest) -> HttpResponse:
    """Open an account."""
    form = forms.AccountForm(request.POST or None, initial={"year": chinese_day(request.at).year})
    if request.method == "POST" and form.is_valid():
        try:
            made = services.open_account(**given(request), place=desk_of(request).place, **form.cleaned_data)
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            toasts.say(request, "账户已开立。")
            return redirect(account_url(made))
    return render(request, "bureau/account_form.html", {"form": form}, status=422 if form.errors else 200)


@page(perms.BOOKS, act=services.allocate.declaration, access=subject(desk_selectors.account))
@require_http_methods(["GET", "POST"])
def account_page(request: DeskRequest, city: int, pk: int, export: bool = False) -> HttpResponse:
    """The statement of an account, newest first; a budget account takes allocations."""
    found: Account = request.subject
    wanted = forms.PeriodFilter(request.GET)
    since, until = period_of(wanted)
    if export:
        every = selectors.entries(found, since=since, until=until)
        lines = selectors.statement_lines(found, every.iterator(chunk_size=2_000))
        return excel(f"对账单-{found.name}", ENTRY_COLUMNS, lines, count=every.count)
    rows = selectors.entries(found, since=since, until=until)
    shown = part(request, rows)
    number, total_out, total_in = selectors.turnover(found, rows)
    form = moneyforms.AllocateForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.allocate(**given(request), account=found, **form.cleaned_data)
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            toasts.say(request, "预算已下达并入账。")
            return redirect(account_url(found))
    context = {
        "found": found,
        "filters": wanted,
        "export_url": reverse("bureau:account_export", args=[city, pk]),
        "pdf_url": reverse("bureau:account_pdf", args=[city, pk])
        + (f"?{request.GET.urlencode()}" if request.GET else ""),
        "page": shown,
        "entries": [(line, subject_url(line.transfer)) for line in selectors.statement_lines(found, shown)],
        "number": number,
        "total_in": total_in,
        "total_out": total_out,
        "form": form,
        "may_allocate": found.kind == "budget" and may(request, services.allocate, found.access()),
        "moves": [
            (one, reverse(f"bureau:{name}", args=[city, pk]), service.declaration.label)
            for name, service, one in budgets.forms_of(found)
            if may(request, service, found.access())
        ],
        "on_the_way": proof.on_the_way(found.city_code, found.region_code) if found.kind == "budget" else [],
    }
    return render(request, "bureau/account.html", context, status=422 if form.errors else 200)


def period_of(wanted: forms.PeriodFilter) -> tuple[datetime | None, datetime | None]:
    """The moments a statement's period begins and ends at; None where the address does not say."""
    wanted.is_valid()
    since, until = wanted.cleaned_data.get("since"), wanted.cleaned_data.get("until")
    return (
        day_start(since) if since else None,
        day_start(until + timedelta(days=1)) if until else None,
    )


def subject_url(transfer: Transfer) -> str:
    """Where an entry of the books leads: the trace of its claim line, its voucher batch, its account."""
    city, pk = transfer.city_code, transfer.subject_id
    if transfer.subject_type.startswith("claim_line"):
        return reverse("bureau:trace", args=[city, pk])
    if transfer.subject_type.startswith("recovery_case"):
        return reverse("bureau:recovery", args=[city, pk])
    if transfer.subject_type == "voucher_batch":
        return reverse("bureau:voucher_batch", args=[city, pk])
    return reverse("bureau:account", args=[city, pk]) if transfer.subject_type == "account" else ""


@page(perms.BOOKS, access=here)
@require_GET
def books(request: DeskRequest) -> HttpResponse:
    """The trial balance of the city and the proof that every balance follows from its entries."""
    desk = desk_of(request)
    proof, check = shown_proof(desk.city_code)
    kinds, rows = balances_by_fund(desk.city_code)
    context = {
        "kinds": kinds,
        "funds": rows,
        "proof": proof,
        "checks": CHECKS.items(),
        "check": check,
        "job": job_to_show(prove_books, desk.place),
        "at": request.at,
        **budgets.closings(request),
    }
    return render(request, "bureau/books.html", context)


def balances_by_fund(city_code: int) -> tuple[list[str], list[tuple[str, list[int | None], int]]]:
    """The kinds of account in use, and by fund: its name, the balance of each kind in fen, their sum."""
    kinds = dict(Account.KINDS)
    by_fund: dict[str, dict[str, int]] = defaultdict(dict)
    for balance in selectors.trial_balance(city_code):
        by_fund[balance.fund_source][balance.kind] = balance.balance_fen
    used = [kind for kind in kinds if any(kind in row for row in by_fund.values())]
    return [kinds[kind] for kind in used], [
        (str(FundSource(fund).label), [row.get(kind) for kind in used], sum(row.values()))
        for fund, row in sorted(by_fund.items())
    ]

"""The accounts a region pays its funds from: which are in use, what waits for a second person, and all there were before."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.payments import perms, selectors, services
from zhaoliang.payments.models import PayingAccount
from zhaoliang.web.access import page
from zhaoliang.web.acting import given, may
from zhaoliang.web.bureau import forms, moneyforms
from zhaoliang.web.bureau import selectors as desk_selectors
from zhaoliang.web.bureau.desk import DeskRequest, desk_of, here
from zhaoliang.web.bureau.views.recoveries import form_view
from zhaoliang.web.components import toasts
from zhaoliang.web.tables import Column, table

COLUMNS = (
    Column("fund", "资金渠道", lambda row: row.get_fund_source_display()),
    Column("state", "状态", lambda row: row.state, "state", machine="paying_account"),
    Column("name", "户名", lambda row: row.account_name, wide=True),
    Column("bank", "开户银行", lambda row: row.bank_name, wide=True),
    Column("number", "账号", lambda row: row.account_masked, "code"),
    Column("by", "登记", lambda row: row.entered_by_name or "—"),
    Column("at", "登记日期", lambda row: chinese_day(row.at), "date"),
    Column("decided_by", "复核", lambda row: row.decided_by_name or "—"),
    Column("decided_at", "复核日期", lambda row: chinese_day(row.decided_at) if row.decided_at else None, "date"),
    Column("note", "说明", lambda row: row.note, wide=True),
)


@page(perms.BATCH, act=services.set_paying_account.declaration, access=here)
@require_http_methods(["GET", "POST"])
def account_list(request: DeskRequest) -> HttpResponse:
    """The region's paying accounts, with the form that enters one and those that decide on it."""
    desk = desk_of(request)
    form = moneyforms.PayingAccountForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.set_paying_account(**given(request), place=desk.place, **form.cleaned_data)
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            toasts.say(request, "已登记，等财政部门的同事复核后启用。")
            return redirect(list_url())
    rows = selectors.paying_accounts(desk.city_code, desk.region_code)
    context = {
        "form": form,
        "may_enter": may(request, services.set_paying_account, desk.access),
        "may_decide": may(request, services.confirm_paying_account, desk.access),
        "waiting": [
            (one, moneyforms.ConfirmAccountForm(auto_id=f"id_{one.pk}_%s")) for one in rows if one.state == "entered"
        ],
        "used": [one for one in rows if one.state == "confirmed"],
        "lacking": [FundSource(fund).label for fund in desk_selectors.funds_without_account(desk)],
        "table": table(request, rows, COLUMNS, unit="个账户"),
    }
    return render(request, "bureau/paying_accounts.html", context, status=422 if form.errors else 200)


def list_url(_: PayingAccount | None = None) -> str:
    return reverse("bureau:paying_accounts")


confirm = form_view(
    services.confirm_paying_account,
    lambda request, _: moneyforms.ConfirmAccountForm(request.POST or None),
    fetch=selectors.paying_account,
    argument="account",
    say="账户已启用，新封存的批次从这里付款。",
    back=list_url,
)
refuse = form_view(
    services.refuse_paying_account,
    lambda request, _: moneyforms.NoteForm(request.POST or None),
    fetch=selectors.paying_account,
    argument="account",
    say="已登记不采用。",
    back=list_url,
)

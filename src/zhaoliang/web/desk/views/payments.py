"""What was paid for the organisation's classes: to whom, when, and what the bank gave back."""

from __future__ import annotations

from django.db.models import Count, Sum
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.masking import mask_card
from zhaoliang.payments import services
from zhaoliang.payments.models import PaymentLine
from zhaoliang.payments.selectors import lines_for, waits_for_account
from zhaoliang.payments.states import PAYMENT_LINE
from zhaoliang.web.access import page
from zhaoliang.web.acting import given, refused
from zhaoliang.web.components import toasts
from zhaoliang.web.desk import perms
from zhaoliang.web.desk.desk import DeskRequest, here, own
from zhaoliang.web.desk.forms import StateFilter
from zhaoliang.web.tables import Column, table

COLUMNS = (
    Column("class", "班级", lambda row: row.claim_line.claim.title, order="claim_line__claim", wide=True),
    Column("trainee", "学员", lambda row: row.claim_line.person.name, order="claim_line__person__pinyin_key"),
    Column("fen", "金额", lambda row: row.amount_fen, "money", "amount_fen"),
    Column("purpose", "款项", lambda row: row.get_purpose_display(), order="purpose"),
    Column("payee", "户名", lambda row: row.payee_name, order="payee_name"),
    Column("account", "账号", lambda row: row.account_masked, "code"),
    Column("state", "状态", lambda row: row.state, "state", "state", "payment_line"),
    Column("sent", "送银行", lambda row: row.batch.sent_at, "datetime", "batch__sent_at"),
    Column("settled", "到账", lambda row: row.settled_at, "datetime", "settled_at"),
    Column("failure", "退回原因", lambda row: row.failure, wide=True),
)


@page(perms.PAYMENTS, access=here)
@require_GET
def payment_list(request: DeskRequest) -> HttpResponse:
    """Every payment of the organisation's claims, latest first; `?claim=` narrows it to one claim."""
    wanted = StateFilter(PAYMENT_LINE, request.GET)
    every = lines_for(own(request))
    claim = request.GET.get("claim", "")
    if claim.isdecimal():
        every = every.filter(claim_line__claim_id=int(claim))
    sums = {
        row["state"]: (row["number"], row["fen"])
        for row in every.order_by().values("state").annotate(number=Count("id"), fen=Sum("amount_fen"))
    }
    context = {
        "filters": wanted,
        "sums": [(state, *sums[state]) for state in PAYMENT_LINE.states if state in sums],
        "came_back": every.filter(waits_for_account()).count(),
        "account": mask_card(own(request).account_number or ""),
        "may_correct": services.correct_organisation_account.declaration.allows(request.actor, own(request).access()),
        "table": table(request, every.filter(**wanted.wanted()), COLUMNS, url=_url, unit="笔"),
    }
    return render(request, "desk/payment_list.html", context)


@page(services.correct_organisation_account.declaration, access=here)
@require_POST
def correct(request: DeskRequest) -> HttpResponse:
    """Put the organisation's account right; everything that came back is paid again by the next batch."""
    back = reverse("provider:payments")
    try:
        services.correct_organisation_account(
            **given(request), organisation=own(request), account_number=request.POST.get("account_number", "").strip()
        )
    except Refusal as problem:
        return refused(request, problem, back)
    toasts.say(request, "账号已更正，退回的补贴会列入下一批次。")
    return redirect(back)


def _url(row: PaymentLine) -> str:
    return reverse("provider:claim", args=[row.city_code, row.claim_line.claim_id]) + f"#line-{row.claim_line_id}"

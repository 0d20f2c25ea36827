"""Cost sharing of a class: its shares, what each trainee's stands at, receipts, refunds."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from zhaoliang.classes import selectors as classes
from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.sharing import perms, selectors, services
from zhaoliang.sharing.models import ShareReceipt
from zhaoliang.subsidies.services import refund_share
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, refused, subject
from zhaoliang.web.components import toasts
from zhaoliang.web.desk.desk import DeskRequest
from zhaoliang.web.desk.shareforms import ReceiptForm, RefundForm, SharesForm
from zhaoliang.web.desk.views.classes import spread
from zhaoliang.web.shares import shares_shown


def shares_url(row: TrainingClass) -> str:
    return reverse("provider:shares", args=[row.city_code, row.pk])


def _receipt_url(receipt: ShareReceipt) -> str:
    return f"{shares_url(receipt.training_class)}#receipts"


@page(perms.SHARES, act=services.set_shares.declaration, access=subject(classes.training_class))
@require_http_methods(["GET", "POST"])
def shares(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Who pays what, who has paid, what is to be given back; a POST lays the shares down."""
    found: TrainingClass = request.subject
    form = SharesForm(request.POST or None, fee_fen=found.project.fee_fen)
    problem: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            services.set_shares(**given(request), training_class=found, **form.cleaned_data)
        except Refusal as refusal:
            problem = spread(form, refusal)
        else:
            toasts.say(request, "费用分担已确定，学员在手机上能看到自己要付多少。")
            return redirect(shares_url(found))
    return _shown(request, found, form=form, problem=problem)


@page(services.enter_receipt.declaration, access=subject(classes.training_class))
@require_http_methods(["POST"])
def enter(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Enter a receipt; what is wrong with it is said at its field."""
    found: TrainingClass = request.subject
    form = ReceiptForm(request.POST, roster=classes.roster(found))
    problem: Refusal | None = None
    if form.is_valid():
        try:
            made = services.enter_receipt(**given(request), training_class=found, **form.chosen())
        except Refusal as refusal:
            problem = spread(form, refusal)
        else:
            toasts.say(request, f"收据 {made.number} 已登记。")
            return redirect(f"{shares_url(found)}#receipts")
    return _shown(request, found, receipt=form, problem=problem)


def _shown(
    request: DeskRequest,
    found: TrainingClass,
    *,
    form: SharesForm | None = None,
    receipt: ReceiptForm | None = None,
    problem: Refusal | None = None,
) -> HttpResponse:
    roster = classes.roster(found)
    shown = shares_shown(found, roster)
    access = found.access()
    may_set = found.state in services.OPEN and not shown.receipts and may(request, services.set_shares, access)
    may_enter = shown.shares is not None and bool(roster) and may(request, services.enter_receipt, access)
    context: dict[str, Any] = {
        "found": found,
        "shown": shown,
        "citation": lawbook().citation(services.CLAUSE),
        "form": (form or SharesForm(None, fee_fen=found.project.fee_fen)) if may_set else None,
        "receipt_form": (receipt or ReceiptForm(None, roster=roster)) if may_enter else None,
        "may_refund": may(request, refund_share, access),
        "may_void": may(request, services.propose_voiding, access),
        "refusal": problem,
    }
    return render(request, "desk/shares.html", context, status=problem.status if problem else 200)


@page(refund_share.declaration, access=subject(classes.enrolment))
@require_http_methods(["POST"])
def refund(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Enter what was given back to a trainee or the enterprise."""
    found: Enrolment = request.subject
    form = RefundForm(request.POST)
    try:
        if not form.is_valid():
            raise BadInput("没有登记退费。", "有内容没有填对。", "请填写金额、日期和退费凭证号。")
        refund_share(**given(request), enrolment=found, **form.cleaned_data)
    except Refusal as problem:
        return refused(request, problem, shares_url(found.training_class))
    toasts.say(request, "退费已登记，学员会收到消息。")
    return redirect(shares_url(found.training_class))


void = act_view(
    services.propose_voiding,
    fetch=selectors.receipt,
    argument="receipt",
    texts=("reason",),
    say="已提请作废，由人社部门核对。",
    back=_receipt_url,
)

"""Changes of a batch and the end of single vouchers: asked for by one officer, decided by another; one voucher's file."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhaoliang.kernel.audit import record_look
from zhaoliang.kernel.errors import NotFound, Refusal
from zhaoliang.registry.selectors import masked
from zhaoliang.vouchers import selectors, services
from zhaoliang.vouchers.models import BatchChange, Voucher, VoucherBatch
from zhaoliang.vouchers.states import VOUCHER
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, subject
from zhaoliang.web.bureau import forms, timelines, voucherforms
from zhaoliang.web.bureau import perms as desk_perms
from zhaoliang.web.bureau import selectors as desk_selectors
from zhaoliang.web.bureau.desk import DeskRequest, desk_of, here
from zhaoliang.web.components import toasts
from zhaoliang.web.paging import part

FORMS: dict[str, type[forms.PlainForm]] = {
    "top_up": voucherforms.QuantityForm,
    "shrink": voucherforms.QuantityForm,
    "extend": voucherforms.ExtendForm,
    "void": voucherforms.ReasonForm,
}


def batch_url(found: VoucherBatch) -> str:
    return reverse("bureau:voucher_batch", args=[found.city_code, found.pk])


def voucher_url(found: Voucher) -> str:
    return reverse("bureau:holding", args=[found.city_code, found.pk])


def change_url(found: BatchChange) -> str:
    return voucher_url(found.voucher) if found.voucher else batch_url(found.batch)


def change_forms(request: DeskRequest, found: VoucherBatch) -> list[tuple[str, str, forms.PlainForm]]:
    """The forms of the changes that may be asked for now: kind, word, form."""
    if found.state not in ("open", "suspended", "closed") or not may(request, services.propose_change, found.access()):
        return []
    kinds = dict(BatchChange.KINDS)
    wanted = ["shrink", "extend"] if found.state == "closed" else ["top_up", "shrink", "extend"]
    return [(kind, kinds[kind], FORMS[kind](prefix=kind)) for kind in wanted]


@page(services.propose_change.declaration, access=subject(desk_selectors.voucher_batch))
@require_http_methods(["GET", "POST"])
def change(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Ask for a change of the batch; wrong fields come back on a page of their own."""
    found: VoucherBatch = request.subject
    kind = request.POST.get("kind", request.GET.get("kind", "top_up"))
    kind = kind if kind in ("top_up", "shrink", "extend") else "top_up"
    form = FORMS[kind](request.POST or None, prefix=kind)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        wish = services.Wish(
            kind,
            said["reason"],
            quantity=said.get("quantity"),
            claim_until=_end_of(said.get("claim_until")),
            use_until=_end_of(said.get("use_until")),
        )
        if done := _proposed(request, found, wish, form):
            return done
    return _form_page(request, form, dict(BatchChange.KINDS)[kind], batch_url(found), kind)


@page(services.propose_change.declaration, access=subject(selectors.voucher))
@require_http_methods(["GET", "POST"])
def void(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Ask for one voucher to be void."""
    found: Voucher = request.subject
    form = voucherforms.ReasonForm(request.POST or None, prefix="void")
    if request.method == "POST" and form.is_valid():
        wish = services.Wish("void", form.cleaned_data["reason"], voucher=found)
        if done := _proposed(request, found.batch, wish, form):
            return done
    return _form_page(request, form, "作废这张券", voucher_url(found), "void")


def _end_of(day: date | None) -> datetime | None:
    return datetime.combine(day, time.max, forms.CHINA) if day else None


def _proposed(
    request: DeskRequest, batch: VoucherBatch, wish: services.Wish, form: forms.PlainForm
) -> HttpResponse | None:
    try:
        made = services.propose_change(**given(request), batch=batch, wish=wish)
    except Refusal as problem:
        forms.refuse(form, problem)
        return None
    toasts.say(request, "已提出，等另一位同事批准。批准后立即生效。")
    return redirect(change_url(made))


def _form_page(request: DeskRequest, form: forms.PlainForm, title: str, back: str, kind: str) -> HttpResponse:
    context = {"form": form, "title": title, "back": back, "action": "提出，由另一位同事批准", "hidden": {"kind": kind}}
    return render(request, "bureau/voucher_change.html", context, status=422 if form.errors else 200)


approve = act_view(
    services.approve_change,
    fetch=selectors.batch_change,
    argument="change",
    say="已批准，立即生效。",
    back=lambda change: batch_url(change.batch),
)
refuse = act_view(
    services.refuse_change,
    fetch=selectors.batch_change,
    argument="change",
    say="没有调整，一切照旧。",
    back=lambda change: batch_url(change.batch),
)


@page(desk_perms.HOLDERS, access=subject(selectors.voucher))
@require_GET
def holding(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """One voucher: its holder masked, its life, who verified it, and ending it; the look is recorded."""
    found: Voucher = request.subject
    record_look(actor=request.actor, target=found, at=request.at, why="查看培训券")
    voidable = VOUCHER.allows(found.state, "void") and found.state != "in_claim"
    context = {
        "found": found,
        "holder": masked(found.person),
        "checks": part(request, selectors.checks_of(found)),
        "changes": change_rows(request, selectors.changes_of(found.batch, found)),
        "events": timelines.events(desk_selectors.changes_of("voucher", city, pk), VOUCHER),
        "may_void": voidable and may(request, services.propose_change, found.access()),
    }
    return render(request, "bureau/holding.html", context)


def change_rows(request: DeskRequest, found: list[BatchChange]) -> list[tuple[BatchChange, bool, bool]]:
    """Each change with whether this officer may approve it and may refuse it."""
    return [
        (
            one,
            one.state == "proposed"
            and one.proposed_by_user != request.actor.user_id
            and may(request, services.approve_change, one.access()),
            one.state == "proposed" and may(request, services.refuse_change, one.access()),
        )
        for one in found
    ]


@page(desk_perms.HOLDERS, access=here)
@require_POST
def by_code(request: DeskRequest) -> HttpResponse:
    """From a typed code to its voucher's file. The code travels in the body, not in the address. Raises NotFound."""
    found = selectors.voucher_by_code(request.POST.get("code", "").strip()[:60])
    if found is None or not desk_perms.HOLDERS.allows(request.actor, found.access()):
        raise NotFound("没有找到这张券。", "券码不对，或不是本地区发放的。", "请核对 19 位券码。")
    return redirect("bureau:holding", city=desk_of(request).city_code, pk=found.pk)


def context_of(request: DeskRequest, found: VoucherBatch) -> dict[str, Any]:
    """What the batch's page shows of changes."""
    return {
        "change_forms": change_forms(request, found),
        "changes": change_rows(request, selectors.changes_of(found)),
    }

"""Vouchers at the desk: the verification of one, and the log of all this organisation verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhaoliang.classes import selectors as classes
from zhaoliang.classes.services import BEFORE, use_at_counter
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.roles import Place
from zhaoliang.registry.models import Organisation
from zhaoliang.registry.selectors import user_names
from zhaoliang.vouchers import services as vouchers
from zhaoliang.vouchers.models import Voucher, VoucherCheck
from zhaoliang.vouchers.qr import is_qr
from zhaoliang.vouchers.selectors import checks_by, concerns, covers
from zhaoliang.web.access import page
from zhaoliang.web.components import formats, toasts
from zhaoliang.web.desk import forms, perms
from zhaoliang.web.desk.desk import DeskRequest, here, own
from zhaoliang.web.paging import part
from zhaoliang.web.verified import ANSWERS


@dataclass(frozen=True)
class Entry:
    """A verification as its organisation may see it: of other organisations' vouchers neither code nor holder."""

    check: VoucherCheck
    word: str
    tone: str
    who: str
    own: bool


@page(perms.PROVIDER, act=vouchers.verify_voucher.declaration, access=here)
@require_http_methods(["GET", "POST"])
def verify(request: DeskRequest) -> HttpResponse:
    """Type or scan a voucher: is it genuine, and what is it good for."""
    form = forms.VerifyForm(request.POST or None)
    answer = problem = None
    organisation = own(request)
    if request.method == "POST" and form.is_valid():
        code = form.cleaned_data["code"].strip()
        place = Place(organisation.city_code, organisation.region_id, organisation.pk)
        try:
            answer = vouchers.verify_voucher(
                actor=request.actor,
                at=request.at,
                place=place,
                code=code,
                organisation=organisation,
                method="scanned" if is_qr(code) else "typed",
            )
        except Refusal as found:
            problem = found
        form = forms.VerifyForm()
    use_form = None
    if answer is not None and answer.answer == "good" and answer.voucher is not None:
        use_form = _use_form(request, answer.voucher, initial={"code": answer.voucher.code})
    return _verify_page(request, form=form, answer=answer, refusal=problem, use_form=use_form)


def _verify_page(request: DeskRequest, *, refusal: Refusal | None, **context: Any) -> HttpResponse:
    organisation = own(request)
    latest = _entries(list(checks_by(organisation)[:5]), organisation)
    context |= {"refusal": refusal, "entries": latest}
    return render(request, "desk/verify.html", context, status=refusal.status if refusal else 200)


def _use_form(request: DeskRequest, voucher: Voucher, **given: Any) -> forms.UseForm | None:
    """The classes before their start that a voucher can be used for here; None without any."""
    ahead = classes.classes_of(own(request)).filter(state__in=BEFORE, starts_on__gt=chinese_day(request.at))
    fitting = [
        (one.pk, f"{one.name}（{formats.cn_date(one.starts_on)}开班）")
        for one in ahead.select_related("project")
        if covers(voucher.batch, one.project)
    ]
    return forms.UseForm(fitting, **given) if fitting else None


@page(perms.PROVIDER, act=vouchers.use_by_code.declaration, access=here)
@require_POST
def use(request: DeskRequest) -> HttpResponse:
    """Use the voucher that was just verified for one of the organisation's classes."""
    organisation = own(request)
    place = Place(organisation.city_code, organisation.region_id, organisation.pk)
    class_id = request.POST.get("class_id", "")
    try:
        if not (class_id.isascii() and class_id.isdigit() and len(class_id) <= 18):
            raise BadInput("没有使用。", "还没有选班级。", "请重新查验这张券，再选班级。")
        used = use_at_counter(
            actor=request.actor,
            at=request.at,
            place=place,
            code=request.POST.get("code", "").strip()[:40],
            class_id=int(class_id),
            method="typed",
            key=request.POST.get("key"),
        )
    except Refusal as problem:
        return _verify_page(request, form=forms.VerifyForm(), refusal=problem)
    found = classes.training_class(organisation.city_code, int(class_id))
    toasts.say(request, f"券已用在“{found.name if found else ''}”。开班前把学员移出名册，或本人撤销，券会恢复可用。")
    return redirect("provider:class", city=used.city_code, pk=int(class_id))


@page(perms.PROVIDER, access=here)
@require_GET
def log(request: DeskRequest) -> HttpResponse:
    """Every verification of the organisation, newest first: when, who, which voucher, what was answered."""
    organisation = own(request)
    shown = part(request, checks_by(organisation))
    context = {"page": shown, "entries": _entries(list(shown), organisation)}
    return render(request, "desk/verify_log.html", context)


def _entries(checks: list[VoucherCheck], organisation: Organisation) -> list[Entry]:
    names = user_names({one.actor_user_id for one in checks if one.actor_user_id is not None})
    return [
        Entry(
            one,
            *ANSWERS.get(one.answer, (one.answer, "")),
            who=names.get(one.actor_user_id or 0, ""),
            own=one.voucher is not None and concerns(one.voucher, organisation),
        )
        for one in checks
    ]

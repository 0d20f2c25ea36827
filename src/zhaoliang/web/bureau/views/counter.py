"""窗口领券: an officer claims for somebody without a phone, on the person's word or signature, and prints the voucher."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhaoliang.certificates import throttle
from zhaoliang.kernel.audit import record_look
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput, NotFound, Refusal
from zhaoliang.kernel.roles import Access
from zhaoliang.registry import selectors as registry
from zhaoliang.registry import services as registry_services
from zhaoliang.registry.models import Person
from zhaoliang.vouchers import selectors, services
from zhaoliang.vouchers.models import Voucher
from zhaoliang.vouchers.refusals import TRIES, too_many_ends
from zhaoliang.web.access import page
from zhaoliang.web.acting import SubjectRequest, given, refused, subject
from zhaoliang.web.bureau import forms, paper, voucherforms
from zhaoliang.web.bureau.desk import DeskRequest, desk_of, here
from zhaoliang.web.components import toasts
from zhaoliang.web.components.forms import offer
from zhaoliang.web.portal import reading
from zhaoliang.web.worker import chances

SHOWN = 60
# A voucher that still works on paper.
PRINTABLE = ("claimed", "used", "verified")


@page(services.claim_at_counter.declaration, access=here)
@require_http_methods(["GET", "POST"])
def counter(request: DeskRequest) -> HttpResponse:
    """Find who stands at the counter by the exact number, or file who is not on file yet. The number is in no address."""
    form = voucherforms.CounterForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("bureau:counter_person", *_filed(request, form.cleaned_data))
        except Refusal as problem:
            forms.refuse(form, problem)
    return render(request, "bureau/counter.html", {"form": form}, status=422 if form.errors else 200)


def _filed(request: DeskRequest, said: dict[str, Any]) -> tuple[int, int]:
    desk = desk_of(request)
    found = registry.find_person(
        city_code=desk.city_code, document_type=said["document_type"], document_number=said["document_number"]
    )
    if found is not None and found.name != registry_services.clean_name(said["name"]):
        raise NotFound("没有找到这个人。", "证件号码登记的是另一个姓名。", "请核对证件上的姓名和号码。")
    if found is None:
        found = registry_services.register_person(
            **given(request), place=desk.place, region_code=desk.region_code, **said
        )
    return found.city_code, found.pk


@page(services.claim_at_counter.declaration, access=subject(registry.person))
@require_http_methods(["GET", "POST"])
def person(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """What the person can claim and why not; the claim on the person's word. The look is recorded."""
    found: Person = request.subject
    batches = {one.pk: one for one in selectors.open_batches(city, city, request.at)}
    form = voucherforms.CounterClaimForm([(one.pk, one.name) for one in batches.values()], request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.claim_at_counter(
                **given(request),
                person=found,
                batch=batches[form.cleaned_data["batch"]],
                declared=form.cleaned_data["declared"],
            )
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            toasts.say(request, "券已领好。请打印纸质券交给本人。")
            return redirect("bureau:counter_voucher", made.city_code, made.pk)
    if request.method == "GET":
        record_look(actor=request.actor, target=found, at=request.at, why="窗口代领培训券")
    cards = reading.cards(city, reading.projects(city, city, request.at, with_voucher=True)[:SHOWN], request.at)
    tried = chances.chances(found, cards, chinese_day(request.at))
    open_to_him = [(one.batch.pk, one.batch.name) for one in tried if one.kind in ("can", "after") and one.open.left]
    offer(form, "batch", open_to_him)
    context = {
        "found": found,
        "masked": registry.masked(found),
        "chances": tried,
        "form": form if open_to_him or form.errors else None,
    }
    return render(request, "bureau/counter_person.html", context, status=422 if form.errors else 200)


def _holder(request: SubjectRequest, city: int, pk: int) -> Access:
    """The counter serves people of its region, whoever gives the voucher out: a district's window prints the city's vouchers.

    Raises NotFound.
    """
    subject(selectors.voucher)(request, city, pk)
    access: Access = request.subject.person.access()
    return access


@page(services.claim_at_counter.declaration, access=_holder)
@require_GET
def voucher(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The voucher just claimed, to be printed; an unused one can be given back, or exchanged where its paper was lost."""
    return _voucher_page(request, voucherforms.CounterReturnForm())


def _voucher_page(request: DeskRequest, form: voucherforms.CounterReturnForm) -> HttpResponse:
    found: Voucher = request.subject
    record_look(actor=request.actor, target=found, at=request.at, why="窗口查看培训券")
    context = {
        "found": found,
        "masked": registry.masked(found.person),
        "pdf": _pdf_url(found) if found.state in PRINTABLE else "",
        "form": form if found.state == "claimed" else None,
    }
    return render(request, "bureau/counter_voucher.html", context, status=422 if form.errors else 200)


@page(services.return_at_counter.declaration, access=_holder)
@require_POST
def give_back(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Give the voucher back for its holder, and lead to what he can claim now."""
    found: Voucher = request.subject
    form = voucherforms.CounterReturnForm(request.POST)
    if not form.is_valid():
        return _voucher_page(request, form)
    try:
        # Counted here, outside the act: its refusal would take the count back.
        if not throttle.has_room(client=f"counter {request.actor.user_id}", at=request.at, most=TRIES):
            raise too_many_ends()
        services.return_at_counter(**given(request), person=found.person, voucher=found, **form.cleaned_data)
    except BadInput as problem:
        forms.refuse(form, problem)
        return _voucher_page(request, form)
    except Refusal as problem:
        return refused(request, problem, reverse("bureau:counter_voucher", args=[city, pk]))
    toasts.say(request, "已退回，旧券码失效，名额已放出。本人要换领的，请在下面重新领取。")
    return redirect("bureau:counter_person", found.person.city_code, found.person.pk)


def _pdf_url(found: Voucher) -> str:
    return reverse("bureau:counter_paper", args=[found.city_code, found.pk])


@never_cache
@page(services.claim_at_counter.declaration, access=_holder)
@require_GET
def print_paper(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The voucher as a page to print; the look is recorded. Raises NotFound for one that can't be used any more."""
    found: Voucher = request.subject
    if found.state not in PRINTABLE:
        raise NotFound("没有打印。", "这张券已经终止，或已进入补贴申领。", "请看这张券的状态。")
    record_look(actor=request.actor, target=found, at=request.at, why="打印纸质培训券")
    response = HttpResponse(paper.render(found), content_type="application/pdf")
    response["Content-Disposition"] = 'inline; filename="voucher.pdf"'
    return response

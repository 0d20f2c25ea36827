"""找培训: what I can claim, and claiming it."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from zhaoliang.classes.known import known_people
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.vouchers import perms as vouchers_perms
from zhaoliang.vouchers import selectors as vouchers
from zhaoliang.vouchers import services
from zhaoliang.vouchers.models import VoucherBatch
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.components import toasts
from zhaoliang.web.identity.stepup import confirm_first, recently_verified
from zhaoliang.web.portal import reading
from zhaoliang.web.worker import chances, perms
from zhaoliang.web.worker.forms import ClaimForm
from zhaoliang.web.worker.me import me, own
from zhaoliang.web.worker.progress import LIVE

# 本人领取: the identity service must have seen the person this recently when a voucher is claimed.
SEEN_MINUTES = 30
SHOWN = 60
CLASSES_SHOWN = 20
AHEAD_SHOWN = 20


@page(perms.FIND, access=own)
def find(request: ActorRequest) -> HttpResponse:
    """Everything one can claim in the city, in groups: can, can after something is cleared, all gone, not yet and from when,
    cannot and why."""
    person = me(request)
    text = request.GET.get("q", "").strip()[:60]
    found = reading.projects(person.city_code, person.city_code, request.at, text=text, with_voucher=True)
    cards = reading.cards(person.city_code, found[:SHOWN], request.at)
    tried = chances.chances(person, cards, chinese_day(request.at))
    context = {
        "tab": "find",
        "person": person,
        "q": text,
        "can": [one for one in tried if one.kind == "can" and one.open.left],
        "after": [one for one in tried if one.kind == "after" and one.open.left],
        "full": [one for one in tried if one.kind in ("can", "after") and not one.open.left],
        "cannot": [one for one in tried if one.kind == "cannot"],
        "have": [one for one in tried if one.kind == "have"],
        "ahead": _ahead(person.city_code, text, request.at),
    }
    return render(request, "worker/find.html", context)


def _ahead(city_code: int, text: str, at: datetime) -> list[VoucherBatch]:
    """The batches that begin to give vouchers later, the next one first; by their name and what they are good for."""
    found = vouchers.open_batches(city_code, city_code, at, ahead=True)
    return [one for one in found if text in one.name or text in one.scope_text][:AHEAD_SHOWN]


@page(vouchers_perms.OPEN, act=services.claim_voucher.declaration, access=own)
def batch(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """One batch: what for, how much, whether I may, from when, and the claim itself. Raises NotFound."""
    if request.actor.is_anonymous:
        return redirect(f"{reverse('sign_in')}?next={request.path}")
    person = me(request)
    found = vouchers.offered_batch(city, pk, request.at)
    usable = list(vouchers.usable_projects(found)[:SHOWN]) if found else []
    if found is None or not usable:
        held = next((one for one in vouchers.vouchers_of(person) if (one.city_code, one.batch_id) == (city, pk)), None)
        if held is not None and held.state in LIVE:
            return redirect("worker:voucher", city=held.city_code, pk=held.pk)
        raise reading.not_now(vouchers.batch(city, pk), request.at)
    form = ClaimForm(request.POST or None)
    refused: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        if not recently_verified(request, SEEN_MINUTES):
            return confirm_first(request, back_to=request.path)
        try:
            voucher = services.claim_voucher(
                actor=request.actor,
                at=request.at,
                person=person,
                batch=found,
                declared=form.cleaned_data["declared"],
                key=request.POST.get("key"),
            )
        except Refusal as caught:
            refused = caught
        else:
            toasts.say(request, "领到了。下一步：带上券码去报名。")
            return redirect("worker:voucher", city=voucher.city_code, pk=voucher.pk)
    on = chinese_day(request.at)
    known = known_people(city_code=city, person_ids=[person.pk], start=on, end=on, training_class=None)[person.pk]
    held = next(
        (one for one in vouchers.vouchers_of(person) if one.batch_id == pk and one.state != chances.GIVEN_BACK), None
    )
    opened = reading.OpenBatch(found, found.left)
    coming = reading.open_classes(city, [one.pk for one in usable], on)
    found_best = chances.best([chances.chance(person, one, opened, known, held, on) for one in usable])
    may_claim = found_best.kind in ("can", "after")
    context = {
        "tab": "find",
        "form": form,
        "refused": refused,
        "chance": found_best,
        "early": found.phase(request.at) == "early",
        "wished": found.phase(request.at) == "early" and vouchers.opening_wished(person, found),
        "besides": services.declared_besides(found, person, request.at) if may_claim else "",
        "usable": usable,
        "classes": sorted(
            (one for found in coming.values() for one in found), key=lambda one: one.training_class.starts_on
        )[:CLASSES_SHOWN],
    }
    return render(request, "worker/batch.html", context, status=refused.status if refused else 200)


@require_POST
@page(vouchers_perms.OPEN, act=services.wish_opening.declaration, access=own)
def remind(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """Be told before the batch opens. Raises NotFound, WrongState."""
    found = vouchers.offered_batch(city, pk, request.at)
    if found is None:
        raise reading.not_now(vouchers.batch(city, pk), request.at)
    services.wish_opening(
        actor=request.actor, at=request.at, person=me(request), batch=found, key=request.POST.get("key")
    )
    toasts.say(request, "开始前会发消息给您，在“我的—消息”里看。")
    return redirect("worker:batch", city=city, pk=pk)

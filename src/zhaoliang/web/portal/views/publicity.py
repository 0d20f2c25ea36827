"""Publicity (公示): what is about to be paid, with names partly hidden, and the way to object."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from zhaoliang.certificates import throttle
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import NotFound, Refusal
from zhaoliang.kernel.roles import system_actor
from zhaoliang.subsidies import perms as subsidies_perms
from zhaoliang.subsidies import selectors, services
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.components import toasts
from zhaoliang.web.paging import part
from zhaoliang.web.portal.forms import ObjectionForm
from zhaoliang.web.portal.places import here

CLAIMS_SHOWN = 10


@page(subsidies_perms.PUBLICITY)
def publicity(request: ActorRequest) -> HttpResponse:
    """What is published in the city today."""
    place = here(request)
    today = chinese_day(request.at)
    shown = part(request, selectors.in_publicity(place.city_code, today), CLAIMS_SHOWN)
    published = [
        (claim, (claim.publicity_until - today).days) for claim in selectors.publicity_list(place.city_code, shown)
    ]
    context = {"here": place, "section": "publicity", "published": published, "page": shown}
    return render(request, "portal/publicity.html", context)


@page(subsidies_perms.PUBLICITY)
def objection(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """Object to a published claim, signed in or not. Raises NotFound when it is not published now."""
    today = chinese_day(request.at)
    start = request.GET.get("from", "")
    begin = int(start) if start.isdigit() and len(start) < 19 else 0
    asked = list(selectors.in_publicity(city, today).filter(pk=pk))
    published = next(iter(selectors.publicity_list(city, asked, start=begin)), None)
    if published is None:
        raise NotFound(what="这份公示已经结束。", why="公示期满后不再展示。", next_step="仍有异议可拨打 12333 反映。")
    form = ObjectionForm(request.POST or None)
    refused: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        throttle.admit(client=f"objection {request.META.get('REMOTE_ADDR', '')}", at=request.at)
        actor = system_actor("公众") if request.actor.is_anonymous else request.actor
        try:
            services.raise_objection(
                actor=actor, at=request.at, claim=published.claim, key=request.POST.get("key"), **form.cleaned_data
            )
        except Refusal as caught:
            refused = caught
            for name, message in caught.fields.items():
                form.add_error(name if name in form.fields else None, message)
        else:
            toasts.say(request, "异议已提交。核实期间这份申领不会审批。")
            return redirect(f"{reverse('portal:publicity')}?region={city}")
    context = {"section": "publicity", "published": published, "form": form, "refused": refused}
    return render(request, "portal/objection.html", context, status=refused.status if refused else 200)

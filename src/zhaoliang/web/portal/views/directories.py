"""The two directories: training providers and evaluation organisations."""

from __future__ import annotations

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render

from zhaoliang.kernel.roles import region_codes
from zhaoliang.registry import selectors
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.paging import part
from zhaoliang.web.portal import perms
from zhaoliang.web.portal.forms import TextFilter
from zhaoliang.web.portal.places import here


@page(perms.DIRECTORY)
def organisations(request: ActorRequest) -> HttpResponse:
    """Providers, or with `?kind=evaluators` evaluation organisations, of the region."""
    place = here(request)
    providers = request.GET.get("kind") != "evaluators"
    form = TextFilter({"q": request.GET.get("q", ""), "region": str(place.region_code)}, regions=place.choices)
    form.is_valid()
    found = selectors.directory(place.city_code, providers=providers).filter(
        region__code__range=region_codes(place.region_code)
    )
    if text := form.cleaned_data.get("q", "").strip():
        found = found.filter(Q(name__icontains=text) | Q(short_name__icontains=text))
    context = {
        "here": place,
        "section": "organisations",
        "form": form,
        "providers": providers,
        "page": part(request, found),
    }
    return render(request, "portal/organisations.html", context)

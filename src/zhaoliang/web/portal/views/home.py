"""The front page and what the site says of itself."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from zhaoliang.registry import selectors
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.portal import perms, reading
from zhaoliang.web.portal.places import here


@page(perms.HOME)
def home(request: ActorRequest) -> HttpResponse:
    """Search first, then what one can do here, three figures, and the way in for each of the three sides."""
    place = here(request)
    at = request.at
    found = reading.projects(place.city_code, place.region_code, at)
    context = {
        "here": place,
        "figures": reading.figures(
            place.city_code, place.region_code, selectors.directory(place.city_code).count(), at
        ),
        "cards": reading.cards(place.city_code, found[:6], at),
    }
    return render(request, "portal/home.html", context)


@page(perms.HOME)
def about(request: ActorRequest) -> HttpResponse:
    """What the action is, how a subsidy goes from voucher to card, and whom to ask."""
    return render(request, "portal/about.html", {"section": "about"})

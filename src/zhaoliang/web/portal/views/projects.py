"""Projects: the list with its filters, one project with what it costs whom, and the guidance catalogue behind it."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from zhaoliang.catalogue import perms as catalogue_perms
from zhaoliang.catalogue import selectors as catalogue
from zhaoliang.evaluation.selectors import opinions_on_project
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import NotFound
from zhaoliang.registry import selectors as registry
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.paging import part
from zhaoliang.web.portal import reading
from zhaoliang.web.portal.forms import ProjectFilter, TextFilter
from zhaoliang.web.portal.places import here
from zhaoliang.web.portal.standards import standard_of

PER_PAGE = 24


@page(catalogue_perms.PROJECTS)
def projects(request: ActorRequest) -> HttpResponse:
    """The project list; every filter is in the address."""
    place = here(request)
    data = request.GET.copy()
    data.setdefault("region", str(place.region_code))
    form = ProjectFilter(data, regions=place.choices)
    form.is_valid()
    wanted = form.cleaned_data
    found = reading.projects(
        place.city_code,
        place.region_code,
        request.at,
        text=wanted.get("q", ""),
        level=int(wanted["level"]) if wanted.get("level") else None,
        with_voucher=wanted.get("voucher", False),
        with_places=wanted.get("places", False),
    )
    shown = part(request, found, PER_PAGE)
    context = {
        "here": place,
        "section": "projects",
        "form": form,
        "page": shown,
        "cards": reading.cards(place.city_code, shown, request.at),
    }
    return render(request, "portal/projects.html", context)


@page(catalogue_perms.PROJECTS)
def project(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """One project: what, where, when, what it costs, and who gets how much by which clause. Raises NotFound."""
    found = catalogue.project(city, pk)
    if found is None or found.state != "listed":
        raise NotFound(
            what="没有这个培训项目。", why="它可能已经结束，或还没有列入项目库。", next_step="请从项目列表里选择。"
        )
    [card] = reading.cards(city, [found], request.at)
    context = {
        "section": "projects",
        "card": card,
        "ahead": reading.batches_ahead(found, request.at),
        "project": found,
        "sites": registry.sites_of(found.provider),
        "opinions": opinions_on_project(found),
        "standard": standard_of(found, chinese_day(request.at)),
    }
    return render(request, "portal/project.html", context)


@page(catalogue_perms.CATALOGUE)
def guidance(request: ActorRequest) -> HttpResponse:
    """The guidance catalogue in force in the region (its city's where the district has none)."""
    place = here(request)
    on = chinese_day(request.at)
    form = TextFilter(
        {"q": request.GET.get("q", ""), "region": str(place.region_code)},
        regions=place.choices,
    )
    form.is_valid()
    published = catalogue.published_catalogue(place.city_code, place.region_code, on)
    if published is None and place.region_code != place.city_code:
        published = catalogue.published_catalogue(place.city_code, place.city_code, on)
    entries = catalogue.entries(published, form.cleaned_data.get("q", "").strip()) if published else ()
    context = {
        "here": place,
        "section": "catalogue",
        "form": form,
        "catalogue": published,
        "page": part(request, entries),
    }
    return render(request, "portal/catalogue.html", context)

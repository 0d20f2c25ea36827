"""我能享受什么: a few answers in, every subsidy of the place out, with reasons; nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from django.http import HttpResponse
from django.shortcuts import render

from zhaoliang.catalogue import selectors as catalogue
from zhaoliang.catalogue.models import Project
from zhaoliang.classes.facts import FactSheet, FactValue, put_project
from zhaoliang.kernel.days import chinese_day
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.portal import eligibility as tried
from zhaoliang.web.portal import perms
from zhaoliang.web.portal.forms import answers_form
from zhaoliang.web.portal.places import Here, here


@page(perms.ELIGIBILITY)
def eligibility(request: ActorRequest) -> HttpResponse:
    """The questions, and once some are answered what follows; answers come by POST, so that none stands in an address."""
    place = here(request)
    on = chinese_day(request.at)
    project = _project(request, place)
    schema = lawbook().facts
    posted = [name for name in request.POST if name in schema.facts and tried.askable(schema.facts[name])]
    form = answers_form(schema, list(dict.fromkeys([*tried.FIRST, *posted])), request.POST)
    # What was left open is asked again, after what was not asked yet.
    asked = list(dict.fromkeys([*tried.FIRST, *(name for name in posted if request.POST[name])]))
    found: list[tried.Answer] = []
    more: list[str] = []
    if request.method == "POST" and form.is_valid():
        found = tried.answers(place.region_code, {**_of_project(project, on), **form.facts}, on)
        more = sorted(tried.still_asked(found, asked), key=lambda name: name in posted)
        asked = [*more, *asked]
        form = answers_form(schema, asked, request.POST)
    context = {
        "here": place,
        "section": "eligibility",
        "form": form,
        "more": [form[name] for name in more[: tried.ASKED_AT_ONCE]],
        "later": [form[name] for name in more[tried.ASKED_AT_ONCE :]],
        "answered": [form[name] for name in asked if name not in more],
        "found": found,
        "own": [one for one in found if not one.by_employer],
        "by_employer": [one for one in found if one.by_employer],
        "project": project,
        "projects": catalogue.listed_projects(place.city_code, place.region_code)[: tried.PROJECTS],
        "not_here": tried.not_here(place.region_code, on),
    }
    return render(request, "portal/eligibility.html", context)


def _project(request: ActorRequest, place: Here) -> Project | None:
    """The project named in the address, if it is listed in the place."""
    asked = request.GET.get("project", "")
    if not asked.isascii() or not asked.isdigit():
        return None
    return catalogue.listed_projects(place.city_code, place.city_code).filter(pk=int(asked[:18])).first()


def _of_project(project: Project | None, on: date) -> Mapping[str, FactValue]:
    """What the project says of itself; nothing without one."""
    sheet = FactSheet({}, {})
    if project is not None:
        put_project(sheet, project, on)
    return sheet.facts

"""我能享受什么: every subsidy tried on what is on file about me; what is missing I may answer, nothing of it is kept."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from zhaoliang.catalogue import selectors as catalogue
from zhaoliang.kernel.days import chinese_day
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.portal import eligibility as tried
from zhaoliang.web.portal.forms import answers_form
from zhaoliang.web.worker import eligibility as mine
from zhaoliang.web.worker import perms
from zhaoliang.web.worker.me import me, own


@page(perms.ELIGIBILITY, access=own)
def eligibility(request: ActorRequest) -> HttpResponse:
    """All subsidies of my city: what I can get, what is missing, what stands against it by which clause."""
    person = me(request)
    on = chinese_day(request.at)
    schema = lawbook().facts
    projects = catalogue.listed_projects(person.city_code, person.city_code)
    asked_project = request.GET.get("project", "")
    chosen = projects.filter(pk=int(asked_project[:18])).first() if _whole(asked_project) else None
    files = mine.on_file(person, chosen, on)
    known = set.intersection(*(set(file.facts) for file in files))
    posted = [name for name in request.POST if name in schema.facts and tried.askable(schema.facts[name])]
    asked = [name for name in posted if name not in known]
    form = answers_form(schema, asked, request.POST)
    given = form.facts if form.is_valid() else {}
    found = mine.answers(person, files, given, on)
    asked += tried.still_asked(found, asked)
    form = answers_form(schema, asked, request.POST)
    context = {
        "tab": "find",
        "person": person,
        "project": chosen,
        "projects": projects[: tried.PROJECTS],
        "form": form,
        "own": [one for one in found if not one.by_employer],
        "by_employer": [one for one in found if one.by_employer],
        "known": [
            (schema.label(name), schema.show(name, value), files[0].sources[name])
            for name, value in files[0].facts.items()
            if tried.askable(schema.facts[name]) and len({file.facts.get(name) for file in files}) == 1
        ],
    }
    return render(request, "worker/eligibility.html", context)


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit()

"""The officer's home: what waits, by deadline; and the choice of place for those who work for several."""

from __future__ import annotations

from collections import Counter

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from zhaoliang.kernel.jobs import perms as job_perms
from zhaoliang.kernel.jobs import selectors as job_selectors
from zhaoliang.web.access import page
from zhaoliang.web.bureau import perms, work
from zhaoliang.web.bureau.desk import SESSION_PLACE, DeskRequest, desk_of
from zhaoliang.web.paging import part

MOST_JOBS = 20


@page(perms.HOME)
@require_GET
def home(request: DeskRequest) -> HttpResponse:
    """My queue."""
    found = work.tasks(request)
    group = request.GET.get("group", "")
    groups = dict(Counter(task.group for task in found))
    late = sum(1 for task in found if task.due and task.due.tone == "no")
    soon = sum(1 for task in found if task.due and task.due.tone == "ask")
    context = {
        "tasks": [task for task in found if not group or task.group == group],
        "groups": groups,
        "group": group,
        "total": len(found),
        "cut": [name for name, count in groups.items() if count >= work.MOST_SHOWN],
        "most": work.MOST_SHOWN,
        "late": late,
        "soon": soon,
        "desk": desk_of(request),
    }
    return render(request, "bureau/home.html", context)


@page(perms.HOME)
@require_POST
def choose_place(request: DeskRequest) -> HttpResponse:
    """Work for another of one's places, for this session."""
    wanted = request.POST.get("place", "")
    if wanted in dict(desk_of(request).choices):
        request.session[SESSION_PLACE] = wanted
    return redirect("bureau:home")


@page(job_perms.MINE)
@require_GET
def jobs(request: DeskRequest) -> HttpResponse:
    """What I let the background do here, the last first, with its progress."""
    found = job_selectors.jobs_of(desk_of(request).city_code, request.actor.user_id)
    context = {"page": part(request, found, MOST_JOBS)}
    return render(request, "bureau/jobs.html", context)

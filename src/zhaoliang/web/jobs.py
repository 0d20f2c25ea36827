"""The part of a page that shows how far a job is, asked for again until it ends; and the button that stops it."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.jobs import perms, running, selectors
from zhaoliang.web.access import page
from zhaoliang.web.acting import SubjectRequest, given, refused, subject
from zhaoliang.web.components.jobs import job_context


@page(perms.JOB, access=subject(selectors.job))
@require_GET
def job(request: SubjectRequest, city: int, pk: int) -> HttpResponse:
    """The part as it is now. `?then=refresh`: a job that has ended lets the whole page be asked for again, with its result."""
    refreshes = request.GET.get("then") == "refresh"
    if refreshes and not request.subject.is_open:
        return HttpResponseClientRefresh()
    return render(request, "components/job_progress.html", job_context(request.subject, request.actor, refreshes))


@page(running.cancel.declaration, access=subject(selectors.job))
@require_POST
def cancel(request: SubjectRequest, city: int, pk: int) -> HttpResponse:
    """Ask the job to stop, and go back to the page of its result."""
    row = request.subject
    back = row.link or "/home/"
    try:
        running.cancel(**given(request), row=row)
    except Refusal as problem:
        return refused(request, problem, back)
    return redirect(back)


urlpatterns = [
    path("jobs/<int:city>/<int:pk>/", job, name="job"),
    path("jobs/<int:city>/<int:pk>/cancel/", cancel, name="job_cancel"),
]

"""An online lesson on the phone: identity first, then the lesson is played here and its progress reported in small steps."""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from zhaoliang.attendance import perms, selectors, services
from zhaoliang.attendance.models import Attendance
from zhaoliang.classes.material import origin
from zhaoliang.kernel.errors import NotFound, Refusal
from zhaoliang.kernel.roles import Access
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.components import toasts
from zhaoliang.web.identity.stepup import confirm_first, recently_verified
from zhaoliang.web.middleware import content_policy
from zhaoliang.web.worker.forms import StretchForm
from zhaoliang.web.worker.me import own
from zhaoliang.web.worker.views.find import SEEN_MINUTES

# A report is small and carries its own key: what a dead network eats is at most this much, and it is sent again.
REPORT_SECONDS = 20


def _access_of(request: ActorRequest, city: int, pk: int) -> Access | None:
    found = selectors.attendance(city, pk)
    return found.access() if found is not None else own(request)


def _lesson(city: int, pk: int) -> Attendance:
    found = selectors.attendance(city, pk)
    if found is None or not found.session.online:
        raise NotFound("没有这节线上课。", "课表可能改了，或这是在教室上的课。", "请回到“上课”看看。")
    return found


@never_cache
@require_GET
@page(perms.MINE, access=_access_of)
def lesson(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """The lesson: where I am in it, and its player. Raises NotFound."""
    found = _lesson(city, pk)
    times, so_far = services.window(found.session), services.standing(found, request.at)
    length = found.planned_minutes * 60
    context = {
        "tab": "classes",
        "found": found,
        "session": found.session,
        "opens": times.opens,
        "early": request.at < times.opens,
        "missed": found.state not in ("expected", "present", "late"),
        "done": so_far.watched >= length and found.credited_minutes >= found.planned_minutes,
        "so_far": so_far,
        "length": length,
        "reached": f"{so_far.watched // 60} 分 {so_far.watched % 60} 秒",
        "report_seconds": REPORT_SECONDS,
    }
    response = render(request, "worker/lesson.html", context)
    response["Content-Security-Policy"] = content_policy(request, material=origin(found.session.material_url))
    return response


@require_POST
@page(perms.MINE, act=services.check_identity.declaration, access=_access_of)
def identity(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """It is me who learns: seen by the identity service just now, or sent there first. Raises what the act refuses."""
    found = _lesson(city, pk)
    here = reverse("worker:lesson", args=[city, pk])
    if not recently_verified(request, SEEN_MINUTES):
        return confirm_first(request, back_to=here)
    services.check_identity(actor=request.actor, at=request.at, attendance=found, key=request.POST.get("key"))
    toasts.say(request, "确认是您本人，可以学了。")
    return redirect(here)


@require_POST
@page(perms.MINE, act=services.report_progress.declaration, access=_access_of)
def progress(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """A stretch that was played, from the page's script; the same key again gets the same answer."""
    try:
        found, form = _lesson(city, pk), StretchForm(request.POST)
        done = services.report_progress(
            actor=request.actor, at=request.at, attendance=found, key=request.POST.get("key"), **form.stretch()
        )
    except Refusal as refusal:
        return JsonResponse(refusal.as_dict(), status=refusal.status)
    return JsonResponse({"credited": done.credited_minutes, "planned": done.planned_minutes, "flags": done.flags})

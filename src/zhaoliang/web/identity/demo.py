"""The demo's identity choice: one tap signs in as an invented person. Exists only where settings.DEMO is set."""

from __future__ import annotations

from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.contrib.auth import login
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from zhaoliang.kernel.roles import ROLE_LABELS, Role
from zhaoliang.registry.models import RoleAssignment, User
from zhaoliang.web.access import page
from zhaoliang.web.identity import perms, sessions
from zhaoliang.web.identity.views import safe_next

PREFIX = "demo-"


def _require_demo() -> None:
    if not settings.DEMO:
        raise Http404


def _people() -> list[dict[str, object]]:
    rows = (
        User.objects.filter(username__startswith=PREFIX, is_active=True)
        .prefetch_related(Prefetch("assignments", RoleAssignment.objects.select_related("region")))
        .order_by("username")
    )
    return [
        {
            "user": user,
            "roles": "、".join(ROLE_LABELS[Role(row.role)] for row in user.assignments.all()),
            "where": "、".join(sorted({row.region.name for row in user.assignments.all()})),
        }
        for user in rows
    ]


@never_cache
@require_http_methods(["GET", "POST"])
@page(perms.ENTER)
def demo_sign_in(request: HttpRequest) -> HttpResponse:
    """List the invented people; POST `username` signs in as one of them."""
    _require_demo()
    if request.method == "GET":
        return render(request, "identity/demo.html", {"people": _people(), "wanted": safe_next(request)})
    user = User.objects.filter(
        username=request.POST.get("username", ""), username__startswith=PREFIX, is_active=True
    ).first()
    if user is None:
        raise Http404
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    record_authentication(request, user, sessions.DEMO_METHOD)
    sessions.record_sign_in(request, user)
    sessions.remember_verified(request, timezone.now())
    return redirect(safe_next(request, reverse("home")))


@never_cache
@require_http_methods(["GET", "POST"])
@page(perms.ENTER)
def demo_confirm(request: HttpRequest) -> HttpResponse:
    """The demo's stand-in for looking at the person again."""
    _require_demo()
    if request.method == "GET":
        return render(request, "identity/demo_confirm.html", {"wanted": safe_next(request, reverse("home"))})
    if not request.user.is_authenticated:
        return redirect("sign_in")
    sessions.remember_verified(request, timezone.now())
    return redirect(safe_next(request, reverse("home")))

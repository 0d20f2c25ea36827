"""Signing in, confirming one's identity, and finding the way home."""

from __future__ import annotations

from urllib.parse import urlencode

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from zhaoliang.kernel.errors import Busy, Forbidden
from zhaoliang.kernel.roles import BUREAU_ROLES, Actor, Role
from zhaoliang.web import errors
from zhaoliang.web.access import page
from zhaoliang.web.identity import perms
from zhaoliang.web.identity.config import PROVIDER_ID


def safe_next(request: HttpRequest, default: str = "") -> str:
    """The page to come back to, only when it is one of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours else default


@never_cache
@require_GET
@page(perms.ENTER)
def sign_in(request: HttpRequest) -> HttpResponse:
    """The choice between worker and staff; says why it came up when a session ran out."""
    wanted = safe_next(request)
    if request.user.is_authenticated:
        return redirect(wanted or reverse("home"))
    query = f"?{urlencode({'next': wanted})}" if wanted else ""
    context = {
        "query": query,
        "wanted": wanted,
        "expired": bool(wanted) and settings.SESSION_COOKIE_NAME in request.COOKIES,
        "worker_ready": bool(settings.SOCIALACCOUNT_PROVIDERS),
        "demo_url": reverse("demo_sign_in") + query if settings.DEMO else "",
    }
    return render(request, "identity/sign_in.html", context)


@never_cache
@require_GET
@page(perms.ENTER)
def worker_sign_in(request: HttpRequest) -> HttpResponse:
    """Go to the identity service; with `confirm`, let it look at the person again (prompt=login, max_age=0)."""
    confirm = "confirm" in request.GET
    try:
        provider = get_adapter(request).get_provider(request, PROVIDER_ID)
    except SocialApp.DoesNotExist:
        return errors.refusal(
            request,
            Forbidden(
                what="这里还不能用实名身份认证登录。",
                why="平台还没有接上身份认证服务。",
                next_step="请联系当地人社部门。",
            ),
        )
    extra = {"prompt": "login", "max_age": "0"} if confirm else {}
    try:
        return provider.redirect(
            request,
            process="login",
            next_url=safe_next(request, reverse("home")),
            data={"confirm": confirm},
            auth_params=extra,
        )
    except (requests.RequestException, OAuth2Error, KeyError, ValueError):
        return errors.refusal(
            request,
            Busy(
                what="身份认证服务暂时连不上。",
                why="认证服务没有按时回应。",
                next_step="请稍后再试。您在平台上的资料不受影响。",
            ),
        )
    except ImmediateHttpResponse as answer:
        return answer.response


@never_cache
@require_GET
@page(perms.ENTER)
def confirm_identity(request: HttpRequest) -> HttpResponse:
    """Why the person is asked again, and the way to the identity service (or the demo's stand-in)."""
    wanted = safe_next(request, reverse("home"))
    if not request.user.is_authenticated:
        return redirect(f"{reverse('sign_in')}?{urlencode({'next': wanted})}")
    target = reverse("demo_confirm") if settings.DEMO else reverse("worker_sign_in")
    context = {"wanted": wanted, "query": urlencode({"next": wanted, "confirm": "1"}), "target": target}
    return render(request, "identity/confirm.html", context)


@never_cache
@require_GET
@page(perms.ENTER)
def home(request: HttpRequest) -> HttpResponse:
    """The visitor's own face: bureau, desk or phone pages."""
    actor: Actor = request.actor  # type: ignore[attr-defined]  # set by ActorMiddleware
    if actor.user_id is None:
        return redirect("sign_in")
    if actor.roles & BUREAU_ROLES:
        return redirect("/bureau/")
    if actor.has(Role.PROVIDER, Role.EVALUATOR):
        return redirect("/desk/")
    if actor.has(Role.WORKER):
        return redirect("/my/")
    return errors.refusal(
        request,
        Forbidden(
            what="您的账号还没有可用的角色。",
            why="角色还没有授予，或已经到期。",
            next_step="请联系本单位或当地人社部门的系统管理员。",
        ),
    )

"""Staff work only with a second factor: until a session has one, every page leads to setting it up."""

from __future__ import annotations

from collections.abc import Callable

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from zhaoliang.kernel.errors import Forbidden
from zhaoliang.kernel.roles import Actor, Role
from zhaoliang.registry.models import User
from zhaoliang.web import errors
from zhaoliang.web.identity import sessions

_STAFF_ONLY = ("/account/password/", "/account/2fa/")
_SET_UP = "/account/2fa/"
_OPEN = (
    "/account/inactive/",
    "/account/login/",
    "/account/logout/",
    "/account/reauthenticate/",
    "/demo/",
    "/healthz",
    "/metrics",
    "/readyz",
    "/sign-in/",
)


class SecondFactor:
    """Holds back sessions of staff that were opened with a password alone (GB/T 22239-2019: two factors)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self._is_worker_at_staff_page(request):
            return errors.refusal(
                request,
                Forbidden(
                    what="劳动者账号不用设置密码和验证器。",
                    why="您用实名身份认证登录，平台不保存您的密码。",
                    next_step="请返回“我的”继续办理。",
                ),
            )
        if self._may_pass(request):
            return self.get_response(request)
        if request.path.startswith("/api/"):
            return errors.refusal(
                request,
                Forbidden(
                    what="没有执行：这次登录没有第二重验证。",
                    why="工作人员要用密码加验证码，或用通行密钥登录。",
                    next_step="请在网页上登录并设置第二重验证。",
                ),
            )
        if self._is_set_up(request):
            # Opened before the account had its second factor, perhaps by somebody who only knew the password.
            logout(request)
            messages.info(request, "您的账号已启用第二重验证，请重新登录。")
            return self._go(request, "sign_in")
        messages.info(request, "先设置第二重验证，再开始工作：只有密码不能进入工作台。")
        return self._go(request, "mfa_index")

    def _is_worker_at_staff_page(self, request: HttpRequest) -> bool:
        actor: Actor = request.actor  # type: ignore[attr-defined]  # set by ActorMiddleware
        return actor.roles == {Role.WORKER} and request.path.startswith(_STAFF_ONLY)

    def _may_pass(self, request: HttpRequest) -> bool:
        actor: Actor = request.actor  # type: ignore[attr-defined]  # set by ActorMiddleware
        if actor.user_id is None or not actor.roles - {Role.WORKER}:
            return True
        if request.path.startswith((*_OPEN, settings.STATIC_URL)) or sessions.has_second_factor(request):
            return True
        # The first factor may be set up with the password alone, a further one only by who has the first.
        return request.path.startswith(_SET_UP) and not self._is_set_up(request)

    def _is_set_up(self, request: HttpRequest) -> bool:
        factors = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
        return isinstance(request.user, User) and is_mfa_enabled(request.user, factors)

    def _go(self, request: HttpRequest, name: str) -> HttpResponse:
        response = redirect(name)
        if request.headers.get("HX-Request"):
            # Inside an htmx swap a redirect would land in the middle of the page.
            response = HttpResponse(status=204, headers={"HX-Redirect": response["Location"]})
        return response

"""How allauth fits the platform: closed sign-up, plain Chinese, real names only, secrets encrypted."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any

import segno
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base.constants import AuthError
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from zhaoliang.kernel import crypto
from zhaoliang.kernel.errors import Forbidden, Refusal
from zhaoliang.registry.models import User
from zhaoliang.web import errors
from zhaoliang.web.identity import claims, sessions

_MESSAGES = {
    "account/messages/logged_out.txt": "已退出登录。",
    "account/messages/password_changed.txt": "密码已修改。",
    "mfa/messages/totp_activated.txt": "验证器已启用。请把下面的恢复码存好。",
    "mfa/messages/totp_deactivated.txt": "验证器已停用。",
    "mfa/messages/webauthn_added.txt": "通行密钥已添加。",
    "mfa/messages/webauthn_removed.txt": "通行密钥已删除。",
}


class AccountAdapter(DefaultAccountAdapter):
    """Staff accounts are made by administrators only; one answer for a wrong name and a wrong password."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": "登录名或密码不正确。",
        "too_many_login_attempts": "试的次数太多，请 5 分钟后再试。",
        "rate_limited": "操作太快，请稍后再试。",
        "incorrect_password": "密码不正确。",
        "enter_current_password": "请填写现在的密码。",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        # Counted by address and name together: somebody else's failures must not lock the account's owner out.
        return f"{self.get_client_ip(request)}:{str(credentials.get('username', '')).lower()}"

    def is_reauthentication_required(self, **given: Any) -> bool:
        # Who signed in a moment ago has just shown who he is.
        return context.request is None or not sessions.is_recent(context.request)

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        text = message or _MESSAGES.get(message_template or "", "")
        if text:
            messages.add_message(request, level, text, extra_tags=extra_tags)

    def post_login(self, request: HttpRequest, user: Any, **given: Any) -> HttpResponse:
        sessions.record_sign_in(request, user)
        return super().post_login(request, user, **given)


class IdentityAdapter(DefaultSocialAccountAdapter):
    """Workers: the identity service's claims become the real-name file and the worker's account, and are not kept."""

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> Any:
        # Allauth would store all claims, the identity number among them, beside the account in clear.
        account = sociallogin.account
        request.verified_claims = account.extra_data  # type: ignore[attr-defined]  # read by pre_social_login
        account.extra_data = {}
        account.uid = crypto.keyed_hash(account.uid, purpose="oidc-subject").hex()
        sociallogin.email_addresses = []
        return sociallogin.user

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        at = timezone.now()
        asked = (sociallogin.state.get("data") or {}) if sociallogin.state else {}
        settings = self.get_app(request, provider=sociallogin.account.provider).settings
        try:
            with transaction.atomic():
                identity = claims.read_claims(vars(request)["verified_claims"], settings)
                user = claims.account_of(identity, at=at)
                self._check_account(request, sociallogin, user, confirming=bool(asked.get("confirm")))
                if not sociallogin.is_existing:
                    sociallogin.connect(request, user)
        except Refusal as refusal:
            raise ImmediateHttpResponse(errors.refusal(request, refusal)) from refusal
        except IntegrityError as problem:
            raise ImmediateHttpResponse(errors.refusal(request, _try_again())) from problem
        if asked.get("confirm") and not sessions.is_fresh(identity.verified_at, at):
            stale = claims.incomplete("身份认证服务没有重新核对本人。")
            raise ImmediateHttpResponse(errors.refusal(request, stale))
        request.verified_at = identity.verified_at  # type: ignore[attr-defined]  # read by sessions.record_sign_in

    def _check_account(self, request: HttpRequest, sociallogin: SocialLogin, user: User, *, confirming: bool) -> None:
        if sociallogin.is_existing and sociallogin.user != user:
            raise Forbidden(
                what="没有登录：这个认证账号原来属于另一个人。",
                why="同一个认证账号前后给出了两个人的实名信息。",
                next_step="请联系当地人社部门核实。",
            )
        if confirming and request.user.is_authenticated and request.user.pk != user.pk:
            raise Forbidden(
                what="没有确认：刚才认证的不是您本人。",
                why="领取和使用培训券都要由本人确认。",
                next_step="请用您自己的身份重新认证；要换人办理，请先退出登录。",
            )

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        cancelled = error == AuthError.CANCELLED
        raise ImmediateHttpResponse(errors.refusal(request, _cancelled() if cancelled else _try_again()))


def _cancelled() -> Forbidden:
    return Forbidden(
        what="没有登录：您取消了身份认证。",
        why="办理培训补贴要先确认是您本人。",
        next_step="需要时再点“我是劳动者”登录。",
    )


def _try_again() -> Forbidden:
    return Forbidden(
        what="没有登录：身份认证没有完成。",
        why="认证页面停留太久、被打开了两次，或认证服务暂时没有回应。",
        next_step="请重新登录一次；连续失败时，稍后再试或联系当地人社部门。",
    )


class SecondFactorAdapter(DefaultMFAAdapter):
    """TOTP secrets and recovery codes are encrypted at rest; keys carry the platform's name."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "验证码不正确或已过期，请输入新的一个。",
        "cannot_delete_authenticator": "这个验证方式不能停用。",
    }

    def encrypt(self, text: str) -> str:
        return base64.b64encode(crypto.encrypt(text, context="mfa.Authenticator")).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return crypto.decrypt(base64.b64decode(encrypted_text), context="mfa.Authenticator")

    def get_totp_issuer(self) -> str:
        return "照亮"

    def build_totp_svg(self, url: str) -> str:
        # On its own white ground: a transparent code cannot be scanned from a dark page.
        drawn = BytesIO()
        segno.make(url).save(drawn, kind="svg", scale=6, border=4, dark="#000", light="#fff")
        return drawn.getvalue().decode()

    def generate_authenticator_name(self, user: Any, type: Authenticator.Type) -> str:
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return f"通行密钥 {number}"

    def _get_site_name(self) -> str:
        return "照亮"

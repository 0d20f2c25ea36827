"""The forms of signing in, in plain Chinese."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ChangePasswordForm as AllauthChangePasswordForm
from allauth.account.forms import LoginForm as AllauthLoginForm
from allauth.account.forms import ReauthenticateForm as AllauthReauthenticateForm
from allauth.mfa.base.forms import AuthenticateForm as AllauthAuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as AllauthCodeAgainForm
from allauth.mfa.totp.forms import ActivateTOTPForm as AllauthActivateForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm as AllauthAddKeyForm
from django import forms


def _plain(field: forms.Field, label: str, *, help_text: str = "") -> None:
    field.label, field.help_text = label, help_text
    field.error_messages["required"] = f"请填写{label}。"
    field.widget.attrs.pop("placeholder", None)


def _code(field: forms.Field, help_text: str) -> None:
    _plain(field, "验证码", help_text=help_text)
    field.widget.attrs |= {"inputmode": "numeric", "autofocus": True, "maxlength": 8}


class LoginForm(AllauthLoginForm):
    """Sign-in name and password of staff."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self.fields["login"], "登录名")
        _plain(self.fields["password"], "密码")


class ReauthenticateForm(AllauthReauthenticateForm):
    """The password again, before a change of the second factor."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self.fields["password"], "密码")


class ChangePasswordForm(AllauthChangePasswordForm):
    """The old password and the new one twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self.fields["oldpassword"], "现在的密码")
        _plain(self.fields["password1"], "新密码", help_text="至少 12 位；不要用常见密码，也不要和登录名、姓名相近。")
        _plain(self.fields["password2"], "再输一遍新密码")


class AuthenticateForm(AllauthAuthenticateForm):
    """The code of the authenticator app, or a recovery code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _code(self.fields["code"], "打开手机上的验证器，输入 6 位数字；手机不在身边的，用一个 8 位恢复码。")


class CodeAgainForm(AllauthCodeAgainForm):
    """The code again, before a change of the second factor."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _code(self.fields["code"], "打开手机上的验证器，输入 6 位数字。")


class ActivateForm(AllauthActivateForm):
    """The first code of a new authenticator."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _code(self.fields["code"], "扫码后，验证器会显示 6 位数字，每 30 秒换一次。")


class AddKeyForm(AllauthAddKeyForm):
    """A new passkey: its name, and whether it alone signs in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self.fields["name"], "名称", help_text="方便您以后认出它，例如“办公室电脑”。")
        passwordless = self.fields["passwordless"]
        _plain(passwordless, "以后只用它登录，不再输密码", help_text="需要指纹、人脸或设备密码。")
        passwordless.initial = True

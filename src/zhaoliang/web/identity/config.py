"""The identity service (OIDC) by environment: 电子社保卡 or any other that tells name and identity number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PROVIDER_ID = "identity"
SERVICE_NAME = "实名身份认证"
# What the claims are called differs from service to service: ZHAOLIANG_OIDC_CLAIM_NUMBER=idcard and so on.
CLAIMS = {
    "name": "name",
    "number": "id_number",
    "type": "id_type",
    "phone": "phone_number",
    "region": "region_code",
}
ACCOUNT_FORMS = {
    "login": "zhaoliang.web.identity.forms.LoginForm",
    "reauthenticate": "zhaoliang.web.identity.forms.ReauthenticateForm",
    "change_password": "zhaoliang.web.identity.forms.ChangePasswordForm",
}
MFA_FORMS = {
    "authenticate": "zhaoliang.web.identity.forms.AuthenticateForm",
    "reauthenticate": "zhaoliang.web.identity.forms.CodeAgainForm",
    "activate_totp": "zhaoliang.web.identity.forms.ActivateForm",
    "add_webauthn": "zhaoliang.web.identity.forms.AddKeyForm",
}


def providers(environment: Mapping[str, str]) -> dict[str, Any]:
    """Allauth's SOCIALACCOUNT_PROVIDERS; empty without ZHAOLIANG_OIDC_ISSUER: workers then cannot sign in by OIDC."""
    issuer = environment.get("ZHAOLIANG_OIDC_ISSUER", "").rstrip("/")
    if not issuer:
        return {}
    claims = {name: environment.get(f"ZHAOLIANG_OIDC_CLAIM_{name.upper()}", usual) for name, usual in CLAIMS.items()}
    app = {
        "provider_id": PROVIDER_ID,
        "name": environment.get("ZHAOLIANG_OIDC_NAME", SERVICE_NAME),
        "client_id": environment.get("ZHAOLIANG_OIDC_CLIENT_ID", ""),
        "secret": environment.get("ZHAOLIANG_OIDC_SECRET", ""),
        "settings": {
            "server_url": issuer,
            "oauth_pkce_enabled": True,
            "scope": environment.get("ZHAOLIANG_OIDC_SCOPE", "openid profile").split(),
            "claims": claims,
            # Where a person is filed whose region the service does not tell.
            "region": int(environment.get("ZHAOLIANG_OIDC_REGION", "120000")),
        },
    }
    return {"openid_connect": {"APPS": [app]}}

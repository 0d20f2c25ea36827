"""Settings, all from the environment; every default works on a fresh machine.

`ZHAOLIANG_HOME` is the folder that holds `policies/`, `var/` and the built front end (default: the checkout).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from zhaoliang.kernel.db.config import databases
from zhaoliang.kernel.localstate import secret_key
from zhaoliang.web.identity import config as identity

HOME = Path(os.environ.get("ZHAOLIANG_HOME") or Path(__file__).resolve().parents[2])
VAR = Path(os.environ.get("ZHAOLIANG_VAR") or HOME / "var")
POLICIES = HOME / "policies"
PACKAGE = Path(__file__).resolve().parent


def _flag(name: str, default: bool = False) -> bool:
    return os.environ.get(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


DEBUG = _flag("ZHAOLIANG_DEBUG")
# The demo identity choice (any invented person, no password) exists only where this flag is set; `zhaoliang demo` sets it.
DEMO = _flag("ZHAOLIANG_DEMO")
SECRET_KEY = secret_key(VAR)
ALLOWED_HOSTS = os.environ.get("ZHAOLIANG_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
# Where the public reaches this installation: printed in the QR codes of certificates.
PUBLIC_URL = os.environ.get("ZHAOLIANG_URL", f"http://127.0.0.1:{os.environ.get('PORT') or 8000}").rstrip("/")
# How many of a thousand clean claim lines a person looks at all the same. No text sets the share: the bureau does.
REVIEW_SAMPLE_PERMILLE = int(os.environ.get("ZHAOLIANG_REVIEW_SAMPLE_PERMILLE") or 100)
# The gate as the pages' scripts reach it: a path or address that a proxy sends there, or a port beside this one.
# Apps whose web views give places in another datum than WGS84, by a word of their user agent: "SomeApp=gcj02,Other=bd09".
# No text or vendor's page confirms any, so that none is set.
WEBVIEW_DATUMS = dict(
    pair.split("=", 1) for pair in os.environ.get("ZHAOLIANG_WEBVIEW_DATUMS", "").split(",") if "=" in pair
)
# Outside services whose face results are taken, as JSON: {"name": "<Ed25519 public key, base64>"}. None unless decided so.
FACE_SERVICES: dict[str, str] = json.loads(os.environ.get("ZHAOLIANG_FACE_SERVICES") or "{}")
GATE_URL = os.environ.get("ZHAOLIANG_GATE_URL", "")
GATE_PORT = int(os.environ.get("ZHAOLIANG_GATE_PORT") or 0)
CSRF_TRUSTED_ORIGINS = [origin for origin in os.environ.get("ZHAOLIANG_ORIGINS", "").split(",") if origin]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    # Before allauth, whose templates of the same names it replaces.
    "zhaoliang.web.identity",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "procrastinate.contrib.django",
    "zhaoliang.kernel",
    "zhaoliang.registry",
    "zhaoliang.employment",
    "zhaoliang.funds",
    "zhaoliang.worktraining",
    "zhaoliang.needs",
    "zhaoliang.catalogue",
    "zhaoliang.vouchers",
    "zhaoliang.classes",
    "zhaoliang.sharing",
    "zhaoliang.attendance",
    "zhaoliang.evaluation",
    "zhaoliang.certificates",
    "zhaoliang.apprenticeships",
    "zhaoliang.subsidies",
    "zhaoliang.payments",
    "zhaoliang.recoveries",
    "zhaoliang.careers",
    "zhaoliang.enactments",
    "zhaoliang.oversight",
    "zhaoliang.web.components",
    "zhaoliang.web.portal",
    "zhaoliang.web.worker",
    "zhaoliang.web.desk",
    "zhaoliang.web.bureau",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "zhaoliang.web.middleware.RequestLog",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "zhaoliang.web.middleware.ActorMiddleware",
    "zhaoliang.web.identity.middleware.SecondFactor",
    "zhaoliang.web.worker.offline.PhoneAccount",
    "zhaoliang.web.middleware.RefusalMiddleware",
    "zhaoliang.web.middleware.ContentSecurityPolicy",
]

ROOT_URLCONF = "zhaoliang.urls"
WSGI_APPLICATION = "zhaoliang.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "zhaoliang.web.context.face",
            ],
        },
    }
]

DATABASES = databases(VAR)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "registry.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/home/"

SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _flag("ZHAOLIANG_HTTPS")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "zhaoliang.web.errors.csrf_failure"

# identity: staff by password and second factor or by passkey, workers by the identity service (OIDC)
ACCOUNT_ADAPTER = "zhaoliang.web.identity.adapters.AccountAdapter"
ACCOUNT_FORMS = identity.ACCOUNT_FORMS
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_REDIRECT_URL = "/sign-in/"
MFA_ADAPTER = "zhaoliang.web.identity.adapters.SecondFactorAdapter"
MFA_FORMS = identity.MFA_FORMS
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"
# Browsers offer passkeys without HTTPS on localhost only; a server that speaks HTTPS accepts nothing else.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SESSION_COOKIE_SECURE
# A phone's clock may run half a minute beside ours.
MFA_TOTP_TOLERANCE = 1
SOCIALACCOUNT_ADAPTER = "zhaoliang.web.identity.adapters.IdentityAdapter"
SOCIALACCOUNT_PROVIDERS = identity.providers(os.environ)
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
# How many of our own proxies stand before us: attempts are counted by the visitor's address.
ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("ZHAOLIANG_PROXIES", "0"))

LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [PACKAGE / "web" / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
# Vite puts a hash of the content into these names.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/dist/assets/"

# A roster of 100,000 rows is refused by the reader with a clear message, so the upload itself must get that far.
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
ROSTER_MAX_BYTES = 20 * 1024 * 1024

# How many days before the end holders of unused vouchers are told. No text sets them (unverified).
VOUCHER_REMIND_DAYS = tuple(int(day) for day in os.environ.get("ZHAOLIANG_VOUCHER_REMIND_DAYS", "7,1").split(","))

LOGGING_CONFIG = "zhaoliang.kernel.logs.configure"
# Django calls LOGGING_CONFIG only when this is not empty.
LOGGING = {"level": os.environ.get("ZHAOLIANG_LOG", "WARNING").upper()}

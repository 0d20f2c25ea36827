"""What a session proves: the second factor of staff, and when the identity service last saw the worker."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.account import app_settings
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from zhaoliang.kernel import audit
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.roles import NATION, Access
from zhaoliang.registry.models import User
from zhaoliang.web.actors import actor_of

DEMO_METHOD = "demo"
_VERIFIED_AT = "identity_verified_at"
# The service's clock and ours differ a little, and the person needs a moment to come back.
_FRESH = timedelta(minutes=5)


def has_second_factor(request: HttpRequest) -> bool:
    """Whether this session was opened with a second factor (or, in the demo only, by the demo's identity choice)."""
    accepted = {"mfa", DEMO_METHOD} if settings.DEMO else {"mfa"}
    return any(record["method"] in accepted for record in _records(request))


def _records(request: HttpRequest) -> list[dict[str, Any]]:
    return get_authentication_records(request, request.user) if isinstance(request.user, User) else []


def is_recent(request: HttpRequest) -> bool:
    """Whether somebody proved himself in this session within allauth's re-authentication time (five minutes)."""
    records = _records(request)
    return bool(records) and time.time() - records[-1]["at"] < app_settings.REAUTHENTICATION_TIMEOUT


def record_added(request: HttpRequest, user: User, authenticator: Authenticator, **given: Any) -> None:
    """Setting up a factor proves that the person holds it: the session counts as opened with it (signal receiver)."""
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)


def record_sign_in(request: HttpRequest, user: User) -> None:
    """Write the sign-in to the audit log and keep in the session when the identity service saw the person."""
    at = timezone.now()
    actor = actor_of(user, on=chinese_day(at))
    held = actor.assignments[0] if actor.assignments else None
    city_code = user.city_code or (held.city_code if held else NATION)
    access = Access(city_code, held.region_code if held else city_code, person_id=user.person_id)
    audit.append(access=access, act="sign_in", actor=actor, at=at, target=user)
    remember_verified(request, getattr(request, "verified_at", None))


def remember_verified(request: HttpRequest, at: datetime | None) -> None:
    """Keep (or forget) the moment at which the person behind the session was last verified."""
    if at is None:
        request.session.pop(_VERIFIED_AT, None)
    else:
        request.session[_VERIFIED_AT] = at.timestamp()


def verified_at(request: HttpRequest) -> datetime | None:
    """When the identity service last saw the person of this session, None when it never said."""
    stamp = request.session.get(_VERIFIED_AT)
    return None if stamp is None else datetime.fromtimestamp(stamp, tz=UTC)


def is_fresh(seen: datetime | None, at: datetime) -> bool:
    """Whether a re-check of the person happened just now."""
    return seen is not None and at - seen < _FRESH

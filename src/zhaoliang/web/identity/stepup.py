"""Asking the person again before a claim (电子培训券试点通知 附件2 一（一）2（2）: 本人领取、本人使用)."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from zhaoliang.kernel.errors import Refusal
from zhaoliang.web.identity import sessions


class NotSeen(Refusal):
    """The identity service has not seen the person just now, which claiming and using ask for."""

    code = "identity_needed"
    decided = False


def require_seen(request: HttpRequest, minutes: int, what: str, next_step: str) -> None:
    """Raise NotSeen unless the person of this session was seen within the last `minutes`."""
    if not recently_verified(request, minutes):
        raise NotSeen(what, "要再核验一次身份。", next_step)


def recently_verified(request: HttpRequest, minutes: int) -> bool:
    """Whether the identity service saw the person of this session within the last `minutes`."""
    seen = sessions.verified_at(request)
    return seen is not None and timezone.now() - seen < timedelta(minutes=minutes)


def confirm_first(request: HttpRequest, *, back_to: str) -> HttpResponse:
    """Send the person to confirm that it is him and then to `back_to` (an address of ours, opened by GET)."""
    return redirect(f"{reverse('confirm_identity')}?{urlencode({'next': back_to})}")

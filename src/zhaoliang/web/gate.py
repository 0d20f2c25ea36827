"""Where the pages' scripts find the gate: behind the same proxy, beside us on another port, or nowhere (then our forms do it)."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest


def address(request: HttpRequest) -> str:
    """`ZHAOLIANG_GATE_URL` (such as /gate/) or the port that `zhaoliang up` started the gate on; '' without one."""
    if settings.GATE_URL:
        return settings.GATE_URL
    if not settings.GATE_PORT:
        return ""
    try:
        name = urlsplit(f"//{request.get_host()}").hostname or ""
    except DisallowedHost:
        return ""
    return f"{request.scheme}://{f'[{name}]' if ':' in name else name}:{settings.GATE_PORT}/gate/"


def foreign_origin(request: HttpRequest) -> str:
    """The gate's origin where it is not ours, for the content security policy."""
    parts = urlsplit(address(request))
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""

"""What every request passes: a log line, its actor, refusals turned into pages, and the content security policy."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import ANONYMOUS
from zhaoliang.registry.models import User
from zhaoliang.web import errors, health
from zhaoliang.web.actors import actor_of
from zhaoliang.web.bureau.views.exports import leave_to_worker
from zhaoliang.web.gate import foreign_origin
from zhaoliang.web.tables import LargeExport

Next = Callable[[HttpRequest], HttpResponse]
log = structlog.get_logger("web")

# Scripts and styles come from our own files only; the pages hold no inline ones.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'{gate}; frame-ancestors 'none'; base-uri 'self'; form-action 'self'; object-src 'none'"
)


class RequestLog:
    """One log line a request, by route name and status; never the query string, which may hold what people typed."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        request_id = uuid.uuid4().hex
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            response = self.get_response(request)
        finally:
            structlog.contextvars.clear_contextvars()
        seconds = time.perf_counter() - started
        route = request.resolver_match.route if request.resolver_match else "unknown"
        health.observe(method=request.method or "", route=route, status=response.status_code, seconds=seconds)
        log.info("request", route=route, status=response.status_code, ms=round(seconds * 1000), request_id=request_id)
        response["X-Request-ID"] = request_id
        return response


class ActorMiddleware:
    """Puts `request.at` (the request's one clock reading) and `request.actor` on the request."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.at = timezone.now()  # type: ignore[attr-defined]
        user = request.user
        signed_in = isinstance(user, User) and user.is_authenticated
        request.actor = actor_of(user, on=chinese_day(request.at)) if signed_in else ANONYMOUS  # type: ignore[attr-defined]
        return self.get_response(request)


class RefusalMiddleware:
    """A refusal that no view handled becomes its page: what happened, why, what to do next. A large export becomes a job."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Refusal):
            return errors.refusal(request, exception)
        if isinstance(exception, LargeExport):
            return leave_to_worker(request, exception)
        return None


def content_policy(request: HttpRequest, *, material: str = "") -> str:
    """The policy of a page; `material` is the origin that a lesson is played from."""
    # The scripts of workers' pages ask the gate, which may be on a port of its own.
    gate = f" {foreign_origin(request)}".rstrip() if request.path.startswith("/my/") else ""
    shown = f"; media-src 'self' {material}; frame-src 'self' {material}" if material else ""
    return POLICY.format(gate=gate) + shown


class ContentSecurityPolicy:
    """Sets the policy on every response."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Content-Security-Policy", content_policy(request))
        response.setdefault("Permissions-Policy", "camera=(self), geolocation=(self), microphone=()")
        return response

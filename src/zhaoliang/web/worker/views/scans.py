"""Scanning the class code: by the phone's own camera (a link), by the page's camera, or typed; then one tap signs in."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from zhaoliang.attendance import classcode, perms, selectors, services
from zhaoliang.classes import selectors as classes
from zhaoliang.kernel import tokens
from zhaoliang.kernel.errors import NotFound, Refusal
from zhaoliang.kernel.roles import Access
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.components import toasts
from zhaoliang.web.worker.me import me, own
from zhaoliang.web.worker.offline import keep
from zhaoliang.web.worker.views.classes import coming, with_device, words

SCAN_COOKIE = "zl_scan"
# Long enough to sign in to the platform; the scan's own time and freshness are in the token.
REMEMBERED = timedelta(minutes=10)


@never_cache
@require_GET
@page(perms.SCAN)
def scan(request: ActorRequest, code: str) -> HttpResponse:
    """What the phone's own camera opens: the code is judged now, then its trainee may sign in to the platform first."""
    found = classcode.read(code, request.at)
    session = classes.session(found.city_code, found.session_id)
    if session is None:
        raise NotFound("没有这次课。", "课表可能改了。", "请问老师。")
    classcode.check_fresh(found, services.setting(session, "class_code_seconds"))
    response = redirect("worker:scan")
    response.set_cookie(
        SCAN_COOKIE,
        classcode.keep_scan(found, request.at + REMEMBERED),
        max_age=REMEMBERED,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure(),
    )
    return response


@never_cache
@page(perms.MINE, access=own)
def scan_page(request: ActorRequest) -> HttpResponse:
    """Sign in with the code scanned just now, or scan one: by camera or typed."""
    person, token = me(request), request.COOKIES.get(SCAN_COOKIE, "")
    found, refused = None, None
    try:
        kept = classcode.kept_scan(token, request.at) if token else None
        session = classes.session(kept.city_code, kept.session_id) if kept else None
        found = selectors.expected_in(session, person.pk) if session else None
        if session is not None and found is None:
            raise NotFound("没有签到。", "您不在这个班的名册里。", "请核对教室和课表，或问老师。")
    except tokens.BadToken:
        token = ""
    except Refusal as refusal:
        refused = refusal
    mine = coming(request, found or selectors.next_for(person, request.at))
    context = {"tab": "classes", "coming": mine, "scanned": found is not None, "token": token if found else ""}
    context |= {"refused": refused, "words": words()}
    response = with_device(request, render(request, "worker/scan.html", context))
    # One that remembers a scan is for now; the plain one takes a code without network too.
    return response if token else keep(response)


def _access_of(request: ActorRequest, city: int, pk: int) -> Access | None:
    found = selectors.doubt(city, pk)
    return found.access() if found is not None else own(request)


@require_POST
@page(perms.MINE, act=services.answer_doubt.declaration, access=_access_of)
def answer(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """Say how it was when I signed in. Raises NotFound, and what the act refuses."""
    found = selectors.doubt(city, pk)
    if found is None:
        raise NotFound("没有要说明的签到。", "可能已经核实完了。", "请回到“上课”看看。")
    services.answer_doubt(
        actor=request.actor,
        at=request.at,
        doubt=found,
        text=request.POST.get("text", ""),
        key=request.POST.get("key") or None,
    )
    toasts.say(request, "说明已提交，核实的同志会看到。")
    return redirect("worker:classes")

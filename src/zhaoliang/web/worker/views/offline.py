"""The service worker of the phone pages, and the page it shows where another could not be had. Both are nobody's."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import Engine
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from zhaoliang.web.components.assets import DIST

# What the stand-in page is made of: a change of it must reach the phones as a change of the script.
TEMPLATES = ("base.html", "worker/base_worker.html", "worker/offline.html")


@lru_cache(maxsize=1)
def _stand_in() -> str:
    engine = Engine.get_default()
    sources = [engine.get_template(name).source for name in TEMPLATES]
    return hashlib.sha256("".join(sources).encode()).hexdigest()[:16]


@never_cache
@require_GET
def script(request: HttpRequest) -> HttpResponse:
    """The built script, below /my/ so that it reaches the phone pages only. Raises Http404 without a build."""
    path = DIST / "sw.js"
    if not path.is_file():
        raise Http404
    text = path.read_text("utf-8")
    return HttpResponse(f"{text}\n// {_stand_in()}\n", content_type="text/javascript; charset=utf-8")


@require_GET
def stand_in(request: HttpRequest) -> HttpResponse:
    """What the phone shows without network for a page that it did not keep."""
    return render(request, "worker/offline.html", {})

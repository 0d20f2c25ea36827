"""The public keys that our signatures are checked with: a page for people, the same as JSON for programs."""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render

from zhaoliang.kernel.crypto import public_keys
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.portal import perms

SECONDS = 3600


@page(perms.CHECK)
def keys(request: ActorRequest) -> HttpResponse:
    """Which keys sign certificates and voucher codes, and how to check them without us."""
    return render(request, "portal/keys.html", {"section": "check", "keys": public_keys()})


@page(perms.CHECK)
def document(request: ActorRequest) -> HttpResponse:
    """The keys as a JSON Web Key set."""
    answer = JsonResponse({"keys": public_keys()}, content_type="application/jwk-set+json")
    answer["Cache-Control"] = f"public, max-age={SECONDS}"
    answer["Access-Control-Allow-Origin"] = "*"
    return answer

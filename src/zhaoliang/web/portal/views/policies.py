"""The policy column: documents, clauses, and what the platform makes of each."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from zhaoliang.kernel.days import chinese_day
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.portal import perms, texts


@page(perms.POLICIES)
def policies(request: ActorRequest) -> HttpResponse:
    """Every document in the library, those of the nation first."""
    cards = texts.documents(chinese_day(request.at))
    context = {
        "section": "policies",
        "cards": cards,
        "clauses": sum(card.clauses for card in cards),
        "verified": sum(card.verified for card in cards),
        "rules": sum(card.rules for card in cards),
    }
    return render(request, "portal/policies.html", context)


@page(perms.POLICIES)
def policy(request: ActorRequest, document: str) -> HttpResponse:
    """One document with its clauses. Raises NotFound."""
    context = {"section": "policies", "text": texts.document_page(document, chinese_day(request.at))}
    return render(request, "portal/policy.html", context)

"""The policy column: documents, their clauses, what the platform makes of each, and what changed between versions."""

from __future__ import annotations

from datetime import date

from django.http import HttpResponse
from django.shortcuts import render

from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.roles import BUREAU_ROLES
from zhaoliang.policy.differences import PARTS, differences
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.portal import clauses, perms, texts


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
    """One document with its clauses, as read today or on the day named in the address. Raises NotFound."""
    on = _day(request, "on") or chinese_day(request.at)
    context = {"section": "policies", "text": texts.document_page(document, on), "on": _day(request, "on")}
    return render(request, "portal/policy.html", context)


@page(perms.POLICIES)
def clause(request: ActorRequest, document: str, clause: str) -> HttpResponse:
    """One clause with its rules, figures, tables and amounts in words. Raises NotFound."""
    on = _day(request, "on") or chinese_day(request.at)
    text = request.GET.get("q", "").strip()[:30]
    context = {
        "section": "policies",
        "found": clauses.clause_page(document, clause, on, text=text),
        "q": text,
        "many": clauses.MANY,
        "sees_lines": any(held.role in BUREAU_ROLES for held in request.actor.assignments),
    }
    return render(request, "portal/clause.html", context)


@page(perms.POLICIES)
def changes(request: ActorRequest, document: str) -> HttpResponse:
    """What changed between two versions of a text: the two latest, or those of the days in the address. Raises NotFound."""
    versions = texts.versions_of(document)
    new = texts.document_on(document, _day(request, "to") or versions[-1].start)
    before = [one for one in versions if one.start < new.start]
    asked = _day(request, "from")
    old = texts.document_on(document, asked) if asked else (before[-1] if before else None)
    found = differences(old, new, lawbook().facts, lawbook().citations) if old is not None and old is not new else ()
    context = {
        "section": "policies",
        "card": texts.card_of(new, chinese_day(request.at)),
        "versions": versions,
        "old": old,
        "new": new,
        "parts": [(label, [one for one in found if one.part == part]) for part, label in PARTS.items()],
        "count": len(found),
    }
    return render(request, "portal/changes.html", context)


def _day(request: ActorRequest, name: str) -> date | None:
    """The day in the address; None for none or nonsense."""
    try:
        return date.fromisoformat(request.GET.get(name, ""))
    except ValueError:
        return None

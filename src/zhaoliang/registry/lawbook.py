"""The policies in force, loaded once a process from `policies/`."""

from __future__ import annotations

from datetime import date
from functools import cache

from django.conf import settings

from zhaoliang.kernel.errors import Clause
from zhaoliang.policy import Citation, PolicySet, PolicyStore


@cache
def lawbook() -> PolicyStore:
    """All policy documents. Raises PolicyError naming file and place when one is not sound."""
    return PolicyStore.load(settings.POLICIES)


def policies_for(region_code: int, *, on: date, scheme: str = "training") -> PolicySet:
    """What binds a place on a day: national documents and what province and city fill in."""
    return lawbook().for_place(region_code, scheme, on)


def clause_of(citation: Citation) -> Clause:
    """A policy citation in the form refusals carry."""
    return Clause(citation.number or f"《{citation.title}》", citation.clause, citation.excerpt)

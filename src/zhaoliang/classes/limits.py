"""Figures of teaching that a region's policy may set; until it does, a default that is marked as not verified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from types import MappingProxyType

from zhaoliang.kernel.errors import Clause
from zhaoliang.policy import PolicyError
from zhaoliang.registry.lawbook import clause_of, policies_for


@dataclass(frozen=True)
class Figure:
    """A whole number with the clause that sets it; without one it is our default (`verified` false)."""

    value: int
    clause: Clause | None = None
    verified: bool = False


@dataclass(frozen=True)
class Share:
    """A part of the whole (0 to 1) with the clause that sets it; without one it is our default (`verified` false)."""

    value: Fraction
    clause: Clause | None = None
    verified: bool = False


# Domain facts §2.4: no published national figures; 8 hours is an example in 津 2019 规程, the rest is a design proposal.
DEFAULTS = MappingProxyType(
    {
        "daily_hours": 8,
        "sign_in_opens_minutes": 30,
        "sign_in_grace_minutes": 15,
        "sign_in_closes_minutes": 30,
        # How far from a site counts as there; sign-out; how often the class code changes.
        "site_radius_m": 300,
        "leave_early_grace_minutes": 10,
        "sign_out_required": 0,
        "class_code_seconds": 20,
        # From which score a sign-in goes to a person, and how many days its worker has to answer.
        "doubt_score": 50,
        "doubt_answer_days": 5,
        "make_up_days": 30,
        # Online lessons: most minutes counted on one day, how long until the identity is checked again.
        "online_daily_minutes": 360,
        "online_check_minutes": 30,
    }
)


# What of a session counts for who came late: half in the design proposal of domain facts §2.4, no text sets it.
SHARES = MappingProxyType({"late_credit": Fraction(1, 2)})


def figure(name: str, *, region_code: int, on: date) -> Figure:
    """The figure in force in a region on a day, or the default."""
    try:
        held = policies_for(region_code, on=on).parameter(name)
    except PolicyError:
        return Figure(DEFAULTS[name])
    return Figure(int(str(held.value)), clause_of(held.citation), held.citation.verified)


def share(name: str, *, region_code: int, on: date) -> Share | None:
    """The share in force in a region on a day, or the default; None where no text sets it and there is no default."""
    try:
        held = policies_for(region_code, on=on).parameter(name)
    except PolicyError:
        return Share(SHARES[name]) if name in SHARES else None
    return Share(Fraction(str(held.value)), clause_of(held.citation), held.citation.verified)

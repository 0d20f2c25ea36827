"""What can I get, why, and what is missing: every subsidy of a place tried on the answers somebody gave.

Nothing typed here is stored. What only shows later (a valid voucher, a proved group, a matching name) is assumed and said so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from zhaoliang.classes.eligibility import ASSUMED as OF_A_PROJECT
from zhaoliang.classes.facts import FactValue
from zhaoliang.policy import Citation, Decision, Fact, Outcome, Payee, PolicySet, Spread, spread_of
from zhaoliang.registry.lawbook import lawbook, policies_for

ASSUMED: Mapping[str, FactValue] = {
    **OF_A_PROJECT,
    "name_matches_id": True,
    "group_proved": True,
    "provider_in_directory": True,
    "provider_sanctioned": False,
    "time_clash": False,
}
# What the bureau settles when it sets up a class. Nobody is asked for it: each answer is tried instead.
BY_BUREAU = "fund_source"
# Asked of everybody first: they decide most subsidies.
FIRST = ("person_age_at_start", "group", "student_status", "pension_drawn", "establishment_staff")
# Further questions shown at once; the others are folded.
ASKED_AT_ONCE = 6
# A list longer than this is no longer chosen from: the project's own page leads here with the project chosen.
PROJECTS = 200
_OWN = ("registry.", "careers.", "subsidies.", "funds.", "outside")
_RANK = {Outcome.PASS: 0, Outcome.CANNOT_TELL: 1, Outcome.FAIL: 2}


@dataclass(frozen=True)
class Later:
    """Something that is only checked when the subsidy is claimed, with its clause."""

    asks: str
    citation: Citation


@dataclass(frozen=True)
class ByFund:
    """What follows where the class is paid from these funds, while it is not known which it will be."""

    funds: tuple[str, ...]
    outcome: Outcome
    fen: int | None


@dataclass(frozen=True)
class Answer:
    """One subsidy for these answers: the decision, who would be paid, what is still asked, what is checked at the end.

    `spread` bounds an amount that still hangs on a fact; `by_fund` tells the answer for each source of money where they differ.
    """

    scheme: str
    label: str
    decision: Decision
    payee: Payee | None
    missing: tuple[str, ...]
    later: tuple[Later, ...]
    spread: Spread | None = None
    by_fund: tuple[ByFund, ...] = ()

    @property
    def by_employer(self) -> bool:
        """Whether the employer applies for it and is paid."""
        return self.payee is not None and self.payee.code == "enterprise"

    @property
    def fen(self) -> int | None:
        """What would be due as things stand, in fen; None when it is refused or cannot be told."""
        return None if self.decision.outcome is Outcome.FAIL else self.decision.fen


def askable(fact: Fact) -> bool:
    """Whether a person can answer for himself what this fact asks."""
    return fact.source.startswith(_OWN) and fact.name not in {*ASSUMED, BY_BUREAU} and fact.type.kind != "text"


def answers(region_code: int, facts: Mapping[str, FactValue], on: date) -> list[Answer]:
    """Every subsidy for which the texts of the place work out an amount: what one can get first, what one cannot last."""
    schema = lawbook().facts
    found = []
    for scheme, label in schema.schemes.items():
        policies = policies_for(region_code, on=on, scheme=scheme)
        if not policies.bound_amounts:
            continue
        given = {"class_start": on, **ASSUMED, **facts}
        decision, by_fund = _decided(policies, given)
        missing = dict.fromkeys(name for rule in decision.questions for name in rule.missing)
        later = tuple(
            Later(rule.asks or rule.says, policies.citation(rule.cite))
            for rule in policies.rules
            if "claim" in rule.phases and "preflight" not in rule.phases
        )
        missing.pop(BY_BUREAU, None)
        bounds = spread_of(policies, decision)
        found.append(Answer(scheme, label, decision, policies.payee(given), tuple(missing), later, bounds, by_fund))
    return sorted(found, key=lambda one: _RANK[one.decision.outcome])


def _decided(policies: PolicySet, given: Mapping[str, FactValue]) -> tuple[Decision, tuple[ByFund, ...]]:
    """The decision; where it hangs on the source of the money, what follows for each, alike sources told together.

    Where every source gives the same, that is the answer, and nothing hangs on it any more.
    """
    decision = policies.decide(given, phase="preflight")
    if not any(BY_BUREAU in rule.missing for rule in decision.questions):
        return decision, ()
    alike: dict[tuple[Outcome, int | None], list[str]] = {}
    decisions = {
        code: policies.decide({**given, BY_BUREAU: code}, phase="preflight")
        for code in lawbook().facts.enums[lawbook().facts.facts[BY_BUREAU].type.enum]
    }
    for code, one in decisions.items():
        alike.setdefault((one.outcome, one.fen), []).append(code)
    if len(alike) == 1:
        # The first is the source that asks most of a person.
        return next(iter(decisions.values())), ()
    label = lawbook().facts.show
    told = tuple(
        ByFund(tuple(label(BY_BUREAU, code) for code in codes), outcome, None if outcome is Outcome.FAIL else fen)
        for (outcome, fen), codes in alike.items()
    )
    return decision, told


def still_asked(found: Collection[Answer], asked: Collection[str]) -> list[str]:
    """The facts a person could still add that would tell more: those that the most subsidies wait for first."""
    facts = lawbook().facts.facts
    waiting = Counter(name for one in found for name in one.missing if name not in asked)
    # Equals stay in the order of the schema.
    return sorted((name for name in facts if waiting[name] and askable(facts[name])), key=lambda name: -waiting[name])


def not_here(region_code: int, on: date) -> list[str]:
    """The subsidies for which some text of the library works out an amount, but none of this place."""
    book = lawbook()
    paid = {amount.scheme for document in book.documents for amount in document.amounts}
    return [
        label
        for code, label in book.facts.schemes.items()
        if code in paid and not policies_for(region_code, on=on, scheme=code).bound_amounts
    ]

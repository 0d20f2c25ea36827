"""What a project's subsidy is for whom, read from the policies in force: the public answer, about nobody in particular."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from zhaoliang.catalogue.models import Project
from zhaoliang.classes.eligibility import ASSUMED
from zhaoliang.classes.facts import base_facts
from zhaoliang.policy import AmountStep, Citation, Decision, Outcome, RuleResult
from zhaoliang.registry.lawbook import lawbook, policies_for


@dataclass(frozen=True)
class Offer:
    """The groups of people that are due the same amount (fen; None when no published standard gives one)."""

    groups: tuple[str, ...]
    fen: int | None
    steps: tuple[AmountStep, ...]
    doubt: RuleResult | None


@dataclass(frozen=True)
class Excluded:
    """Groups that a rule leaves out, and that rule."""

    groups: tuple[str, ...]
    rule: RuleResult


@dataclass(frozen=True)
class Standard:
    """Who can get how much in a project, what will be checked of each person, and what stands against the project itself."""

    offers: tuple[Offer, ...]
    excluded: tuple[Excluded, ...]
    conditions: tuple[RuleResult, ...]
    problems: tuple[RuleResult, ...]
    payee: str
    payee_clause: Citation | None

    @property
    def most_fen(self) -> int | None:
        """The highest amount any group is due; None when none can be worked out."""
        return max((offer.fen for offer in self.offers if offer.fen is not None), default=None)

    @property
    def most_steps(self) -> tuple[AmountStep, ...]:
        """How that amount is built."""
        return next((offer.steps for offer in self.offers if offer.fen == self.most_fen), ())


PAYEES = {"person": "发给本人", "provider": "发给培训机构", "enterprise": "发给所在企业"}


def standard_of(project: Project, on: date) -> Standard:
    """The subsidy of a project if its class started on that day. Reads no database when the project's parts are loaded."""
    policies = policies_for(project.region_id, on=on)
    sheet = base_facts(
        city_code=project.city_code, project=project, start=on, person=None, birth_date=None, voucher=None, group=None
    )
    about_project = {**sheet.facts, **ASSUMED}
    decided: dict[str, Decision] = {
        label: policies.decide({**about_project, "group": code, "group_proved": True}, phase="preflight")
        for code, label in lawbook().facts.codes["group"].items()
    }
    common = {rule.rule_id for rule in next(iter(decided.values())).refusals}
    for decision in decided.values():
        common &= {rule.rule_id for rule in decision.refusals}
    offers: dict[tuple[int | None, tuple[AmountStep, ...]], list[str]] = {}
    doubts: dict[tuple[int | None, tuple[AmountStep, ...]], RuleResult | None] = {}
    excluded: dict[str, tuple[RuleResult, list[str]]] = {}
    conditions: dict[str, RuleResult] = {}
    for label, decision in decided.items():
        own = [rule for rule in decision.refusals if rule.rule_id not in common]
        for rule in own:
            excluded.setdefault(rule.rule_id, (rule, []))[1].append(label)
        if own:
            continue
        amount = next((rule for rule in decision.questions if rule.rule_id.startswith("amount:")), None)
        conditions |= {rule.rule_id: rule for rule in decision.questions if rule is not amount}
        offers.setdefault((decision.fen, decision.steps), []).append(label)
        doubts[decision.fen, decision.steps] = amount
    payee = policies.payee({**about_project, "group": "06"})
    return Standard(
        offers=tuple(Offer(tuple(groups), fen, steps, doubts[fen, steps]) for (fen, steps), groups in offers.items()),
        excluded=tuple(Excluded(tuple(groups), rule) for rule, groups in excluded.values()),
        conditions=tuple(conditions.values()),
        problems=tuple(
            rule
            for rule in next(iter(decided.values())).results
            if rule.rule_id in common and rule.outcome is Outcome.FAIL
        ),
        payee=PAYEES[payee.code] if payee else "",
        payee_clause=payee.citation if payee else None,
    )

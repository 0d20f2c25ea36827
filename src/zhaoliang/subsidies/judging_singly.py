"""The rules over lines of the kinds beside training, one line at a time in Python; decisions ready to be stored.

Their decisions are kept whole, with the letters of a basis beside them, so that rulings count all kinds alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zhaoliang import policy
from zhaoliang.policy import Outcome, PolicySet
from zhaoliang.policy.counts import HISTORY
from zhaoliang.registry.lawbook import policies_for
from zhaoliang.subsidies.kind_facts import Gathered, facts_of, gathered, phase_of, rules_day
from zhaoliang.subsidies.kinds import KINDS
from zhaoliang.subsidies.models import Claim, ClaimLine, Decision, DecisionBasis
from zhaoliang.subsidies.stored import keep_library

LETTERS = {Outcome.PASS: "p", Outcome.FAIL: "f", Outcome.CANNOT_TELL: "u"}


@dataclass(frozen=True)
class Answer:
    """What the texts say of one line now: the decision, where its facts come from, who is paid by which clause."""

    made: policy.Decision
    evidence: dict[str, dict[str, Any]]
    payee: str
    payee_clause: str
    policies: PolicySet

    @property
    def outcome(self) -> Outcome:
        """As stored: what passes without an amount is for a person, an amount below nothing is a refusal."""
        if self.made.outcome is Outcome.FAIL or (self.made.fen or 0) < 0:
            return Outcome.FAIL
        return Outcome.PASS if self.made.outcome is Outcome.PASS and self.made.fen else Outcome.CANNOT_TELL


def answer(line: ClaimLine, on_file: Gathered) -> Answer:
    """The texts of the line's day asked of everything on file. Stores nothing."""
    kind, day = KINDS[line.kind], rules_day(line)
    policies = policies_for(line.claim.region_id, on=day, scheme=kind.scheme)
    sheet, history = facts_of(line, on_file)
    phase = phase_of(line)
    needed = set(policies.facts_needed(phase))
    facts: dict[str, object] = {name: value for name, value in sheet.facts.items() if name in needed}
    if HISTORY in needed:
        facts[HISTORY] = history
    made = policies.decide(facts, phase=phase)
    found = policies.payee(facts)
    to = found.code if found is not None else "person" if kind.of_people else "provider"
    evidence = {name: held for name, held in sheet.evidence.items() if name in facts}
    return Answer(made, evidence, to, str(found.citation) if found is not None else "", policies)


def decided_singly(claim: Claim, lines: Sequence[ClaimLine]) -> dict[int, Decision]:
    """The decisions on these lines from the facts of now, not saved, by line id (inside an act)."""
    if not lines:
        return {}
    on_file = gathered(claim, lines, lines[0].applied_on or claim.rules_on)
    bases: dict[tuple[str, tuple[str, ...]], int] = {}
    return {line.pk: _decision(line, answer(line, on_file), bases) for line in lines}


def _decision(line: ClaimLine, found: Answer, bases: dict[tuple[str, tuple[str, ...]], int]) -> Decision:
    made = found.made
    rules = tuple(result.rule_id for result in made.results)
    key = (made.policy_version, rules)
    if key not in bases:
        bases[key] = _basis(line.city_code, found.policies, made.phase, rules)
    return Decision(
        city_code=line.city_code,
        claim_line_id=line.pk,
        policy_version=made.policy_version,
        outcome=found.outcome,
        amount_fen=made.fen,
        basis_id=bases[key],
        answers="".join(LETTERS[result.outcome] for result in made.results),
        payee=found.payee,
        whole_facts=made.facts,
        whole_evidence=found.evidence,
        whole_record=made.to_json() | {"payee": {"to": found.payee, "citation": found.payee_clause}},
    )


def _basis(city_code: int, policies: PolicySet, phase: str, rules: tuple[str, ...]) -> int:
    shape = hashlib.sha256("\n".join(["whole", *rules]).encode()).hexdigest()[:16]
    named = {"city_code": city_code, "policy_version": policies.version, "phase": phase, "shape": shape}
    held = DecisionBasis.objects.filter(**named).values_list("pk", flat=True).first()
    if held is not None:
        return held
    made, _ = DecisionBasis.objects.get_or_create(
        **named,
        defaults={
            "facts": [],
            "slots": [],
            "rules": list(rules),
            "texts": list(policies.sources),
            "library": keep_library(),
        },
    )
    return made.pk

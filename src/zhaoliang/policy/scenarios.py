"""Running the scenarios that stand beside the rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zhaoliang.policy.decision import Decision
from zhaoliang.policy.model import Document, Outcome, Scenario
from zhaoliang.policy.store import PolicyStore


@dataclass(frozen=True, slots=True)
class ScenarioRun:
    """One scenario with the decision it got; `problem` is empty when they agree."""

    document: Document
    scenario: Scenario
    decision: Decision
    problem: str


def run_scenarios(store: PolicyStore) -> Iterator[ScenarioRun]:
    """Every scenario of every document, in file order. Raises FactError for a given value of the wrong type."""
    for document in store.documents:
        for scenario in document.scenarios:
            yield run_scenario(store, document, scenario)


def run_scenario(store: PolicyStore, document: Document, scenario: Scenario) -> ScenarioRun:
    """One scenario run. Raises FactError for a given value of the wrong type."""
    decision = decide_scenario(store, scenario)
    return ScenarioRun(document, scenario, decision, disagreement(scenario, decision))


def decide_scenario(store: PolicyStore, scenario: Scenario) -> Decision:
    """The decision for the scenario's facts, place and day."""
    policies = store.for_place(scenario.place, scenario.scheme, scenario.on)
    return policies.decide(scenario.given, phase=scenario.phase)


def disagreement(scenario: Scenario, decision: Decision) -> str:
    """What the decision has otherwise than the scenario expects; empty when they agree."""
    wanted = scenario.expect
    answered = [result.rule_id for result in decision.results if result.outcome is decision.outcome]
    got: dict[str, object] = {"outcome": decision.outcome.value, "fen": decision.fen, "rules": sorted(answered)}
    if decision.outcome is Outcome.PASS:
        got["rules"] = []
    expected = {**wanted, "rules": sorted(_texts(wanted["rules"]))} if "rules" in wanted else dict(wanted)
    differing = [key for key in expected if got[key] != expected[key]]
    return "；".join(f"{key} 应为 {_shown(expected[key])}，实为 {_shown(got[key])}" for key in differing)


def _shown(value: object) -> str:
    return f"[{', '.join(_texts(value))}]" if isinstance(value, list) else "算不出" if value is None else str(value)


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []

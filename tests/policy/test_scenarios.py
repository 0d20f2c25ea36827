"""Every scenario beside the rules holds, and every rule has scenarios on both sides of it."""

from __future__ import annotations

from collections import defaultdict

import pytest

from policy.texts import RUN_IDS, RUNS, STORE
from zhaoliang.policy import Outcome, PolicyStore
from zhaoliang.policy.scenarios import ScenarioRun


@pytest.mark.mission("F1")
@pytest.mark.parametrize("run", RUNS, ids=RUN_IDS)
def test_scenario_holds(run: ScenarioRun) -> None:
    assert run.problem == ""


def test_every_rule_is_shown_passing_and_not_passing() -> None:
    answers: dict[tuple[str, str], set[Outcome]] = defaultdict(set)
    for run in RUNS:
        for result in run.decision.results:
            answers[result.citation.document_id, result.rule_id].add(result.outcome)
    for document in STORE.documents:
        for rule in document.rules:
            seen = answers[rule.cite.partition("#")[0], rule.id]
            assert Outcome.PASS in seen, f"{document.id}: {rule.id}: no scenario passes it"
            assert len(seen) > 1, f"{document.id}: {rule.id}: no scenario fails it"


def test_every_amount_is_worked_out_by_a_scenario() -> None:
    labels = {(step.citation.document_id, step.label) for run in RUNS for step in run.decision.steps}
    for document in STORE.documents:
        for amount in document.amounts:
            assert any(label == amount.says for _, label in labels), f"{document.id}: {amount.id}"


def test_every_citation_resolves_to_a_clause_with_text(store: PolicyStore) -> None:
    for document, part, cite in store.cites():
        citation = store.citation(cite)
        assert citation.excerpt, f"{document.id}: {part}"
        assert citation.clause, f"{document.id}: {part}"

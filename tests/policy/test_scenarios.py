"""Every scenario beside the rules holds, and every rule has scenarios on both sides of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest

from policy.texts import ROOT, RUN_IDS, RUNS, STORE
from zhaoliang.policy import Outcome, PolicyStore
from zhaoliang.policy.cases import read_cases
from zhaoliang.policy.model import Scenario
from zhaoliang.policy.scenarios import ScenarioRun, disagreement


@pytest.mark.mission("F1")
@pytest.mark.parametrize("run", RUNS, ids=RUN_IDS)
def test_scenario_holds(run: ScenarioRun) -> None:
    assert run.problem == ""


@pytest.mark.mission("F1")
def test_every_case_of_the_field_is_shown_by_a_scenario_that_names_its_clause() -> None:
    """The cases the field asked for first: 1 to 25, the list has no 8."""
    cases = {case.number: case for case in read_cases(ROOT)}
    assert list(cases) == [number for number in range(1, 26) if number != 8]
    shown: dict[int, list[Scenario]] = defaultdict(list)
    for run in RUNS:
        if run.scenario.case is not None:
            assert run.problem == "", run.scenario.name
            shown[run.scenario.case].append(run.scenario)
    for number, case in cases.items():
        assert shown[number], f"case {number} ({case.given}: {case.expect}) has no scenario"
        for scenario in shown[number]:
            assert scenario.expect.get("cites"), f"case {number}: {scenario.name} names no clause"
    assert set(shown) == set(cases)


def test_a_scenario_is_told_which_clause_is_missing() -> None:
    run = next(run for run in RUNS if run.scenario.case == 11)
    other = replace(run.scenario, expect={**run.scenario.expect, "cites": ["cn/caishe-2023-181#16"]})
    assert "cites 应有 [cn/caishe-2023-181#16]，实有 [cn/" in disagreement(other, run.decision)


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

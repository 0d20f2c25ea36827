"""How an amount came about is told in words: no name of the rule language, no fen, reaches a person."""

from __future__ import annotations

import re
from datetime import date

import pytest

from zhaoliang.policy import PolicyStore
from zhaoliang.policy.worked import in_words

pytestmark = pytest.mark.mission("F1")


def test_every_step_of_every_scenario_of_the_library_is_told_in_words(store: PolicyStore) -> None:
    told = 0
    for run in store.runs:
        policies = store.for_place(run.scenario.place, run.scenario.scheme, run.scenario.on)
        steps = in_words(run.decision, policies)
        assert [(one.label, one.value_fen) for one in steps] == [
            (one.label, one.value_fen) for one in run.decision.steps
        ]
        for step in steps:
            assert step.operation, (run.document.id, run.scenario.name, step.label)
            assert not re.search(r"[a-z]+_|_[a-z]+|\bfen\b|[*<>=]", step.operation), step.operation
            told += 1
    assert told > 300


def test_rates_and_days_stand_with_their_units(store: PolicyStore) -> None:
    policies = store.for_place(530000, "living", date(2026, 6, 1))
    made = policies.decide({"name_matches_id": True, "establishment_staff": False, "training_days": 3})
    assert [step.operation for step in in_words(made, policies)] == [
        "生活费每天标准（¥60.00/天）乘以实际参训天数（实际参训天数 3 天）",
        "加 ¥60.00",
    ]

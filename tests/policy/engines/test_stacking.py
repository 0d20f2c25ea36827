"""What stacks, and in which order: uplifts within an amount, subsidies one on top of the other; alike on every engine."""

from __future__ import annotations

from datetime import date
from itertools import product
from typing import Any

import psycopg
import pytest

from policy.engines.asked import assert_all_agree
from policy.texts import Write
from zhaoliang.policy import Outcome, PolicyFileError, PolicySet

ON = date(2026, 6, 1)
UPLIFTS = """
amounts:
  sum:
    scheme: training
    says: 标准
    base: 100000
    cite: "1"
    steps:
      - label: 上浮
        stack: %s
        cite: "1"
        uplifts:
          - {label: 紧缺, when: scarcity <> 'common', by: 0.20, cite: "1"}
          - {label: 就业, when: employed_within_6_months, by: 0.10, cite: "2"}
      - {label: 上限, at_most: 125000, cite: "1"}
"""
ORDER = """
stacking:
  after_training:
    asks: 先享受培训费补贴
    says: 还没有享受培训费补贴
    order: [%s]
    cite: "1"
    phase: claim
"""


def of(write: Write, parts: str, scheme: str = "training") -> PolicySet:
    return write(parts).for_place(990000, scheme, ON)


@pytest.mark.mission("F1")
@pytest.mark.parametrize(
    ("stack", "both", "one"),
    [("sum", 125000, 120000), ("product", 125000, 120000), ("highest", 120000, 120000)],
)
def test_uplifts_add_up_multiply_or_the_highest_counts(
    write: Write, postgres: psycopg.Connection[Any], stack: str, both: int, one: int
) -> None:
    policies = of(write, UPLIFTS % stack)
    known: tuple[Any, ...] = (True, False, None)
    lines = [
        {"scarcity": scarcity, "employed_within_6_months": employed}
        for scarcity, employed in product(("scarce", "common", None), known)
    ]
    told = assert_all_agree(policies, "claim", lines, postgres)
    fen = {(line["scarcity"], line["employed_within_6_months"]): row[2] for line, row in zip(lines, told, strict=True)}
    assert fen["scarce", True] == both
    assert fen["scarce", False] == one
    assert fen["common", True] == 110000
    assert fen["common", False] == 100000
    assert fen["scarce", None] is fen[None, True] is None, "an uplift not known is no uplift of nothing"


def test_how_far_uplifts_stack_shows_below_the_cap(write: Write) -> None:
    """1 + 0.2 + 0.1, 1.2 × 1.1 with a line each, and 1.2; every uplift's clause is cited."""
    line = {"scarcity": "scarce", "employed_within_6_months": True}
    for stack, fen, labels in (
        ("sum", 130000, ["标准", "上浮"]),
        ("product", 132000, ["标准", "紧缺", "就业"]),
        ("highest", 120000, ["标准", "上浮"]),
    ):
        policies = of(write, (UPLIFTS % stack).replace("125000", "200000"))
        made = policies.decide(line)
        assert made.fen == fen
        assert [step.label for step in made.steps[:-1]] == labels
        assert "cn-99/sample#2" in {cite for _, cite in policies.documents[-1].cites()}


@pytest.mark.mission("F1")
def test_each_subsidy_of_an_order_asks_for_the_one_before_it(write: Write, postgres: psycopg.Connection[Any]) -> None:
    store = write(ORDER % "training, evaluation, living")
    (document,) = store.documents
    assert [(rule.id, rule.part, rule.schemes) for rule in document.rules] == [
        ("after_training_evaluation", "stacking.after_training", {"evaluation"}),
        ("after_training_living", "stacking.after_training", {"living"}),
    ]
    held = {scheme: store.for_place(990000, scheme, ON) for scheme in ("training", "evaluation", "living")}
    training, evaluation = ({"scheme": scheme, "on": "2026-05-01"} for scheme in ("training", "evaluation"))
    assert held["training"].decide({"history": []}).outcome is Outcome.PASS
    for scheme, before, other in (("evaluation", training, evaluation), ("living", evaluation, training)):
        lines = [{"history": [before]}, {"history": [other]}, {"history": None}]
        wanted = [Outcome.PASS, Outcome.FAIL, Outcome.CANNOT_TELL]
        assert [held[scheme].decide(line).outcome for line in lines] == wanted
        counted = [held[scheme].known(line) for line in lines]
        column = next(iter(held[scheme].counts)).column
        assert_all_agree(held[scheme], "claim", [{column: line.get(column)} for line in counted], postgres)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (ORDER % "training, lottery", "没有 'lottery' 这种补贴"),
        (
            ORDER % "training, living"
            + "exclusions: {e: {asks: 例, says: 例, excludes: {scheme: training}, cite: '1', schemes: [living], phase: claim}}\n",
            "两条只能留一条",
        ),
        (
            UPLIFTS % "sum" + ORDER % "training, evaluation, training",
            "每种补贴只写一次",
        ),
        ((UPLIFTS % "sum").replace("by: 0.20", "by: planned_hours"), "这里要数值（ratio）"),
    ],
)
def test_an_order_that_cannot_be_kept_does_not_load(write: Write, parts: str, told: str) -> None:
    with pytest.raises(PolicyFileError, match=told):
        write(parts)


def test_an_exclusion_that_is_not_of_the_same_grant_goes_with_an_order(write: Write) -> None:
    """Living allowance on top of this class's training, and not twice in a year: both hold."""
    twice = (
        "exclusions: {e: {asks: 例, says: 例, excludes: {scheme: living, within: calendar_year}, cite: '1', "
        "schemes: [living], phase: claim}}\n"
    )
    policies = of(write, ORDER % "training, living" + twice, "living")
    training = {"scheme": "training", "on": "2026-05-01"}
    assert policies.decide({"history": [training]}).outcome is Outcome.PASS
    assert policies.decide({"history": [training, {"scheme": "living", "on": "2026-05-02"}]}).outcome is Outcome.FAIL

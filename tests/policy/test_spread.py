"""Between which sums an amount lies while an uplift is not known yet."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from zhaoliang.policy import PolicySet, PolicyStore, Spread, spread

pytestmark = pytest.mark.mission("F3")

YUNZHOU = Path(__file__).parents[2] / "docs/examples/yunzhou-2026.yaml"
WORKER = {"group": "06", "level": "intermediate", "kind": "skill_level", "training_cost": 300000}


@pytest.fixture(scope="module")
def policies() -> PolicySet:
    return PolicyStore.load_paths([YUNZHOU]).for_place(980100, "training", date(2026, 6, 1))


def test_an_uplift_that_shows_only_later_leaves_a_least_and_a_most(policies: PolicySet) -> None:
    assert policies.decide({**WORKER, "scarcity": "scarce"}, phase="preflight").fen is None
    bounds = spread(policies, {**WORKER, "scarcity": "scarce"})
    assert bounds == Spread(168000, 182000, ("employed_within_6_months",))
    # A list of codes is gone through as well, and the cap on the sum holds for the most.
    both = spread(policies, {**WORKER, "group": "07", "level": "senior"})
    assert both is not None
    assert (both.least, both.most, set(both.hangs_on)) == (200000, 240000, {"scarcity", "employed_within_6_months"})


def test_every_answer_lies_between_the_bounds(policies: PolicySet) -> None:
    bounds = spread(policies, WORKER)
    assert bounds is not None
    for scarcity in ("very_scarce", "scarce", "common"):
        for employed in (True, False):
            fen = policies.decide(
                {**WORKER, "scarcity": scarcity, "employed_within_6_months": employed}, phase="preflight"
            ).fen
            assert fen is not None
            assert bounds.least <= fen <= bounds.most


def test_no_bound_is_told_where_it_could_be_untrue(policies: PolicySet) -> None:
    settled = {**WORKER, "scarcity": "common", "employed_within_6_months": False}
    assert spread(policies, settled) is None, "the sum is known"
    assert spread(policies, {**settled, "training_cost": None}) is None, "a number may be anything"
    # Some level has no cell in the table: then no least sum is true.
    assert spread(policies, {**settled, "level": None}) is None

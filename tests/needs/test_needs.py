"""Demands of enterprises."""

from __future__ import annotations

from datetime import date

import pytest

from factories import registry
from factories.actors import HEPING, TIANJIN, actor
from factories.needs import AT, demand
from zhaoliang.kernel.errors import BadInput, Forbidden, WrongState
from zhaoliang.kernel.roles import Role
from zhaoliang.needs import selectors, services

pytestmark = [pytest.mark.django_db, pytest.mark.mission("A1")]


def test_demands_are_merged_by_occupation_and_level_over_the_region_and_below() -> None:
    first, second = demand(headcount=30), demand(headcount=12)
    demand(headcount=5, level=3)
    demand(headcount=9, region_code=120102)
    assert [(row.level, row.headcount, row.demands) for row in selectors.wanted(TIANJIN, HEPING)] == [
        (4, 42, 2),
        (3, 5, 1),
    ]
    assert selectors.wanted(TIANJIN, TIANJIN)[0].headcount == 51
    assert {row.pk for row in selectors.open_demands(TIANJIN, HEPING)} >= {first.pk, second.pk}


def test_an_incomplete_demand_names_every_field() -> None:
    with pytest.raises(BadInput) as refused:
        demand(post=" ", headcount=0, skills="", pay_low_fen=2, pay_high_fen=1, start_on=date(2025, 1, 1))
    assert set(refused.value.fields) == {"post", "headcount", "skills", "pay_low_fen", "start_on"}
    with pytest.raises(BadInput) as refused:
        demand(occupation_code="9-99-99-99")
    assert set(refused.value.fields) == {"occupation_code"}


def test_a_station_may_post_for_a_firm_of_its_region_and_nobody_elses() -> None:
    enterprise = registry.organisation(kind="enterprise", listed=False)
    arguments = {
        "enterprise": enterprise,
        "occupation_code": "6-18-02-04",
        "post": "焊工",
        "headcount": 3,
        "skills": "焊接",
        "pay_low_fen": 500000,
        "pay_high_fen": 600000,
        "start_on": date(2026, 5, 1),
    }
    made = services.post_demand(actor=actor(Role.REVIEWER, region_code=HEPING), at=AT, **arguments)
    assert made.state == "open"
    for other in (actor(Role.REVIEWER, region_code=120102), actor(Role.PROVIDER, organisation_id=enterprise.pk + 1)):
        with pytest.raises(Forbidden):
            services.post_demand(actor=other, at=AT, **arguments)


def test_a_closed_demand_is_not_answered() -> None:
    made = demand()
    services.close_demand(actor=actor(Role.REVIEWER), at=AT, demand=made)
    with pytest.raises(WrongState):
        services.answer_demand(actor=actor(Role.REVIEWER), at=AT, demand=made)

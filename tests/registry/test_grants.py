"""National grants: one occupation and level once, whichever city asks."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from factories import registry as make
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.roles import Place, Reach, Role, system_actor
from zhaoliang.registry import selectors, services
from zhaoliang.registry.models import PersonGrant


@act("tests.registry.grant", label="测试发放", grants={Role.SYSTEM: Reach.ANY}, on="place")
def granting(*, actor: Any, at: Any, place: Place, **given: Any) -> PersonGrant:
    return services.record_grant(
        **{
            "scheme": "training",
            "occupation_code": "6-18-02-04",
            "level": 4,
            "city_code": make.CITY,
            "claim_line_id": None,
            "certificate_number": "",
            "fund_source": "employment_subsidy",
            "granted_on": date(2026, 3, 2),
            "source": "测试",
        }
        | given
    )


def grant(**given: Any) -> PersonGrant:
    return granting(actor=system_actor(), at=make.AT, place=make.place(), **given)


@pytest.mark.django_db
def test_a_second_city_is_refused_and_told_where_the_first_was() -> None:
    person = make.person()
    grant(person_id=person.pk)
    with pytest.raises(services.GrantedElsewhere) as caught:
        grant(person_id=person.pk, city_code=370900)
    assert caught.value.code == "granted_elsewhere"
    assert "天津" in caught.value.why
    assert caught.value.clause is not None
    assert [row.city_code for row in selectors.grants_of(person.pk)] == [make.CITY]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other", [{"level": 5}, {"occupation_code": "4-07-05-01"}, {"scheme": "skill_upgrade"}], ids=str
)
def test_another_level_occupation_or_scheme_is_another_grant(other: dict[str, Any]) -> None:
    person = make.person()
    grant(person_id=person.pk)
    assert grant(person_id=person.pk, **other).pk


@pytest.mark.django_db
def test_trainings_without_a_level_may_come_again() -> None:
    person = make.person()
    grant(person_id=person.pk, level=0, occupation_code="")
    grant(person_id=person.pk, level=0, occupation_code="")
    assert len(selectors.grants_of(person.pk)) == 2


@pytest.mark.django_db
def test_a_grant_needs_an_act() -> None:
    with pytest.raises(RuntimeError):
        services.record_grant(
            person_id=1,
            scheme="training",
            occupation_code="",
            level=0,
            city_code=make.CITY,
            claim_line_id=None,
            certificate_number="",
            fund_source="",
            granted_on=date(2026, 3, 2),
            source="",
        )


@act("tests.registry.give_back", label="测试退回", grants={Role.SYSTEM: Reach.ANY}, on="place")
def giving_back(*, actor: Any, at: Any, place: Place, line: int, person_id: int, again: bool = False) -> None:
    named = {"person_id": person_id, "city_code": make.CITY, "claim_line_id": line}
    if again:
        services.restore_grant(**named)
    else:
        assert services.withdraw_grant(**named, on=date(2026, 5, 1)) == 1


@pytest.mark.django_db
def test_what_was_given_back_stands_in_nobodys_way_and_is_restored_only_where_there_is_room() -> None:
    person = make.person()
    first = grant(person_id=person.pk, claim_line_id=7)
    giving_back(actor=system_actor(), at=make.AT, place=make.place(), line=7, person_id=person.pk)
    assert selectors.grants_of_people([person.pk]) == []
    assert [row.withdrawn_on for row in selectors.grants_of(person.pk)] == [date(2026, 5, 1)]
    second = grant(person_id=person.pk, claim_line_id=8)
    assert selectors.grants_of_people([person.pk]) == [second]
    with pytest.raises(services.GrantedElsewhere, match="不能再发"):
        giving_back(actor=system_actor(), at=make.AT, place=make.place(), line=7, person_id=person.pk, again=True)
    first.refresh_from_db()
    assert first.withdrawn_on == date(2026, 5, 1)
    # Of a line that was granted twice in its life the last grant comes back, not both.
    giving_back(actor=system_actor(), at=make.AT, place=make.place(), line=8, person_id=person.pk)
    third = grant(person_id=person.pk, claim_line_id=8)
    giving_back(actor=system_actor(), at=make.AT, place=make.place(), line=8, person_id=person.pk)
    giving_back(actor=system_actor(), at=make.AT, place=make.place(), line=8, person_id=person.pk, again=True)
    assert selectors.grants_of_people([person.pk]) == [third]

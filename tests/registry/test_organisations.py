"""Organisations: one file for each code, sites on Chinese ground, licences that do not overlap."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from factories import registry as make
from zhaoliang.kernel.errors import BadInput, Forbidden
from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.registry import selectors, services


@pytest.mark.django_db
@pytest.mark.mission("B4")
def test_one_file_for_each_code() -> None:
    first = make.organisation(listed=False)
    assert selectors.organisation_by_uscc(make.CITY, first.uscc.lower()) == first
    with pytest.raises(services.AlreadyRegistered) as caught:
        services.register_organisation(
            actor=make.actor_with(Role.REVIEWER),
            at=make.AT,
            place=make.place(),
            name="另一所学校",
            short_name="",
            uscc=first.uscc,
            kind="private_provider",
            region_code=make.HEPING,
        )
    assert caught.value.fields == {"uscc": "本市已登记。"}


@pytest.mark.django_db
@pytest.mark.mission("B4")
@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"uscc": "521201010000000000"}, InvalidIdentifier),
        ({"kind": "bakery"}, BadInput),
        ({"region_code": 120102}, BadInput),
        ({"evaluator_prefix": "12"}, BadInput),
    ],
    ids=["check character", "kind", "another county", "prefix"],
)
def test_wrong_input_is_refused(change: dict[str, object], refusal: type[Exception]) -> None:
    given: dict[str, object] = {
        "name": "测试学校",
        "short_name": "测校",
        "uscc": make.inventor().uscc(),
        "kind": "private_provider",
        "region_code": make.HEPING,
    }
    with pytest.raises(refusal):
        services.register_organisation(
            actor=make.actor_with(Role.REVIEWER), at=make.AT, place=make.place(), **given | change
        )


@pytest.mark.django_db
@pytest.mark.mission("B4")
def test_the_directory_shows_listed_organisations_only() -> None:
    make.organisation(listed=False)
    provider, evaluator = make.organisation(), make.organisation(evaluator=True)
    assert list(selectors.directory(make.CITY)) == [provider]
    assert list(selectors.directory(make.CITY, providers=False)) == [evaluator]
    assert provider.state == "listed"


@pytest.mark.django_db
def test_a_provider_does_not_list_itself() -> None:
    school = make.organisation(listed=False)
    with pytest.raises(Forbidden):
        services.list_organisation(
            actor=make.actor_with(Role.PROVIDER, organisation=school),
            at=make.AT,
            organisation=school,
            as_provider=True,
            as_evaluator=False,
        )


@pytest.mark.django_db
@pytest.mark.mission("B4")
@pytest.mark.parametrize(
    ("change", "field"),
    [({"longitude": Decimal("12.5")}, "longitude"), ({"radius_m": 10}, "radius_m"), ({"kind": "moon"}, "kind")],
    ids=["elsewhere", "radius", "kind"],
)
def test_a_site_lies_in_china_within_a_sane_radius(change: dict[str, object], field: str) -> None:
    school = make.organisation()
    with pytest.raises(BadInput) as caught:
        make.site(school, **change)
    assert set(caught.value.fields) == {field}
    assert selectors.sites_of(school) == []
    placed = make.site(school)
    assert selectors.sites_of(school) == [placed]


@pytest.mark.django_db
def test_a_provider_adds_sites_to_its_own_organisation_only() -> None:
    ours, theirs = make.organisation(), make.organisation()
    actor = make.actor_with(Role.PROVIDER, organisation=ours)
    given = {
        "actor": actor,
        "at": make.AT,
        "name": "教学点",
        "address": "测试路 1 号",
        "region_code": make.HEPING,
        "longitude": Decimal("117.2"),
        "latitude": Decimal("39.1"),
    }
    assert services.add_site(organisation=ours, **given).pk
    with pytest.raises(Forbidden):
        services.add_site(organisation=theirs, **given)


@pytest.mark.django_db
@pytest.mark.mission("B4")
def test_licences_of_one_kind_follow_each_other_without_overlap() -> None:
    school = make.organisation()
    given = {"actor": system_actor(), "at": make.AT, "organisation": school, "kind": "办学许可证"}
    services.add_licence(number="一", valid_from=date(2023, 1, 1), valid_to=date(2025, 12, 31), **given)
    with pytest.raises(services.AlreadyRegistered):
        services.add_licence(number="二", valid_from=date(2025, 12, 31), valid_to=date(2028, 12, 31), **given)
    assert services.add_licence(number="二", valid_from=date(2026, 1, 1), valid_to=date(2028, 12, 31), **given).pk
    with pytest.raises(BadInput):
        services.add_licence(number="三", valid_from=date(2030, 1, 1), valid_to=date(2029, 1, 1), **given)

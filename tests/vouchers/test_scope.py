"""What a batch is good for: projects, occupations and levels, providers by list or grade, a whole region; held by the database."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from factories import registry
from factories.actors import TIANJIN, actor
from factories.vouchers import AT, OCCUPATION, batch, crowd, listed_project, terms, voucher, worker
from zhaoliang.catalogue.models import Project
from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.roles import Place, Role, system_actor
from zhaoliang.registry.models import Occupation
from zhaoliang.registry.services import grade_organisation
from zhaoliang.vouchers import refusals, selectors, services
from zhaoliang.vouchers.models import BatchScope, Voucher, VoucherBatch
from zhaoliang.vouchers.scope import Scope

pytestmark = [pytest.mark.django_db, pytest.mark.mission("C1", "C5")]


def _use(held: Voucher, project: Project) -> Voucher:
    return services.use_voucher(
        actor=system_actor(), at=AT, voucher=held, provider=project.provider, project=project, class_id=1
    )


def _good_at(source: VoucherBatch, project: Project) -> bool:
    """Whether a fresh voucher can be used for the project, asked in all the ways that must agree."""
    held = voucher(source)
    provider = project.provider
    said = selectors.covers(source, project)
    assert (project in selectors.usable_projects(source)) == said
    assert (selectors.projects_by_batch(TIANJIN, [source.pk], [project.pk]) == [(source.pk, project.pk)]) == said
    answer = services.verify_voucher(
        actor=actor(Role.PROVIDER, organisation_id=provider.pk),
        at=AT,
        place=Place(TIANJIN, TIANJIN, provider.pk),
        code=held.code,
        organisation=provider,
        method="typed",
    )
    try:
        _use(held, project)
    except refusals.NotHere:
        assert not said
        return False
    assert said
    assert answer.answer == "good"
    return True


def test_several_projects_and_no_other() -> None:
    first, second, third = (listed_project() for _ in range(3))
    source = batch(scope=Scope(projects=(first, second)))
    assert [_good_at(source, one) for one in (first, second, third)] == [True, True, False]
    assert source.scope_text == f"{first.name}、{second.name}"


def test_an_occupation_and_level_whoever_teaches_it() -> None:
    occupation = Occupation.objects.get(code=OCCUPATION)
    fitting, other = listed_project(level=4), listed_project(level=5)
    source = batch(scope=Scope(occupations=((occupation, 4),)))
    assert [_good_at(source, one) for one in (fitting, other)] == [True, False]
    every_level = batch(scope=Scope(occupations=((occupation, None),)))
    assert _good_at(every_level, listed_project(level=2))


def test_a_whole_district_and_no_other_place() -> None:
    here, there = registry.organisation(region_code=120101), registry.organisation(region_code=120110)
    projects = [listed_project(one) for one in (here, there)]
    source = batch(scope=Scope(), region_code=120101)
    assert [_good_at(source, one) for one in projects] == [True, False]
    assert "本地区" in source.scope_text


@pytest.mark.mission("I3")
def test_providers_by_list_or_by_grade_of_the_day() -> None:
    named, good, other = (registry.organisation() for _ in range(3))
    at_named, project, at_other = (listed_project(one) for one in (named, good, other))
    source = batch(scope=Scope(providers=(named,), grades=("A",)))
    assert not _good_at(source, project)
    grade_organisation(actor=actor(Role.INSPECTOR), at=AT, organisation=good, grade="A")
    assert _good_at(source, Project.objects.select_related("provider").get(city_code=TIANJIN, pk=project.pk))
    assert [_good_at(source, one) for one in (at_named, at_other)] == [True, False]


@pytest.mark.mission("G1")
def test_money_of_one_fund_never_reaches_a_project_of_another() -> None:
    listed_project()
    source = batch(scope=Scope())
    assert not _good_at(source, listed_project(fund_source=FundSource.SECTOR))


def test_a_use_at_another_provider_than_the_projects_own_is_refused() -> None:
    project, stranger = listed_project(), registry.organisation()
    held = voucher(batch(scope=Scope()))
    with pytest.raises(refusals.NotHere):
        services.use_voucher(actor=system_actor(), at=AT, voucher=held, provider=stranger, project=project, class_id=1)


def test_a_scope_line_names_something_and_stands_once() -> None:
    source = batch(state="draft", scope=Scope(grades=("A",)))
    for wrong in ({"kind": "project"}, {"kind": "grade", "grade": "A"}):
        with pytest.raises(IntegrityError, match="batch_scope_"), transaction.atomic():
            BatchScope.objects.create(city_code=TIANJIN, batch=source, **wrong)


def test_a_targeted_batch_is_not_for_who_helps_himself() -> None:
    source = batch(issue="targeted")
    person = crowd(1)[0]
    with pytest.raises(refusals.NotForYou, match="按名单发放"):
        services.claim_voucher(actor=worker(person), at=AT, person=person, batch=source, declared=True)
    assert source not in selectors.open_batches(TIANJIN, TIANJIN, AT)


@pytest.mark.parametrize(
    ("kind", "amount_fen", "worth"),
    [
        ("general", 1800_00, "¥1,800.00"),
        ("face_value", 500_00, "面值 ¥500.00"),
        ("credential", 0, "按项目标准补贴"),
        ("sign_in_only", 0, "只签到，不补贴"),
    ],
)
def test_a_kind_says_what_it_is_worth_and_reserves_that(kind: str, amount_fen: int, worth: str) -> None:
    source = batch(kind=kind, amount_fen=amount_fen)
    assert source.worth == worth
    assert source.reserved_account.balance_fen == 10 * amount_fen


def test_kinds_without_money_take_none_and_a_face_value_has_a_face() -> None:
    for wrong in ({"kind": "credential"}, {"kind": "sign_in_only"}):
        assert "amount_fen" in terms(**wrong).problems()
    assert "amount_basis" in terms(kind="face_value", amount_basis="standard").problems()
    assert "colour" in terms(colour="url(x)").problems()


def test_the_sign_in_voucher_says_so_when_it_is_verified() -> None:
    project = listed_project()
    held = voucher(batch(scope=Scope(projects=(project,)), kind="sign_in_only", amount_fen=0))
    provider = project.provider
    answer = services.verify_voucher(
        actor=actor(Role.PROVIDER, organisation_id=provider.pk),
        at=AT,
        place=Place(TIANJIN, TIANJIN, provider.pk),
        code=held.code,
        organisation=provider,
        method="typed",
    )
    assert "只签到、不补贴" in answer.good_for

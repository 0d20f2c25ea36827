"""Guidance catalogue and project library."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from factories import registry
from factories.actors import TIANJIN, actor
from factories.catalogue import AT, entry, project
from factories.needs import demand
from zhaoliang.catalogue import selectors, services
from zhaoliang.catalogue.models import Project
from zhaoliang.kernel.errors import BadInput, Forbidden, Refusal, WrongState
from zhaoliang.kernel.roles import Role

pytestmark = pytest.mark.django_db


@pytest.mark.mission("A3")
def test_publishing_replaces_the_former_version_of_the_region() -> None:
    first, second = entry(), entry()
    first.catalogue.refresh_from_db()
    assert (first.catalogue.state, second.catalogue.state) == ("superseded", "published")
    assert second.catalogue.version == first.catalogue.version + 1
    assert selectors.published_catalogue(TIANJIN, TIANJIN, date(2026, 3, 2)) == second.catalogue
    assert [one.pk for one in selectors.entries(second.catalogue, "焊工")] == [second.pk]
    assert selectors.published_catalogue(TIANJIN, TIANJIN, date(2025, 12, 31)) is None


@pytest.mark.mission("A3")
def test_a_published_catalogue_takes_no_entries_and_an_empty_one_is_not_published() -> None:
    made = entry()
    reviewer = actor(Role.REVIEWER)
    with pytest.raises(Refusal, match="已经发布"):
        services.add_entry(
            actor=reviewer,
            at=AT,
            catalogue=made.catalogue,
            occupation_code="6-18-02-04",
            headcount=1,
            skills="",
            content="",
            hours=10,
            mode="offline",
            scarcity="scarce",
            certificate_kind="completion",
        )
    draft = entry(published=False)
    draft.delete()
    with pytest.raises(Refusal, match="还没有条目"):
        services.publish_catalogue(actor=actor(Role.APPROVER), at=AT, catalogue=draft.catalogue)
    with pytest.raises(Forbidden):
        services.publish_catalogue(actor=reviewer, at=AT, catalogue=draft.catalogue)


@pytest.mark.mission("A3")
def test_wrong_and_repeated_entries_are_refused_by_field() -> None:
    with pytest.raises(BadInput) as refused:
        entry(occupation_code="0", level=11, mode="x", scarcity="x", certificate_kind="x", category="Z", hours=0)
    assert set(refused.value.fields) == {
        "occupation_code",
        "level",
        "mode",
        "scarcity",
        "certificate_kind",
        "category",
        "hours",
    }
    made = entry(published=False)
    again: dict[str, Any] = {
        name: getattr(made, name)
        for name in ("level", "headcount", "skills", "content", "hours", "mode", "scarcity", "certificate_kind")
    }
    with pytest.raises(Refusal, match="已有同一职业"):
        services.add_entry(
            actor=actor(Role.REVIEWER),
            at=AT,
            catalogue=made.catalogue,
            occupation_code=made.occupation_id,
            **again,
        )


@pytest.mark.mission("A4")
def test_a_project_joins_demand_training_evaluation_and_employment_service() -> None:
    wanted = demand()
    made = project(demand=wanted)
    wanted.refresh_from_db()
    assert (made.state, wanted.state) == ("listed", "answered")
    page = selectors.project(TIANJIN, made.pk)
    assert page is not None
    assert (page.demand, page.hours, page.level) == (wanted, 80, 4)
    assert page.evaluator is not None
    assert page.employment_service
    assert made in selectors.listed_projects(TIANJIN, TIANJIN)


@pytest.mark.mission("A4", "D3")
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"theory_hours": 21}, "theory_hours"),
        ({"safety_hours": 0}, "safety_hours"),
        ({"employment_service": " "}, "employment_service"),
        ({"kind": "x"}, "kind"),
    ],
)
def test_a_project_that_does_not_add_up_is_refused_by_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        project(**given)
    assert list(refused.value.fields) == [field]


@pytest.mark.mission("A4")
def test_the_database_refuses_a_project_without_safety_or_with_wrong_hours() -> None:
    made = project()
    for change in ({"safety_hours": 0}, {"theory_hours": 1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Project.objects.filter(city_code=TIANJIN, pk=made.pk).update(**change)


@pytest.mark.mission("A4")
def test_only_listed_providers_and_evaluators_and_entries_in_force_carry_a_project() -> None:
    with pytest.raises(Refusal, match="培训机构目录") as refused:
        project(registry.organisation(listed=False))
    assert refused.value.clause is not None
    with pytest.raises(Refusal, match="评价机构目录"):
        project(evaluator=registry.organisation())
    with pytest.raises(Refusal, match="还没有发布"):
        project(of=entry(published=False))
    with pytest.raises(Refusal, match="没有选定评价机构"):
        project(evaluator=None)


@pytest.mark.mission("A4")
def test_a_returned_project_says_why_and_comes_again() -> None:
    made = project(state="submitted")
    reviewer = actor(Role.REVIEWER, region_code=made.region_id)
    with pytest.raises(BadInput):
        services.return_project(actor=reviewer, at=AT, project=made, reason="")
    services.return_project(actor=reviewer, at=AT, project=made, reason="收费需说明")
    assert (made.state, made.return_reason) == ("draft", "收费需说明")
    provider = actor(Role.PROVIDER, organisation_id=made.provider_id)
    services.submit_project(actor=provider, at=AT, project=made)
    assert list(selectors.submitted_projects(TIANJIN, made.region_id)) == [made]
    with pytest.raises(Forbidden):
        services.list_project(actor=provider, at=AT, project=made)
    assert services.list_project(actor=reviewer, at=AT, project=made).state == "listed"


@pytest.mark.mission("A4")
def test_a_suspended_project_is_resumed_or_closed_for_good() -> None:
    made = project()
    reviewer = actor(Role.REVIEWER, region_code=made.region_id)
    services.suspend_project(actor=reviewer, at=AT, project=made, reason="检查中")
    services.resume_project(actor=reviewer, at=AT, project=made)
    services.close_project(actor=reviewer, at=AT, project=made)
    with pytest.raises(WrongState):
        services.resume_project(actor=reviewer, at=AT, project=made)

"""Published catalogues and listed projects, made through the services as pages make them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from factories import registry
from factories.actors import actor
from zhaoliang.catalogue import services
from zhaoliang.catalogue.models import CatalogueEntry, Project
from zhaoliang.kernel.roles import Place, Role
from zhaoliang.registry.models import Organisation

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
WELDER = "6-18-02-04"


def entry(*, city_code: int = registry.CITY, at: datetime = AT, published: bool = True, **given: Any) -> CatalogueEntry:
    """An entry for welders (高级工, 80 hours) in a catalogue of its own, published unless told."""
    region_code = given.pop("region_code", city_code)
    reviewer = actor(Role.REVIEWER, city_code=city_code, region_code=region_code)
    catalogue = services.draft_catalogue(
        actor=reviewer,
        at=at,
        place=Place(city_code, region_code),
        name="测试需求指导目录",
        number="测试文号",
        valid_from=date(2026, 1, 1),
    )
    arguments: dict[str, Any] = {
        "occupation_code": WELDER,
        "level": 4,
        "headcount": 100,
        "skills": "手工电弧焊",
        "content": "安全、理论、实操",
        "hours": 80,
        "mode": "offline",
        "scarcity": "very_scarce",
        "certificate_kind": "skill_level",
        "category": "A",
    }
    made = services.add_entry(actor=reviewer, at=at, catalogue=catalogue, **arguments | given)
    if published:
        approver = actor(Role.APPROVER, city_code=city_code, region_code=region_code)
        made.catalogue = services.publish_catalogue(actor=approver, at=at, catalogue=catalogue)
    return made


def project(
    provider: Organisation | None = None,
    *,
    of: CatalogueEntry | None = None,
    state: str = "listed",
    at: datetime = AT,
    **given: Any,
) -> Project:
    """A project of 20 + 60 hours (4 of safety) in the state draft, submitted or listed; listed unless told."""
    provider = provider or registry.organisation(at=at)
    of = of or entry(city_code=provider.city_code, at=at)
    staff = actor(Role.PROVIDER, city_code=provider.city_code, organisation_id=provider.pk)
    reviewer = actor(Role.REVIEWER, city_code=provider.city_code, region_code=provider.region_id)
    arguments: dict[str, Any] = {
        "name": f"{provider.short_name}焊工高级工",
        "kind": "employment",
        "theory_hours": of.hours // 4,
        "practice_hours": of.hours - of.hours // 4,
        "safety_hours": 4,
        "fee_fen": 0,
        "fund_source": "employment_subsidy",
        "content": "手工电弧焊",
        "employment_service": "推荐到缺工企业",
    }
    if "evaluator" not in given:
        given["evaluator"] = registry.organisation(evaluator=True, city_code=provider.city_code, at=at)
    made = services.draft_project(actor=staff, at=at, provider=provider, entry=of, **arguments | given)
    if state == "draft":
        return made
    made = services.submit_project(actor=staff, at=at, project=made)
    return made if state == "submitted" else services.list_project(actor=reviewer, at=at, project=made)

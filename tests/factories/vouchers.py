"""Batches and vouchers, made through the services as pages make them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from factories import registry
from factories.actors import HEPING, TIANJIN, actor
from factories.funds import budget
from zhaoliang.catalogue.models import Catalogue, CatalogueEntry, Project
from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.roles import Actor, Place, Role, system_actor
from zhaoliang.registry.models import Organisation, Person
from zhaoliang.vouchers import services
from zhaoliang.vouchers.models import Voucher, VoucherBatch
from zhaoliang.vouchers.scope import Scope

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
OCCUPATION = "4-10-01-05"
_numbers = count(1)
_birthdays = count(1)


def listed_project(provider: Organisation | None = None, *, at: datetime = AT, **given: Any) -> Project:
    """A project in the library, written directly: its own road there is the catalogue's."""
    number = next(_numbers)
    provider = provider or registry.organisation(at=at)
    city = {"city_code": provider.city_code}
    catalogue = Catalogue.objects.create(
        **city,
        name="测试目录",
        # Other factories number their catalogues from one.
        version=1000 + number,
        number="测试文号",
        region_id=provider.region_id,
        valid_from=date(2026, 1, 1),
        state="published",
    )
    shared = {
        "occupation_id": OCCUPATION,
        "level": 5,
        "hours": 40,
        "mode": "offline",
        "certificate_kind": "skill_level",
    }
    entry = CatalogueEntry.objects.create(
        **city, **shared, catalogue=catalogue, headcount=100, skills="技能", content="内容", scarcity="scarce"
    )
    columns: dict[str, Any] = {
        "name": f"测试项目 {number}",
        "entry": entry,
        "region_id": provider.region_id,
        "kind": "employment",
        "theory_hours": 16,
        "practice_hours": 24,
        "safety_hours": 4,
        "fee_fen": 0,
        "fund_source": FundSource.EMPLOYMENT_SUBSIDY,
        "employment_service": "推荐就业",
        "content": "内容",
        "state": "listed",
        "created_at": at,
    }
    return Project.objects.create(**city, provider=provider, **shared | columns | given)


def terms(project: Project | None = None, *, at: datetime = AT, **given: Any) -> services.BatchTerms:
    """Terms of a batch of ten vouchers at 1,800 yuan, claimable for 30 days and usable for 90 from `at`."""
    project = project or listed_project(at=at)
    usual: dict[str, Any] = {
        "name": f"测试培训券 {next(_numbers)}",
        "quota": 10,
        "amount_fen": 1800_00,
        "claim_from": at,
        "claim_until": at + timedelta(days=30),
        "use_until": at + timedelta(days=90),
    }
    if "budget_account" not in given:
        quota, amount = given.get("quota", 10), given.get("amount_fen", 1800_00)
        given["budget_account"] = budget(
            quota * amount, city_code=project.city_code, region_code=project.city_code, year=2026, at=at
        )
    return services.BatchTerms(**{"scope": Scope(projects=(project,))} | usual | given)


def batch(
    project: Project | None = None, *, state: str = "open", region_code: int = TIANJIN, at: datetime = AT, **given: Any
) -> VoucherBatch:
    """A batch in the state draft, submitted, open, suspended or closed; open unless told."""
    wanted = terms(project, at=at, **given)
    city_code = wanted.budget_account.city_code
    drafter = actor(Role.REVIEWER, city_code=city_code, region_code=region_code)
    publisher = actor(Role.APPROVER, city_code=city_code, region_code=region_code)
    made = services.draft_batch(actor=drafter, at=at, place=Place(city_code, region_code), terms=wanted)
    if state == "draft":
        return made
    made = services.submit_batch(actor=drafter, at=at, batch=made)
    if state == "submitted":
        return made
    made = services.publish_batch(actor=publisher, at=at, batch=made)
    if state == "suspended":
        return services.suspend_batch(actor=publisher, at=at, batch=made)
    if state == "closed":
        return services.close_batch(actor=publisher, at=at, batch=made)
    return made


def crowd(size: int, *, at: datetime = AT) -> list[Person]:
    """So many people, born on days of their own: a day and a place have only 500 numbers for men."""
    start = date(1970, 1, 1)
    return [registry.person(birth=start + timedelta(days=next(_birthdays) % 12_000), at=at) for _ in range(size)]


def worker(person: Person) -> Actor:
    """The actor that a person is to the platform."""
    return actor(Role.WORKER, city_code=person.city_code, region_code=HEPING, person_id=person.pk, name=person.name)


def voucher(
    batch_or_project: VoucherBatch | Project | None = None,
    *,
    person: Person | None = None,
    used: bool = False,
    verified: bool = False,
    class_id: int = 1,
    at: datetime = AT,
) -> Voucher:
    """A claimed voucher of a new person (and a new batch unless given); `used` or `verified` at its project's provider."""
    source = batch_or_project if isinstance(batch_or_project, VoucherBatch) else batch(batch_or_project, at=at)
    if person is None:
        person = (
            crowd(1, at=at)[0] if source.city_code == TIANJIN else registry.person(city_code=source.city_code, at=at)
        )
    made = services.claim_voucher(actor=worker(person), at=at, person=person, batch=source, declared=True)
    if used or verified:
        project = source.project
        made = services.use_voucher(
            actor=system_actor(), at=at, voucher=made, provider=project.provider, project=project, class_id=class_id
        )
    if verified:
        provider = source.project.provider
        services.verify_voucher(
            actor=actor(Role.PROVIDER, city_code=provider.city_code, organisation_id=provider.pk),
            at=at,
            place=Place(provider.city_code, provider.region_id, provider.pk),
            code=made.code,
            organisation=provider,
            method="typed",
        )
        made.refresh_from_db()
    return made

"""People who claim for themselves, and the desk that reviews and pays them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from factories import registry
from factories.payments import pays_from
from factories.subsidies import CITY, HEPING, SENIOR, case, certify
from zhaoliang.catalogue.models import Catalogue
from zhaoliang.certificates.models import Certificate
from zhaoliang.demo.bank import answer_file
from zhaoliang.employment.services import record_insurance
from zhaoliang.evaluation.models import ExamResult
from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.roles import Actor, Place, Role, system_actor
from zhaoliang.payments import selectors as payment_views
from zhaoliang.payments import services as payments
from zhaoliang.registry.models import Person
from zhaoliang.registry.services import add_group
from zhaoliang.subsidies import services
from zhaoliang.subsidies.models import Claim

ISSUED = date(2025, 3, 10)
# The texts of 2025 are known; of 2026 none was found.
APPLIED = datetime(2025, 12, 1, 2, 0, tzinfo=UTC)
FUND = FundSource.UNEMPLOYMENT_INSURANCE


def worker(person: Person) -> Actor:
    """The person at the phone."""
    return Actor(
        person.pk,
        person.pk,
        person.name,
        registry.actor_with(Role.WORKER, person=person, region_code=HEPING).assignments,
    )


def insured(person: Person, months: int = 30, as_of: date = date(2025, 11, 30), at: datetime = APPLIED) -> None:
    record_insurance(actor=system_actor(), at=at, person=person, months=months, as_of=as_of, source="失业保险参保比对")


def grouped(person: Person, group: str, valid_from: date) -> None:
    add_group(
        actor=system_actor(),
        at=registry.AT,
        person=person,
        group=group,
        evidence="register",
        source="数据比对",
        valid_from=valid_from,
    )


def holder(issued_on: date = ISSUED, level: int = SENIOR, **insurance: Any) -> tuple[Person, Certificate]:
    """A person with a standing certificate for which no training subsidy was claimed, and an insurance record."""
    made = case(1, with_vouchers=False, uncertified=frozenset({0}))
    # The guidance catalogue, which names the welder as scarce, is in force in 2025 too.
    Catalogue.objects.filter(city_code=CITY).update(valid_from=date(2025, 1, 1))
    result = ExamResult.objects.get(city_code=CITY, enrolment=made.enrolments[0])
    evaluator = made.training_class.project.evaluator
    assert evaluator is not None
    number = f"{evaluator.evaluator_prefix}25{3}{result.pk % 100000:05d}1"
    insured(made.people[0], **insurance)
    grouped(made.people[0], "06", date(2025, 1, 1))
    return made.people[0], certify(result, evaluator, number, level, issued_on)


@dataclass
class Bureau:
    """Those who review and pay."""

    reviewer: Actor
    approver: Actor
    officer: Actor
    finance: Actor


def bureau() -> Bureau:
    roles = (Role.REVIEWER, Role.APPROVER, Role.FUND_OFFICER, Role.FINANCE)
    return Bureau(*(registry.actor_with(role, person=registry.person()) for role in roles))


def to_approval(claim: Claim, desk: Bureau, at: datetime) -> Claim:
    """Reviewed by two people, published, approved by a third."""
    second = registry.actor_with(Role.APPROVER, person=registry.person(), region_code=claim.region_id)
    claim = services.take_up(actor=desk.reviewer, at=at, claim=claim)
    claim = services.pass_first(actor=desk.reviewer, at=at, claim=claim)
    claim = services.pass_second(actor=second, at=at, claim=claim)
    assert claim.publicity_until is not None
    after = datetime.combine(claim.publicity_until + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=2)
    return services.approve_claim(actor=desk.approver, at=after, claim=claim)


def paid(claim: Claim, desk: Bureau, at: datetime, region_code: int = HEPING) -> None:
    """A batch of the claim's fund, built, sealed, authorised, sent, and answered by the bank."""
    place = Place(CITY, region_code)
    pays_from(place, claim.fund_source)
    batch = payments.build_batch(actor=desk.officer, at=at, place=place, fund_source=claim.fund_source)
    batch = payments.seal_batch(actor=desk.officer, at=at, batch=batch)
    batch = payments.authorise_batch(actor=desk.finance, at=at, batch=batch)
    batch = payments.send_batch(actor=desk.officer, at=at, batch=batch)
    content = answer_file(payment_views.file_as_sent(payment_views.batch(CITY, batch.pk)), {})
    payments.import_return(actor=system_actor(), at=at, batch=batch, file_name="回单.xlsx", content=content)

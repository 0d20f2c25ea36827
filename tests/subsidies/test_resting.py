"""The mark of what was on file: every record that a line decided one by one rests on moves it, nobody else's does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from django.db import transaction

from factories import registry
from factories.people import grouped, insured, worker
from factories.subsidies import APPROVED, CITY, PLANNED, approved, case
from zhaoliang.apprenticeships.models import Agreement
from zhaoliang.attendance.models import Attendance
from zhaoliang.careers.services import record_job
from zhaoliang.catalogue.models import PurchaseContract
from zhaoliang.certificates.models import Certificate
from zhaoliang.classes.models import Enrolment
from zhaoliang.employment.models import JobRecord
from zhaoliang.evaluation.models import ExamResult
from zhaoliang.kernel.roles import system_actor
from zhaoliang.registry.models import GroupMembership, Person
from zhaoliang.registry.services import record_status, report_grant
from zhaoliang.subsidies.models import Claim, ClaimLine, Evidence
from zhaoliang.subsidies.resting import mark_of
from zhaoliang.subsidies.services import apply_for

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G5", "F5")]


def job(person: Person) -> JobRecord:
    return record_job(
        actor=system_actor(),
        at=APPROVED,
        person=person,
        employer_name="测试公司",
        from_on=date(2026, 7, 1),
        proof="contract",
    )


def status(person: Person) -> None:
    told = {"kind": "student", "holds": False, "source": "学籍比对", "checked_on": date(2026, 7, 1)}
    record_status(actor=system_actor(), at=APPROVED, person=person, **told)


def grant(person: Person) -> None:
    told = {"scheme": "training", "occupation_code": "6-18-02-02", "level": 2, "city_code": 310000, "source": "外省"}
    told |= {"certificate_number": "", "fund_source": "employment_subsidy", "granted_on": date(2025, 2, 3)}
    report_grant(actor=system_actor(), at=APPROVED, person=person, **told)


def in_city(model: type, **chosen: object) -> Callable[..., int]:
    return model.objects.filter(city_code=CITY, **chosen).update  # pyright: ignore[reportAttributeAccessIssue]


def test_each_record_that_a_line_rests_on_moves_its_mark_and_no_other() -> None:
    made = case(2, group="07")
    person, other = made.people
    for one in made.people:
        grouped(one, "07", date(2026, 1, 1))
    approved(made)
    training = ClaimLine.objects.get(city_code=CITY, person=person)
    line = apply_for(actor=worker(person), at=APPROVED, person=person, kind="living", training=training)
    held = job(person)
    insured(person, as_of=date(2026, 7, 1), at=APPROVED)
    trainee = {"enrolment_id": line.enrolment_id}
    project = made.training_class.project

    def contract() -> None:
        PurchaseContract.objects.create(
            city_code=CITY,
            project=project,
            number="1",
            signed_on=date(2026, 1, 1),
            hour_fen=1,
            person_cap_fen=2,
            at=APPROVED,
        )

    def agreement() -> None:
        Agreement.objects.create(
            city_code=CITY,
            enrolment_id=line.enrolment_id,
            signed_on=date(2026, 1, 1),
            months=12,
            enterprise_mentor="甲",
            recorded_at=APPROVED,
        )

    def video() -> None:
        Evidence.objects.create(
            city_code=CITY, claim=line.claim, kind="video", file_name="a", sha256="0" * 64, size=1, at=APPROVED
        )

    moves: dict[str, tuple[str, Callable[[], object]]] = {
        "the day of birth": ("living", lambda: in_city(Person, pk=person.pk)(birth_date=date(1990, 1, 1))),
        "an identity found wrong": (
            "living",
            lambda: in_city(Person, pk=person.pk)(identity_wrong_on=date(2026, 7, 1)),
        ),
        "a status": ("living", lambda: status(person)),
        "a group": ("living", lambda: grouped(person, "08", date(2026, 1, 1))),
        "the end of a group": ("living", lambda: in_city(GroupMembership, person=person)(valid_to=date(2026, 2, 1))),
        "a second job like the first": ("living", lambda: job(person)),
        "a job found untrue": ("living", lambda: in_city(JobRecord, pk=held.pk)(voided_on=date(2026, 7, 2))),
        "an answer on insurance": ("living", lambda: insured(person, months=31, as_of=date(2026, 7, 2), at=APPROVED)),
        "a grant": ("living", lambda: grant(person)),
        "who employs": ("living", lambda: in_city(Enrolment, pk=line.enrolment_id)(employer_uscc="91120000000000000X")),
        "who left": ("living", lambda: in_city(Enrolment, pk=line.enrolment_id)(state="dropped")),
        "minutes": ("living", lambda: in_city(Attendance, **trainee)(credited_minutes=PLANNED - 45)),
        "the training's amount": ("living", lambda: in_city(ClaimLine, pk=training.pk)(amount_fen=1)),
        "the training's publicity": (
            "living",
            lambda: in_city(Claim, pk=training.claim_id)(publicity_until=date(2026, 7, 9)),
        ),
        "the examination": ("living", lambda: in_city(ExamResult, **trainee)(passed=False)),
        "the certificate": ("living", lambda: in_city(Certificate, person=person)(state="revoked")),
        "a purchase contract": ("project", contract),
        "an agreement": ("apprenticeship", agreement),
        "a file": ("apprenticeship", video),
    }
    for what, (kind, happens) in moves.items():
        with transaction.atomic():
            in_city(ClaimLine, pk=line.pk)(kind=kind)
            before = mark_of(line)
            happens()
            assert mark_of(line) != before, what
            transaction.set_rollback(True)
    before = mark_of(line)
    job(other)
    status(other)
    grant(other)
    in_city(Person, pk=other.pk)(birth_date=date(1990, 1, 1))
    in_city(Attendance, enrolment=made.enrolments[1])(credited_minutes=0)
    in_city(ClaimLine, pk=line.pk)(looked_at=APPROVED, amount_fen=1)
    registry.person()
    assert mark_of(line) == before
    assert mark_of(training) is None

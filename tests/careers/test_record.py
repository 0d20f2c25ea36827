"""The lifelong record: everything of a person on one line of time, its sources named, in a fixed number of queries."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from factories import certificates, evaluation, registry, vouchers
from factories.evaluation import AFTER, BAD, GOOD
from zhaoliang.attendance.models import Attendance
from zhaoliang.careers import perms, selectors
from zhaoliang.careers.services import record_job
from zhaoliang.classes.models import ClassSession, Teacher
from zhaoliang.employment.models import JobRecord
from zhaoliang.kernel.errors import BadInput, Forbidden
from zhaoliang.kernel.roles import Actor, Role, system_actor
from zhaoliang.registry.models import Person

pytestmark = [pytest.mark.django_db, pytest.mark.mission("H1")]


def _worker(person: Person) -> Actor:
    return registry.actor_with(Role.WORKER, person=person)


def _attend(made: evaluation.Taught, planned: int, credited: int) -> None:
    teacher = Teacher.objects.create(
        city_code=evaluation.CITY,
        organisation=made.provider,
        name="测试教师",
        education="本科",
        speciality="电工",
        qualification="技师",
    )
    period = (registry.AT, registry.AT.replace(hour=9))
    session = ClassSession.objects.create(
        city_code=evaluation.CITY,
        training_class=made.training_class,
        teacher=teacher,
        period=period,
        kind="practice",
        hours=8,
        content="内容",
        room="一号实训室",
    )
    for enrolment in made.enrolments:
        Attendance.objects.create(
            city_code=evaluation.CITY,
            enrolment=enrolment,
            session=session,
            person=enrolment.person,
            period=period,
            planned_minutes=planned,
            credited_minutes=credited,
            state="present",
        )


def _job(person: Person, **given: Any) -> JobRecord:
    usual: dict[str, Any] = {"employer_name": "测试电气厂", "from_on": date(2026, 3, 25), "proof": "insurance"}
    return record_job(actor=system_actor(), at=AFTER, person=person, **usual | given)


def _life(person: Person) -> None:
    """A voucher, a class attended and passed, its certificate, and a job."""
    vouchers.voucher(person=person)
    made = evaluation.taught(people=[person])
    certificates.issued(made, GOOD)
    _job(person, insured=True, post="电工")


def test_training_certificate_voucher_and_job_stand_on_one_line_of_time() -> None:
    person = evaluation.someone()
    made = evaluation.taught(people=[person])
    _attend(made, planned=3600, credited=2899)
    _, (certificate,) = certificates.issued(made, GOOD)
    voucher = vouchers.voucher(person=person)
    job = _job(person, insured=True, post="电工")
    record = selectors.lifelong_record(person)
    (training,) = record.trainings
    assert (training.attendance_percent, training.passed, training.state_label) == (80, True, "结业")
    assert record.certificates == [certificate]
    assert record.vouchers == [voucher]
    assert record.jobs == [job]
    days = [entry.on for entry in record.timeline]
    assert days == sorted(days, reverse=True)
    assert {entry.kind for entry in record.timeline} == {"training", "certificate", "voucher", "job"}
    assert all(entry.source for entry in record.timeline)
    by_kind = {entry.kind: entry for entry in record.timeline}
    assert "出勤 80%" in by_kind["training"].detail
    assert certificate.number in by_kind["certificate"].detail
    assert by_kind["job"].source == "社保比对"


def test_somebody_elses_rows_stay_out() -> None:
    made = evaluation.taught(2)
    certificates.issued(made, GOOD, BAD)
    failed = selectors.lifelong_record(made.enrolments[1].person)
    assert failed.certificates == []
    assert [training.passed for training in failed.trainings] == [False]
    assert "未合格" in failed.timeline[0].detail


def test_the_identity_number_is_masked() -> None:
    person = evaluation.someone()
    assert person.document_number not in repr(selectors.lifelong_record(person))


def test_a_long_record_takes_no_more_queries_than_a_short_one(django_assert_num_queries: Any) -> None:
    person = evaluation.someone()
    for everywhere in (False, True):
        _life(person)
        with django_assert_num_queries(9):
            selectors.lifelong_record(person, everywhere=everywhere)


def test_the_person_sees_what_another_city_holds_and_the_city_does_not() -> None:
    person = evaluation.someone()
    there = registry.person(name=person.name, number=person.document_number, city_code=370900, region_code=370902)
    assert there.pk == person.pk
    _job(there, employer_name="外地测试厂")
    assert selectors.lifelong_record(person).jobs == []
    assert [job.employer_name for job in selectors.lifelong_record(person, everywhere=True).jobs] == ["外地测试厂"]


def test_workers_state_jobs_but_not_that_they_are_insured() -> None:
    person = evaluation.someone()
    common: dict[str, Any] = {
        "actor": _worker(person),
        "at": AFTER,
        "person": person,
        "employer_name": "测试电气厂",
        "from_on": date(2026, 3, 25),
    }
    assert not record_job(**common, proof="contract").insured
    for claimed in ({"proof": "insurance"}, {"proof": "contract", "insured": True}):
        with pytest.raises(BadInput) as refused:
            record_job(**common, **claimed)
        assert "社保数据比对" in refused.value.fields["proof"]


def test_every_wrong_field_of_a_job_is_named() -> None:
    with pytest.raises(BadInput) as refused:
        _job(
            evaluation.someone(),
            employer_name=" ",
            proof="hearsay",
            from_on=date(2026, 3, 26),
            to_on=date(2026, 3, 25),
        )
    assert refused.value.fields.keys() == {"employer_name", "proof", "from_on", "to_on"}


def test_nobody_writes_or_reads_another_workers_record() -> None:
    person, other = evaluation.someone(), evaluation.someone()
    with pytest.raises(Forbidden):
        record_job(
            actor=_worker(other),
            at=AFTER,
            person=person,
            employer_name="测试电气厂",
            from_on=date(2026, 3, 25),
            proof="contract",
        )
    perms.RECORD.check(_worker(person), person.access())
    with pytest.raises(Forbidden):
        perms.RECORD.check(_worker(other), person.access())

"""The demo's class: filed with plan and roster, taught under sign-in, examined, certified."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db import transaction

from zhaoliang.attendance import services as attendance
from zhaoliang.attendance.models import Attendance
from zhaoliang.catalogue.models import Project
from zhaoliang.certificates import services as certificates
from zhaoliang.classes import services as classes
from zhaoliang.classes.models import ClassSession, Enrolment, RosterImport, Teacher, TrainingClass
from zhaoliang.demo import calendar
from zhaoliang.demo.cast import Cast, School
from zhaoliang.demo.stage import Stage, moment
from zhaoliang.evaluation import services as evaluation
from zhaoliang.evaluation.models import Exam
from zhaoliang.evaluation.rules import ResultInput
from zhaoliang.kernel.roles import Place, Role
from zhaoliang.vouchers import services as vouchers
from zhaoliang.vouchers.models import Voucher

MORNING, AFTERNOON = (8, 30), (13, 30)
SESSION_HOURS = 4
SESSION_MINUTES = SESSION_HOURS * 45
SEED = 20260302


@dataclass(frozen=True)
class ClassPlan:
    """What kind of class: its label in the demo's keys, project, school, days, theory sessions, capacity."""

    label: str
    project: Project
    school: School
    start: date
    days: int
    theory_sessions: int
    capacity: int
    filed_on: date
    accepted_on: date
    exam_on: date
    results_on: date = calendar.RESULTS
    certificates_on: date = calendar.CERTIFICATES


def workdays(start: date, count: int) -> list[date]:
    """The first `count` weekdays from `start` (the demo's March holds no holiday)."""
    days, day = [], start
    while len(days) < count:
        if day.weekday() < 5:
            days.append(day)
        day += timedelta(days=1)
    return days


def draft(stage: Stage, plan: ClassPlan) -> TrainingClass:
    """Class, teachers, timetable, textbooks and exam plan."""
    label, school = plan.label, plan.school
    days = workdays(plan.start, plan.days)
    prepared = plan.filed_on - timedelta(days=4)
    training_class = stage.do(
        classes.draft_class,
        f"class-{label}",
        actor=school.actor,
        at=moment(prepared),
        project=plan.project,
        site=school.site,
        starts_on=days[0],
        ends_on=days[-1],
        exam_on=plan.exam_on,
        capacity=plan.capacity,
        responsible_name="甲某丑",
        responsible_phone="19900000001",
        exam_method="理论闭卷 + 实操，由津门演示技能评价中心组织",
    )
    teachers = [
        stage.do(
            classes.add_teacher,
            f"teacher-{label}-{name}",
            actor=school.actor,
            at=moment(prepared, 10),
            organisation=school.organisation,
            name=name,
            education="大学本科",
            speciality="焊接技术与工程",
            qualification=qualification,
        )
        for name, qualification in (("乙某寅", "高级讲师"), ("丙某卯", "焊工高级技师"))
    ]
    _timetable(stage, plan, training_class, teachers, days)
    for title, publisher in (("焊工（高级）", "中国劳动社会保障出版社"), ("安全生产通识", "演示自编讲义")):
        stage.do(
            classes.add_textbook,
            f"textbook-{label}-{title}",
            actor=school.actor,
            at=moment(prepared, 15),
            training_class=training_class,
            title=title,
            publisher=publisher,
        )
    return training_class


def _timetable(
    stage: Stage, plan: ClassPlan, training_class: TrainingClass, teachers: Sequence[Teacher], days: Sequence[date]
) -> None:
    prepared = plan.filed_on - timedelta(days=4)
    for index in range(len(days) * 2):
        day, half = days[index // 2], MORNING if index % 2 == 0 else AFTERNOON
        if index < 2 and plan.project.safety_hours > index * SESSION_HOURS:
            kind, content = "safety", "安全生产：用电、动火、通风、防护与应急"
        elif index < plan.theory_sessions:
            kind, content = "theory", "工艺理论与识图"
        else:
            kind, content = "practice", "工位实操与讲评"
        starts = moment(day, *half)
        stage.do(
            classes.add_session,
            f"session-{plan.label}-{index}",
            actor=plan.school.actor,
            at=moment(prepared, 11),
            training_class=training_class,
            teacher=teachers[0 if kind != "practice" else 1],
            starts_at=starts,
            ends_at=starts + timedelta(minutes=SESSION_MINUTES),
            kind=kind,
            hours=SESSION_HOURS,
            content=content,
            room="实训楼 2 层",
            textbook="焊工（高级）" if kind != "safety" else "安全生产通识",
        )


def upload(stage: Stage, plan: ClassPlan, training_class: TrainingClass, name: str, content: bytes) -> RosterImport:
    """The school uploads a roster file."""
    return stage.do(
        classes.import_roster,
        f"roster-{plan.label}-{name}",
        actor=plan.school.actor,
        at=moment(plan.filed_on - timedelta(days=3)),
        training_class=training_class,
        file_name=name,
        content=content,
    )


def file(stage: Stage, plan: ClassPlan, training_class: TrainingClass) -> TrainingClass:
    """The school files the class."""
    return stage.do(
        classes.file_class,
        f"file-{plan.label}",
        actor=plan.school.actor,
        at=moment(plan.filed_on),
        training_class=training_class,
    )


def accept(stage: Stage, cast: Cast, plan: ClassPlan, training_class: TrainingClass) -> TrainingClass:
    """The bureau accepts the filing."""
    return stage.do(
        classes.accept_class,
        f"accept-{plan.label}",
        actor=cast.staff[Role.REVIEWER],
        at=moment(plan.accepted_on),
        training_class=training_class,
    )


def verify_vouchers(stage: Stage, plan: ClassPlan, training_class: TrainingClass) -> None:
    """On the first morning the school scans each trainee's voucher."""
    held = Voucher.objects.filter(city_code=training_class.city_code, class_id=training_class.pk).order_by("id")
    for number, voucher in enumerate(held):
        stage.do(
            vouchers.verify_voucher,
            f"verify-{voucher.pk}",
            actor=plan.school.actor,
            at=moment(plan.start, 8, 5) + timedelta(minutes=number),
            place=Place(training_class.city_code, training_class.city_code, plan.school.organisation.pk),
            code=voucher.code,
            organisation=plan.school.organisation,
            method="scanned",
        )


def teach(stage: Stage, plan: ClassPlan, training_class: TrainingClass, low: int | None) -> TrainingClass:
    """Start, sign-ins of every session, end. The trainee at index `low` misses a quarter; some come late or from afar."""
    training_class = stage.do(
        attendance.start_class,
        f"start-{plan.label}",
        actor=plan.school.actor,
        at=moment(plan.start, 8),
        training_class=training_class,
    )
    chance = random.Random(SEED)
    sessions = ClassSession.objects.filter(city_code=training_class.city_code, training_class=training_class)
    for number, session in enumerate(sessions.order_by("period"), start=1):
        # One commit a session: sixty in a row would each wait for the disk.
        with transaction.atomic():
            _sign_in_all(stage, plan, session, number, low, chance)
        stage.echo(f"  上课签到 {number}/{plan.days * 2}") if number % 10 == 0 else None
    return stage.do(
        attendance.end_class,
        f"end-{plan.label}",
        actor=plan.school.actor,
        at=moment(workdays(plan.start, plan.days)[-1], 18),
        training_class=training_class,
    )


def _sign_in_all(
    stage: Stage, plan: ClassPlan, session: ClassSession, number: int, low: int | None, chance: random.Random
) -> None:
    begins, ends = session.period.lower, session.period.upper
    assert begins is not None
    assert ends is not None
    expected = Attendance.objects.filter(city_code=session.city_code, session=session).order_by("enrolment_id")
    expected = expected.select_related("enrolment__training_class__project")
    for index, row in enumerate(expected):
        minutes_before, misses = chance.randint(2, 25), chance.random() < 0.02
        if (index == low and number % 4 == 0) or misses:
            continue
        stage.do(
            attendance.sign_in,
            f"sign-{row.pk}",
            actor=plan.school.actor,
            at=begins - timedelta(minutes=minutes_before),
            attendance=row,
            method="card",
            longitude=Decimal("117.314200"),
            latitude=Decimal("39.086100"),
        )
    stage.do(
        attendance.close_session,
        f"close-{session.pk}",
        actor=plan.school.actor,
        at=ends + timedelta(minutes=10),
        session=session,
    )


def examine(stage: Stage, cast: Cast, plan: ClassPlan, training_class: TrainingClass, failing: Sequence[int]) -> Exam:
    """Exam by the evaluation organisation, results published by a second person, certificates."""
    exam = stage.do(
        evaluation.plan_exam,
        f"exam-{plan.label}",
        actor=cast.recorder,
        at=moment(plan.exam_on - timedelta(days=1)),
        training_class=training_class,
        held_on=plan.exam_on,
    )
    chance = random.Random(SEED + 1)
    sat = Enrolment.objects.filter(city_code=exam.city_code, training_class=training_class).order_by("id")
    results = [
        ResultInput(
            enrolment_id=enrolment.pk,
            theory_tenths=chance.randint(620, 960),
            practice_tenths=540 if index in failing else chance.randint(640, 970),
        )
        for index, enrolment in enumerate(sat)
    ]
    stage.do(
        evaluation.record_results,
        f"results-{plan.label}",
        actor=cast.recorder,
        at=moment(plan.results_on),
        exam=exam,
        results=results,
    )
    stage.do(
        evaluation.publish_results,
        f"publish-results-{plan.label}",
        actor=cast.publisher,
        at=moment(plan.results_on, 15),
        exam=exam,
    )
    stage.do(
        certificates.issue_for_exam,
        f"certificates-{plan.label}",
        actor=cast.publisher,
        at=moment(plan.certificates_on),
        exam=exam,
        issued_on=plan.certificates_on,
    )
    return exam

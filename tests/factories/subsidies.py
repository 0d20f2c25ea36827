"""A class at the end of its teaching, as claims find it: people, vouchers, attendance, published results, certificates.

Rows of the registry, of funds and of vouchers come to be through their services. Class, attendance, results and
certificates are written as they stand in the end: their own journeys are tested in their own folders.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from factories import registry
from factories.funds import budget
from zhaoliang.attendance.models import Attendance
from zhaoliang.catalogue.models import Catalogue, CatalogueEntry, Project
from zhaoliang.certificates.models import Certificate, CertificateIndex
from zhaoliang.classes.models import ClassSession, Enrolment, Teacher, TrainingClass
from zhaoliang.evaluation.models import Exam, ExamResult
from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.days import day_start
from zhaoliang.kernel.roles import Actor, Place, Role, system_actor
from zhaoliang.registry.models import Organisation, Person
from zhaoliang.registry.services import add_group, record_status
from zhaoliang.subsidies import services
from zhaoliang.subsidies.models import Claim, ClaimLine, Decision, DecisionBasis
from zhaoliang.vouchers.models import Voucher, VoucherBatch
from zhaoliang.vouchers.scope import Scope
from zhaoliang.vouchers.services import (
    BatchTerms,
    claim_voucher,
    draft_batch,
    publish_batch,
    submit_batch,
    use_voucher,
    verify_voucher,
)

CITY, HEPING = registry.CITY, registry.HEPING
WELDER, SENIOR, FULL_FEN = "6-18-02-04", 4, 3_780_00
START, END, EXAM_ON = date(2026, 6, 1), date(2026, 6, 19), date(2026, 6, 22)
ASSESSED = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
PUBLISHED = ASSESSED + timedelta(days=2)
# Five working days after 3 July 2026 (a Friday) end on 10 July.
APPROVED = datetime(2026, 7, 13, 1, 0, tzinfo=UTC)
PLANNED = 120 * 45
_numbers = count(1)


@dataclass
class Case:
    """A class with everybody who has to do with its claim."""

    provider: Organisation
    training_class: TrainingClass
    people: list[Person]
    enrolments: list[Enrolment]
    vouchers: list[Voucher]
    batch: VoucherBatch | None
    staff: Actor
    reviewer: Actor
    second: Actor
    approver: Actor
    officer: Actor
    finance: Actor

    @property
    def place(self) -> Place:
        return Place(CITY, HEPING)


def trainee(**given: Any) -> Person:
    """A registered unemployed person about whom every register has answered."""
    made = registry.person(**given)
    arguments: dict[str, Any] = {"actor": system_actor(), "at": registry.AT, "person": made}
    add_group(**arguments, group="06", evidence="register", source="失业登记", valid_from=date(2026, 1, 1))
    for kind in ("pension", "establishment", "student"):
        record_status(**arguments, kind=kind, holds=False, source="数据比对", checked_on=date(2026, 5, 20))
    return made


def project(provider: Organisation, evaluator: Organisation, fund: str = FundSource.EMPLOYMENT_SUBSIDY) -> Project:
    """A listed project: senior welder, 120 hours, very scarce, offline, which pays 3,780 yuan in Tianjin."""
    number = next(_numbers)
    catalogue = Catalogue.objects.create(
        city_code=CITY,
        name="测试需求指导目录",
        version=number,
        number="测试文号",
        region_id=HEPING,
        valid_from=date(2026, 5, 1),
        state="published",
    )
    entry = CatalogueEntry.objects.create(
        city_code=CITY,
        catalogue=catalogue,
        occupation_id=WELDER,
        level=SENIOR,
        headcount=100,
        skills="焊接",
        content="焊接",
        hours=120,
        mode="offline",
        category="A",
        scarcity="very_scarce",
        certificate_kind="skill_level",
    )
    return Project.objects.create(
        city_code=CITY,
        name=f"焊工（高级工）测试项目 {number}",
        provider=provider,
        entry=entry,
        evaluator=evaluator,
        region_id=HEPING,
        kind="employment",
        occupation_id=WELDER,
        level=SENIOR,
        certificate_kind="skill_level",
        mode="offline",
        hours=120,
        theory_hours=40,
        practice_hours=80,
        safety_hours=8,
        fee_fen=0,
        fund_source=fund,
        employment_service="推荐就业",
        content="焊接",
        state="listed",
        created_at=registry.AT,
    )


def voucher_batch(made: Project, quota: int, *, amount_fen: int = FULL_FEN, year: int = 2026) -> VoucherBatch:
    """An open batch of the project with its money reserved."""
    money = budget(100_000_000, region_code=HEPING, fund_source=made.fund_source, year=year)
    drafter, publisher = (registry.actor_with(role) for role in (Role.REVIEWER, Role.APPROVER))
    terms = BatchTerms(
        name="测试批次",
        scope=Scope(projects=(made,)),
        quota=quota,
        amount_fen=amount_fen,
        budget_account=money,
        claim_from=registry.AT,
        claim_until=registry.AT + timedelta(days=60),
        use_until=registry.AT + timedelta(days=120),
    )
    batch = draft_batch(actor=drafter, at=registry.AT, place=Place(CITY, HEPING), terms=terms)
    batch = submit_batch(actor=drafter, at=registry.AT, batch=batch)
    return publish_batch(actor=publisher, at=registry.AT, batch=batch)


def case(
    size: int = 3,
    *,
    with_vouchers: bool = True,
    attended: dict[int, int] | None = None,
    failed: frozenset[int] = frozenset(),
    uncertified: frozenset[int] = frozenset(),
    voucher_fen: int = FULL_FEN,
    provider: Organisation | None = None,
    people: list[Person] | None = None,
    with_cards: bool = True,
    account: str | None = None,
    later: timedelta = timedelta(0),
    **enrolled: Any,
) -> Case:
    """A class whose results are published. Traits name trainees by their place: minutes attended, failed, uncertified.

    `later` moves the days of the class, for people who attend two.
    """
    # Two schools are never paid into one account.
    if provider is None:
        account = registry.inventor().bank_card() if account is None else account
        provider = registry.organisation(account_number=account)
    evaluator = registry.organisation(evaluator=True)
    made = project(provider, evaluator)
    number = next(_numbers)
    training_class = TrainingClass.objects.create(
        city_code=CITY,
        name=f"2026测试校焊工高级工{number:03d}等级证",
        project=made,
        provider=provider,
        site=registry.site(provider),
        starts_on=START + later,
        ends_on=END + later,
        capacity=max(size, 1),
        hours=120,
        responsible_name="甲某",
        responsible_phone="19900000000",
        exam_on=EXAM_ON + later,
        exam_method="理论和实操",
        state="assessed",
        created_at=registry.AT,
    )
    people = people or [trainee(with_card=with_cards) for _ in range(size)]
    batch = voucher_batch(made, len(people), amount_fen=voucher_fen) if with_vouchers else None
    vouchers = [_verified(batch, person, made, training_class) for person in people] if batch else []
    enrolments = [
        Enrolment.objects.create(
            city_code=CITY,
            training_class=training_class,
            person=person,
            voucher=vouchers[index] if vouchers else None,
            group=enrolled.get("group", "06"),
            employer_uscc=enrolled.get("employer_uscc", ""),
            prepaid_by_person=enrolled.get("prepaid_by_person", False),
            state="completed",
            listed_at=registry.AT,
        )
        for index, person in enumerate(people)
    ]
    _attendance(training_class, enrolments, attended or {})
    _results(training_class, enrolments, evaluator, number, failed, uncertified)
    roles = (Role.REVIEWER, Role.APPROVER, Role.APPROVER, Role.FUND_OFFICER, Role.FINANCE)
    return Case(
        provider,
        training_class,
        people,
        enrolments,
        vouchers,
        batch,
        registry.actor_with(Role.PROVIDER, organisation=provider, person=registry.person()),
        *(registry.actor_with(role, person=registry.person()) for role in roles),
    )


def _verified(batch: VoucherBatch, person: Person, made: Project, training_class: TrainingClass) -> Voucher:
    worker = Actor(person.pk, person.pk, person.name, registry.actor_with(Role.WORKER, person=person).assignments)
    at = registry.AT + timedelta(days=1)
    voucher = claim_voucher(actor=worker, at=at, person=person, batch=batch, declared=True)
    use_voucher(
        actor=system_actor(),
        at=at,
        voucher=voucher,
        provider=made.provider,
        project=made,
        class_id=training_class.pk,
    )
    verify_voucher(
        actor=system_actor(),
        at=at,
        place=Place(CITY, HEPING, made.provider_id),
        code=voucher.code,
        organisation=made.provider,
        method="typed",
    )
    voucher.refresh_from_db()
    return voucher


def _attendance(training_class: TrainingClass, enrolments: list[Enrolment], attended: dict[int, int]) -> None:
    teacher = Teacher.objects.create(
        city_code=CITY,
        organisation=training_class.provider,
        name="测试教师",
        education="本科",
        speciality="焊接",
        qualification="高级技师",
    )
    begin = day_start(training_class.starts_on) + timedelta(hours=9)
    period = (begin, begin + timedelta(hours=8))
    session = ClassSession.objects.create(
        city_code=CITY,
        training_class=training_class,
        teacher=teacher,
        period=period,
        kind="practice",
        hours=8,
        content="焊接",
        room="一号实训室",
    )
    for index, enrolment in enumerate(enrolments):
        minutes = attended.get(index, PLANNED)
        Attendance.objects.create(
            city_code=CITY,
            enrolment=enrolment,
            session=session,
            person=enrolment.person,
            period=period,
            planned_minutes=PLANNED,
            credited_minutes=minutes,
            state="present" if minutes else "absent",
        )


def _results(
    training_class: TrainingClass,
    enrolments: list[Enrolment],
    evaluator: Organisation,
    number: int,
    failed: frozenset[int],
    uncertified: frozenset[int],
) -> None:
    exam = Exam.objects.create(
        city_code=CITY,
        training_class=training_class,
        evaluator=evaluator,
        held_on=EXAM_ON,
        state="published",
        published_at=ASSESSED,
        created_at=ASSESSED,
    )
    for index, enrolment in enumerate(enrolments):
        passed = index not in failed
        result = ExamResult.objects.create(
            city_code=CITY,
            exam=exam,
            enrolment=enrolment,
            person=enrolment.person,
            theory_tenths=800 if passed else 300,
            practice_tenths=800,
            passed=passed,
        )
        if passed and index not in uncertified:
            certify(result, evaluator, f"{evaluator.evaluator_prefix}26{3}{number:03d}{index:03d}")


def certify(
    result: ExamResult,
    evaluator: Organisation,
    number: str,
    level: int = SENIOR,
    issued_on: date = date(2026, 6, 25),
) -> Certificate:
    """A certificate on a result, entered in the national index."""
    certificate = Certificate.objects.create(
        city_code=CITY,
        number=number,
        kind="skill_level",
        person=result.person,
        name=result.person.name,
        document_masked="120***********0000",
        occupation_id=WELDER,
        level=level,
        hours=120,
        issuer=evaluator,
        result=result,
        issued_on=issued_on,
        payload=b"{}",
        signature=b"test",
        key_id="test",
    )
    CertificateIndex.objects.create(number=number, city_code=CITY, certificate_id=certificate.pk)
    return certificate


def assembled(made: Case) -> Claim:
    """The claim of the class, waiting for the provider."""
    return services.assemble_claim(actor=system_actor(), at=ASSESSED, training_class=made.training_class)


def confirmed(made: Case) -> Claim:
    """The claim in first review."""
    return services.confirm_claim(actor=made.staff, at=ASSESSED, claim=assembled(made))


def published(made: Case, *, judged: bool = False) -> Claim:
    """The claim in publicity; `judged` when a person has looked at each line that nobody could tell of, and passed it."""
    claim = confirmed(made)
    asked = ClaimLine.objects.filter(city_code=CITY, claim=claim, state="to_person") if judged else ()
    for line in asked:
        services.judge_line(actor=made.reviewer, at=PUBLISHED, line=line, passes=True, text="已核对本人证件和收据")
    claim = services.pass_first(actor=made.reviewer, at=PUBLISHED, claim=claim)
    return services.pass_second(actor=made.second, at=PUBLISHED, claim=claim)


def approved(made: Case, *, judged: bool = False) -> Claim:
    """The claim whose lines are due in the ledger."""
    return services.approve_claim(actor=made.approver, at=APPROVED, claim=published(made, judged=judged))


def in_older_order(decision: Decision) -> Decision:
    """A decision of a line as the release before kept it: the same facts the other way round. It is the line's own now."""
    now = decision.basis
    [cells] = csv.reader([decision.known[1:-1]])
    kept = {name: getattr(now, name) for name in ("slots", "rules", "texts", "library")} | {"facts": now.facts[::-1]}
    named = {"policy_version": now.policy_version, "phase": now.phase, "shape": "before"}
    before, _ = DecisionBasis.objects.get_or_create(city_code=CITY, **named, defaults=kept)
    same = ("claim_line_id", "outcome", "policy_version", "amount_fen", "rows", "answers", "steps", "payee", "at")
    older = Decision.objects.create(
        city_code=CITY,
        basis_id=before.pk,
        known=f"({','.join(cells[::-1])})",
        **{name: getattr(decision, name) for name in same},
    )
    ClaimLine.objects.filter(city_code=CITY, pk=decision.claim_line_id).update(decision=older)
    return older

"""Classes at the end of their teaching and their examinations; examinations go through the services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from factories import registry
from zhaoliang.catalogue.models import Catalogue, CatalogueEntry, Project
from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.evaluation import services
from zhaoliang.evaluation.models import Exam
from zhaoliang.evaluation.rules import ResultInput
from zhaoliang.kernel.roles import Actor, Role
from zhaoliang.registry.models import Organisation, Person

CITY = registry.CITY
ELECTRICIAN, SENIOR = "6-31-01-03", 4
STARTS, ENDS, HELD = date(2026, 3, 9), date(2026, 3, 20), date(2026, 3, 24)
# The day after the examination, in the morning.
AFTER = datetime(2026, 3, 25, 1, 0, tzinfo=UTC)
GOOD, BAD, AWAY = (855, 700), (855, 590), (None, None)
_numbers = count(1)


@dataclass
class Taught:
    """An ended class, its trainees, and two people of the organisation that examines it."""

    training_class: TrainingClass
    enrolments: list[Enrolment]
    evaluator: Organisation
    recorder: Actor
    publisher: Actor

    @property
    def provider(self) -> Organisation:
        return self.training_class.provider


def someone(**given: Any) -> Person:
    """A new person. Every one has another birthday: a birthday and sex have only 500 invented numbers."""
    return registry.person(birth=date(1970, 1, 1) + timedelta(days=next(_numbers)), **given)


def staff(organisation: Organisation, role: Role = Role.EVALUATOR, **given: Any) -> Actor:
    """Somebody of an organisation, with a natural person behind the account."""
    return registry.actor_with(role, organisation=organisation, person=someone(), **given)


def project(provider: Organisation, evaluator: Organisation | None, **given: Any) -> Project:
    """A listed project, written directly: its own road there is the catalogue's."""
    catalogue = Catalogue.objects.create(
        city_code=CITY,
        name="测试目录",
        version=10_000 + next(_numbers),
        number="测试文号",
        region_id=registry.HEPING,
        valid_from=date(2026, 1, 1),
        state="published",
    )
    shared: dict[str, Any] = {"occupation_id": ELECTRICIAN, "level": SENIOR, "hours": 80, "mode": "offline"}
    shared["certificate_kind"] = given.pop("certificate_kind", "skill_level")
    shared["level"] = given.pop("level", SENIOR)
    entry = CatalogueEntry.objects.create(
        city_code=CITY, catalogue=catalogue, headcount=50, skills="技能", content="内容", scarcity="scarce", **shared
    )
    usual: dict[str, Any] = {
        "name": f"测试考核项目 {next(_numbers)}",
        "kind": "employment",
        "theory_hours": 30,
        "practice_hours": 50,
        "safety_hours": 4,
        "fee_fen": 0,
        "fund_source": "employment_subsidy",
        "employment_service": "推荐就业",
        "content": "内容",
        "state": "listed",
        "created_at": registry.AT,
    }
    return Project.objects.create(
        city_code=CITY,
        provider=provider,
        evaluator=evaluator,
        entry=entry,
        region_id=registry.HEPING,
        **shared,
        **usual | given,
    )


def taught(
    size: int = 3,
    *,
    evaluator: Organisation | None = None,
    provider: Organisation | None = None,
    people: list[Person] | None = None,
    own_exam: bool = False,
    state: str = "ended",
    **given: Any,
) -> Taught:
    """An ended class; `own_exam` for a completion certificate without an evaluation organisation."""
    provider = provider or registry.organisation()
    if own_exam:
        given |= {"certificate_kind": "completion", "level": None}
        examiner = provider
    else:
        examiner = evaluator = evaluator or registry.organisation(evaluator=True)
    training_class = TrainingClass.objects.create(
        city_code=CITY,
        name=f"2026测试考核班{next(_numbers):04d}",
        project=project(provider, evaluator, **given),
        provider=provider,
        site=registry.site(provider),
        starts_on=STARTS,
        ends_on=ENDS,
        capacity=50,
        hours=80,
        responsible_name="甲某",
        responsible_phone="19900000000",
        exam_on=HELD,
        exam_method="理论和实操",
        state=state,
        created_at=registry.AT,
    )
    enrolments = [
        Enrolment.objects.create(
            city_code=CITY,
            training_class=training_class,
            person=person,
            group="06",
            state="attending",
            listed_at=registry.AT,
        )
        for person in people or [someone() for _ in range(size)]
    ]
    role = Role.PROVIDER if own_exam else Role.EVALUATOR
    return Taught(training_class, enrolments, examiner, staff(examiner, role), staff(examiner, role))


def planned(made: Taught) -> Exam:
    """The examination of the class."""
    return services.plan_exam(actor=made.recorder, at=registry.AT, training_class=made.training_class, held_on=HELD)


def inputs(made: Taught, *scores: tuple[int | None, int | None]) -> list[ResultInput]:
    """Results in order of the roster; the last score goes for all that follow."""
    last = len(scores) - 1
    return [ResultInput(enrolment.pk, *scores[min(index, last)]) for index, enrolment in enumerate(made.enrolments)]


def recorded(made: Taught, *scores: tuple[int | None, int | None]) -> Exam:
    """The examination with these scores (theory, practice in tenths; GOOD for all unless told)."""
    return services.record_results(
        actor=made.recorder, at=AFTER, exam=planned(made), results=inputs(made, *scores or (GOOD,))
    )


def published(made: Taught, *scores: tuple[int | None, int | None]) -> Exam:
    """The examination with its scores published by the second person."""
    return services.publish_results(actor=made.publisher, at=AFTER, exam=recorded(made, *scores))

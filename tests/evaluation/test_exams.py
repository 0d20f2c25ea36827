"""Examinations: who may examine, nothing half recorded, the pass rule, two people, what follows for class and trainees."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from factories import evaluation, registry
from factories.evaluation import AFTER, AWAY, BAD, ENDS, GOOD, HELD
from zhaoliang.evaluation import selectors, services
from zhaoliang.evaluation.models import Exam, ExamResult
from zhaoliang.kernel.errors import BadInput, Forbidden, Refusal, SamePerson, WrongState
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.kernel.roles import Actor, Role

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D6")]


def test_only_an_ended_class_is_examined_and_only_once() -> None:
    running = evaluation.taught(1, state="running")
    with pytest.raises(WrongState) as refused:
        evaluation.planned(running)
    assert "上课中" in refused.value.what
    ended = evaluation.taught(1)
    assert evaluation.planned(ended).evaluator == ended.evaluator
    with pytest.raises(WrongState, match="已经安排过"):
        evaluation.planned(ended)


def test_an_examination_is_not_held_before_teaching_ends() -> None:
    made = evaluation.taught(1)
    with pytest.raises(BadInput) as refused:
        services.plan_exam(
            actor=made.recorder, at=AFTER, training_class=made.training_class, held_on=ENDS - timedelta(days=1)
        )
    assert "held_on" in refused.value.fields


@pytest.mark.parametrize("given", [{"listed": False}, {"evaluator_prefix": ""}])
def test_an_evaluator_outside_the_directory_or_without_number_prefix_may_not_examine(given: dict[str, Any]) -> None:
    made = evaluation.taught(1, evaluator=registry.organisation(evaluator=True, **given))
    with pytest.raises(services.NoEvaluator) as refused:
        evaluation.planned(made)
    assert refused.value.next_step


def test_a_skill_certificate_needs_an_evaluation_organisation() -> None:
    made = evaluation.taught(1)
    made.training_class.project.evaluator = None
    with pytest.raises(services.NoEvaluator, match="没有填评价机构"):
        services.plan_exam(
            actor=evaluation.staff(made.provider, Role.PROVIDER),
            at=AFTER,
            training_class=made.training_class,
            held_on=HELD,
        )


def test_the_training_provider_reads_but_does_not_examine_its_own_class() -> None:
    made = evaluation.taught(1)
    trainer = evaluation.staff(made.provider, Role.PROVIDER)
    exam = evaluation.planned(made)
    with pytest.raises(Forbidden, match=made.evaluator.name):
        services.record_results(actor=trainer, at=AFTER, exam=exam, results=evaluation.inputs(made, GOOD))
    recorded = services.record_results(actor=made.recorder, at=AFTER, exam=exam, results=evaluation.inputs(made, GOOD))
    with pytest.raises(Forbidden):
        services.publish_results(actor=trainer, at=AFTER, exam=recorded)


def test_a_provider_examines_for_its_own_completion_certificate() -> None:
    exam = evaluation.published(evaluation.taught(1, own_exam=True))
    assert exam.evaluator == exam.training_class.provider
    assert exam.state == "published"


def test_nothing_is_recorded_while_one_trainee_is_wrong() -> None:
    made, stranger = evaluation.taught(3), evaluation.taught(1)
    exam = evaluation.planned(made)
    first, second, third = made.enrolments
    wrong = [
        *evaluation.inputs(stranger, GOOD),
        services.ResultInput(first.pk, 1001, 700),
        services.ResultInput(second.pk, 700, None),
    ]
    with pytest.raises(BadInput) as refused:
        services.record_results(actor=made.recorder, at=AFTER, exam=exam, results=wrong)
    fields = refused.value.fields
    assert "0 至 100" in fields[str(first.pk)]
    assert "实操成绩" in fields[str(second.pk)]
    assert "还没有成绩" in fields[str(third.pk)]
    assert "不在" in fields[str(stranger.enrolments[0].pk)]
    assert not ExamResult.objects.filter(city_code=exam.city_code, exam=exam).exists()
    assert selectors.exam(exam.city_code, exam.pk).state == "planned"


def test_one_trainee_twice_is_refused() -> None:
    made = evaluation.taught(1)
    twice = evaluation.inputs(made, GOOD) * 2
    with pytest.raises(BadInput) as refused:
        services.record_results(actor=made.recorder, at=AFTER, exam=evaluation.planned(made), results=twice)
    assert "两次" in refused.value.fields[str(made.enrolments[0].pk)]


def test_results_wait_for_the_day_of_the_examination_in_china() -> None:
    made = evaluation.taught(1)
    exam = evaluation.planned(made)
    # 15:59 UTC is still the day before in China; 16:00 is midnight there.
    eve = datetime(HELD.year, HELD.month, HELD.day, tzinfo=UTC) - timedelta(hours=8, minutes=1)
    with pytest.raises(BadInput, match="还没有举行"):
        services.record_results(actor=made.recorder, at=eve, exam=exam, results=evaluation.inputs(made, GOOD))
    done = services.record_results(
        actor=made.recorder,
        at=eve + timedelta(minutes=1),
        exam=exam,
        results=evaluation.inputs(made, GOOD),
    )
    assert done.state == "recorded"


@pytest.mark.parametrize(
    ("scores", "passed"),
    [
        ((600, 600), True),
        ((599, 1000), False),
        ((1000, 599), False),
        ((0, 0), False),
        (AWAY, False),
    ],
)
def test_every_part_must_reach_the_pass_score_by_itself(scores: tuple[int | None, int | None], passed: bool) -> None:
    exam = evaluation.recorded(evaluation.taught(1), scores)
    assert [result.passed for result in selectors.results(exam)] == [passed]


def test_a_project_without_theory_is_examined_in_practice_only() -> None:
    made = evaluation.taught(1, theory_hours=0, practice_hours=80)
    exam = evaluation.planned(made)
    with pytest.raises(BadInput, match="更正"):
        services.record_results(actor=made.recorder, at=AFTER, exam=exam, results=evaluation.inputs(made, GOOD))
    services.record_results(actor=made.recorder, at=AFTER, exam=exam, results=evaluation.inputs(made, (None, 600)))
    assert selectors.results(exam)[0].passed


def test_recording_again_replaces_everything() -> None:
    made = evaluation.taught(2)
    exam = evaluation.recorded(made, BAD)
    services.record_results(actor=made.recorder, at=AFTER, exam=exam, results=evaluation.inputs(made, GOOD, AWAY))
    assert selectors.tally(exam) == selectors.Tally(candidates=2, sat=1, passed=1, absent=1)


def test_who_recorded_does_not_publish_even_with_a_second_account() -> None:
    made = evaluation.taught(1)
    exam = evaluation.recorded(made)
    second_account = Actor(
        user_id=(made.recorder.user_id or 0) + 1_000_000,
        person_id=made.recorder.person_id,
        name="同一人的另一账号",
        assignments=made.recorder.assignments,
    )
    for actor in (made.recorder, second_account):
        with pytest.raises(SamePerson):
            services.publish_results(actor=actor, at=AFTER, exam=exam)
    for column, value in (("user", made.recorder.user_id), ("person", made.recorder.person_id)):
        with pytest.raises(IntegrityError, match="exam_two_"), transaction.atomic():
            Exam.objects.filter(city_code=exam.city_code, pk=exam.pk).update(**{f"published_by_{column}": value})
    assert services.publish_results(actor=made.publisher, at=AFTER, exam=exam).state == "published"


def test_publishing_settles_class_and_trainees() -> None:
    made = evaluation.taught(3)
    exam = evaluation.published(made, GOOD, BAD, AWAY)
    for enrolment in made.enrolments:
        enrolment.refresh_from_db()
    assert [enrolment.state for enrolment in made.enrolments] == ["completed", "completed", "dropped"]
    assert made.enrolments[2].drop_reason == "没有参加考核"
    made.training_class.refresh_from_db()
    assert made.training_class.state == "assessed"
    assert [selectors.result_of(enrolment).passed for enrolment in made.enrolments] == [True, False, False]
    acts = AuditEvent.objects.filter(city_code=exam.city_code, object_type="evaluation.exam", object_id=exam.pk)
    assert sorted(acts.values_list("act", flat=True)) == [
        "evaluation.plan_exam",
        "evaluation.publish_results",
        "evaluation.record_results",
    ]


def test_results_are_unknown_until_published_and_fixed_afterwards() -> None:
    made = evaluation.taught(1)
    exam = evaluation.recorded(made)
    assert selectors.result_of(made.enrolments[0]) is None
    services.publish_results(actor=made.publisher, at=AFTER, exam=exam)
    with pytest.raises(WrongState, match="成绩已公布"):
        services.record_results(actor=made.recorder, at=AFTER, exam=exam, results=evaluation.inputs(made, BAD))


def test_a_roster_that_changed_after_recording_is_not_published() -> None:
    made = evaluation.taught(2)
    exam = evaluation.recorded(made)
    made.enrolments[0].__class__.objects.filter(city_code=exam.city_code, pk=made.enrolments[0].pk).update(
        state="dropped"
    )
    with pytest.raises(Refusal, match="有变化"):
        services.publish_results(actor=made.publisher, at=AFTER, exam=exam)


def test_lists_of_an_evaluation_organisation() -> None:
    made = evaluation.taught(1)
    assert list(selectors.classes_awaiting(made.evaluator)) == [made.training_class]
    exam = evaluation.planned(made)
    assert list(selectors.classes_awaiting(made.evaluator)) == []
    assert list(selectors.exams_by(made.evaluator)) == [exam]
    assert selectors.exam_of(made.training_class) == exam
    assert exam.held_on == date(2026, 3, 24)

"""Questions to examinations."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from zhaoliang.catalogue.models import Project
from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.classes.selectors import classes_of_project, ended_classes, enrolments_in
from zhaoliang.evaluation.models import Exam, ExamResult, Improvement, Opinion
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.roles import Actor, Role
from zhaoliang.registry.models import Organisation, Person


@dataclass(frozen=True)
class Tally:
    """How an examination came out, in heads."""

    candidates: int
    sat: int
    passed: int
    absent: int


MARKS = {
    "teaching": "老师教得怎么样",
    "practice": "实操练得够不够",
    "place": "场地设备怎么样",
    "useful": "学到的用得上吗",
}
# Fewer could be told apart by the people of the class.
FEWEST = 3


@dataclass(frozen=True)
class Opinions:
    """The opinions on one or more classes: how many, and from FEWEST on the average marks (in tenths) and the texts."""

    count: int
    tenths: dict[str, int]
    texts: tuple[str, ...]
    improvement: str = ""

    @property
    def marks(self) -> list[tuple[str, int]]:
        """Each question with its average in tenths of a mark."""
        return [(MARKS[name], tenths) for name, tenths in self.tenths.items()]


def _opinions(city_code: int, class_ids: list[int], improvement: str = "") -> Opinions:
    found = list(Opinion.objects.filter(city_code=city_code, training_class_id__in=class_ids).order_by("id"))
    if len(found) < FEWEST:
        return Opinions(len(found), {}, (), improvement)
    tenths = {name: sum(getattr(one, name) for one in found) * 10 // len(found) for name in MARKS}
    # Not in the order they came in: that would name the first to answer.
    return Opinions(len(found), tenths, tuple(sorted({one.text for one in found if one.text})), improvement)


def opinions_on(training_class: TrainingClass) -> Opinions:
    """What the trainees of a class think of it, nameless, and what the provider changes."""
    of_class = {"city_code": training_class.city_code, "training_class": training_class}
    improvement = Improvement.objects.filter(**of_class).values_list("text", flat=True).first()
    return _opinions(training_class.city_code, [training_class.pk], improvement or "")


def opinions_on_project(project: Project) -> Opinions:
    """What the trainees of all classes of a project think, nameless."""
    return _opinions(project.city_code, classes_of_project(project))


def class_before(training_class: TrainingClass) -> TrainingClass | None:
    """The class of the same project that ended last before this one begins and was given an opinion on."""
    earlier = Opinion.objects.filter(
        city_code=training_class.city_code,
        training_class__project_id=training_class.project_id,
        training_class__ends_on__lt=training_class.starts_on,
    )
    last = earlier.select_related("training_class").order_by("-training_class__ends_on", "-id").first()
    return last.training_class if last is not None else None


def opinion_of(enrolment: Enrolment) -> Opinion | None:
    """The opinion a trainee has given on the class."""
    return Opinion.objects.filter(city_code=enrolment.city_code, enrolment=enrolment).first()


def _exams() -> QuerySet[Exam]:
    return Exam.objects.select_related("evaluator", "training_class__project__occupation", "training_class__provider")


def exam(city_code: int, exam_id: int) -> Exam:
    """An examination with its class and organisations. Raises NotFound."""
    found = _exams().filter(city_code=city_code, pk=exam_id).first()
    if found is None:
        raise NotFound(what="没有这次考核。", why="它可能属于另一个城市。", next_step="请从班级页面进入。")
    return found


def exam_of(training_class: TrainingClass) -> Exam | None:
    """The examination of a class, when one is planned."""
    return _exams().filter(city_code=training_class.city_code, training_class=training_class).first()


def exams_by(organisation: Organisation) -> QuerySet[Exam]:
    """The examinations an organisation holds, latest first."""
    return _exams().filter(city_code=organisation.city_code, evaluator=organisation).order_by("-held_on", "-id")


def exams_with_tally(organisation: Organisation) -> QuerySet[Exam]:
    """The examinations an organisation holds and those of its own classes, latest first.

    Each has `recorded` and `passed` (heads with a result so far).
    """
    here = Q(results__city_code=organisation.city_code)
    mine = Q(evaluator=organisation) | Q(training_class__provider=organisation)
    return (
        _exams()
        .filter(mine, city_code=organisation.city_code)
        .annotate(
            recorded=Count("results", filter=here), passed=Count("results", filter=here & Q(results__passed=True))
        )
        .order_by("-held_on", "-id")
    )


def is_staff_of(actor: Actor, organisation: Organisation) -> bool:
    """Whether the actor works for the organisation: a class's examination is reached by the school too, but only to read."""
    roles = {Role.EVALUATOR, Role.PROVIDER}
    return any(held.role in roles and held.organisation_id == organisation.pk for held in actor.assignments)


def recorded_by(exam: Exam, actor: Actor) -> bool:
    """Whether the actor recorded the results, by this or another account: then somebody else publishes them."""
    same_account = exam.recorded_by_user is not None and exam.recorded_by_user == actor.user_id
    return same_account or (exam.recorded_by_person is not None and exam.recorded_by_person == actor.person_id)


def classes_awaiting(organisation: Organisation) -> QuerySet[TrainingClass]:
    """Ended classes of the organisation's projects that have no examination yet, longest waiting first."""
    return ended_classes(organisation).filter(exams__isnull=True)


def locked_exam(exam: Exam) -> Exam:
    """The examination, locked for the running transaction and read afresh."""
    return _exams().select_for_update(of=("self",), no_key=True).get(city_code=exam.city_code, pk=exam.pk)


def candidates(exam: Exam) -> list[Enrolment]:
    """The trainees who are still in the class, in order of the roster."""
    return enrolments_in(exam.city_code, exam.training_class_id, "attending")


def results(exam: Exam) -> list[ExamResult]:
    """The recorded results with their people, in order of the roster."""
    return list(
        ExamResult.objects.select_related("person", "enrolment")
        .filter(city_code=exam.city_code, exam=exam)
        .order_by("enrolment_id")
    )


def passed_results(exam: Exam) -> QuerySet[ExamResult]:
    """The results that reached the pass mark with their people, in order of the roster."""
    rows = ExamResult.objects.select_related("person").filter(city_code=exam.city_code, exam=exam, passed=True)
    return rows.order_by("enrolment_id")


def published_results(training_class: TrainingClass) -> dict[int, ExamResult]:
    """The results of a class by enrolment id, once they are published; one query."""
    rows = ExamResult.objects.filter(
        city_code=training_class.city_code, exam__training_class=training_class, exam__state="published"
    )
    return {result.enrolment_id: result for result in rows}


def outcomes_of(person: Person, *, everywhere: bool = False) -> dict[int, bool]:
    """Whether a person passed, by enrolment id, once published: of the city, or of all cities (for the holder)."""
    rows = ExamResult.objects.filter(exam__state="published").values_list("enrolment_id", "passed")
    if not everywhere:
        return dict(rows.filter(city_code=person.city_code, person=person))
    with national():
        return dict(rows.filter(person_id=person.pk))


def result_of(enrolment: Enrolment) -> ExamResult | None:
    """A trainee's result once it is published."""
    return (
        ExamResult.objects.select_related("exam__evaluator")
        .filter(city_code=enrolment.city_code, enrolment=enrolment, exam__state="published")
        .first()
    )


def absent(result: ExamResult) -> bool:
    """Whether the trainee did not sit."""
    return result.theory_tenths is None and result.practice_tenths is None


def tally(exam: Exam) -> Tally:
    """Heads of an examination's recorded results."""
    rows = results(exam)
    missing = sum(absent(row) for row in rows)
    return Tally(len(rows), len(rows) - missing, sum(row.passed for row in rows), missing)

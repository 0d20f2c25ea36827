"""Acts on examinations: planned by the evaluation organisation, recorded by one of its people, published by another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime

from django.db import IntegrityError, transaction

from zhaoliang.catalogue.models import CertificateKind
from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.classes.states import CLASS, ENROLMENT
from zhaoliang.evaluation import rules, selectors
from zhaoliang.evaluation.models import Exam, ExamResult, Improvement, Opinion
from zhaoliang.evaluation.rules import ResultInput
from zhaoliang.evaluation.states import EXAM
from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.days import chinese_day, format_cn_date
from zhaoliang.kernel.errors import BadInput, Clause, Forbidden, Refusal, WrongState
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.registry.models import Organisation

_BASIS = Clause("人社部发〔2025〕10号", "三（三）")
# A completion certificate is the provider's own; all others are evaluated by the project's evaluation organisation.
_BY_THE_ORGANISATION = {Role.EVALUATOR: Reach.ORGANISATION, Role.PROVIDER: Reach.ORGANISATION}


OPINION_STATES = frozenset({"ended", "assessed", "in_claim", "closed"})
MOST_MARK, MOST_TEXT = 5, 1000


class NotYet(Refusal):
    """Too early: the class has not ended, or nobody has given an opinion."""

    code = "not_yet"
    decided = False


class NoEvaluator(Refusal):
    """The class has no organisation that may examine it."""

    code = "no_evaluator"


def require_staff_of(actor: Actor, organisation: Organisation, *, label: str) -> None:
    """Refuse anyone but staff of the organisation: the training provider reaches a class's examination, but only to read.

    Raises Forbidden.
    """
    if selectors.is_staff_of(actor, organisation):
        return
    raise Forbidden(
        what=f"您的账号不能{label}。",
        why=f"这个班由{organisation.name}考核，只有该机构的人员可以办理。",
        next_step="请联系该机构；如果考核机构登记错了，请在项目中更正。",
    )


@act("evaluation.plan_exam", label="安排考核", grants=_BY_THE_ORGANISATION, on="training_class")
def plan_exam(*, actor: Actor, at: datetime, training_class: TrainingClass, held_on: date) -> Exam:
    """Plan the one examination of an ended class, on its last day or later.

    Examined by the project's evaluation organisation (listed in the directory); for a completion certificate without
    one, by the provider. Raises WrongState, BadInput, NoEvaluator, Forbidden.
    """
    if training_class.state != "ended":
        raise CLASS.refusal(training_class.state, "assess")
    evaluator = _evaluator_of(training_class)
    require_staff_of(actor, evaluator, label="安排考核")
    if held_on < training_class.ends_on:
        raise BadInput(
            what="考核没有安排。",
            why=f"课程到{format_cn_date(training_class.ends_on)}才结束，考核不能更早。",
            next_step="请改考核日期。",
            fields={"held_on": "不能早于结课日期。"},
        )
    try:
        with transaction.atomic():
            return Exam.objects.create(
                city_code=training_class.city_code,
                training_class=training_class,
                evaluator=evaluator,
                held_on=held_on,
                created_at=at,
            )
    except IntegrityError as problem:
        raise WrongState(
            what="没有再安排考核。",
            why="每个班只有一次考核，这个班已经安排过了。",
            next_step="请打开已有的考核。",
        ) from problem


def _evaluator_of(training_class: TrainingClass) -> Organisation:
    project = training_class.project
    evaluator = project.evaluator
    if evaluator is None and project.certificate_kind == CertificateKind.COMPLETION:
        return training_class.provider
    if evaluator is None or not evaluator.in_evaluation_directory or evaluator.state != "listed":
        raise NoEvaluator(
            what="考核没有安排。",
            why="项目没有填评价机构。" if evaluator is None else f"{evaluator.name}目前不在评价机构目录内。",
            next_step="请项目所在地人社部门核对评价机构后再安排。",
            clause=Clause("人社部发〔2025〕10号", "三（二）"),
        )
    if project.certificate_kind == CertificateKind.SKILL_LEVEL and not evaluator.evaluator_prefix:
        raise NoEvaluator(
            what="考核没有安排。",
            why=f"{evaluator.name}还没有登记证书编码前段，考核后无法编制证书编号。",
            next_step="请人社部门在机构档案里补登编码前段。",
        )
    return evaluator


@act("evaluation.record_results", label="登记考核成绩", grants=_BY_THE_ORGANISATION, on="exam")
def record_results(*, actor: Actor, at: datetime, exam: Exam, results: Sequence[ResultInput]) -> Exam:
    """Record one result for every trainee still in the class; recording again before publication replaces all.

    Attendance does not matter here: who attended too little may sit, but earns no subsidy. Raises BadInput (`fields` by
    enrolment id), WrongState, Forbidden.
    """
    exam = selectors.locked_exam(exam)
    require_staff_of(actor, exam.evaluator, label="登记考核成绩")
    if not EXAM.allows(exam.state, "record"):
        raise EXAM.refusal(exam.state, "record")
    if chinese_day(at) < exam.held_on:
        raise BadInput(
            what="成绩没有登记。",
            why=f"考核定在{format_cn_date(exam.held_on)}，还没有举行。",
            next_step="请在考核之后登记。",
        )
    roster = {enrolment.pk: enrolment for enrolment in selectors.candidates(exam)}
    fields = _faults(exam, roster, results)
    if fields:
        raise BadInput(
            what="成绩没有登记，一条也没有保存。",
            why=f"{len(fields)} 名学员的成绩需要更正或补充。",
            next_step="请按提示更正后整份重新提交。",
            fields=fields,
        )
    ExamResult.objects.filter(city_code=exam.city_code, exam=exam).delete()
    ExamResult.objects.bulk_create(
        ExamResult(
            city_code=exam.city_code,
            exam=exam,
            enrolment=roster[result.enrolment_id],
            person=roster[result.enrolment_id].person,
            theory_tenths=result.theory_tenths,
            practice_tenths=result.practice_tenths,
            passed=rules.passed(result, exam.training_class),
        )
        for result in results
    )
    EXAM.fire(exam, "record", recorded_by_user=actor.user_id, recorded_by_person=actor.person_id)
    return exam


def _faults(exam: Exam, roster: dict[int, Enrolment], results: Sequence[ResultInput]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for enrolment_id, times in Counter(result.enrolment_id for result in results).items():
        if enrolment_id not in roster:
            fields[str(enrolment_id)] = "不在这个班的在学名册里。"
        elif times > 1:
            fields[str(enrolment_id)] = "同一学员填了两次。"
    for result in results:
        wrong = rules.fault(result, exam.training_class)
        if wrong and str(result.enrolment_id) not in fields:
            part, reason = wrong
            fields[str(result.enrolment_id)] = f"{rules.PART_LABELS[part]}：{reason}"
    given = {result.enrolment_id for result in results}
    for enrolment_id, enrolment in roster.items():
        if enrolment_id not in given:
            fields[str(enrolment_id)] = f"{enrolment.person.name}还没有成绩；没有参加的请填“{rules.ABSENT}”。"
    return fields


@act("evaluation.publish_results", label="公布考核成绩", grants=_BY_THE_ORGANISATION, on="exam")
def publish_results(*, actor: Actor, at: datetime, exam: Exam) -> Exam:
    """Publish what another person of the organisation recorded. The class becomes assessed; who sat has completed it,
    who did not sit leaves it. Raises SamePerson, WrongState, Forbidden.
    """
    exam = selectors.locked_exam(exam)
    require_staff_of(actor, exam.evaluator, label="公布考核成绩")
    if not EXAM.allows(exam.state, "publish"):
        raise EXAM.refusal(exam.state, "publish")
    require_other_person(actor, person_id=exam.recorded_by_person, user_id=exam.recorded_by_user, step="登记成绩")
    results = {result.enrolment_id: result for result in selectors.results(exam)}
    enrolments = {enrolment.pk: enrolment for enrolment in selectors.candidates(exam)}
    if results.keys() != enrolments.keys():
        raise WrongState(
            what="成绩没有公布。",
            why="登记成绩之后，班级的在学名册有变化。",
            next_step="请按现在的名册重新登记成绩。",
            clause=_BASIS,
        )
    EXAM.fire(exam, "publish", published_at=at, published_by_user=actor.user_id, published_by_person=actor.person_id)
    for enrolment_id, enrolment in enrolments.items():
        if selectors.absent(results[enrolment_id]):
            ENROLMENT.fire(enrolment, "drop", drop_reason="没有参加考核")
        else:
            ENROLMENT.fire(enrolment, "complete")
    CLASS.fire(exam.training_class, "assess")
    return exam


@act("evaluation.give_opinion", label="评价培训", grants={Role.WORKER: Reach.SELF}, on="enrolment")
def give_opinion(
    *,
    actor: Actor,
    at: datetime,
    enrolment: Enrolment,
    teaching: int,
    practice: int,
    place: int,
    useful: int,
    text: str = "",
) -> Opinion:
    """Keep what a trainee thinks of an ended class, once (人社部发〔2025〕10号 三（三）). Marks are 1 to 5.

    Raises NotYet before the end of the class, BadInput (`fields`), WrongState for a second one or who left before it began.
    """
    if enrolment.state not in ("attending", "completed", "dropped"):
        raise ENROLMENT.refusal(enrolment.state, "complete")
    if enrolment.training_class.state not in OPINION_STATES:
        raise NotYet("还不能评价。", "这个班还没有结课。", "请在结课之后再来。")
    marks = {"teaching": teaching, "practice": practice, "place": place, "useful": useful}
    fields = {name: "请选 1 到 5 分。" for name, mark in marks.items() if not 1 <= mark <= MOST_MARK}
    if len(text) > MOST_TEXT:
        fields["text"] = f"最多写 {MOST_TEXT} 个字。"
    if fields:
        raise BadInput("评价没有提交。", "有几项没有填对。", "请按提示更正后再提交。", fields=fields)
    try:
        with transaction.atomic():
            return Opinion.objects.create(
                city_code=enrolment.city_code,
                training_class=enrolment.training_class,
                enrolment=enrolment,
                text=text.strip(),
                at=at,
                **marks,
            )
    except IntegrityError as problem:
        raise WrongState("没有重复提交。", "这个班您已经评价过了，每人一次。", "不用再填，谢谢您。") from problem


@act("evaluation.improve", label="登记改进措施", grants={Role.PROVIDER: Reach.ORGANISATION}, on="training_class")
def improve(*, actor: Actor, at: datetime, training_class: TrainingClass, text: str) -> Improvement:
    """Say what the provider changes after the opinions on a class, once. Raises BadInput, WrongState, NotYet."""
    words = text.strip()
    if not words or len(words) > MOST_TEXT:
        raise BadInput(
            "改进措施没有提交。",
            f"要写，且不超过 {MOST_TEXT} 个字。",
            "请写清楚改什么、什么时候改好。",
            fields={"text": "请填写改进措施。"},
        )
    if not selectors.opinions_on(training_class).count:
        raise NotYet("还没有要答复的意见。", "这个班还没有学员评价。", "有了评价之后再填写。")
    try:
        with transaction.atomic():
            return Improvement.objects.create(
                city_code=training_class.city_code, training_class=training_class, text=words, at=at
            )
    except IntegrityError as problem:
        raise WrongState("没有重复提交。", "这个班的改进措施已经登记过了。", "下一期有新的意见时再填写。") from problem

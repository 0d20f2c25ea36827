"""Acts of filing: the provider files, the bureau accepts or returns, the provider withdraws (开班备案)."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.db.models import Sum
from django.db.utils import IntegrityError

from zhaoliang.classes.facts import FactSheet, put_project
from zhaoliang.classes.forecast import keep_forecast
from zhaoliang.classes.models import ClassSession, Enrolment, Textbook, TrainingClass
from zhaoliang.classes.selectors import locked_class, roster
from zhaoliang.classes.services.holders import free_unlisted
from zhaoliang.classes.services.plan import check_teacher
from zhaoliang.classes.services.roster import forget_refused, release_enrolment
from zhaoliang.classes.states import CLASS
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.calendar import official_calendar
from zhaoliang.kernel.days import CalendarNotPublished, chinese_day, format_cn_date
from zhaoliang.kernel.errors import BadInput, Clause, Refusal
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.policy import ClockValue, Decision, PolicyError
from zhaoliang.registry.lawbook import clause_of, policies_for
from zhaoliang.registry.standing import Gate, standing_on

FILING_CLAUSE = Clause(
    "人社部发〔2025〕10号",
    "三（三）",
    "开班前，培训机构按规定提交教学计划、授课师资情况、教材教学资源清单、考核方案、学员名册等材料。",
)


class FilingRefused(Refusal):
    """The law refuses the filing as it stands: too late, too few hours, provider not in the directory."""

    code = "filing_refused"


@act("classes.file_class", label="提交开班备案", grants={Role.PROVIDER: Reach.ORGANISATION}, on="training_class")
def file_class(*, actor: Actor, at: datetime, training_class: TrainingClass) -> TrainingClass:
    """File the class: completeness, the rules of filing (lead time), the teachers' time; starts the review clock.

    Raises Barred while the provider may not file, BadInput naming what is missing, FilingRefused with the clause, TimetableClash.
    """
    held = locked_class(training_class)
    if not CLASS.allows(held.state, "file"):
        raise CLASS.refusal(held.state, "file")
    standing_on(held.provider, chinese_day(at)).require(Gate.FILING)
    missing = incomplete(held)
    if missing:
        raise BadInput(
            "备案没有提交。",
            "开班备案材料不齐：" + "；".join(missing.values()),
            "请补齐后再提交。",
            clause=FILING_CLAUSE,
            fields=missing,
        )
    decision = filing_decision(held, chinese_day(at))
    if decision.refusals:
        refusal = decision.refusals[0]
        late = f"开班日期是{format_cn_date(held.starts_on)}。" if refusal.rule_id == "filing_lead" else ""
        raise FilingRefused("备案没有提交。", f"{refusal.says}。{late}", refusal.remedy, clause_of(refusal.citation))
    _hold_teachers(held)
    forget_refused(held)
    CLASS.fire(held, "file", filed_at=at, review_due_on=review_due(held, at), return_reason="")
    keep_forecast(held, roster(held), at)
    return held


def incomplete(training_class: TrainingClass) -> dict[str, str]:
    """What the filing still lacks, by part, in Chinese; empty when complete."""
    of_class = {"city_code": training_class.city_code, "training_class": training_class}
    project = training_class.project
    hours = dict(ClassSession.objects.filter(**of_class).values_list("kind").annotate(hours=Sum("hours")))
    total = sum(hours.values())
    missing: dict[str, str] = {}
    if not total:
        missing["sessions"] = "还没有课程表"
    elif total != project.hours:
        missing["sessions"] = f"课程表共 {total} 课时，项目要求 {project.hours} 课时"
    # Safety is taught as part of theory or practice, so those two may fall short by the safety hours, never exceed.
    elif hours.get("safety", 0) != project.safety_hours:
        missing["sessions"] = f"安全教育排了 {hours.get('safety', 0)} 课时，项目要求 {project.safety_hours} 课时"
    elif hours.get("theory", 0) > project.theory_hours or hours.get("practice", 0) > project.practice_hours:
        missing["sessions"] = (
            f"理论、实操排了 {hours.get('theory', 0)}、{hours.get('practice', 0)} 课时，"
            f"超过项目的 {project.theory_hours}、{project.practice_hours} 课时"
        )
    if not Textbook.objects.filter(**of_class).exists():
        missing["textbooks"] = "还没有教材清单"
    if not training_class.exam_method.strip():
        missing["exam"] = "还没有考核方案"
    listed = Enrolment.objects.filter(**of_class, state="listed").count()
    if not listed:
        missing["roster"] = "还没有学员名册"
    elif listed > training_class.capacity:
        missing["roster"] = f"名册 {listed} 人，超过计划的 {training_class.capacity} 人"
    return missing


def filing_decision(training_class: TrainingClass, filed_on: date) -> Decision:
    """What the rules of filing say of the class as filed on a day; questions go to the reviewer."""
    sheet = FactSheet({}, {})
    put_project(sheet, training_class.project, training_class.starts_on, training_class)
    try:
        lead = official_calendar().workdays_between(filed_on, training_class.starts_on)
    except CalendarNotPublished:
        lead = None
    sheet.put(training_class, "工作日历", filing_lead_days=lead)
    policies = policies_for(training_class.project.region_id, on=training_class.starts_on)
    return policies.decide(sheet.facts, phase="filing")


def review_due(training_class: TrainingClass, at: datetime) -> date | None:
    """The day the review must be done by; None where no text sets it or the year's calendar is not published yet."""
    try:
        clock: ClockValue = policies_for(training_class.project.region_id, on=chinese_day(at)).clock("class_review")
        return official_calendar().add_workdays(chinese_day(at), clock.value)
    except (PolicyError, CalendarNotPublished):
        return None


def _hold_teachers(training_class: TrainingClass) -> None:
    """Reserve the teachers' time. The exclusion constraint decides between two filings at once."""
    sessions = ClassSession.objects.filter(city_code=training_class.city_code, training_class=training_class)
    try:
        with transaction.atomic():
            sessions.update(holds=True)
    except IntegrityError as clash:
        if "class_session_teacher_free" not in str(clash):
            raise
        for session in sessions.select_related("teacher"):
            _check_elsewhere(training_class, session)
        raise


def _check_elsewhere(training_class: TrainingClass, session: ClassSession) -> None:
    """Raise TimetableClash when another class holds the session's teacher at that time."""
    others = ClassSession.objects.filter(
        city_code=training_class.city_code, holds=True, teacher=session.teacher, period__overlap=session.period
    ).exclude(training_class_id=training_class.pk)
    if others.exists():
        check_teacher(training_class, session.teacher, session.starts_at, session.ends_at)


@act("classes.accept_class", label="同意开班备案", grants={Role.REVIEWER: Reach.REGION}, on="training_class")
def accept_class(*, actor: Actor, at: datetime, training_class: TrainingClass) -> TrainingClass:
    """Accept the filing. Raises WrongState unless it is filed; Barred while the provider is suspended, removed, blacklisted."""
    held = locked_class(training_class)
    if CLASS.allows(held.state, "accept"):
        standing_on(held.provider, chinese_day(at)).require(Gate.OPENING)
    CLASS.fire(held, "accept", accepted_at=at)
    return held


@act("classes.return_class", label="退回开班备案", grants={Role.REVIEWER: Reach.REGION}, on="training_class")
def return_class(*, actor: Actor, at: datetime, training_class: TrainingClass, reason: str) -> TrainingClass:
    """Give the filing back with reasons; the teachers' time is free again, the roster stays."""
    if not reason.strip():
        raise BadInput("没有退回。", "退回要写明原因，机构据此修改。", "请填写原因。", fields={"reason": "请填写。"})
    held = locked_class(training_class)
    CLASS.fire(held, "return", return_reason=reason.strip())
    _release_teachers(held)
    return held


@act("classes.withdraw_class", label="撤回班级", grants={Role.PROVIDER: Reach.ORGANISATION}, on="training_class")
def withdraw_class(*, actor: Actor, at: datetime, training_class: TrainingClass, reason: str) -> TrainingClass:
    """Give the class up before it starts: trainees leave the roster and everybody gets his voucher back and is told."""
    if not reason.strip():
        raise BadInput("没有撤回。", "撤回要写明原因。", "请填写原因。", fields={"reason": "请填写。"})
    held = locked_class(training_class)
    CLASS.fire(held, "withdraw", return_reason=reason.strip())
    _release_teachers(held)
    forget_refused(held)
    listed = (
        Enrolment.objects.filter(city_code=held.city_code, training_class=held, state="listed")
        .select_related("voucher__batch")
        .order_by("person_id")
    )
    for enrolment in listed:
        release_enrolment(enrolment, actor=actor, at=at, reason="机构撤回了这个班")
    free_unlisted(held, at=at, why="机构撤回了这个班")
    return held


def _release_teachers(training_class: TrainingClass) -> None:
    ClassSession.objects.filter(city_code=training_class.city_code, training_class=training_class).update(holds=False)

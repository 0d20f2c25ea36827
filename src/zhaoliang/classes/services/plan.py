"""Acts that build a class before it is filed: teachers, dates, timetable, textbooks."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import Q, Sum

from zhaoliang.catalogue.models import CertificateKind, Project, ProjectKind
from zhaoliang.catalogue.states import PROJECT
from zhaoliang.classes.limits import figure
from zhaoliang.classes.material import NO_MATERIAL, Material, material_faults
from zhaoliang.classes.models import ClassSession, Teacher, Textbook, TrainingClass
from zhaoliang.classes.selectors import locked_class
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day, day_start, format_cn_date, format_cn_time
from zhaoliang.kernel.errors import BadInput, Refusal, WrongState
from zhaoliang.kernel.identifiers.phone import parse_phone
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.registry.models import Organisation, Site
from zhaoliang.registry.selectors import locked_organisation
from zhaoliang.registry.services.choices import known_values

_BY_PROVIDER = {Role.PROVIDER: Reach.ORGANISATION}
# 班期名称 ends with the kind of certificate (津 2019 规程): 资格证, 等级证, 结业证, 专项证.
_CERTIFICATE_WORD = {
    CertificateKind.QUALIFICATION: "资格证",
    CertificateKind.SKILL_LEVEL: "等级证",
    CertificateKind.SPECIAL_ABILITY: "专项证",
    CertificateKind.SPECIAL_OPERATION: "操作证",
    CertificateKind.COMPLETION: "结业证",
}


class TimetableClash(Refusal):
    """A teacher or trainee would be in two places at once."""

    code = "timetable_clash"


def lock_draft(training_class: TrainingClass, what: str) -> TrainingClass:
    """The class, locked for the rest of the act. Raises WrongState unless it is a draft."""
    held = locked_class(training_class)
    if held.state != "draft":
        raise WrongState(
            what=what,
            why="班级已经提交备案，提交后的计划和名册不再改动。",
            next_step="需要修改的，请先撤回备案或联系审核人员退回。",
        )
    return held


@act("classes.add_teacher", label="登记教师", grants=_BY_PROVIDER, on="organisation")
def add_teacher(
    *,
    actor: Actor,
    at: datetime,
    organisation: Organisation,
    name: str,
    education: str,
    speciality: str,
    qualification: str,
    full_time: bool = True,
) -> Teacher:
    """Add a teacher to the provider's list; each filing names them with their qualification."""
    fields = {
        field: "请填写。"
        for field, value in (("name", name), ("education", education), ("qualification", qualification))
        if not value.strip()
    }
    if fields:
        raise BadInput("教师没有登记。", "有内容没有填写。", "请补全后再提交。", fields=fields)
    return Teacher.objects.create(
        city_code=organisation.city_code,
        organisation=organisation,
        name=name.strip(),
        education=education.strip(),
        speciality=speciality.strip(),
        qualification=qualification.strip(),
        full_time=full_time,
    )


@act("classes.draft_class", label="起草开班备案", grants=_BY_PROVIDER, on="project")
def draft_class(
    *,
    actor: Actor,
    at: datetime,
    project: Project,
    site: Site,
    starts_on: date,
    ends_on: date,
    exam_on: date,
    capacity: int,
    responsible_name: str,
    responsible_phone: str,
    exam_method: str,
    exam_pass_score: int = 60,
) -> TrainingClass:
    """Begin the filing of a class of a listed project; its name is made by the rule of 班期名称."""
    if project.state != "listed":
        raise Refusal("班级没有建立。", f"项目现在是“{PROJECT.states[project.state]}”。", "请选择已入库的项目。")
    fields = _date_faults(at, starts_on, ends_on, exam_on)
    if not 1 <= capacity <= 500:
        fields["capacity"] = "计划人数应在 1 至 500 之间。"
    if not responsible_name.strip():
        fields["responsible_name"] = "请填写班级负责人。"
    if not exam_method.strip():
        fields["exam_method"] = "请填写考核方式。"
    if not 1 <= exam_pass_score <= 100:
        fields["exam_pass_score"] = "合格分应在 1 至 100 之间。"
    if fields:
        raise BadInput("班级没有建立。", "有内容需要补充或更正。", "请按提示修改后再提交。", fields=fields)
    # Two drafts at once must not take the same number in the name.
    provider = locked_organisation(project.city_code, project.provider_id)
    return TrainingClass.objects.create(
        city_code=project.city_code,
        name=_name(project, provider, starts_on.year),
        project=project,
        provider=provider,
        site=site,
        starts_on=starts_on,
        ends_on=ends_on,
        exam_on=exam_on,
        capacity=capacity,
        hours=project.hours,
        responsible_name=responsible_name.strip(),
        responsible_phone=parse_phone(responsible_phone).number,
        exam_method=exam_method.strip(),
        exam_pass_score=exam_pass_score,
        created_at=at,
    )


def _date_faults(at: datetime, starts_on: date, ends_on: date, exam_on: date) -> dict[str, str]:
    fields: dict[str, str] = {}
    if starts_on < chinese_day(at):
        fields["starts_on"] = "开班日期不能早于今天。"
    if ends_on < starts_on:
        fields["ends_on"] = "结课日期不能早于开班日期。"
    if exam_on < ends_on:
        fields["exam_on"] = "考核日期不能早于结课日期。"
    return fields


def _name(project: Project, provider: Organisation, year: int) -> str:
    number = (
        TrainingClass.objects.filter(
            city_code=provider.city_code, provider=provider, name__startswith=f"{year}{provider.short_name}"
        ).count()
        + 1
    )
    level = SkillLevel(project.level).short_label if project.level else ""
    word = _CERTIFICATE_WORD[CertificateKind(project.certificate_kind)]
    prefix = "XT" if project.kind == ProjectKind.APPRENTICESHIP else ""
    return f"{year}{provider.short_name}{project.occupation.name}{level}{number:03d}{prefix}{word}"


@act("classes.reschedule_class", label="修改开班和结课日期", grants=_BY_PROVIDER, on="training_class")
def reschedule_class(
    *, actor: Actor, at: datetime, training_class: TrainingClass, starts_on: date, ends_on: date, exam_on: date
) -> TrainingClass:
    """Move a draft class; its timetable must lie inside the new dates."""
    held = lock_draft(training_class, "日期没有修改。")
    fields = _date_faults(at, starts_on, ends_on, exam_on)
    if fields:
        raise BadInput("日期没有修改。", "日期先后不对。", "请按提示修改后再提交。", fields=fields)
    inside = (day_start(starts_on), day_start(ends_on + timedelta(days=1)))
    outside = ClassSession.objects.filter(city_code=held.city_code, training_class=held).exclude(
        period__contained_by=inside
    )
    if outside.exists():
        raise Refusal("日期没有修改。", "课程表里有课不在新的起止日期内。", "请先删除或调整这些课。")
    held.starts_on, held.ends_on, held.exam_on = starts_on, ends_on, exam_on
    held.save(update_fields=["starts_on", "ends_on", "exam_on"])
    return held


@act("classes.add_session", label="添加课次", grants=_BY_PROVIDER, on="training_class")
def add_session(
    *,
    actor: Actor,
    at: datetime,
    training_class: TrainingClass,
    teacher: Teacher,
    starts_at: datetime,
    ends_at: datetime,
    kind: str,
    hours: int,
    content: str,
    room: str,
    textbook: str = "",
    online: bool = False,
    material: Material = NO_MATERIAL,
) -> ClassSession:
    """Add one line of the timetable; `hours` are teaching hours of the class's own minutes, `material` is what an online
    session is learned from (none where a partner's platform plays it).

    Raises BadInput (dates, length, daily limit) or TimetableClash naming the teacher's other class.
    """
    held = lock_draft(training_class, "课次没有添加。")
    _check_session(held, "课次没有添加。", teacher, starts_at, ends_at, kind=kind, hours=hours, content=content)
    _check_material(held, "课次没有添加。", material, online=online, hours=hours)
    return ClassSession.objects.create(
        city_code=held.city_code,
        training_class=held,
        teacher=teacher,
        period=DateTimeTZRange(starts_at, ends_at),
        kind=kind,
        hours=hours,
        content=content.strip(),
        room=room.strip(),
        textbook=textbook.strip(),
        online=online,
        material_kind=material.kind,
        material_url=material.url,
        material_minutes=material.minutes,
    )


@act("classes.change_session", label="调整课次", grants=_BY_PROVIDER, on="session")
def change_session(
    *,
    actor: Actor,
    at: datetime,
    session: ClassSession,
    teacher: Teacher,
    starts_at: datetime,
    ends_at: datetime,
    kind: str,
    hours: int,
    content: str,
    room: str,
    textbook: str = "",
    online: bool = False,
    material: Material = NO_MATERIAL,
) -> ClassSession:
    """Move a session of a draft to another time, teacher or content, within the limits of `add_session`."""
    what = "课次没有调整。"
    held = lock_draft(session.training_class, what)
    row = ClassSession.objects.get(city_code=held.city_code, training_class=held, pk=session.pk)
    _check_session(held, what, teacher, starts_at, ends_at, kind=kind, hours=hours, content=content, leaving=row)
    _check_material(held, what, material, online=online, hours=hours)
    row.online = online
    row.material_kind, row.material_url, row.material_minutes = material.kind, material.url, material.minutes
    row.teacher, row.period = teacher, DateTimeTZRange(starts_at, ends_at)
    row.kind, row.hours = kind, hours
    row.content, row.room, row.textbook = content.strip(), room.strip(), textbook.strip()
    row.save(
        update_fields=[
            "teacher", "period", "kind", "hours", "content", "room", "textbook",
            "online", "material_kind", "material_url", "material_minutes",
        ]
    )  # fmt: skip
    return row


def _check_session(
    held: TrainingClass,
    what: str,
    teacher: Teacher,
    starts_at: datetime,
    ends_at: datetime,
    *,
    kind: str,
    hours: int,
    content: str,
    leaving: ClassSession | None = None,
) -> None:
    """Raise BadInput or TimetableClash for a session that cannot stand so; `leaving` is the one that it replaces."""
    fields: dict[str, str] = {}
    day = chinese_day(starts_at)
    if not starts_at < ends_at or chinese_day(ends_at) != day:
        fields["ends_at"] = "下课时间应晚于上课时间，并在同一天。"
    elif ends_at - starts_at < timedelta(minutes=hours * held.minutes_per_hour):
        fields["hours"] = f"{hours} 课时至少要 {hours * held.minutes_per_hour} 分钟，这段时间不够。"
    if not held.starts_on <= day <= held.ends_on:
        fields["starts_at"] = (
            f"上课时间不在班级起止日期内（{format_cn_date(held.starts_on)}至{format_cn_date(held.ends_on)}）。"
        )
    if kind not in known_values(ClassSession, "kind"):
        fields["kind"] = "请选择理论、实操或安全教育。"
    if hours < 1:
        fields["hours"] = "课时至少是 1。"
    if teacher.organisation_id != held.provider_id:
        fields["teacher"] = "请选择本机构登记的教师。"
    if not content.strip():
        fields["content"] = "请填写授课内容。"
    if fields:
        raise BadInput(what, "有内容需要更正。", "请按提示修改后再提交。", fields=fields)
    _check_day(held, what, day, hours, leaving)
    check_teacher(held, teacher, starts_at, ends_at, leaving=leaving)


def _check_material(held: TrainingClass, what: str, material: Material, *, online: bool, hours: int) -> None:
    fields = material_faults(material, online=online, planned_minutes=hours * held.minutes_per_hour)
    if fields:
        raise BadInput(what, "线上材料有内容需要更正。", "请按提示修改后再提交。", fields=fields)


def _check_day(
    training_class: TrainingClass, what: str, day: date, hours: int, leaving: ClassSession | None = None
) -> None:
    limit = figure("daily_hours", region_code=training_class.project.region_id, on=day)
    planned = (
        ClassSession.objects.filter(
            city_code=training_class.city_code,
            training_class=training_class,
            period__overlap=(day_start(day), day_start(day + timedelta(days=1))),
        )
        .exclude(pk=leaving.pk if leaving is not None else None)
        .aggregate(hours=Sum("hours"))["hours"]
        or 0
    )
    if planned + hours > limit.value:
        raise BadInput(
            what,
            f"{format_cn_date(day)}已排 {planned} 课时，再加 {hours} 课时就超过每天 {limit.value} 课时。",
            "请把这次课排到其他日期。",
            clause=limit.clause,
            fields={"hours": f"当天最多还能排 {max(limit.value - planned, 0)} 课时。"},
        )


def check_teacher(
    training_class: TrainingClass,
    teacher: Teacher,
    starts_at: datetime,
    ends_at: datetime,
    *,
    leaving: ClassSession | None = None,
) -> None:
    """Raise TimetableClash when the teacher teaches elsewhere (or another session of this class) at that time."""
    other = (
        ClassSession.objects.filter(
            Q(holds=True) | Q(training_class_id=training_class.pk),
            city_code=training_class.city_code,
            teacher=teacher,
            period__overlap=(starts_at, ends_at),
        )
        .exclude(pk=leaving.pk if leaving is not None else None)
        .select_related("training_class")
        .first()
    )
    if other is not None:
        raise TimetableClash(
            "课程表没有通过。",
            f"{teacher.name}老师{format_cn_time(other.starts_at)}在“{other.training_class.name}”已有课。",
            "请换一位教师，或换一个时间。",
            fields={"teacher": "同一时间已有课。"},
        )


@act("classes.remove_session", label="删除课次", grants=_BY_PROVIDER, on="session")
def remove_session(*, actor: Actor, at: datetime, session: ClassSession) -> TrainingClass:
    """Take a session off the timetable of a draft; returns the class."""
    held = lock_draft(session.training_class, "课次没有删除。")
    session.delete()
    return held


@act("classes.add_textbook", label="添加教材", grants=_BY_PROVIDER, on="training_class")
def add_textbook(
    *, actor: Actor, at: datetime, training_class: TrainingClass, title: str, publisher: str, isbn: str = ""
) -> Textbook:
    """Add a textbook or other resource to the list that is filed with the class."""
    held = lock_draft(training_class, "教材没有添加。")
    fields = {field: "请填写。" for field, value in (("title", title), ("publisher", publisher)) if not value.strip()}
    if fields:
        raise BadInput("教材没有添加。", "有内容没有填写。", "请补全后再提交。", fields=fields)
    return Textbook.objects.create(
        city_code=held.city_code,
        training_class=held,
        title=title.strip(),
        publisher=publisher.strip(),
        isbn=isbn.strip(),
    )


@act("classes.remove_textbook", label="删除教材", grants=_BY_PROVIDER, on="textbook")
def remove_textbook(*, actor: Actor, at: datetime, textbook: Textbook) -> TrainingClass:
    """Take a textbook off the list of a draft; returns the class."""
    held = lock_draft(textbook.training_class, "教材没有删除。")
    textbook.delete()
    return held

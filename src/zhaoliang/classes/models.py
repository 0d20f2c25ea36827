"""Classes: filing with plan, timetable, teachers, textbooks and exam plan; roster imports; enrolments."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models

from zhaoliang.catalogue.models import Project
from zhaoliang.classes.states import CLASS, ENROLMENT
from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.fields import EncryptedTextField
from zhaoliang.kernel.roles import Access
from zhaoliang.registry.models import GroupMembership, Organisation, Person, Site
from zhaoliang.vouchers.models import Voucher


class Teacher(CityModel):
    """A teacher of an organisation, with the qualification that is filed with each class."""

    organisation_id: int

    organisation = CityForeignKey(Organisation, verbose_name="机构", related_name="teachers")
    name = models.CharField("姓名", max_length=60)
    education = models.CharField("学历", max_length=20)
    speciality = models.CharField("专业", max_length=60)
    qualification = models.CharField("职称或职业资格", max_length=80)
    full_time = models.BooleanField("专职", default=True)

    class Meta:
        db_table = "teacher"

    def __str__(self) -> str:
        return self.name

    def access(self) -> Access:
        return Access(self.city_code, self.city_code, frozenset({self.organisation_id}))


class TrainingClass(CityModel):
    """A class (班期). Filed before it opens with everything 人社部发〔2025〕10号 三（三） asks for."""

    project_id: int
    provider_id: int

    name = models.CharField("班级名称", max_length=120)
    project = CityForeignKey(Project, verbose_name="培训项目", related_name="classes")
    provider = CityForeignKey(Organisation, verbose_name="培训机构", related_name="classes")
    site = CityForeignKey(Site, verbose_name="教学点", related_name="classes")
    starts_on = models.DateField("开班日期")
    ends_on = models.DateField("结课日期")
    capacity = models.PositiveIntegerField("计划人数")
    hours = models.PositiveIntegerField("课时")
    minutes_per_hour = models.PositiveSmallIntegerField("每课时分钟", default=45)
    responsible_name = models.CharField("负责人", max_length=60)
    responsible_phone = EncryptedTextField("负责人电话")
    exam_on = models.DateField("考核日期")
    exam_method = models.CharField("考核方式", max_length=200)
    exam_pass_score = models.PositiveSmallIntegerField("合格分", default=60)
    state = CLASS.field()
    return_reason = models.CharField("退回原因", max_length=500, blank=True)
    filed_at = models.DateTimeField("备案时间", null=True)
    review_due_on = models.DateField("审核截止", null=True)
    accepted_at = models.DateTimeField("同意时间", null=True)
    created_at = models.DateTimeField("建立时间")

    class Meta:
        db_table = "training_class"
        constraints = [
            CLASS.constraint("training_class"),
            models.UniqueConstraint(fields=["city_code", "name"], name="training_class_name_once"),
            models.CheckConstraint(
                condition=models.Q(starts_on__lte=models.F("ends_on"), ends_on__lte=models.F("exam_on")),
                name="training_class_days_ordered",
            ),
            models.CheckConstraint(condition=models.Q(capacity__range=(1, 500)), name="training_class_capacity"),
        ]
        indexes = [models.Index(fields=["city_code", "provider", "state"], name="training_class_provider")]

    def __str__(self) -> str:
        return self.name

    @property
    def planned_minutes(self) -> int:
        """Planned teaching time in minutes."""
        return self.hours * self.minutes_per_hour

    def access(self) -> Access:
        evaluator = self.project.evaluator_id
        ids = {self.provider_id, *([evaluator] if evaluator is not None else [])}
        return Access(self.city_code, self.project.region_id, frozenset(ids))


class ClassSession(CityModel):
    """One line of plan and timetable: when, who teaches what, where, with which textbook. A teacher is in one place at a time."""

    training_class = CityForeignKey(TrainingClass, verbose_name="班级", related_name="sessions")
    teacher = CityForeignKey(Teacher, verbose_name="教师", related_name="sessions")
    period = DateTimeRangeField("起止")
    kind = models.CharField(
        "类别", max_length=10, choices=[("theory", "理论"), ("practice", "实操"), ("safety", "安全教育")]
    )
    online = models.BooleanField("线上", db_default=False, help_text="学员在线上学，按学习进度计课时")
    material_kind = models.CharField(
        "线上材料",
        max_length=5,
        blank=True,
        db_default="",
        default="",
        choices=[("video", "视频或录音"), ("page", "网页")],
    )
    material_url = models.CharField("材料地址", max_length=500, blank=True, db_default="", default="")
    material_minutes = models.PositiveSmallIntegerField("材料分钟", db_default=0, default=0)
    hours = models.PositiveSmallIntegerField("课时")
    content = models.CharField("内容", max_length=200)
    room = models.CharField("地点", max_length=120)
    textbook = models.CharField("教材", max_length=120, blank=True)
    # A returned or withdrawn filing must not block the teacher's other classes.
    holds = models.BooleanField("占用教师时间", default=False)

    class Meta:
        db_table = "class_session"
        constraints = [
            ExclusionConstraint(
                name="class_session_teacher_free",
                expressions=[
                    ("city_code", RangeOperators.EQUAL),
                    ("teacher", RangeOperators.EQUAL),
                    ("period", RangeOperators.OVERLAPS),
                ],
                condition=models.Q(holds=True),
                violation_error_message="这位教师同一时间已有课。",
            ),
            models.CheckConstraint(condition=models.Q(hours__range=(1, 12)), name="class_session_hours"),
        ]
        indexes = [models.Index(fields=["city_code", "training_class"], name="class_session_class")]

    @property
    def starts_at(self) -> datetime:
        """When the session begins; its period always has both ends."""
        return cast(datetime, self.period.lower)

    @property
    def ends_at(self) -> datetime:
        """When the session ends."""
        return cast(datetime, self.period.upper)

    def access(self) -> Access:
        return self.training_class.access()


class Textbook(CityModel):
    """A textbook or other teaching resource of a class's list."""

    training_class = CityForeignKey(TrainingClass, verbose_name="班级", related_name="textbooks")
    title = models.CharField("教材名称", max_length=120)
    publisher = models.CharField("出版单位", max_length=120)
    isbn = models.CharField("书号", max_length=20, blank=True)

    class Meta:
        db_table = "textbook"

    def access(self) -> Access:
        return self.training_class.access()


class KeptForecast(CityModel):
    """What the rules let expect of a trainee when the class was filed: outcome, amount, facts. Compared with the claim later."""

    append_only = True

    enrolment_id: int

    enrolment = CityForeignKey("classes.Enrolment", verbose_name="学员", related_name="forecasts")
    outcome = models.CharField("结论", max_length=12)
    fen = models.BigIntegerField("金额（分）")
    facts = models.JSONField("事实")
    policy_version = models.CharField("政策版本", max_length=400)
    at = models.DateTimeField("时间")

    class Meta:
        db_table = "kept_forecast"
        indexes = [models.Index(fields=["city_code", "enrolment", "id"], name="kept_forecast_latest")]

    def access(self) -> Access:
        return self.enrolment.access()


class RosterImport(CityModel):
    """One uploaded roster file: what was found in each row. The same file never counts twice."""

    training_class = CityForeignKey(TrainingClass, verbose_name="班级", related_name="imports")
    file_name = models.CharField("文件名", max_length=200)
    sha256 = models.BinaryField("文件摘要")
    rows = models.PositiveIntegerField("行数")
    wrong_rows = models.PositiveIntegerField("有问题的行数")
    imported = models.PositiveIntegerField("导入人数", default=0)
    findings = models.JSONField("问题", default=list, help_text="行、列、原因、依据；不含证件号")
    notes = models.JSONField("说明", default=list, help_text="关于整个文件的说明")
    at = models.DateTimeField("时间")
    actor_name = models.CharField("经办人", max_length=80)

    class Meta:
        db_table = "roster_import"
        constraints = [
            models.UniqueConstraint(
                fields=["city_code", "training_class", "sha256"],
                condition=models.Q(imported__gt=0),
                name="roster_import_once",
            )
        ]

    def access(self) -> Access:
        return self.training_class.access()


class RefusedRoster(CityModel):
    """The workbook of a class's latest refused import with the corrections typed so far, kept so that its cells can be shown
    and mended; gone once imported or filed, or after a week.
    """

    training_class = CityForeignKey(TrainingClass, verbose_name="班级", related_name="refused_rosters")
    roster_import = CityForeignKey(RosterImport, verbose_name="导入", related_name="refused_rosters")
    content = EncryptedTextField("文件", help_text="base64")
    mends = EncryptedTextField("更正", null=True, help_text="JSON：逐格更正和删去的行")

    class Meta:
        db_table = "refused_roster"
        constraints = [
            models.UniqueConstraint(fields=["city_code", "training_class"], name="refused_roster_once_per_class")
        ]

    def access(self) -> Access:
        return self.training_class.access()


class Enrolment(CityModel):
    """A trainee of a class: the voucher brought, the target group as of the start, who employs them, who pays the fee."""

    person_id: int
    training_class_id: int
    voucher_id: int | None

    training_class = CityForeignKey(TrainingClass, verbose_name="班级", related_name="enrolments")
    person = CityForeignKey(Person, verbose_name="学员", related_name="enrolments")
    voucher = CityForeignKey(Voucher, verbose_name="培训券", related_name="enrolments", null=True)
    group = models.CharField("人员类别", max_length=2, choices=GroupMembership.GROUPS)
    employer_name = models.CharField("所在企业", max_length=120, blank=True)
    employer_uscc = models.CharField("企业信用代码", max_length=18, blank=True)
    prepaid_by_person = models.BooleanField("本人先垫付学费", default=False)
    state = ENROLMENT.field()
    drop_reason = models.CharField("退出原因", max_length=200, blank=True)
    listed_at = models.DateTimeField("登记时间")

    class Meta:
        db_table = "enrolment"
        constraints = [
            ENROLMENT.constraint("enrolment"),
            models.UniqueConstraint(
                fields=["city_code", "training_class", "person"],
                condition=~models.Q(state="removed"),
                name="enrolment_once",
                violation_error_message="同一学员在一个班只能登记一次。",
            ),
            models.UniqueConstraint(
                fields=["city_code", "voucher"],
                condition=~models.Q(state="removed"),
                name="enrolment_voucher_once",
                violation_error_message="一张培训券只能用于一个班。",
            ),
        ]
        indexes = [models.Index(fields=["city_code", "person"], name="enrolment_person")]

    def access(self) -> Access:
        access = self.training_class.access()
        return Access(access.city_code, access.region_code, access.organisation_ids, self.person_id)

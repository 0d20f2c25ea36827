"""Attendance by timetable: what is expected of each trainee, each sign-in, and the minutes it earns."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models

from zhaoliang.attendance.states import ATTENDANCE, CORRECTION, DOUBT, MAKE_UP
from zhaoliang.classes.models import ClassSession, Enrolment, Teacher
from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.roles import Access
from zhaoliang.registry.models import Person


class Attendance(CityModel):
    """One trainee, one session. Made when the class starts; nobody can be expected in two places at once."""

    session_id: int
    person_id: int
    enrolment_id: int

    enrolment = CityForeignKey(Enrolment, verbose_name="学员", related_name="attendances")
    session = CityForeignKey(ClassSession, verbose_name="课次", related_name="attendances")
    person = CityForeignKey(Person, verbose_name="人员", related_name="attendances")
    period = DateTimeRangeField("起止")
    planned_minutes = models.PositiveIntegerField("应到分钟")
    credited_minutes = models.PositiveIntegerField("计入分钟", default=0)
    state = ATTENDANCE.field()
    method = models.CharField("方式", max_length=12, blank=True)
    signed_at = models.DateTimeField("签到时间", null=True)
    flags = models.JSONField("待核信号", default=list)
    note = models.CharField("请假或更正原因", max_length=200, blank=True, default="")
    signed_out_at = models.DateTimeField("签退时间", null=True)
    score = models.PositiveSmallIntegerField("可疑程度", db_default=0, help_text="0 到 100，由 signals 计算")
    signals = models.JSONField("可疑原因", null=True, help_text="[[信号, 分], …]")

    class Meta:
        db_table = "attendance"
        constraints = [
            ATTENDANCE.constraint("attendance"),
            models.UniqueConstraint(fields=["city_code", "session", "person"], name="attendance_once"),
            ExclusionConstraint(
                name="attendance_one_place",
                expressions=[
                    ("city_code", RangeOperators.EQUAL),
                    ("person", RangeOperators.EQUAL),
                    ("period", RangeOperators.OVERLAPS),
                ],
                violation_error_message="这名学员同一时间在另一个班有课。",
            ),
            models.CheckConstraint(
                condition=models.Q(credited_minutes__lte=models.F("planned_minutes")),
                name="attendance_not_more_than_planned",
            ),
        ]

    def access(self) -> Access:
        return self.enrolment.access()


class SignIn(CityModel):
    """One sign-in as it reached us: way, place, device. Never changed; doubts are flags for a person, not deletions."""

    append_only = True

    attendance = CityForeignKey(Attendance, verbose_name="考勤", related_name="sign_ins")
    at = models.DateTimeField("时间")
    received_at = models.DateTimeField("收到时间")
    method = models.CharField(
        "方式",
        max_length=12,
        choices=[
            ("card", "社保卡"),
            ("id_card", "身份证"),
            ("voucher", "培训券扫码"),
            ("class_code", "扫课堂码"),
            ("location", "手机定位"),
            ("online", "线上学习"),
            ("roll_call", "教师点名"),
        ],
    )
    longitude = models.DecimalField("经度", max_digits=9, decimal_places=6, null=True)
    latitude = models.DecimalField("纬度", max_digits=8, decimal_places=6, null=True)
    distance_m = models.PositiveIntegerField("距教学点（米）", null=True)
    device_hash = models.BinaryField("设备", null=True)
    by_user_id = models.BigIntegerField("操作账号", null=True)
    reason = models.CharField("说明", max_length=200, blank=True)
    direction = models.CharField("进出", max_length=3, choices=[("in", "签到"), ("out", "签退")], db_default="in")
    accuracy_m = models.PositiveIntegerField("定位精度（米）", null=True, help_text="手机自己报的误差半径")
    mock = models.BooleanField("手机报告位置为模拟", null=True)
    phone_at = models.DateTimeField("手机自己的时间", null=True)
    skew_ms = models.BigIntegerField("打开页面时手机快多少毫秒", null=True)
    elapsed_ms = models.BigIntegerField("打开页面后过了多少毫秒", null=True, help_text="手机的单调时钟")
    sequence = models.PositiveIntegerField("手机上的第几次", null=True)
    code_age_s = models.IntegerField("课堂码出现后多少秒扫的", null=True)
    face_reference = models.CharField("人脸核验编号", max_length=64, db_default="", blank=True)
    signed = models.BooleanField(
        "手机签名", null=True, help_text="对得上为是，该有而没有为否；当场到的和没有登记钥匙的为空"
    )
    proof = models.JSONField("手机签名原文", null=True, help_text="公钥、原文、签名，可以再验")

    class Meta:
        db_table = "sign_in"
        indexes = [
            models.Index(fields=["city_code", "device_hash", "at"], name="sign_in_device"),
        ]


def _two_people(maker: str, checker: str, name: str) -> models.CheckConstraint:
    """The database's own refusal of one account, or one person behind two accounts, doing both steps."""
    return models.CheckConstraint(
        condition=models.Q(**{f"{checker}__isnull": True}) | ~models.Q(**{checker: models.F(maker)}), name=name
    )


class AttendanceDoubt(CityModel):
    """A sign-in that a person has to look at, with its signals. The hours stay until two people have struck them."""

    no_delete = True

    attendance = CityForeignKey(Attendance, verbose_name="考勤", related_name="doubts")
    score = models.PositiveSmallIntegerField("可疑程度")
    signals = models.JSONField("可疑原因", help_text="[[信号, 分, 依据], …]")
    weights = models.CharField("计分版本", max_length=20)
    state = DOUBT.field()
    opened_at = models.DateTimeField("提出时间")
    answer_due_on = models.DateField("说明截止")
    worker_answer = models.CharField("本人说明", max_length=500, blank=True, default="")
    worker_answered_at = models.DateTimeField("本人说明时间", null=True)
    provider_answer = models.CharField("机构说明", max_length=500, blank=True, default="")
    provider_answered_at = models.DateTimeField("机构说明时间", null=True)
    decided_at = models.DateTimeField("核实时间", null=True)
    decided_by_user_id = models.BigIntegerField("核实账号", null=True)
    decided_by_name = models.CharField("核实人", max_length=80, blank=True, default="")
    decision = models.CharField("核实意见", max_length=500, blank=True, default="")

    class Meta:
        db_table = "attendance_doubt"
        constraints = [
            DOUBT.constraint("attendance_doubt"),
            models.UniqueConstraint(
                fields=["city_code", "attendance"],
                condition=models.Q(state__in=["open", "answered"]),
                name="attendance_doubt_one_open",
            ),
        ]
        indexes = [models.Index(fields=["city_code", "state", "answer_due_on"], name="attendance_doubt_queue")]

    def access(self) -> Access:
        return self.attendance.access()


class AttendanceCorrection(CityModel):
    """A change of what an attendance counts, proposed by one person and decided by another; kept as history both ways."""

    no_delete = True
    attendance_id: int
    EVENTS = (("correct", "计入课时"), ("strike", "不计课时"))

    attendance = CityForeignKey(Attendance, verbose_name="考勤", related_name="corrections")
    doubt = CityForeignKey(AttendanceDoubt, verbose_name="待核实签到", related_name="corrections", null=True)
    event = models.CharField("更正", max_length=10, choices=EVENTS)
    state_before = models.CharField("更正前", max_length=20)
    minutes_before = models.PositiveIntegerField("更正前计入分钟")
    minutes_after = models.PositiveIntegerField("更正后计入分钟")
    reason = models.CharField("原因", max_length=200)
    evidence = models.CharField("凭据", max_length=500, blank=True, default="")
    state = CORRECTION.field()
    proposed_at = models.DateTimeField("提出时间")
    proposed_by_user_id = models.BigIntegerField("提出账号", null=True)
    proposed_by_person_id = models.BigIntegerField("提出人员", null=True)
    proposed_by_name = models.CharField("提出人", max_length=80)
    decided_at = models.DateTimeField("决定时间", null=True)
    decided_by_user_id = models.BigIntegerField("决定账号", null=True)
    decided_by_person_id = models.BigIntegerField("决定人员", null=True)
    decided_by_name = models.CharField("决定人", max_length=80, blank=True, default="")
    decision = models.CharField("决定说明", max_length=200, blank=True, default="")

    class Meta:
        db_table = "attendance_correction"
        constraints = [
            CORRECTION.constraint("attendance_correction"),
            _two_people("proposed_by_user_id", "decided_by_user_id", "attendance_correction_two_people"),
            _two_people("proposed_by_person_id", "decided_by_person_id", "attendance_correction_two_persons"),
            models.UniqueConstraint(
                fields=["city_code", "attendance"],
                condition=models.Q(state="proposed"),
                name="attendance_correction_one_open",
            ),
        ]
        indexes = [models.Index(fields=["city_code", "attendance"], name="correction_attendance")]

    def access(self) -> Access:
        return self.attendance.access()


class MakeUp(CityModel):
    """A lesson made up for one missed session: proposed by the provider, agreed by the bureau, then attended."""

    no_delete = True

    attendance = CityForeignKey(Attendance, verbose_name="缺的课", related_name="make_ups")
    teacher = CityForeignKey(Teacher, verbose_name="教师", related_name="make_ups")
    period = DateTimeRangeField("起止")
    room = models.CharField("地点", max_length=120)
    reason = models.CharField("原因", max_length=200)
    state = MAKE_UP.field()
    proposed_at = models.DateTimeField("提出时间")
    proposed_by_user_id = models.BigIntegerField("提出账号", null=True)
    proposed_by_person_id = models.BigIntegerField("提出人员", null=True)
    proposed_by_name = models.CharField("提出人", max_length=80)
    decided_at = models.DateTimeField("决定时间", null=True)
    decided_by_user_id = models.BigIntegerField("决定账号", null=True)
    decided_by_person_id = models.BigIntegerField("决定人员", null=True)
    decided_by_name = models.CharField("决定人", max_length=80, blank=True, default="")
    held_at = models.DateTimeField("补课到课时间", null=True)

    class Meta:
        db_table = "make_up"
        constraints = [
            MAKE_UP.constraint("make_up"),
            _two_people("proposed_by_user_id", "decided_by_user_id", "make_up_two_people"),
            _two_people("proposed_by_person_id", "decided_by_person_id", "make_up_two_persons"),
            models.UniqueConstraint(
                fields=["city_code", "attendance"],
                condition=models.Q(state__in=["proposed", "agreed"]),
                name="make_up_one_open",
            ),
        ]

    def access(self) -> Access:
        return self.attendance.access()


class LessonProgress(CityModel):
    """A stretch of an online lesson that was played, as the page reported it, or an identity check in between."""

    append_only = True

    attendance = CityForeignKey(Attendance, verbose_name="考勤", related_name="progress")
    kind = models.CharField("类别", max_length=5, choices=[("play", "播放"), ("check", "核验本人")])
    from_second = models.PositiveIntegerField("从第几秒", default=0)
    to_second = models.PositiveIntegerField("到第几秒", default=0)
    at = models.DateTimeField("收到时间")
    doubt = models.CharField("可疑", max_length=20, blank=True, default="")

    class Meta:
        db_table = "lesson_progress"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(from_second__lte=models.F("to_second")), name="lesson_progress_forward"
            )
        ]
        indexes = [models.Index(fields=["city_code", "attendance", "at"], name="lesson_progress_attendance")]

    def access(self) -> Access:
        return self.attendance.access()


class FaceCheck(CityModel):
    """What an outside service said of the face at a sign-in: figures only, no picture, nothing to recognise anybody by."""

    append_only = True

    attendance = CityForeignKey(Attendance, verbose_name="考勤", related_name="face_checks")
    service = models.CharField("服务", max_length=40)
    score = models.PositiveSmallIntegerField("分值")
    threshold = models.PositiveSmallIntegerField("阈值")
    at = models.DateTimeField("核验时间")
    received_at = models.DateTimeField("收到时间")

    class Meta:
        db_table = "face_check"
        constraints = [
            models.UniqueConstraint(fields=["city_code", "attendance", "service", "at"], name="face_check_once")
        ]

    def access(self) -> Access:
        return self.attendance.access()


class SessionReview(CityModel):
    """That the sign-ins of a session were weighed, when, and how many of them were doubtful."""

    append_only = True

    session = CityForeignKey(ClassSession, verbose_name="课次", related_name="reviews")
    at = models.DateTimeField("时间")
    weighed = models.PositiveIntegerField("核对条数")
    doubtful = models.PositiveIntegerField("可疑条数")
    weights = models.CharField("计分版本", max_length=20)

    class Meta:
        db_table = "session_review"
        indexes = [models.Index(fields=["city_code", "session", "at"], name="session_review_session")]

    def access(self) -> Access:
        return self.session.access()

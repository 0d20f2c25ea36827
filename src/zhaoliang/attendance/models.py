"""Attendance by timetable: what is expected of each trainee, each sign-in, and the minutes it earns."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models

from zhaoliang.attendance.states import ATTENDANCE
from zhaoliang.classes.models import ClassSession, Enrolment
from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.roles import Access
from zhaoliang.registry.models import Person


class Attendance(CityModel):
    """One trainee, one session. Made when the class starts; nobody can be expected in two places at once."""

    session_id: int

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
        indexes = [models.Index(fields=["city_code", "enrolment"], name="attendance_enrolment")]

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
            ("voucher", "培训券扫码"),
            ("location", "手机定位"),
            ("roll_call", "教师点名"),
        ],
    )
    longitude = models.DecimalField("经度", max_digits=9, decimal_places=6, null=True)
    latitude = models.DecimalField("纬度", max_digits=8, decimal_places=6, null=True)
    distance_m = models.PositiveIntegerField("距教学点（米）", null=True)
    device_hash = models.BinaryField("设备", null=True)
    by_user_id = models.BigIntegerField("操作账号", null=True)
    reason = models.CharField("说明", max_length=200, blank=True)

    class Meta:
        db_table = "sign_in"
        indexes = [
            models.Index(fields=["city_code", "attendance"], name="sign_in_attendance"),
            models.Index(fields=["city_code", "device_hash", "at"], name="sign_in_device"),
        ]

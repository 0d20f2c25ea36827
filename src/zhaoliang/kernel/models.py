"""Kernel tables: audit events and their sealed blocks, state changes, idempotency keys, working-day overrides."""

from __future__ import annotations

from django.db import models

from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.fields import EncryptedTextField
from zhaoliang.kernel.jobs.states import JOB, OPEN
from zhaoliang.kernel.roles import Access


class AuditEvent(CityModel):
    """One act or one look at a personal file. Written in the act's own transaction, never changed."""

    append_only = True

    at = models.DateTimeField("时间")
    act = models.CharField("行为", max_length=60)
    region_code = models.IntegerField("地区")
    actor_user_id = models.BigIntegerField("账号", null=True)
    actor_name = models.CharField("经办人", max_length=80)
    object_type = models.CharField("对象", max_length=60)
    object_id = models.BigIntegerField("对象编号", null=True)
    person_id = models.BigIntegerField("涉及的人", null=True)
    before = models.BinaryField("之前", null=True)
    after = models.BinaryField("之后", null=True)
    detail = models.JSONField("说明", default=dict)

    class Meta:
        db_table = "audit_event"
        indexes = [
            models.Index(fields=["city_code", "object_type", "object_id"], name="audit_event_object"),
            models.Index(fields=["city_code", "person_id"], name="audit_event_person"),
        ]


class AuditBlock(CityModel):
    """A sealed run of events of one city: hash over the events' hashes and over the block before."""

    append_only = True

    number = models.BigIntegerField("块号")
    sealed_at = models.DateTimeField("封存时间")
    event_ids = models.JSONField("事件编号")
    previous = models.BinaryField("前一块")
    hash = models.BinaryField("本块")

    class Meta:
        db_table = "audit_block"
        constraints = [models.UniqueConstraint(fields=["city_code", "number"], name="audit_block_number_once")]


class AuditSealed(CityModel):
    """Which block holds an event, and its hash then: an event is sealed once."""

    append_only = True

    event_id = models.BigIntegerField("事件")
    block_number = models.BigIntegerField("块号")
    hash = models.BinaryField("事件摘要")

    class Meta:
        db_table = "audit_sealed"
        constraints = [models.UniqueConstraint(fields=["city_code", "event_id"], name="audit_sealed_once")]


class StateChange(CityModel):
    """One move of a state machine, for timelines: where a thing stood, when, by whom."""

    append_only = True

    machine = models.CharField("状态机", max_length=40)
    object_id = models.BigIntegerField("对象编号")
    source = models.CharField("从", max_length=20)
    event = models.CharField("事件", max_length=30)
    target = models.CharField("到", max_length=20)
    at = models.DateTimeField("时间")
    actor_user_id = models.BigIntegerField("账号", null=True)
    actor_name = models.CharField("经办人", max_length=80)

    class Meta:
        db_table = "state_change"
        indexes = [models.Index(fields=["city_code", "machine", "object_id"], name="state_change_object")]


class IdempotencyKey(CityModel):
    """A key a caller gave with an act: input hash and stored answer, in the transaction of the effect."""

    no_delete = True

    act = models.CharField("行为", max_length=60)
    actor = models.CharField("调用者", max_length=80)
    key = models.CharField("提交码", max_length=64)
    input_hash = models.BinaryField("输入摘要")
    answer = models.JSONField("结果", null=True)
    at = models.DateTimeField("时间")

    class Meta:
        db_table = "idempotency_key"
        constraints = [
            models.UniqueConstraint(fields=["city_code", "act", "actor", "key"], name="idempotency_key_once"),
        ]


class Job(CityModel):
    """Work for the background: what, about what, who asked (`actor`, as he stood then), how far it is, what came of it.

    `parameters`, `message` and `result` hold no personal data.
    """

    no_delete = True

    kind = models.CharField("种类", max_length=60)
    title = models.CharField("名称", max_length=200)
    link = models.CharField("页面", max_length=300, blank=True)
    subject_type = models.CharField("对象", max_length=60)
    subject_id = models.BigIntegerField("对象编号", null=True)
    region_code = models.IntegerField("地区")
    organisation_ids = models.JSONField("机构", default=list)
    person_id = models.BigIntegerField("个人", null=True)
    parameters = models.JSONField("参数", default=dict)
    state = JOB.field()
    done_count = models.PositiveIntegerField("已做", default=0)
    total_count = models.PositiveIntegerField("共", null=True)
    message = models.CharField("正在做", max_length=200, blank=True)
    result = models.JSONField("结果", default=dict)
    refusal = models.JSONField("没有完成的原因", default=dict)
    cancel_asked = models.BooleanField("已请求取消", default=False)
    runs = models.PositiveSmallIntegerField("第几次", default=0)
    actor_user_id = models.BigIntegerField("账号", null=True)
    actor_name = models.CharField("经办人", max_length=80)
    actor = models.JSONField("当时的身份")
    queued_at = models.DateTimeField("提交时间")
    started_at = models.DateTimeField("开始时间", null=True)
    ended_at = models.DateTimeField("结束时间", null=True)

    class Meta:
        db_table = "job"
        constraints = [
            JOB.constraint("job"),
            models.UniqueConstraint(
                fields=["city_code", "kind", "subject_type", "subject_id"],
                condition=models.Q(state__in=OPEN),
                name="job_one_open_on_a_subject",
            ),
        ]
        indexes = [
            models.Index(fields=["city_code", "actor_user_id", "queued_at"], name="job_of_actor"),
            models.Index(fields=["city_code", "state"], name="job_state"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def access(self) -> Access:
        return Access(self.city_code, self.region_code, frozenset(self.organisation_ids), self.person_id)


class KeptExport(CityModel):
    """A file that somebody asked for and the worker makes: too long to be waited for. Emptied after a few days.

    `address` is the page it is exported from, with what was typed into its filters; `content` is Base64.
    """

    no_delete = True
    updatable_columns = ("address", "content", "file_name", "media", "size", "made_at", "emptied_at")

    region_code = models.IntegerField("地区")
    actor_user_id = models.BigIntegerField("账号", null=True)
    actor_name = models.CharField("经办人", max_length=80)
    title = models.CharField("名称", max_length=200)
    address = EncryptedTextField("页面", blank=True)
    content = EncryptedTextField("内容", blank=True)
    file_name = models.CharField("文件名", max_length=200, blank=True)
    media = models.CharField("格式", max_length=100, blank=True)
    size = models.BigIntegerField("大小（字节）", default=0)
    asked_at = models.DateTimeField("要求导出的时间")
    made_at = models.DateTimeField("做好的时间", null=True)
    emptied_at = models.DateTimeField("清除的时间", null=True)

    class Meta:
        db_table = "kept_export"
        indexes = [models.Index(fields=["city_code", "actor_user_id", "asked_at"], name="kept_export_of_actor")]

    def __str__(self) -> str:
        return self.title

    def access(self) -> Access:
        return Access(self.city_code, self.region_code)


class CalendarOverride(models.Model):
    """A day whose working/holiday status differs from the published calendar, or stands in for one not yet published."""

    day = models.DateField("日期", primary_key=True)
    is_workday = models.BooleanField("工作日")
    source = models.CharField("依据", max_length=200)

    class Meta:
        db_table = "calendar_override"


class CalendarYear(models.Model):
    """A year whose holiday notice was entered completely as overrides; its other days follow the weekday."""

    year = models.PositiveSmallIntegerField("年份", primary_key=True)
    source = models.CharField("依据", max_length=200)

    class Meta:
        db_table = "calendar_year"

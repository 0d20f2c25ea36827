"""Policy texts on their way into force: drafts with every revision, and what trying them on the past gave."""

from __future__ import annotations

from django.db import models

from zhaoliang.enactments.states import DRAFT
from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.roles import Access
from zhaoliang.registry.models import PolicyText, Region


class PolicyDraft(CityModel):
    """A text in the making for one region: a next version of a document, a new document, or one that ends another.

    `content` and `tables` are those of revision `revision`; `checked` and `simulated` hold what was found for the revision
    they name, and count only for that one.
    """

    no_delete = True
    KINDS = [("revise", "修订"), ("new", "新文件"), ("repeal", "废止")]

    region_id: int
    text_id: int | None

    region = models.ForeignKey(Region, models.PROTECT, verbose_name="地区")
    kind = models.CharField("种类", max_length=10, choices=KINDS)
    document_id = models.CharField("文件", max_length=120)
    title = models.CharField("标题", max_length=200)
    purpose = models.CharField("为什么改", max_length=300)
    base_path = models.CharField("起草时的文本", max_length=200, blank=True)
    base_content = models.TextField("起草时的内容", blank=True)
    base_tables = models.JSONField("起草时的表格", default=dict)
    valid_from = models.DateField("生效")
    content = models.TextField("文本")
    tables = models.JSONField("表格文件", default=dict)
    revision = models.PositiveIntegerField("第几稿", default=1)
    checked = models.JSONField("检查结果", default=dict)
    simulated = models.JSONField("试算结果", default=dict)
    state = DRAFT.field()
    submitted_by_user = models.BigIntegerField("送审账号", null=True)
    submitted_by_person = models.BigIntegerField("送审人", null=True)
    submitted_by_name = models.CharField("送审人姓名", max_length=80, blank=True)
    approved_by_user = models.BigIntegerField("批准账号", null=True)
    approved_by_person = models.BigIntegerField("批准人", null=True)
    approved_by_name = models.CharField("批准人姓名", max_length=80, blank=True)
    return_reason = models.CharField("退回原因", max_length=500, blank=True)
    text = models.ForeignKey(PolicyText, models.PROTECT, verbose_name="批准的文本", null=True)
    created_at = models.DateTimeField("起草时间")

    class Meta:
        db_table = "policy_draft"
        constraints = [
            DRAFT.constraint("policy_draft"),
            models.CheckConstraint(
                condition=models.Q(approved_by_user__isnull=True)
                | ~models.Q(approved_by_user=models.F("submitted_by_user")),
                name="policy_draft_two_accounts",
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by_person__isnull=True)
                | ~models.Q(approved_by_person=models.F("submitted_by_person")),
                name="policy_draft_two_people",
            ),
        ]
        indexes = [models.Index(fields=["city_code", "document_id", "state"], name="policy_draft_document")]

    def __str__(self) -> str:
        return self.title

    def access(self) -> Access:
        return Access(self.city_code, self.region_id)


class PolicyRevision(CityModel):
    """One revision of a draft as it was saved, whether it can be read or not: nothing typed is lost."""

    append_only = True

    draft = CityForeignKey(PolicyDraft, verbose_name="政策文本", related_name="revisions")
    number = models.PositiveIntegerField("第几稿")
    content = models.TextField("文本")
    tables = models.JSONField("表格文件", default=dict)
    note = models.CharField("改了什么", max_length=200)
    by_user = models.BigIntegerField("账号", null=True)
    by_person = models.BigIntegerField("人", null=True)
    by_name = models.CharField("姓名", max_length=80)
    at = models.DateTimeField("时间")

    class Meta:
        db_table = "policy_revision"
        constraints = [models.UniqueConstraint(fields=["city_code", "draft", "number"], name="policy_revision_once")]


class PolicySimulation(CityModel):
    """A revision tried on past claims: the lines one by one, without names; the sums are on the draft."""

    append_only = True

    draft = CityForeignKey(PolicyDraft, verbose_name="政策文本", related_name="simulations")
    revision = models.PositiveIntegerField("第几稿")
    lines = models.JSONField("逐条对比")
    at = models.DateTimeField("时间")

    class Meta:
        db_table = "policy_simulation"
        indexes = [models.Index(fields=["city_code", "draft"], name="policy_simulation_draft")]

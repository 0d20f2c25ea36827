"""以工代训 as closed history: what was granted until the end of 2021 (人社部函〔2021〕14号 二), brought in from files.

Nothing is claimed here. A grant stands in the person's record and in the national register under a scheme of its own, so that
it does not count to the trainings of a year.
"""

from __future__ import annotations

from django.db import models

from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.fields import EncryptedTextField
from zhaoliang.kernel.roles import Access
from zhaoliang.registry.models import Person


class WorkTrainingImport(CityModel):
    """A file of past grants as it was read: shown first, taken whole or not at all. The content is kept until then only."""

    no_delete = True

    region_code = models.IntegerField("地区")
    file_name = models.CharField("文件名", max_length=200)
    sha256 = models.CharField("摘要", max_length=64)
    content = EncryptedTextField("文件", null=True, help_text="base64")
    rows = models.PositiveIntegerField("行数")
    people = models.PositiveIntegerField("人数")
    total_fen = models.BigIntegerField("金额（分）")
    findings = models.JSONField("问题", default=list, help_text="行、列、原因；不含证件号")
    read_at = models.DateTimeField("读取时间")
    read_by_name = models.CharField("读取人", max_length=80)
    taken_at = models.DateTimeField("导入时间", null=True)
    taken_by_name = models.CharField("导入人", max_length=80, blank=True)

    class Meta:
        db_table = "work_training_import"
        constraints = [
            models.UniqueConstraint(
                fields=["city_code", "sha256"],
                condition=models.Q(taken_at__isnull=False),
                name="work_training_import_once",
            )
        ]

    def access(self) -> Access:
        return Access(self.city_code, self.region_code)


class WorkTrainingGrant(CityModel):
    """What an enterprise was granted for one person over whole months, from the first of `first_month` on (fen)."""

    append_only = True

    person_id: int
    source_id: int

    source = CityForeignKey(WorkTrainingImport, verbose_name="导入", related_name="grants")
    row = models.PositiveIntegerField("行")
    person = CityForeignKey(Person, verbose_name="人员", related_name="work_trainings")
    employer_name = models.CharField("企业", max_length=120)
    employer_uscc = models.CharField("统一社会信用代码", max_length=18)
    first_month = models.DateField("起始月份")
    months = models.PositiveSmallIntegerField("月数")
    amount_fen = models.BigIntegerField("金额（分）")
    granted_on = models.DateField("发放日期")
    fund_source = models.CharField("资金渠道", max_length=30, choices=FundSource.choices)
    grant_id = models.BigIntegerField("全国享受记录")

    class Meta:
        db_table = "work_training_grant"
        constraints = [
            models.UniqueConstraint(
                fields=["city_code", "person", "employer_uscc", "first_month"], name="work_training_grant_once"
            ),
            models.CheckConstraint(
                condition=models.Q(months__range=(1, 24), amount_fen__gt=0), name="work_training_grant_amounts"
            ),
        ]

    def access(self) -> Access:
        return Access(self.city_code, self.source.region_code, person_id=self.person_id)

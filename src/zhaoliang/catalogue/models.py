"""The guidance catalogue (需求指导目录) and the project library (项目库)."""

from __future__ import annotations

from django.db import models

from zhaoliang.catalogue.states import CATALOGUE, PROJECT
from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.roles import Access
from zhaoliang.needs.models import Demand
from zhaoliang.registry.models import Occupation, Organisation, Region


class Mode(models.TextChoices):
    OFFLINE = "offline", "线下集中"
    ONLINE = "online", "线上"
    BLENDED = "blended", "线上线下结合"


class Scarcity(models.TextChoices):
    VERY_SCARCE = "very_scarce", "非常紧缺"
    SCARCE = "scarce", "紧缺"
    COMMON = "common", "一般"


class CertificateKind(models.TextChoices):
    """The five kinds of certificate (电子培训券试点方案 （二）1)."""

    QUALIFICATION = "qualification", "职业资格证书"
    SKILL_LEVEL = "skill_level", "职业技能等级证书"
    SPECIAL_ABILITY = "special_ability", "专项职业能力证书"
    SPECIAL_OPERATION = "special_operation", "特种作业操作证"
    COMPLETION = "completion", "培训合格证书"


class ProjectKind(models.TextChoices):
    EMPLOYMENT = "employment", "就业技能培训"
    UPGRADE = "upgrade", "岗位技能提升培训"
    STARTUP = "startup", "创业培训"
    APPRENTICESHIP = "apprenticeship", "企业新型学徒制培训"
    ORDER = "order", "订单、定向、定岗培训"
    PACKAGE = "package", "项目制培训"
    ONLINE = "online", "线上培训"
    SPECIAL_ABILITY = "special_ability", "专项职业能力培训"


class Catalogue(CityModel):
    """One version of a city's guidance catalogue, in force from `valid_from`."""

    region_id: int

    name = models.CharField("名称", max_length=120)
    version = models.PositiveIntegerField("版本")
    number = models.CharField("发布文号", max_length=80)
    region = models.ForeignKey(Region, models.PROTECT, verbose_name="地区")
    valid_from = models.DateField("生效")
    state = CATALOGUE.field()
    published_at = models.DateTimeField("发布时间", null=True)

    class Meta:
        db_table = "catalogue"
        constraints = [
            CATALOGUE.constraint("catalogue"),
            models.UniqueConstraint(fields=["city_code", "region", "version"], name="catalogue_version_once"),
        ]

    def access(self) -> Access:
        return Access(self.city_code, self.region_id)


class CatalogueEntry(CityModel):
    """What the region wants trained: headcount, skills, content, hours, mode, subsidy class and urgency."""

    occupation_id: str

    catalogue = CityForeignKey(Catalogue, verbose_name="目录", related_name="entries")
    occupation = models.ForeignKey(Occupation, models.PROTECT, verbose_name="职业")
    level = models.PositiveSmallIntegerField("技能等级", null=True, blank=True)
    headcount = models.PositiveIntegerField("需求人数")
    skills = models.TextField("技能要求", max_length=1000)
    content = models.TextField("培训内容", max_length=1000)
    hours = models.PositiveIntegerField("课时")
    mode = models.CharField("培训方式", max_length=10, choices=Mode.choices)
    category = models.CharField(
        "补贴类别", max_length=1, choices=[("A", "A 类"), ("B", "B 类"), ("C", "C 类")], blank=True
    )
    scarcity = models.CharField("紧缺程度", max_length=12, choices=Scarcity.choices)
    certificate_kind = models.CharField("证书种类", max_length=20, choices=CertificateKind.choices)

    class Meta:
        db_table = "catalogue_entry"
        constraints = [
            models.UniqueConstraint(
                fields=["city_code", "catalogue", "occupation", "level", "hours"],
                nulls_distinct=False,
                name="catalogue_entry_once",
            ),
            models.CheckConstraint(condition=models.Q(hours__gt=0), name="catalogue_entry_hours_positive"),
        ]

    def access(self) -> Access:
        return self.catalogue.access()


class Project(CityModel):
    """A project: demand + training + evaluation + employment service in one place (人社部发〔2025〕10号 二)."""

    provider_id: int
    evaluator_id: int | None
    region_id: int
    occupation_id: str

    name = models.CharField("项目名称", max_length=120)
    provider = CityForeignKey(Organisation, verbose_name="培训机构", related_name="projects")
    entry = CityForeignKey(CatalogueEntry, verbose_name="目录条目", related_name="projects")
    demand = CityForeignKey(Demand, verbose_name="用工需求", related_name="projects", null=True)
    evaluator = CityForeignKey(Organisation, verbose_name="评价机构", related_name="evaluated_projects", null=True)
    region = models.ForeignKey(Region, models.PROTECT, verbose_name="地区")
    kind = models.CharField("项目类别", max_length=20, choices=ProjectKind.choices)
    occupation = models.ForeignKey(Occupation, models.PROTECT, verbose_name="职业")
    level = models.PositiveSmallIntegerField("技能等级", null=True, blank=True)
    certificate_kind = models.CharField("证书种类", max_length=20, choices=CertificateKind.choices)
    mode = models.CharField("培训方式", max_length=10, choices=Mode.choices)
    hours = models.PositiveIntegerField("总课时")
    theory_hours = models.PositiveIntegerField("理论课时")
    practice_hours = models.PositiveIntegerField("实操课时")
    safety_hours = models.PositiveIntegerField("其中安全教育课时")
    fee_fen = models.BigIntegerField("培训收费（分）")
    fund_source = models.CharField("资金渠道", max_length=30, choices=FundSource.choices)
    employment_service = models.TextField("就业服务", max_length=1000)
    content = models.TextField("培训内容", max_length=2000)
    state = PROJECT.field()
    return_reason = models.CharField("退回或暂停原因", max_length=500, blank=True, default="")
    created_at = models.DateTimeField("建立时间")

    class Meta:
        db_table = "project"
        constraints = [
            PROJECT.constraint("project"),
            models.CheckConstraint(
                condition=models.Q(hours=models.F("theory_hours") + models.F("practice_hours")),
                name="project_hours_add_up",
            ),
            models.CheckConstraint(
                condition=models.Q(safety_hours__gt=0, safety_hours__lte=models.F("hours")),
                name="project_teaches_safety",
                violation_error_message="每个培训项目都要有安全教育课时（人社部发〔2025〕10号 三（三））。",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def access(self) -> Access:
        ids = {self.provider_id, *([self.evaluator_id] if self.evaluator_id is not None else [])}
        return Access(self.city_code, self.region_id, frozenset(ids))


class PurchaseContract(CityModel):
    """What the bureau buys a project for (项目制购买): fen a person and teaching hour, and the most a person may cost (fen).

    A later contract takes the place of an earlier one for classes that begin on its day or later.
    """

    append_only = True

    project_id: int

    project = CityForeignKey(Project, verbose_name="培训项目", related_name="contracts")
    number = models.CharField("合同编号", max_length=80)
    signed_on = models.DateField("签订日期")
    hour_fen = models.BigIntegerField("每人每课时（分）")
    person_cap_fen = models.BigIntegerField("每人最高（分）")
    at = models.DateTimeField("登记时间")
    by_name = models.CharField("经办人", max_length=80)

    class Meta:
        db_table = "purchase_contract"
        constraints = [
            models.UniqueConstraint(fields=["city_code", "project", "number"], name="purchase_contract_once"),
            models.CheckConstraint(
                condition=models.Q(hour_fen__gt=0, person_cap_fen__gte=models.F("hour_fen")),
                name="purchase_contract_amounts",
            ),
        ]

    def access(self) -> Access:
        return self.project.access()

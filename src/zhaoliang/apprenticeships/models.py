"""Enterprise apprenticeship: the scheme of a class, the agreement between enterprise and apprentice (人社部发〔2021〕39号)."""

from __future__ import annotations

from django.db import models

from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.roles import Access


class ClassScheme(CityModel):
    """How an apprenticeship class is trained (一班一方案), at which two bases (双基地). The newest of a class counts, all stay.

    `own_centre`: a large enterprise trains at its own centre, and no second base is named (四（一）).
    """

    append_only = True

    training_class = CityForeignKey(TrainingClass, verbose_name="学徒班", related_name="schemes")
    enterprise_base = models.CharField("企业实训基地", max_length=200)
    school_base = models.CharField("院校培训基地", max_length=200, blank=True)
    own_centre = models.BooleanField("依托本企业培训中心", default=False)
    goals = models.CharField("培养目标", max_length=500)
    content = models.CharField("培训内容和安排", max_length=1000)
    assessment = models.CharField("质量考核标准", max_length=500)
    at = models.DateTimeField("登记时间")
    by_name = models.CharField("登记人", max_length=80)

    class Meta:
        db_table = "apprentice_class_scheme"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(own_centre=True) | ~models.Q(school_base=""), name="apprentice_scheme_two_bases"
            ),
        ]
        indexes = [models.Index(fields=["city_code", "training_class", "id"], name="apprentice_scheme_newest")]

    def access(self) -> Access:
        return self.training_class.access()


class Agreement(CityModel):
    """The training agreement of one apprentice: filed months, two mentors, whether an institution teaches part of it."""

    append_only = True

    enrolment_id: int

    enrolment = CityForeignKey(Enrolment, verbose_name="学徒", related_name="agreements")
    signed_on = models.DateField("签订日期")
    months = models.PositiveSmallIntegerField("备案培养月数")
    special_case = models.BooleanField("有延长的特殊情况", default=False)
    collective = models.BooleanField("集体协议", default=False)
    enterprise_mentor = models.CharField("企业导师", max_length=60)
    school_mentor = models.CharField("院校导师", max_length=60, blank=True)
    entrusted = models.BooleanField("委托机构培训", default=False)
    provider_agreement = models.BooleanField("已签合作协议", default=False)
    notes = models.JSONField("须人工核对的", default=list)
    recorded_at = models.DateTimeField("登记时间")

    class Meta:
        db_table = "apprentice_agreement"
        constraints = [
            models.UniqueConstraint(fields=["city_code", "enrolment"], name="apprentice_agreement_once"),
            models.CheckConstraint(condition=models.Q(months__range=(1, 60)), name="apprentice_agreement_months"),
        ]

    def access(self) -> Access:
        return self.enrolment.access()

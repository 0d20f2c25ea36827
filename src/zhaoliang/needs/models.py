"""Needs: what enterprises ask for (用工需求), the first link of every project."""

from __future__ import annotations

from django.db import models

from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.roles import Access
from zhaoliang.needs.states import DEMAND
from zhaoliang.registry.models import Occupation, Organisation, Region


class Demand(CityModel):
    """An enterprise's demand: post, headcount, skills, start and pay (人社部发〔2025〕10号 三（一）)."""

    enterprise_id: int
    region_id: int

    enterprise = CityForeignKey(Organisation, verbose_name="企业", related_name="demands")
    region = models.ForeignKey(Region, models.PROTECT, verbose_name="用工地")
    occupation = models.ForeignKey(Occupation, models.PROTECT, verbose_name="职业")
    level = models.PositiveSmallIntegerField("技能等级", null=True, blank=True)
    post = models.CharField("岗位", max_length=80)
    headcount = models.PositiveIntegerField("用工数量")
    skills = models.TextField("技能要求", max_length=1000)
    pay_low_fen = models.BigIntegerField("月薪下限（分）")
    pay_high_fen = models.BigIntegerField("月薪上限（分）")
    start_on = models.DateField("到岗时间")
    state = DEMAND.field()
    posted_at = models.DateTimeField("发布时间")

    class Meta:
        db_table = "demand"
        constraints = [
            DEMAND.constraint("demand"),
            models.CheckConstraint(condition=models.Q(headcount__gt=0), name="demand_headcount_positive"),
            models.CheckConstraint(
                condition=models.Q(pay_low_fen__gt=0, pay_high_fen__gte=models.F("pay_low_fen")),
                name="demand_pay_ordered",
            ),
        ]

    def access(self) -> Access:
        return Access(self.city_code, self.region_id, frozenset({self.enterprise_id}))

"""Tables that are copied everywhere: regions and occupations by their official codes."""

from __future__ import annotations

from django.db import models


class Region(models.Model):
    """A province, city or county by its GB/T 2260 code. `city_code` is the frozen key of the city it belongs to."""

    code = models.IntegerField("行政区划代码", primary_key=True)
    parent_code = models.IntegerField("上级代码", null=True, db_index=True)
    level = models.PositiveSmallIntegerField("级别", choices=[(0, "国家"), (1, "省级"), (2, "地级"), (3, "县级")])
    name = models.CharField("名称", max_length=60)
    city_code = models.IntegerField("城市键", db_index=True)
    pinyin_key = models.CharField("拼音", max_length=200)
    valid_from = models.DateField("启用", null=True)
    valid_to = models.DateField("撤销", null=True)

    class Meta:
        db_table = "region"

    def __str__(self) -> str:
        return self.name


class RegionAlias(models.Model):
    """An old code and the region that took it over. Identity numbers keep old codes for life."""

    old_code = models.IntegerField("旧代码", primary_key=True)
    new_code = models.IntegerField("现代码")
    valid_from = models.DateField("启用", null=True)
    valid_to = models.DateField("撤销", null=True)
    note = models.CharField("说明", max_length=200)

    class Meta:
        db_table = "region_alias"


class OccupationGroup(models.Model):
    """大类, 中类 or 小类 of the 2022 occupation classification."""

    code = models.CharField("编码", max_length=12, primary_key=True)
    level = models.PositiveSmallIntegerField("层级", choices=[(1, "大类"), (2, "中类"), (3, "小类")])
    name = models.CharField("名称", max_length=120)
    parent_code = models.CharField("上级", max_length=12, blank=True)

    class Meta:
        db_table = "occupation_group"


class Occupation(models.Model):
    """An occupation (细类) of the 2022 classification, with its green (绿) and digital (数) marks."""

    code = models.CharField("职业编码", max_length=12, primary_key=True)
    name = models.CharField("职业名称", max_length=120)
    green = models.BooleanField("绿色职业", default=False)
    digital = models.BooleanField("数字职业", default=False)
    group_code = models.CharField("小类", max_length=12, db_index=True)
    major_code = models.CharField("大类", max_length=12, db_index=True)
    pinyin_key = models.CharField("拼音", max_length=300)

    class Meta:
        db_table = "occupation"

    def __str__(self) -> str:
        return self.name

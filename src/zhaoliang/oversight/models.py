"""Kept counts of the voucher funnel, for cities whose vouchers are too many to be counted while a page waits."""

from __future__ import annotations

from django.db import models

from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel


class FunnelCount(CityModel):
    """One count of all vouchers of a city, made whole at one moment; nothing of it is ever changed."""

    counted_at = models.DateTimeField("统计时间")

    class Meta:
        db_table = "funnel_count"


class FunnelCell(CityModel):
    """The vouchers of a count that are alike in everything the funnel is broken down or narrowed by; or a batch's quota.

    `stage` and `reason` are those of `stops.REASONS`, '' for the paid ones; 'issued' marks the quota. `provider_id` 0: not used.
    """

    count = CityForeignKey(FunnelCount, models.CASCADE, verbose_name="统计", related_name="cells")
    batch_id = models.BigIntegerField("批次")
    provider_id = models.BigIntegerField("机构")
    group = models.CharField("人员类别", max_length=2, blank=True)
    claimed_on = models.DateField("领取日期", null=True)
    stage = models.CharField("没走到的一步", max_length=10, blank=True)
    reason = models.CharField("原因", max_length=30, blank=True)
    decision_id = models.BigIntegerField("决定", null=True)
    issued = models.PositiveIntegerField("发放")
    claimed = models.PositiveIntegerField("领取")
    used = models.PositiveIntegerField("使用")
    taught = models.PositiveIntegerField("结业")
    certified = models.PositiveIntegerField("取证")
    paid = models.PositiveIntegerField("核销")
    returned = models.PositiveIntegerField("退回")
    expired = models.PositiveIntegerField("过期")
    void = models.PositiveIntegerField("作废")
    waiting = models.PositiveIntegerField("还没用")
    dropped = models.PositiveIntegerField("中途退出")
    failed = models.PositiveIntegerField("考核没过")
    refused = models.PositiveIntegerField("不予补贴")
    held_fen = models.BigIntegerField("已领券预留（分）")
    paid_fen = models.BigIntegerField("已拨补贴（分）")

    class Meta:
        db_table = "funnel_cell"

"""Cost sharing: how a class's price is shared by government, enterprise and person, and what the two have paid.

政府补一点、企业出一点、个人付一点 (人社部发〔2025〕10号 四（六）). What person and enterprise pay goes to the provider and never through a
public fund, so it stands in registered receipts and not in the funds' ledger (docs/decisions/0018).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db import models

from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.roles import Access
from zhaoliang.registry.models import Organisation
from zhaoliang.sharing.states import VOIDING


class CostShare(CityModel):
    """The price of a class per person and its three shares, all in fen; a later row takes the place of an earlier one."""

    append_only = True

    training_class_id: int
    training_class = CityForeignKey(TrainingClass, verbose_name="班级", related_name="cost_shares")
    number = models.PositiveSmallIntegerField("第几次")
    price_fen = models.BigIntegerField("每人收费（分）")
    government_fen = models.BigIntegerField("政府补（分）")
    enterprise_fen = models.BigIntegerField("企业出（分）")
    person_fen = models.BigIntegerField("个人付（分）")
    document = models.CharField("依据", max_length=200)
    at = models.DateTimeField("时间")
    by_name = models.CharField("经办人", max_length=80)

    class Meta:
        db_table = "cost_share"
        constraints = [
            models.UniqueConstraint(fields=["city_code", "training_class", "number"], name="cost_share_once"),
            models.CheckConstraint(
                condition=models.Q(price_fen__gt=0, government_fen__gte=0, enterprise_fen__gte=0, person_fen__gte=0)
                & models.Q(price_fen=models.F("government_fen") + models.F("enterprise_fen") + models.F("person_fen")),
                name="cost_share_adds_up",
            ),
        ]

    def access(self) -> Access:
        return self.training_class.access()


class ShareReceipt(CityModel):
    """A receipt of what was paid to a provider, or given back by it, for people of one class; its parts add up to it (fen).

    Never changed; `voided` is set once another person has confirmed that it was entered wrongly.
    """

    no_delete = True
    updatable_columns = ("voided",)
    get_payer_display: Callable[[], str]
    get_direction_display: Callable[[], str]
    # Filled in by `selectors.receipts_of`.
    seen_parts: Sequence[SharePart] = ()
    seen_voidings: Sequence[ShareVoiding] = ()

    PAYERS = [("person", "个人"), ("enterprise", "企业")]
    DIRECTIONS = [("paid", "缴费"), ("refunded", "退费")]

    training_class_id: int

    training_class = CityForeignKey(TrainingClass, verbose_name="班级", related_name="share_receipts")
    provider = CityForeignKey(Organisation, verbose_name="收款机构", related_name="share_receipts")
    payer = models.CharField("谁出的", max_length=12, choices=PAYERS)
    direction = models.CharField("收退", max_length=10, choices=DIRECTIONS)
    payer_name = models.CharField("缴款人", max_length=120)
    total_fen = models.BigIntegerField("金额（分）")
    paid_on = models.DateField("日期")
    number = models.CharField("收据号", max_length=60)
    voided = models.BooleanField("已作废", default=False)
    at = models.DateTimeField("登记时间")
    by_name = models.CharField("经办人", max_length=80)

    class Meta:
        db_table = "share_receipt"
        constraints = [
            models.UniqueConstraint(
                fields=["city_code", "provider", "direction", "number"],
                condition=models.Q(voided=False),
                name="share_receipt_number_once",
            ),
            models.CheckConstraint(condition=models.Q(total_fen__gt=0), name="share_receipt_positive"),
        ]
        indexes = [models.Index(fields=["city_code", "training_class", "id"], name="share_receipt_class")]

    @property
    def voidable(self) -> bool:
        """Whether it stands and nobody has asked to void it, as `selectors.receipts_of` found it."""
        return not self.voided and all(one.state != "proposed" for one in self.seen_voidings)

    def access(self) -> Access:
        return self.training_class.access()


class SharePart(CityModel):
    """What of a receipt is for one trainee (fen)."""

    append_only = True

    enrolment_id: int

    receipt_id: int
    receipt = CityForeignKey(ShareReceipt, verbose_name="收据", related_name="parts")
    enrolment = CityForeignKey(Enrolment, verbose_name="学员", related_name="share_parts")
    amount_fen = models.BigIntegerField("金额（分）")

    class Meta:
        db_table = "share_part"
        constraints = [
            models.UniqueConstraint(fields=["city_code", "receipt", "enrolment"], name="share_part_once"),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="share_part_positive"),
        ]
        indexes = [models.Index(fields=["city_code", "enrolment"], name="share_part_enrolment")]

    def access(self) -> Access:
        return self.enrolment.access()


class ShareVoiding(CityModel):
    """That a receipt was entered wrongly: said by one person, decided by another; kept either way."""

    no_delete = True

    receipt_id: int
    receipt = CityForeignKey(ShareReceipt, verbose_name="收据", related_name="voidings")
    reason = models.CharField("原因", max_length=200)
    state = VOIDING.field()
    proposed_at = models.DateTimeField("提出时间")
    proposed_by_user = models.BigIntegerField("提出账号", null=True)
    proposed_by_person = models.BigIntegerField("提出人", null=True)
    proposed_by_name = models.CharField("提出人姓名", max_length=80)
    decided_at = models.DateTimeField("决定时间", null=True)
    decided_by_user = models.BigIntegerField("决定账号", null=True)
    decided_by_person = models.BigIntegerField("决定人", null=True)
    decided_by_name = models.CharField("决定人姓名", max_length=80, blank=True)

    class Meta:
        db_table = "share_voiding"
        constraints = [
            VOIDING.constraint("share_voiding"),
            models.UniqueConstraint(
                fields=["city_code", "receipt"], condition=models.Q(state="proposed"), name="share_voiding_one_open"
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by_user__isnull=True)
                | ~models.Q(decided_by_user=models.F("proposed_by_user")),
                name="share_voiding_two_accounts",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by_person__isnull=True)
                | ~models.Q(decided_by_person=models.F("proposed_by_person")),
                name="share_voiding_two_people",
            ),
        ]

    def access(self) -> Access:
        return self.receipt.access()

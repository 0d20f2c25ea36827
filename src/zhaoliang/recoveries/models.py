"""Recoveries: what a later change of facts makes of a decided line: a signed difference, and what must come back."""

from __future__ import annotations

from django.db import models

from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.masking import mask_name
from zhaoliang.kernel.roles import Access
from zhaoliang.recoveries.states import CORRECTION, OPEN, RECOVERY_CASE
from zhaoliang.registry.models import Organisation, Person
from zhaoliang.subsidies.models import ClaimLine, Decision


class Correction(CityModel):
    """A person's decision that a line was worth another amount than it was given, confirmed by somebody else.

    For what no recomputed fact shows: a text that was misread, a job never proved, a person who was somebody else.
    """

    no_delete = True

    CAUSES = [
        ("policy_misread", "政策适用有误"),
        ("identity", "身份有误"),
        ("not_in_time", "没有在规定期限内证明就业"),
        ("dropped_out", "学徒中途退出"),
        ("inspection", "检查发现问题"),
        ("other", "其他"),
    ]

    claim_line_id: int

    claim_line = CityForeignKey(ClaimLine, verbose_name="申领明细", related_name="corrections")
    cause = models.CharField("原因", max_length=20, choices=CAUSES)
    amount_fen = models.BigIntegerField("更正后金额（分）")
    text = models.CharField("理由和依据", max_length=500)
    state = CORRECTION.field()
    proposed_by_user = models.BigIntegerField("提出账号", null=True)
    proposed_by_person = models.BigIntegerField("提出人", null=True)
    confirmed_by_user = models.BigIntegerField("确认账号", null=True)
    confirmed_by_person = models.BigIntegerField("确认人", null=True)
    at = models.DateTimeField("提出时间")

    class Meta:
        db_table = "correction"
        constraints = [
            CORRECTION.constraint("correction"),
            models.UniqueConstraint(
                fields=["city_code", "claim_line"], condition=models.Q(state="proposed"), name="correction_one_open"
            ),
            models.CheckConstraint(condition=models.Q(amount_fen__gte=0), name="correction_not_negative"),
            models.CheckConstraint(
                condition=models.Q(confirmed_by_user__isnull=True)
                | ~models.Q(confirmed_by_user=models.F("proposed_by_user")),
                name="correction_two_accounts",
            ),
            models.CheckConstraint(
                condition=models.Q(confirmed_by_person__isnull=True)
                | ~models.Q(confirmed_by_person=models.F("proposed_by_person")),
                name="correction_two_people",
            ),
        ]

    def access(self) -> Access:
        return self.claim_line.access()


class Difference(CityModel):
    """What a line was worth before a change and after it (fen), and what was done with the difference. Never edited."""

    append_only = True

    ACTIONS = [
        ("none", "金额不变"),
        ("ask", "信息不全，转人工核实"),
        ("revised", "拨付前改额"),
        ("overturned", "拨付前不予补贴"),
        ("top_up", "补发"),
        ("recovery", "追回"),
        ("settled", "补发与追回相抵"),
    ]

    claim_line_id: int

    claim_line = CityForeignKey(ClaimLine, verbose_name="申领明细", related_name="differences")
    decision = CityForeignKey(Decision, verbose_name="新的决定", related_name="differences", null=True)
    correction = CityForeignKey(Correction, verbose_name="更正决定", related_name="differences", null=True)
    summary = models.CharField("什么变了", max_length=500)
    clause = models.CharField("依据", max_length=300, blank=True)
    stage = models.CharField("当时状态", max_length=12)
    before_fen = models.BigIntegerField("原应得（分）")
    after_fen = models.BigIntegerField("现应得（分）", null=True)
    change_fen = models.BigIntegerField("差额（分）")
    action = models.CharField("处理", max_length=12, choices=ACTIONS)
    at = models.DateTimeField("时间")
    by_name = models.CharField("经办人", max_length=80)

    class Meta:
        db_table = "difference"
        indexes = [models.Index(fields=["city_code", "claim_line", "id"], name="difference_of_line")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(after_fen__isnull=True, change_fen=0)
                | models.Q(change_fen=models.F("after_fen") - models.F("before_fen")),
                name="difference_adds_up",
            )
        ]

    def access(self) -> Access:
        return self.claim_line.access()


class RecoveryCase(CityModel):
    """Money that was paid and was not due: told to who got it, given back at once, by instalments or by set-off, or handed over.

    `amount_fen` is what must come back, `collected_fen` what did. The voucher does not live again.
    """

    no_delete = True

    claim_line_id: int
    difference_id: int
    person_id: int | None
    organisation_id: int | None

    WAYS = [("once", "一次退还"), ("instalments", "分期退还"), ("set_off", "从下次应付款中抵扣")]

    claim_line = CityForeignKey(ClaimLine, verbose_name="申领明细", related_name="recovery_cases")
    difference = CityForeignKey(Difference, verbose_name="差额", related_name="cases")
    person = CityForeignKey(Person, verbose_name="退还人", related_name="recovery_cases", null=True)
    organisation = CityForeignKey(Organisation, verbose_name="退还单位", related_name="recovery_cases", null=True)
    payee_name = models.CharField("退还人或单位", max_length=120)
    region_code = models.IntegerField("地区")
    amount_fen = models.BigIntegerField("应追回（分）")
    collected_fen = models.BigIntegerField("已退还（分）", default=0)
    clause = models.CharField("依据", max_length=300)
    state = RECOVERY_CASE.field()
    opened_at = models.DateTimeField("立案时间")
    due_on = models.DateField("期限", null=True)
    reply = models.CharField("回复", max_length=1000, blank=True)
    replied_at = models.DateTimeField("回复时间", null=True)
    way = models.CharField("退还方式", max_length=12, choices=WAYS, blank=True)
    handed_to = models.CharField("移送机关", max_length=120, blank=True)
    note = models.CharField("处理说明", max_length=500, blank=True)
    hand_over_reason = models.CharField("移送理由", max_length=500, blank=True)
    hand_over_by_user = models.BigIntegerField("提请移送账号", null=True)
    hand_over_by_person = models.BigIntegerField("提请移送人", null=True)
    handed_by_user = models.BigIntegerField("移送审批账号", null=True)
    handed_by_person = models.BigIntegerField("移送审批人", null=True)
    handed_at = models.DateTimeField("移送时间", null=True)
    write_off_by_user = models.BigIntegerField("提请核销账号", null=True)
    write_off_by_person = models.BigIntegerField("提请核销人", null=True)
    closed_by_user = models.BigIntegerField("核销审批账号", null=True)
    closed_by_person = models.BigIntegerField("核销审批人", null=True)

    class Meta:
        db_table = "recovery_case"
        constraints = [
            RECOVERY_CASE.constraint("recovery_case"),
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0, collected_fen__gte=0)
                & models.Q(collected_fen__lte=models.F("amount_fen")),
                name="recovery_case_amounts",
            ),
            models.CheckConstraint(
                condition=models.Q(person__isnull=True) | models.Q(organisation__isnull=True),
                name="recovery_case_one_payee",
            ),
            models.CheckConstraint(
                condition=models.Q(closed_by_user__isnull=True)
                | ~models.Q(closed_by_user=models.F("write_off_by_user")),
                name="recovery_case_two_accounts",
            ),
            models.CheckConstraint(
                condition=models.Q(closed_by_person__isnull=True)
                | ~models.Q(closed_by_person=models.F("write_off_by_person")),
                name="recovery_case_two_people",
            ),
            models.CheckConstraint(
                condition=models.Q(handed_by_user__isnull=True)
                | ~models.Q(handed_by_user=models.F("hand_over_by_user")),
                name="recovery_case_handed_two_accounts",
            ),
            models.CheckConstraint(
                condition=models.Q(handed_by_person__isnull=True)
                | ~models.Q(handed_by_person=models.F("hand_over_by_person")),
                name="recovery_case_handed_two_people",
            ),
        ]
        indexes = [
            models.Index(
                fields=["city_code", "due_on", "id"], condition=models.Q(state__in=OPEN), name="recovery_case_due"
            ),
            models.Index(fields=["city_code", "claim_line"], name="recovery_case_line"),
        ]

    @property
    def shown_name(self) -> str:
        """Who must give back, as an office's pages show him: a person masked, an organisation in full."""
        return mask_name(self.payee_name) if self.person_id else self.payee_name

    @property
    def owed_fen(self) -> int:
        """What must still come back."""
        return self.amount_fen - self.collected_fen

    def access(self) -> Access:
        ids = frozenset({self.organisation_id} if self.organisation_id else ())
        return Access(self.city_code, self.region_code, ids, self.person_id)


class RecoveryInterest(CityModel):
    """How long how much money (fen) was kept by who had to give it back, and the interest on it by the rate in force.

    A record only: nothing of it is booked or asked for unless a text says so. Written when money comes back (of that part)
    and when a case is handed over (of what is still owed), so that any rate can be reckoned with later. What comes back
    after a hand-over is recorded from that day on; money that had arrived before it and was booked after it has no days more.
    """

    append_only = True

    case = CityForeignKey(RecoveryCase, verbose_name="追回事项", related_name="interest")
    base_fen = models.BigIntegerField("本金（分）")
    since = models.DateField("自")
    until = models.DateField("至")
    daily_rate = models.CharField("日利率", max_length=40)
    amount_fen = models.BigIntegerField("利息（分）")
    clause = models.CharField("依据", max_length=300, blank=True)
    at = models.DateTimeField("记录时间")

    class Meta:
        db_table = "recovery_interest"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(base_fen__gt=0, amount_fen__gte=0, until__gte=models.F("since")),
                name="recovery_interest_figures",
            ),
        ]

    @property
    def days(self) -> int:
        """How many days the money was kept."""
        return (self.until - self.since).days


class Instalment(CityModel):
    """One part of an agreed plan: how much (fen) until when. What was received stands in the receipts."""

    append_only = True

    case = CityForeignKey(RecoveryCase, verbose_name="追回事项", related_name="instalments")
    plan = models.PositiveSmallIntegerField("第几次约定")
    number = models.PositiveSmallIntegerField("第几期")
    due_on = models.DateField("最迟")
    amount_fen = models.BigIntegerField("金额（分）")

    class Meta:
        db_table = "instalment"
        constraints = [
            models.UniqueConstraint(fields=["city_code", "case", "plan", "number"], name="instalment_once"),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="instalment_positive"),
        ]


class RecoveryReceipt(CityModel):
    """Money that came back: by the bank, with its reference, or kept from a payment that was due (`set_off_line`)."""

    append_only = True

    case = CityForeignKey(RecoveryCase, verbose_name="追回事项", related_name="receipts")
    amount_fen = models.BigIntegerField("金额（分）")
    received_on = models.DateField("到账日期")
    bank_reference = models.CharField("银行流水号", max_length=60, blank=True)
    set_off_line = CityForeignKey(ClaimLine, verbose_name="抵扣的明细", related_name="set_offs", null=True)
    at = models.DateTimeField("登记时间")
    by_name = models.CharField("经办人", max_length=80)

    class Meta:
        db_table = "recovery_receipt"
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="recovery_receipt_positive"),
            models.UniqueConstraint(
                fields=["city_code", "bank_reference"],
                condition=~models.Q(bank_reference=""),
                name="recovery_receipt_reference_once",
            ),
            models.CheckConstraint(
                condition=models.Q(bank_reference="") ^ models.Q(set_off_line__isnull=True),
                name="recovery_receipt_one_source",
            ),
        ]

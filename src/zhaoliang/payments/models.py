"""Payments: batches to cards and accounts, bank files, and the bank's answers matched line by line."""

from __future__ import annotations

from django.db import models

from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.fields import EncryptedTextField
from zhaoliang.kernel.roles import Access
from zhaoliang.payments.states import PAYMENT_BATCH, PAYMENT_LINE
from zhaoliang.subsidies.models import ClaimLine, PaymentDue


class PaymentBatch(CityModel):
    """Lines of one fund paid in one go. Sealed by one person, authorised by another, never sent again from 'unknown'."""

    no_delete = True

    number = models.CharField("批次号", max_length=40)
    region_code = models.IntegerField("地区")
    fund_source = models.CharField("资金渠道", max_length=30, choices=FundSource.choices)
    lines_count = models.PositiveIntegerField("笔数", default=0)
    total_fen = models.BigIntegerField("总额（分）", default=0)
    state = PAYMENT_BATCH.field()
    sealed_by_user = models.BigIntegerField("封存账号", null=True)
    sealed_by_person = models.BigIntegerField("封存人", null=True)
    authorised_by_user = models.BigIntegerField("授权账号", null=True)
    authorised_by_person = models.BigIntegerField("授权人", null=True)
    file_sha256 = models.BinaryField("银行文件摘要", null=True)
    created_at = models.DateTimeField("建立时间")
    sent_at = models.DateTimeField("送出时间", null=True)

    class Meta:
        db_table = "payment_batch"
        constraints = [
            PAYMENT_BATCH.constraint("payment_batch"),
            models.UniqueConstraint(fields=["city_code", "number"], name="payment_batch_number_once"),
            models.CheckConstraint(
                condition=models.Q(authorised_by_user__isnull=True)
                | ~models.Q(authorised_by_user=models.F("sealed_by_user")),
                name="payment_batch_two_accounts",
            ),
            models.CheckConstraint(
                condition=models.Q(authorised_by_person__isnull=True)
                | ~models.Q(authorised_by_person=models.F("sealed_by_person")),
                name="payment_batch_two_people",
            ),
        ]

    def access(self) -> Access:
        return Access(self.city_code, self.region_code)


class PaymentLine(CityModel):
    """One payment to one account for one purpose of a claim line. A failed one stays; the next attempt is a new row.

    `due` is what it pays when that is not the line's own first subsidy (`purpose`). `returned`: the bank gave the money back
    after it had arrived; what follows is a due of its own, the voucher stays dead.
    """

    no_delete = True

    claim_line_id: int
    due_id: int | None
    batch = CityForeignKey(PaymentBatch, verbose_name="批次", related_name="lines")
    claim_line = CityForeignKey(ClaimLine, verbose_name="申领明细", related_name="payments")
    purpose = models.CharField("款项", max_length=12, choices=PaymentDue.PURPOSES, default="subsidy")
    due = CityForeignKey(PaymentDue, verbose_name="应付款项", related_name="payments", null=True)
    sequence = models.PositiveIntegerField("行号")
    attempt = models.PositiveSmallIntegerField("第几次")
    payee_name = models.CharField("户名", max_length=120)
    account_number = EncryptedTextField("账号")
    account_masked = models.CharField("账号（部分隐藏）", max_length=40)
    amount_fen = models.BigIntegerField("金额（分）")
    state = PAYMENT_LINE.field()
    bank_reference = models.CharField("银行流水号", max_length=60, blank=True)
    failure = models.CharField("退回原因", max_length=200, blank=True)
    settled_at = models.DateTimeField("到账时间", null=True)
    returned_at = models.DateTimeField("退汇时间", null=True)

    class Meta:
        db_table = "payment_line"
        constraints = [
            PAYMENT_LINE.constraint("payment_line"),
            models.UniqueConstraint(
                fields=["city_code", "claim_line", "purpose", "attempt"], name="payment_line_attempt_once"
            ),
            models.UniqueConstraint(
                fields=["city_code", "claim_line"],
                condition=models.Q(due__isnull=True) & ~models.Q(state="failed"),
                name="payment_line_one_alive",
            ),
            models.UniqueConstraint(
                fields=["city_code", "due"],
                condition=~models.Q(state="failed"),
                name="payment_line_due_alive",
            ),
            models.CheckConstraint(
                condition=models.Q(due__isnull=True, purpose="subsidy")
                | (models.Q(due__isnull=False) & ~models.Q(purpose="subsidy")),
                name="payment_line_purpose_of_due",
            ),
            models.UniqueConstraint(fields=["city_code", "batch", "sequence"], name="payment_line_sequence_once"),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="payment_line_positive"),
        ]

    @property
    def subject(self) -> tuple[str, int]:
        """What the ledger knows this payment by: the claim line, or the due it pays."""
        return ("claim_line", self.claim_line_id) if self.due_id is None else ("payment_due", self.due_id)

    def access(self) -> Access:
        access = self.claim_line.access()
        return Access(access.city_code, access.region_code, access.organisation_ids, access.person_id)


class BankReturn(CityModel):
    """An imported bank return file. The same file never counts twice."""

    append_only = True

    batch = CityForeignKey(PaymentBatch, verbose_name="批次", related_name="returns")
    file_name = models.CharField("文件名", max_length=200)
    sha256 = models.BinaryField("文件摘要")
    rows = models.PositiveIntegerField("行数")
    at = models.DateTimeField("时间")
    actor_name = models.CharField("经办人", max_length=80)

    class Meta:
        db_table = "bank_return"
        constraints = [models.UniqueConstraint(fields=["city_code", "batch", "sha256"], name="bank_return_once")]


class BankReturnLine(CityModel):
    """One line of the bank's answer, what it was matched to, and what came of it. Only matched lines move anything."""

    append_only = True

    OUTCOMES = [
        ("paid", "到账"),
        ("failed", "银行退回"),
        ("repeated", "与已登记的结果相同"),
        ("unknown_line", "批次中没有这一行"),
        ("twice_in_file", "同一行在回单中出现两次"),
        ("amount_differs", "金额不符"),
        ("account_differs", "账号后四位不符"),
        ("contradicts", "与已登记的结果相反"),
        ("unreadable", "这一行读不懂"),
    ]

    payment_line_id: int | None
    bank_return = CityForeignKey(BankReturn, verbose_name="回单", related_name="lines")
    row = models.PositiveIntegerField("行号")
    payment_line = CityForeignKey(PaymentLine, verbose_name="拨付明细", related_name="bank_lines", null=True)
    bank_reference = models.CharField("银行流水号", max_length=60)
    amount_fen = models.BigIntegerField("金额（分）")
    paid = models.BooleanField("成功")
    outcome = models.CharField("处理结果", max_length=16, choices=OUTCOMES, default="unreadable")
    reason = models.CharField("说明", max_length=200, blank=True)

    class Meta:
        db_table = "bank_return_line"
        constraints = [
            models.UniqueConstraint(fields=["city_code", "bank_return", "row"], name="bank_return_line_row_once"),
        ]

"""Payments: batches to cards and accounts, bank files, and the bank's answers matched line by line."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.postgres.fields import ArrayField
from django.db import models

from zhaoliang.catalogue.models import Project
from zhaoliang.funds.models import Account, FundSource
from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.fields import EncryptedTextField
from zhaoliang.kernel.roles import Access
from zhaoliang.payments.states import PAYING_ACCOUNT, PAYMENT_BATCH, PAYMENT_LINE, RECONCILIATION
from zhaoliang.registry.models import GroupMembership
from zhaoliang.subsidies.models import Claim, ClaimLine, PaymentDue


def reference_of(line_id: int) -> str:
    """The number by which the bank carries a payment line through: ZL and twelve digits."""
    return f"ZL{line_id:012d}"


class PayingAccount(CityModel):
    """An account a region pays one fund from, and its bank: entered by one person, confirmed by another, never edited.

    One of a region and fund is in use at most; those before it stay, so that every batch tells where its money left from.
    """

    no_delete = True
    updatable_columns = ("state", "decided_at", "decided_by_user", "decided_by_person", "decided_by_name", "note")

    region_code = models.IntegerField("地区")
    fund_source = models.CharField("资金渠道", max_length=30, choices=FundSource.choices)
    bank_name = models.CharField("开户银行", max_length=120)
    bank_code = models.CharField("联行号", max_length=14, blank=True)
    account_name = models.CharField("户名", max_length=120)
    account_number = EncryptedTextField("账号")
    account_masked = models.CharField("账号（部分隐藏）", max_length=40)
    state = PAYING_ACCOUNT.field()
    at = models.DateTimeField("登记时间")
    entered_by_user = models.BigIntegerField("登记账号", null=True)
    entered_by_person = models.BigIntegerField("登记人", null=True)
    entered_by_name = models.CharField("登记人姓名", max_length=80, blank=True)
    decided_at = models.DateTimeField("复核时间", null=True)
    decided_by_user = models.BigIntegerField("复核账号", null=True)
    decided_by_person = models.BigIntegerField("复核人", null=True)
    decided_by_name = models.CharField("复核人姓名", max_length=80, blank=True)
    note = models.CharField("说明", max_length=500, blank=True)

    class Meta:
        db_table = "paying_account"
        constraints = [
            PAYING_ACCOUNT.constraint("paying_account"),
            models.UniqueConstraint(
                fields=["city_code", "region_code", "fund_source"],
                condition=models.Q(state="confirmed"),
                name="paying_account_one_in_use",
            ),
            models.UniqueConstraint(
                fields=["city_code", "region_code", "fund_source"],
                condition=models.Q(state="entered"),
                name="paying_account_one_waits",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by_user__isnull=True)
                | ~models.Q(decided_by_user=models.F("entered_by_user")),
                name="paying_account_two_accounts",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by_person__isnull=True)
                | ~models.Q(decided_by_person=models.F("entered_by_person")),
                name="paying_account_two_people",
            ),
        ]
        indexes = [models.Index(fields=["city_code", "region_code", "fund_source", "id"], name="paying_account_newest")]

    def access(self) -> Access:
        return Access(self.city_code, self.region_code)


class PaymentBatch(CityModel):
    """Lines of one fund paid in one go. Sealed by one person, authorised by another, never sent again from 'unknown'."""

    no_delete = True
    FILE_KINDS = [("xlsx", "批量代发表 .xlsx"), ("csv", "批量代发表 .csv"), ("pain001", "ISO 20022 pain.001")]

    number = models.CharField("批次号", max_length=40)
    region_code = models.IntegerField("地区")
    fund_source = models.CharField("资金渠道", max_length=30, choices=FundSource.choices)
    paying_account_id: int | None
    paying_account = CityForeignKey(PayingAccount, verbose_name="付款账户", related_name="batches", null=True)
    lines_count = models.PositiveIntegerField("笔数", default=0)
    total_fen = models.BigIntegerField("总额（分）", default=0)
    state = PAYMENT_BATCH.field()
    sealed_by_user = models.BigIntegerField("封存账号", null=True)
    sealed_by_person = models.BigIntegerField("封存人", null=True)
    authorised_by_user = models.BigIntegerField("授权账号", null=True)
    authorised_by_person = models.BigIntegerField("授权人", null=True)
    file_kind = models.CharField("银行文件格式", max_length=8, choices=FILE_KINDS, default="xlsx")
    # Files of version 1 name no payment reference; a file that was sent is made the same way for ever.
    file_version = models.PositiveSmallIntegerField("银行文件版式", default=2)
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

    batch_id: int
    claim_line_id: int
    due_id: int | None
    get_purpose_display: Callable[[], str]
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
    def reference(self) -> str:
        """The number the bank carries through (端到端参考号), short enough for every format: ZL and twelve digits."""
        return reference_of(self.pk)

    @property
    def subject(self) -> tuple[str, int]:
        """What the ledger knows this payment by: the claim line, or the due it pays."""
        return ("claim_line", self.claim_line_id) if self.due_id is None else ("payment_due", self.due_id)

    def access(self) -> Access:
        access = self.claim_line.access()
        return Access(access.city_code, access.region_code, access.organisation_ids, access.person_id)


class BankUpload(CityModel):
    """A bank's file as it was handed in, kept while people look at what it would do; booking it makes a `BankReturn`."""

    no_delete = True
    updatable_columns = ("content",)

    batch_id: int | None

    region_code = models.IntegerField("地区")
    batch = CityForeignKey(PaymentBatch, verbose_name="批次", related_name="uploads", null=True)
    file_name = models.CharField("文件名", max_length=200)
    sha256 = models.BinaryField("文件摘要")
    rows = models.PositiveIntegerField("行数", default=0)
    # Base64; emptied once booked, because it holds whole account numbers.
    content = EncryptedTextField("内容", blank=True)
    at = models.DateTimeField("时间")
    actor_name = models.CharField("经办人", max_length=80)

    class Meta:
        db_table = "bank_upload"

    def access(self) -> Access:
        return Access(self.city_code, self.region_code)


class BankReturn(CityModel):
    """A booked bank file: the answer to a batch, or a statement of an account. The same file never counts twice."""

    append_only = True

    FORMS = [("xlsx", ".xlsx"), ("csv", ".csv"), ("camt053", "camt.053"), ("mt940", "MT940")]

    batch_id: int | None
    batch = CityForeignKey(PaymentBatch, verbose_name="批次", related_name="returns", null=True)
    region_code = models.IntegerField("地区")
    form = models.CharField("格式", max_length=8, choices=FORMS, default="xlsx")
    file_name = models.CharField("文件名", max_length=200)
    sha256 = models.BinaryField("文件摘要")
    rows = models.PositiveIntegerField("行数")
    account_tail = models.CharField("账户后四位", max_length=4, blank=True)
    opening_fen = models.BigIntegerField("期初余额（分）", null=True)
    closing_fen = models.BigIntegerField("期末余额（分）", null=True)
    since = models.DateField("最早记账日", null=True)
    until = models.DateField("最晚记账日", null=True)
    at = models.DateTimeField("时间")
    actor_name = models.CharField("经办人", max_length=80)

    class Meta:
        db_table = "bank_return"
        constraints = [
            models.UniqueConstraint(fields=["city_code", "batch", "sha256"], name="bank_return_once"),
            models.UniqueConstraint(
                fields=["city_code", "region_code", "sha256"],
                condition=models.Q(batch__isnull=True),
                name="bank_statement_once",
            ),
        ]

    def access(self) -> Access:
        return Access(self.city_code, self.region_code)


class BankReturnLine(CityModel):
    """One line of the bank's answer, what it was matched to, and what came of it. Only matched lines move anything."""

    append_only = True

    OUTCOMES = [
        ("paid", "到账"),
        ("failed", "银行退回"),
        ("repeated", "与已登记的结果相同"),
        ("amount_differs", "金额不符"),
        ("account_differs", "账号后四位不符"),
        ("twice_in_file", "同一笔出现两次"),
        ("split", "一笔拆成几笔"),
        ("merged", "几笔合成一笔"),
        ("returned", "到账后退汇"),
        ("reversed", "银行冲正"),
        ("contradicts", "与已登记的结果相反"),
        ("unknown_line", "批次中没有这一行"),
        ("unknown_credit", "来历不明的入账"),
        ("unknown_debit", "没有对应拨付的支出"),
        ("unreadable", "这一行读不懂"),
    ]
    # What the bank says happened.
    EVENTS = [
        ("out", "付出"),
        ("in", "收入"),
        ("refused", "未付成"),
        ("undo_out", "冲正付出"),
        ("undo_in", "冲正收入"),
        ("", "读不懂"),
    ]

    bank_return_id: int
    payment_line_id: int | None
    bank_return = CityForeignKey(BankReturn, verbose_name="回单", related_name="lines")
    row = models.PositiveIntegerField("行号")
    payment_line = CityForeignKey(PaymentLine, verbose_name="拨付明细", related_name="bank_lines", null=True)
    # Of a row that stands for several payments: all of them.
    line_ids = ArrayField(models.BigIntegerField(), verbose_name="合并的拨付明细", default=list)
    bank_reference = models.CharField("银行流水号", max_length=60)
    event = models.CharField("银行所说", max_length=8, choices=EVENTS, blank=True)
    amount_fen = models.BigIntegerField("金额（分）")
    value_on = models.DateField("记账日", null=True)
    counterparty = models.CharField("对方户名（部分隐藏）", max_length=120, blank=True)
    account_tail = models.CharField("对方账号后四位", max_length=4, blank=True)
    code = models.CharField("银行代码", max_length=20, blank=True)
    paid = models.BooleanField("成功")
    outcome = models.CharField("处理结果", max_length=16, choices=OUTCOMES, default="unreadable")
    reason = models.CharField("说明", max_length=200, blank=True)

    class Meta:
        db_table = "bank_return_line"
        constraints = [
            models.UniqueConstraint(fields=["city_code", "bank_return", "row"], name="bank_return_line_row_once"),
        ]
        indexes = [
            models.Index(fields=["city_code", "bank_reference"], name="bank_return_line_reference"),
            models.Index(fields=["city_code", "id"], condition=~models.Q(line_ids=[]), name="bank_return_line_merged"),
        ]


class BankStage(CityModel):
    """Rows of a bank file on their way in: written by COPY, matched by one statement, gone when the import commits."""

    bank_return_id = models.BigIntegerField("回单")
    row = models.PositiveIntegerField("行号")
    event = models.CharField("银行所说", max_length=8)
    amount_fen = models.BigIntegerField("金额（分）", null=True)
    batch_number = models.CharField("批次号", max_length=40)
    sequences = ArrayField(models.IntegerField(), verbose_name="批次行号")
    line_ids = ArrayField(models.BigIntegerField(), verbose_name="拨付明细")
    account_tail = models.CharField("对方账号后四位", max_length=4)
    counterparty = models.CharField("对方户名", max_length=120)
    bank_reference = models.CharField("银行流水号", max_length=60)
    code = models.CharField("银行代码", max_length=20)
    text = models.CharField("附言", max_length=200)
    value_on = models.DateField("记账日", null=True)

    class Meta:
        db_table = "bank_stage"
        indexes = [models.Index(fields=["city_code", "bank_return_id"], name="bank_stage_return")]


class ReconciliationCase(CityModel):
    """What the bank said that did not match by itself, until people have decided it; two of them when money moves."""

    no_delete = True

    KINDS = [*BankReturnLine.OUTCOMES[3:], ("missing", "银行没有提到的拨付")]
    # What can come of a case; everything but an explanation moves money or a line.
    ANSWERS = [
        ("paid", "按到账登记"),
        ("failed", "按退回登记，待更正账号"),
        ("returned", "按到账后退汇登记，再拨一次"),
        ("explained", "已查明，不用记账"),
    ]

    batch_id: int | None
    payment_line_id: int | None
    region_code = models.IntegerField("地区")
    kind = models.CharField("事项", max_length=16, choices=KINDS)
    batch = CityForeignKey(PaymentBatch, verbose_name="批次", related_name="cases", null=True)
    payment_line = CityForeignKey(PaymentLine, verbose_name="拨付明细", related_name="cases", null=True)
    bank_line = CityForeignKey(BankReturnLine, verbose_name="银行行", related_name="cases", null=True)
    amount_fen = models.BigIntegerField("金额（分）")
    says = models.CharField("说明", max_length=200)
    opened_at = models.DateTimeField("出现时间")
    state = RECONCILIATION.field()
    answer = models.CharField("处理意见", max_length=12, choices=ANSWERS, blank=True)
    answer_text = models.CharField("理由", max_length=500, blank=True)
    evidence = models.CharField("凭据", max_length=300, blank=True)
    proposed_by_user = models.BigIntegerField("提出账号", null=True)
    proposed_by_person = models.BigIntegerField("提出人", null=True)
    decided_by_user = models.BigIntegerField("复核账号", null=True)
    decided_by_person = models.BigIntegerField("复核人", null=True)
    closed_at = models.DateTimeField("了结时间", null=True)

    class Meta:
        db_table = "reconciliation_case"
        constraints = [
            RECONCILIATION.constraint("reconciliation_case"),
            models.UniqueConstraint(
                fields=["city_code", "payment_line", "kind"],
                condition=models.Q(payment_line__isnull=False) & ~models.Q(state="closed"),
                name="reconciliation_case_line_once",
            ),
            models.UniqueConstraint(
                fields=["city_code", "batch"],
                condition=models.Q(kind="missing") & ~models.Q(state="closed"),
                name="reconciliation_case_missing_once",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by_user__isnull=True)
                | ~models.Q(decided_by_user=models.F("proposed_by_user")),
                name="reconciliation_two_accounts",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by_person__isnull=True)
                | ~models.Q(decided_by_person=models.F("proposed_by_person")),
                name="reconciliation_two_people",
            ),
        ]
        indexes = [
            models.Index(
                fields=["city_code", "region_code", "id"],
                condition=~models.Q(state="closed"),
                name="reconciliation_case_open",
            )
        ]

    def access(self) -> Access:
        return Access(self.city_code, self.region_code)


class FinanceTotal(CityModel):
    """What a finance bureau's table says was spent of a fund in a month. The newest of a fund and month is the one that counts."""

    append_only = True

    region_code = models.IntegerField("地区")
    fund_source = models.CharField("资金渠道", max_length=30, choices=FundSource.choices)
    month = models.CharField("月份", max_length=7)
    amount_fen = models.BigIntegerField("支出（分）")
    file_name = models.CharField("文件名", max_length=200)
    sha256 = models.BinaryField("文件摘要")
    at = models.DateTimeField("导入时间")
    actor_name = models.CharField("经办人", max_length=80)

    class Meta:
        db_table = "finance_total"
        indexes = [models.Index(fields=["city_code", "region_code", "month"], name="finance_total_month")]

    def access(self) -> Access:
        return Access(self.city_code, self.region_code)


class PaidTotal(CityModel):
    """What was paid from an account in a month for a project (or none), a kind of claim and a group, less what came back.

    `account` is the one that holds what is disbursed: it tells region, fund and year. `set_off` payments never left the bank.
    Kept by `payments.totals`; derivable from the entries, and derived again by the daily proof.
    """

    no_delete = True
    updatable_columns = ("payments", "amount_fen")

    account = CityForeignKey(Account, verbose_name="已付出账户", related_name="+")
    month = models.DateField("月份（第一天）")
    project = CityForeignKey(Project, verbose_name="培训项目", related_name="+", null=True)
    claim_kind = models.CharField("补贴种类", max_length=20, choices=Claim.KINDS)
    group = models.CharField("人员类别", max_length=2, choices=GroupMembership.GROUPS, blank=True)
    set_off = models.BooleanField("抵扣", default=False)
    payments = models.BigIntegerField("笔数")
    amount_fen = models.BigIntegerField("金额（分）")

    class Meta:
        db_table = "paid_total"
        constraints = [
            models.UniqueConstraint(
                fields=["city_code", "account", "month", "project", "claim_kind", "group", "set_off"],
                nulls_distinct=False,
                name="paid_total_once",
            )
        ]


class BankTotal(CityModel):
    """What a booked bank file says left the account for a batch in a month, less what came back (fen).

    `booked_fen` is the part that was booked together with the file; the rest waits for people, or never will be.
    """

    no_delete = True
    updatable_columns = ("amount_fen", "booked_fen")

    bank_return = CityForeignKey(BankReturn, verbose_name="银行文件", related_name="totals")
    batch = CityForeignKey(PaymentBatch, verbose_name="批次", related_name="+")
    month = models.DateField("月份（第一天）")
    amount_fen = models.BigIntegerField("金额（分）")
    booked_fen = models.BigIntegerField("随文件入账（分）", default=0, db_default=0)

    class Meta:
        db_table = "bank_total"
        constraints = [
            models.UniqueConstraint(fields=["city_code", "bank_return", "batch", "month"], name="bank_total_once")
        ]

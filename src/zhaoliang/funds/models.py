"""Funds: accounts of a city and the transfers between them, in fen. Every transfer stays inside one city."""

from __future__ import annotations

from fractions import Fraction

from django.db import models

from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.roles import Access
from zhaoliang.registry.models import Organisation


class FundSource(models.TextChoices):
    """Where the money comes from (资金渠道): 人社函〔2021〕14号 五, 国务院就业领导小组 2025-06-20 意见 (十七)."""

    EMPLOYMENT_SUBSIDY = "employment_subsidy", "就业补助资金"
    UNEMPLOYMENT_INSURANCE = "unemployment_insurance", "失业保险基金"
    SPECIAL_ACCOUNT = "special_account", "职业技能提升行动专账资金"
    ENTERPRISE_EDUCATION = "enterprise_education", "企业职工教育经费"
    SECTOR = "sector", "行业发展资金"
    EAST_WEST = "east_west", "东西部协作资金"


class Account(CityModel):
    """An account: `balance_fen` is credits minus debits, kept by the ledger function and re-derivable from the transfers."""

    written_by_functions = True

    KINDS = [
        ("appropriation", "财政拨入"),
        ("budget", "预算可用"),
        ("reserved", "培训券批次预留"),
        ("payable", "应付补贴"),
        ("disbursed", "已付出"),
        ("receivable", "应收追回"),
        ("recovered", "追回待缴"),
        ("written_off", "核销损失"),
        ("clearing", "地区间清算"),
    ]

    code = models.CharField("账户编码", max_length=60)
    name = models.CharField("账户名称", max_length=120)
    kind = models.CharField("种类", max_length=20, choices=KINDS)
    fund_source = models.CharField("资金渠道", max_length=30, choices=FundSource.choices)
    year = models.PositiveSmallIntegerField("年度")
    region_code = models.IntegerField("地区")
    balance_fen = models.BigIntegerField("余额（分）", default=0)

    class Meta:
        db_table = "account"
        constraints = [
            models.UniqueConstraint(fields=["city_code", "code"], name="account_code_once"),
            models.CheckConstraint(
                condition=models.Q(balance_fen__gte=0) | models.Q(kind__in=["appropriation", "clearing"]),
                name="account_never_negative",
                violation_error_message="账户余额不足。",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def access(self) -> Access:
        return Access(self.city_code, self.region_code)


class Transfer(CityModel):
    """One movement: `amount_fen` leaves `debit` and enters `credit`. Never changed; a correction is another transfer.

    Both balances as they stood afterwards are kept, so that a check of the books can name the first wrong entry.
    """

    written_by_functions = True

    KINDS = [
        ("allocate", "下达预算"),
        ("reserve", "批次预留"),
        ("release", "释放预留"),
        ("accrue", "审批应付"),
        ("pay", "支付"),
        ("reverse", "冲正"),
        ("amend", "更正应付"),
        ("recover", "转应收追回"),
        ("collect", "追回到账"),
        ("restore", "追回缴库"),
        ("write_off", "核销"),
        ("return", "缴回预算"),
    ]

    debit_id: int
    kind = models.CharField("种类", max_length=20, choices=KINDS)
    debit = CityForeignKey(Account, verbose_name="付出账户", related_name="debits")
    credit = CityForeignKey(Account, verbose_name="收入账户", related_name="credits")
    amount_fen = models.BigIntegerField("金额（分）")
    at = models.DateTimeField("时间")
    subject_type = models.CharField("事由对象", max_length=40)
    subject_id = models.BigIntegerField("事由编号")
    memo = models.CharField("摘要", max_length=200)
    reverses = CityForeignKey("self", verbose_name="冲正", related_name="reversals", null=True)
    debit_after_fen = models.BigIntegerField("付出账户余额（分）")
    credit_after_fen = models.BigIntegerField("收入账户余额（分）")

    class Meta:
        db_table = "transfer"
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="transfer_positive"),
            models.CheckConstraint(condition=~models.Q(debit=models.F("credit")), name="transfer_two_accounts"),
            models.UniqueConstraint(
                fields=["city_code", "kind", "subject_type", "subject_id"],
                condition=~models.Q(kind__in=["allocate", "release", "reserve"]),
                name="transfer_once_per_subject",
            ),
            models.UniqueConstraint(fields=["city_code", "reverses"], name="transfer_reversed_once"),
        ]
        indexes = [
            models.Index(fields=["city_code", "subject_type", "subject_id"], name="transfer_subject"),
            models.Index(fields=["city_code", "debit", "id"], name="transfer_debit"),
            models.Index(fields=["city_code", "credit", "id"], name="transfer_credit"),
        ]


class BudgetOrder(CityModel):
    """The document behind a movement of budget (预算指标单): whose budget, how much (fen), by which paper, by whom.

    Money between two regions goes in two orders with one `reference`: `send` takes it from one region's budget to clearing,
    `receive` brings it from clearing into the other's (人社部函〔2021〕14号 九: 不同地区间调剂使用). Each stays in its city.
    """

    append_only = True

    NATURES = [
        ("allocate", "年度预算"),
        ("added", "追加"),
        ("bonus", "奖补"),
        ("return", "缴回"),
        ("carry", "结转下年"),
        ("send", "调出"),
        ("receive", "调入"),
    ]

    nature = models.CharField("性质", max_length=12, choices=NATURES)
    account = CityForeignKey(Account, verbose_name="预算账户", related_name="orders")
    amount_fen = models.BigIntegerField("金额（分）")
    document = models.CharField("依据", max_length=200)
    reference = models.CharField("调剂编号", max_length=40, blank=True)
    other_city = models.IntegerField("对方城市键", null=True)
    other_region = models.IntegerField("对方地区", null=True)
    at = models.DateTimeField("时间")
    by_user = models.BigIntegerField("账号", null=True)
    by_person = models.BigIntegerField("经办人", null=True)
    by_name = models.CharField("经办人姓名", max_length=80)

    class Meta:
        db_table = "budget_order"
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="budget_order_positive"),
            models.UniqueConstraint(
                fields=["city_code", "reference", "nature"],
                condition=~models.Q(reference=""),
                name="budget_order_pair_once",
            ),
        ]

    def access(self) -> Access:
        return self.account.access()


class BookClosing(CityModel):
    """The books of a city are closed through a day: proposed by one person, closed by another, opened never again.

    The closed row keeps what the books said, so that the proof can tell that nothing slipped in afterwards. Its last day is
    the end of a month; that of a year closes the year.
    """

    append_only = True

    STEPS = [("proposed", "提请结账"), ("closed", "已结账")]

    through = models.DateField("结到哪一天")
    step = models.CharField("步骤", max_length=10, choices=STEPS)
    transfers = models.BigIntegerField("笔数")
    total_fen = models.BigIntegerField("发生额（分）")
    at = models.DateTimeField("时间")
    by_user = models.BigIntegerField("账号", null=True)
    by_person = models.BigIntegerField("经办人", null=True)
    by_name = models.CharField("经办人姓名", max_length=80)
    proposed_by_user = models.BigIntegerField("提请账号", null=True)
    proposed_by_person = models.BigIntegerField("提请人", null=True)

    class Meta:
        db_table = "book_closing"
        constraints = [
            models.UniqueConstraint(
                fields=["city_code", "through"], condition=models.Q(step="closed"), name="book_closing_once"
            ),
            models.CheckConstraint(
                condition=models.Q(step="proposed")
                | models.Q(proposed_by_user__isnull=False) & ~models.Q(proposed_by_user=models.F("by_user")),
                name="book_closing_two_accounts",
            ),
            models.CheckConstraint(
                condition=models.Q(proposed_by_person__isnull=True)
                | ~models.Q(proposed_by_person=models.F("by_person")),
                name="book_closing_two_people",
            ),
        ]
        indexes = [models.Index(fields=["city_code", "step", "through"], name="book_closing_latest")]

    def access(self) -> Access:
        return Access(self.city_code, self.city_code)


class BookCheck(CityModel):
    """One daily proof of a city's books: what was looked at, what did not agree, and the first wrong entry."""

    append_only = True

    at = models.DateTimeField("时间")
    accounts = models.PositiveIntegerField("账户数")
    transfers = models.BigIntegerField("分录数")
    findings = models.PositiveIntegerField("不符处数")
    first = models.CharField("第一处", max_length=300, blank=True)
    milliseconds = models.PositiveIntegerField("用时（毫秒）")

    class Meta:
        db_table = "book_check"
        indexes = [models.Index(fields=["city_code", "at"], name="book_check_latest")]

    def access(self) -> Access:
        return Access(self.city_code, self.city_code)


class EducationSpending(CityModel):
    """What an enterprise set aside and spent of its fund for staff education in a year (企业职工教育经费), in fen, as it reported.

    The newest report of an enterprise and year counts; earlier ones stay. How much of it the front line must get is the
    policies' (`funds.education`).
    """

    append_only = True

    organisation_id: int

    organisation = CityForeignKey(Organisation, verbose_name="企业", related_name="education_spendings")
    region_code = models.IntegerField("地区")
    year = models.PositiveSmallIntegerField("年度")
    provided_fen = models.BigIntegerField("提取（分）")
    spent_fen = models.BigIntegerField("使用（分）")
    front_line_fen = models.BigIntegerField("用于一线职工（分）")
    note = models.CharField("说明", max_length=300, blank=True)
    at = models.DateTimeField("填报时间")
    by_name = models.CharField("填报人", max_length=80)

    class Meta:
        db_table = "education_spending"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    provided_fen__gte=0, front_line_fen__gte=0, front_line_fen__lte=models.F("spent_fen")
                ),
                name="education_spending_figures",
            ),
        ]
        indexes = [
            models.Index(fields=["city_code", "organisation", "year", "id"], name="education_spending_newest"),
            models.Index(fields=["city_code", "year", "region_code"], name="education_spending_year"),
        ]

    @property
    def share(self) -> Fraction | None:
        """The front line's part of what was spent; None where nothing was."""
        return Fraction(self.front_line_fen, self.spent_fen) if self.spent_fen else None

    def access(self) -> Access:
        return Access(self.city_code, self.region_code, frozenset({self.organisation_id}))

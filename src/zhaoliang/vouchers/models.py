"""Electronic training vouchers (电子培训券): batches, their slots, vouchers, and every verification."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from zhaoliang.catalogue.models import Project
from zhaoliang.funds.models import Account, FundSource
from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.money import format_yuan
from zhaoliang.kernel.roles import Access
from zhaoliang.registry.models import Occupation, Organisation, Person, Region
from zhaoliang.vouchers.states import BATCH, CHANGE, ISSUE, PHASES, VOUCHER


class VoucherBatch(CityModel):
    """One issue of vouchers: what for, for whom, how many, how much, until when, from which fund."""

    KINDS = [
        ("general", "通用券"),
        ("directed", "定向券"),
        ("face_value", "面值券"),
        ("credential", "抵用券"),
        ("sign_in_only", "打卡签到专用券"),
    ]
    # How a batch comes to people: claimed by whoever may, or issued by the bureau to named people.
    ISSUES = [("open", "公开领取"), ("targeted", "按名单发放")]
    BASES = [("fixed", "固定金额"), ("standard", "按项目补贴标准")]
    region_id: int
    project_id: int | None
    reserved_account_id: int | None
    # How many vouchers it can still give; filled in by the selectors that list batches.
    left: int

    name = models.CharField("名称", max_length=80)
    kind = models.CharField("券种", max_length=20, choices=KINDS, default="general")
    region = models.ForeignKey(Region, models.PROTECT, verbose_name="发放地区")
    project = CityForeignKey(
        Project,
        verbose_name="唯一的适用项目",
        related_name="batches",
        null=True,
        help_text="不止一个项目时为空，见范围",
    )
    scope_text = models.CharField("用在哪", max_length=200, default="", db_default="")
    issue = models.CharField("发放方式", max_length=10, choices=ISSUES, default="open", db_default="open")
    groups = models.JSONField("适用人群", default=list, help_text="人员类别码；空表示不限")
    quota = models.PositiveIntegerField("发放数量")
    amount_basis = models.CharField("金额依据", max_length=10, choices=BASES, default="fixed", db_default="fixed")
    amount_fen = models.BigIntegerField("每张预留金额（分）")
    fund_source = models.CharField("资金渠道", max_length=30, choices=FundSource.choices)
    budget_account = CityForeignKey(Account, verbose_name="预算账户", related_name="batches")
    reserved_account = CityForeignKey(Account, verbose_name="预留账户", related_name="reserved_batches", null=True)
    claim_from = models.DateTimeField("领取开始")
    claim_until = models.DateTimeField("领取截止")
    use_until = models.DateTimeField("使用截止")
    colour = models.CharField("券面", max_length=20, default="indigo")
    declaration = models.TextField("本人承诺", max_length=500)
    state = BATCH.field()
    submitted_by_user = models.BigIntegerField("提交账号", null=True)
    submitted_by_person = models.BigIntegerField("提交人", null=True)
    published_by_user = models.BigIntegerField("发布账号", null=True)
    published_by_person = models.BigIntegerField("发布人", null=True)
    created_at = models.DateTimeField("建立时间")
    # Since when who wished it waits to be told that the batch gives vouchers again; the clock tells and clears it.
    wishes_wait_since = models.DateTimeField("预约待通知自", null=True)

    class Meta:
        db_table = "voucher_batch"
        constraints = [
            BATCH.constraint("voucher_batch"),
            models.CheckConstraint(condition=models.Q(quota__gt=0, amount_fen__gte=0), name="voucher_batch_positive"),
            models.CheckConstraint(
                condition=~models.Q(kind="sign_in_only") | models.Q(amount_fen=0),
                name="voucher_batch_sign_in_only_free",
            ),
            models.CheckConstraint(
                condition=models.Q(claim_from__lt=models.F("claim_until"), claim_until__lte=models.F("use_until")),
                name="voucher_batch_times_ordered",
            ),
            models.CheckConstraint(
                condition=models.Q(published_by_user__isnull=True)
                | ~models.Q(published_by_user=models.F("submitted_by_user")),
                name="voucher_batch_two_accounts",
            ),
            models.CheckConstraint(
                condition=models.Q(published_by_person__isnull=True)
                | ~models.Q(published_by_person=models.F("submitted_by_person")),
                name="voucher_batch_two_people",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def worth(self) -> str:
        """What a voucher of the batch is worth, in words: its face, the standard, or nothing."""
        if self.kind == "sign_in_only":
            return "只签到，不补贴"
        if self.kind == "credential":
            return "按项目标准补贴"
        if self.amount_basis == "standard":
            return f"按项目标准，最高 {format_yuan(self.amount_fen)}"
        return f"{'面值 ' if self.kind == 'face_value' else ''}{format_yuan(self.amount_fen)}"

    def phase(self, at: datetime) -> str:
        """The state as claims meet it: `early` or `late` where the batch is open and its time to claim is not now."""
        if self.state == "open" and at < self.claim_from:
            return "early"
        return "late" if self.state == "open" and at > self.claim_until else self.state

    def standing(self, at: datetime) -> tuple[str, str]:
        """The phase in words, and the tone of its badge."""
        phase = self.phase(at)
        return PHASES.get(phase) or (BATCH.states[phase], BATCH.tones.get(phase, ""))

    def access(self) -> Access:
        return Access(self.city_code, self.region_id)


class BatchScope(CityModel):
    """One line of what a batch is good for. Lines of one side (what is learnt, where) widen it, the two sides narrow it.

    No line of a side: everything of the batch's region, every provider. What the lines say is decided in one place, the
    function `batch_covers` (sql/batch_scope.sql).
    """

    KINDS = [("project", "项目"), ("occupation", "职业等级"), ("provider", "机构"), ("grade", "机构等级")]

    batch = CityForeignKey(VoucherBatch, verbose_name="批次", related_name="scopes")
    kind = models.CharField("种类", max_length=10, choices=KINDS)
    project = CityForeignKey(Project, verbose_name="项目", related_name="+", null=True)
    occupation = models.ForeignKey(Occupation, models.PROTECT, verbose_name="职业", null=True, related_name="+")
    level = models.PositiveSmallIntegerField("技能等级", null=True)
    provider = CityForeignKey(Organisation, verbose_name="机构", related_name="+", null=True)
    grade = models.CharField("机构等级", max_length=2, blank=True)

    class Meta:
        db_table = "batch_scope"
        constraints = [
            models.UniqueConstraint(
                fields=["city_code", "batch", "kind", "project", "occupation", "level", "provider", "grade"],
                nulls_distinct=False,
                name="batch_scope_once",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="project", project__isnull=False)
                | models.Q(kind="occupation", occupation__isnull=False)
                | models.Q(kind="provider", provider__isnull=False)
                | (models.Q(kind="grade") & ~models.Q(grade="")),
                name="batch_scope_names_something",
            ),
        ]


class OpeningWish(CityModel):
    """Somebody who wants to be told when a batch begins to give vouchers."""

    append_only = True

    batch = CityForeignKey(VoucherBatch, verbose_name="批次", related_name="wishes")
    person = CityForeignKey(Person, verbose_name="提醒谁", related_name="opening_wishes")
    at = models.DateTimeField("预约时间")

    class Meta:
        db_table = "opening_wish"
        constraints = [models.UniqueConstraint(fields=["city_code", "batch", "person"], name="opening_wish_once")]


class BatchSlot(CityModel):
    """A share of a batch's quota. Claims spread over the slots, so no single row is hot; the shares sum to the quota."""

    batch = CityForeignKey(VoucherBatch, verbose_name="批次", related_name="slots")
    slot = models.PositiveSmallIntegerField("份")
    quota = models.PositiveIntegerField("数量")
    claimed = models.PositiveIntegerField("已领", default=0)

    class Meta:
        db_table = "batch_slot"
        constraints = [
            models.UniqueConstraint(fields=["city_code", "batch", "slot"], name="batch_slot_once"),
            models.CheckConstraint(
                condition=models.Q(claimed__lte=models.F("quota")), name="batch_slot_never_over_quota"
            ),
        ]


class Voucher(CityModel):
    """A person's voucher. One per person and batch (unless returned), one use, dead once its line is paid."""

    no_delete = True
    batch_id: int
    person_id: int
    provider_id: int | None

    batch = CityForeignKey(VoucherBatch, verbose_name="批次", related_name="vouchers")
    slot = models.PositiveSmallIntegerField("占用的份")
    person = CityForeignKey(Person, verbose_name="持券人", related_name="vouchers")
    code = models.CharField("唯一码", max_length=24)
    amount_fen = models.BigIntegerField("预留金额（分）")
    state = VOUCHER.field()
    channel = models.CharField("领取渠道", max_length=20, default="page")
    declaration = models.TextField("承诺内容", blank=True)
    claimed_at = models.DateTimeField("领取时间")
    provider = CityForeignKey(Organisation, verbose_name="用券机构", related_name="vouchers", null=True)
    class_id = models.BigIntegerField("用券班级", null=True)
    used_at = models.DateTimeField("使用时间", null=True)
    verified_at = models.DateTimeField("验证时间", null=True)
    ended_at = models.DateTimeField("终止时间", null=True)
    ended_reason = models.CharField("终止原因", max_length=200, blank=True)

    class Meta:
        db_table = "voucher"
        constraints = [
            VOUCHER.constraint("voucher"),
            models.UniqueConstraint(
                fields=["city_code", "batch", "person"],
                condition=~models.Q(state="returned"),
                name="voucher_one_per_person",
                violation_error_message="同一培训券每人限领一张。",
            ),
            models.UniqueConstraint(fields=["city_code", "code"], name="voucher_code_once"),
            models.CheckConstraint(
                condition=models.Q(state__in=["claimed", "returned", "expired", "void"])
                | models.Q(used_at__isnull=False, class_id__isnull=False, provider__isnull=False),
                name="voucher_used_somewhere",
            ),
        ]
        indexes = [
            models.Index(fields=["city_code", "class_id"], name="voucher_class"),
            models.Index(fields=["city_code", "batch", "state"], name="voucher_batch_state"),
        ]

    def access(self) -> Access:
        ids = frozenset({self.provider_id} if self.provider_id else ())
        return Access(self.city_code, self.batch.region_id, ids, self.person_id)


class VoucherCheck(CityModel):
    """One verification (验券): who asked, how, what was answered. Visible to the holder."""

    append_only = True

    voucher = CityForeignKey(Voucher, verbose_name="培训券", related_name="checks", null=True)
    organisation = CityForeignKey(Organisation, verbose_name="查验机构", null=True, related_name="voucher_checks")
    actor_user_id = models.BigIntegerField("账号", null=True)
    method = models.CharField(
        "方式", max_length=10, choices=[("typed", "手输"), ("scanned", "扫码"), ("api", "接口"), ("public", "公众查询")]
    )
    answer = models.CharField("结果", max_length=20)
    at = models.DateTimeField("时间")
    shown_at = models.DateTimeField("二维码签发时间", null=True)

    class Meta:
        db_table = "voucher_check"
        indexes = [
            models.Index(fields=["city_code", "actor_user_id", "at"], name="voucher_check_actor"),
            models.Index(fields=["city_code", "organisation", "at"], name="voucher_check_organisation"),
        ]


class BatchChange(CityModel):
    """A change of a published batch, or the end of one voucher: who asked, who decided (two people: it moves money)."""

    no_delete = True

    KINDS = [("top_up", "追加数量"), ("shrink", "减少数量"), ("extend", "延长有效期"), ("void", "作废一张券")]
    batch_id: int
    voucher_id: int | None

    batch = CityForeignKey(VoucherBatch, verbose_name="批次", related_name="changes")
    voucher = CityForeignKey(Voucher, verbose_name="培训券", related_name="changes", null=True)
    kind = models.CharField("调整", max_length=10, choices=KINDS)
    quantity = models.PositiveIntegerField("张数", null=True)
    claim_until = models.DateTimeField("新的领取截止", null=True)
    use_until = models.DateTimeField("新的使用截止", null=True)
    reason = models.CharField("原因", max_length=200)
    state = CHANGE.field()
    proposed_by_user = models.BigIntegerField("提出账号", null=True)
    proposed_by_person = models.BigIntegerField("提出人", null=True)
    proposed_by_name = models.CharField("提出人姓名", max_length=80)
    proposed_at = models.DateTimeField("提出时间")
    decided_by_user = models.BigIntegerField("决定账号", null=True)
    decided_by_person = models.BigIntegerField("决定人", null=True)
    decided_by_name = models.CharField("决定人姓名", max_length=80, blank=True)
    decided_at = models.DateTimeField("决定时间", null=True)

    class Meta:
        db_table = "batch_change"
        constraints = [
            CHANGE.constraint("batch_change"),
            models.CheckConstraint(
                condition=models.Q(kind__in=["top_up", "shrink"], quantity__gt=0)
                | models.Q(kind="extend")
                | models.Q(kind="void", voucher__isnull=False),
                name="batch_change_says_what",
            ),
            models.UniqueConstraint(
                fields=["city_code", "batch", "kind", "voucher"],
                condition=models.Q(state="proposed"),
                nulls_distinct=False,
                name="batch_change_one_open",
            ),
            # Taking back one's own wish is no second person's decision; carrying it out is.
            models.CheckConstraint(
                condition=~models.Q(state="approved") | ~models.Q(decided_by_user=models.F("proposed_by_user")),
                name="batch_change_two_accounts",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="approved") | ~models.Q(decided_by_person=models.F("proposed_by_person")),
                name="batch_change_two_people",
            ),
        ]
        indexes = [models.Index(fields=["city_code", "batch", "state"], name="batch_change_batch")]

    def access(self) -> Access:
        return self.batch.access()


class IssueList(CityModel):
    """A list of people to issue a batch's vouchers to (定向发放): from a file or a query, decided by two people."""

    no_delete = True

    UNCLEAR = [("issue", "照发，用券时当面核实"), ("skip", "先不发")]
    batch_id: int

    batch = CityForeignKey(VoucherBatch, verbose_name="批次", related_name="issues")
    source = models.CharField("来源", max_length=10, choices=[("file", "Excel 名单"), ("query", "按条件")])
    file_name = models.CharField("文件", max_length=120, blank=True)
    file_hash = models.CharField("文件摘要", max_length=64, blank=True)
    criteria = models.JSONField("条件", default=dict)
    on_duplicate = models.CharField("已有券的", max_length=10, choices=[("skip", "跳过"), ("replace", "换发新券")])
    on_unclear = models.CharField(
        "说不准的",
        max_length=10,
        choices=UNCLEAR,
        default="issue",
        db_default="issue",
    )
    people = models.PositiveIntegerField("人数")
    state = ISSUE.field()
    created_at = models.DateTimeField("拟定时间")
    submitted_by_user = models.BigIntegerField("提交账号", null=True)
    submitted_by_person = models.BigIntegerField("提交人", null=True)
    submitted_by_name = models.CharField("提交人姓名", max_length=80, blank=True)
    submitted_at = models.DateTimeField("提交时间", null=True)
    approved_by_user = models.BigIntegerField("批准账号", null=True)
    approved_by_person = models.BigIntegerField("批准人", null=True)
    approved_by_name = models.CharField("批准人姓名", max_length=80, blank=True)
    approved_at = models.DateTimeField("批准时间", null=True)

    class Meta:
        db_table = "issue_list"
        constraints = [
            ISSUE.constraint("issue_list"),
            models.UniqueConstraint(
                fields=["city_code", "batch", "file_hash"],
                condition=~models.Q(file_hash="") & ~models.Q(state="refused"),
                name="issue_list_same_file_once",
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by_user__isnull=True)
                | ~models.Q(approved_by_user=models.F("submitted_by_user")),
                name="issue_list_two_accounts",
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by_person__isnull=True)
                | ~models.Q(approved_by_person=models.F("submitted_by_person")),
                name="issue_list_two_people",
            ),
        ]
        indexes = [models.Index(fields=["city_code", "batch"], name="issue_list_batch")]

    def access(self) -> Access:
        return self.batch.access()


class IssueLine(CityModel):
    """One person of a list, and what came of it."""

    no_delete = True

    person_id: int
    voucher_id: int | None

    STATES = [("waiting", "待发"), ("issued", "已发"), ("held", "已有券"), ("refused", "没有发")]
    # What the policies said of the person, last when the line was decided; '' before they were asked.
    OUTCOMES = [("pass", "符合"), ("cannot_tell", "说不准"), ("fail", "不符合")]

    issue = CityForeignKey(IssueList, verbose_name="名单", related_name="lines")
    person = CityForeignKey(Person, verbose_name="发给谁", related_name="issue_lines")
    row = models.PositiveIntegerField("行")
    state = models.CharField("结果", max_length=10, choices=STATES, default="waiting")
    note = models.CharField("说明", max_length=100, blank=True)
    outcome = models.CharField("领券条件", max_length=12, choices=OUTCOMES, blank=True, default="", db_default="")
    why = models.CharField("原因", max_length=300, blank=True, default="", db_default="")
    voucher = CityForeignKey(Voucher, verbose_name="培训券", related_name="issue_lines", null=True)

    class Meta:
        db_table = "issue_line"
        constraints = [models.UniqueConstraint(fields=["city_code", "issue", "person"], name="issue_line_person_once")]
        indexes = [models.Index(fields=["city_code", "issue", "state"], name="issue_line_state")]

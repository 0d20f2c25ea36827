"""Subsidies: claims that assemble themselves, each line's decision, publicity, objections and the national grants."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from zhaoliang.certificates.models import Certificate
from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.funds.models import Account, FundSource
from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.fields import EncryptedTextField
from zhaoliang.kernel.roles import Access
from zhaoliang.registry.models import Occupation, Organisation, Person, Region
from zhaoliang.subsidies import stored
from zhaoliang.subsidies.states import APPEAL, CLAIM, CLAIM_LINE, PAYMENT_DUE
from zhaoliang.vouchers.models import Voucher


def _others(name: str, first: str, second: str) -> models.CheckConstraint:
    """The database's own two-person rule: the two columns never name the same account or person."""
    return models.CheckConstraint(
        condition=models.Q(**{f"{second}__isnull": True}) | ~models.Q(**{second: models.F(first)}), name=name
    )


class ReviewSeed(CityModel):
    """What a month's draws for personal review follow from: committed to when made, published when the month is over."""

    append_only = True

    month = models.CharField("月份", max_length=7)
    secret = EncryptedTextField("种子")
    commitment = models.CharField("承诺（种子的 SHA-256）", max_length=64)
    made_at = models.DateTimeField("生成时间")

    class Meta:
        db_table = "review_seed"
        constraints = [models.UniqueConstraint(fields=["city_code", "month"], name="review_seed_once")]


class Claim(CityModel):
    """A subsidy claim: of a class, or the collected applications of people (docs/decisions/0014). Nobody types it.

    Its lines come from roster, attendance, results, certificates and job records. `region` is where it is reviewed and whose
    fund pays; `rules_on` is the day whose texts bind it.
    """

    KINDS = [
        ("training", "职业培训补贴"),
        ("enterprise_direct", "企业直补培训补贴"),
        ("project", "项目制培训补贴"),
        ("evaluation", "职业技能评价补贴"),
        ("living", "培训生活费补贴"),
        ("uplift", "训后就业提高部分"),
        ("skill_upgrade", "技能提升补贴（失业保险）"),
        ("apprentice_advance", "新型学徒制预支补贴"),
        ("apprenticeship", "新型学徒制结算补贴"),
        ("work_training", "以工代训补贴（历史）"),
    ]

    training_class_id: int | None
    provider_id: int | None
    region_id: int

    training_class = CityForeignKey(TrainingClass, verbose_name="班级", related_name="claims", null=True)
    provider = CityForeignKey(Organisation, verbose_name="申领机构", related_name="claims", null=True)
    region = models.ForeignKey(Region, models.PROTECT, verbose_name="审核地区")
    title = models.CharField("名称", max_length=160)
    rules_on = models.DateField("适用政策的日期")
    kind = models.CharField("补贴种类", max_length=20, choices=KINDS, default="training")
    fund_source = models.CharField("资金渠道", max_length=30, choices=FundSource.choices)
    state = CLAIM.field()
    confirmed_at = models.DateTimeField("确认时间", null=True)
    review_due_on = models.DateField("审核截止", null=True)
    first_user = models.BigIntegerField("初审账号", null=True)
    first_person = models.BigIntegerField("初审人", null=True)
    second_user = models.BigIntegerField("复核账号", null=True)
    second_person = models.BigIntegerField("复核人", null=True)
    return_reason = models.CharField("退回原因", max_length=500, blank=True)
    reply = models.CharField("机构对退回的答复", max_length=500, blank=True, default="", db_default="")
    # The draw of clean lines that a person looks at: anybody can do it again when the month's seed is out.
    review_seed = CityForeignKey(ReviewSeed, verbose_name="抽查种子", related_name="claims", null=True)
    sample_permille = models.PositiveSmallIntegerField("抽查比例（千分之）", null=True)
    sample_from = ArrayField(models.BigIntegerField(), verbose_name="抽查范围（明细编号）", null=True)
    publicity_from = models.DateField("公示开始", null=True)
    publicity_until = models.DateField("公示最后一天", null=True)
    approved_by_user = models.BigIntegerField("审批账号", null=True)
    approved_by_person = models.BigIntegerField("审批人", null=True)
    approved_at = models.DateTimeField("审批时间", null=True)
    created_at = models.DateTimeField("生成时间")

    class Meta:
        db_table = "claim"
        constraints = [
            CLAIM.constraint("claim"),
            models.UniqueConstraint(fields=["city_code", "training_class", "kind"], name="claim_once_per_class"),
            # People's applications are collected in one claim at a time, those paid to an organisation in one of its own.
            models.UniqueConstraint(
                fields=["city_code", "region", "kind", "fund_source", "provider"],
                condition=models.Q(training_class__isnull=True, state="assembled"),
                nulls_distinct=False,
                name="claim_one_collecting",
            ),
            _others("claim_two_accounts", "first_user", "second_user"),
            _others("claim_two_people", "first_person", "second_person"),
            _others("claim_approver_account", "first_user", "approved_by_user"),
            _others("claim_approver_person", "first_person", "approved_by_person"),
            _others("claim_three_accounts", "second_user", "approved_by_user"),
            _others("claim_three_people", "second_person", "approved_by_person"),
        ]
        indexes = [
            models.Index(fields=["city_code", "region", "state", "id"], name="claim_region_state"),
            models.Index(
                fields=["city_code", "state", "review_due_on", "id"],
                name="claim_queue",
                condition=models.Q(state__in=("first_review", "second_review", "publicity")),
            ),
        ]

    @property
    def applicant(self) -> str:
        """Who claims: the organisation, or the people themselves."""
        return self.provider.name if self.provider is not None else "本人"

    def access(self) -> Access:
        return Access(self.city_code, self.region_id, frozenset({self.provider_id} if self.provider_id else ()))


class DecisionText(models.Model):
    """National: a file of the policy library as it was when decisions were made by it, found by its hash, kept for ever."""

    append_only = True

    sha256 = models.CharField("摘要", max_length=64, primary_key=True)
    content = models.TextField("内容")

    class Meta:
        db_table = "decision_text"


class DecisionBasis(CityModel):
    """What the decisions of one policy version share: which facts, ids and rules their columns hold, and in what order."""

    append_only = True

    policy_version = models.CharField("政策版本", max_length=400)
    phase = models.CharField("环节", max_length=12)
    facts = ArrayField(models.CharField(max_length=80), verbose_name="事实（名称:类型）")
    slots = ArrayField(models.CharField(max_length=20), verbose_name="依据记录")
    rules = ArrayField(models.CharField(max_length=80), verbose_name="规则")
    texts = ArrayField(models.CharField(max_length=200), verbose_name="政策文本（文件@生效日+内容摘要）")
    shape = models.CharField("排列摘要", max_length=16)
    library = models.JSONField("政策文件（路径→摘要）", default=dict)

    class Meta:
        db_table = "decision_basis"
        constraints = [
            models.UniqueConstraint(
                fields=["city_code", "policy_version", "phase", "shape"], name="decision_basis_once"
            )
        ]


class Decision(CityModel):
    """What the policies said of a line, for ever: version, facts with the rows they come from, a letter a rule, steps, fen.

    Kept compactly (docs/decisions/0011): `facts`, `evidence` and `record` are made from it when they are read. Decisions of
    the first releases hold the three as they were.
    """

    append_only = True

    # Filled in by `stored.prepare` for many decisions at once; what the rows say of their own source.
    said: dict[tuple[str, int], str] | None = None

    claim_line_id = models.BigIntegerField("申领明细")
    policy_version = models.CharField("政策版本", max_length=400)
    outcome = models.CharField("结论", max_length=12)
    amount_fen = models.BigIntegerField("金额（分）", null=True)
    basis_id = models.BigIntegerField("依据", null=True)
    known = models.TextField("事实（按依据的次序）", blank=True)
    rows = ArrayField(models.BigIntegerField(null=True), verbose_name="记录编号（按依据的次序）", null=True)
    answers = models.TextField("各条结果（按依据的次序）", blank=True)
    steps = ArrayField(models.BigIntegerField(), verbose_name="金额步骤（分）", null=True)
    payee = models.CharField("收款方", max_length=12, blank=True)
    whole_facts = models.JSONField("事实", null=True, db_column="facts")
    whole_evidence = models.JSONField("证据编号", null=True, db_column="evidence")
    whole_record = models.JSONField("逐条结果与金额步骤", null=True, db_column="record")
    at = models.DateTimeField("时间")

    class Meta:
        db_table = "decision"
        indexes = [models.Index(fields=["city_code", "claim_line_id", "id"], name="decision_line_latest")]

    @property
    def paid_to(self) -> str:
        """Whom the amount goes to: person, provider or enterprise."""
        return self.payee if self.whole_record is None else self.whole_record["payee"]["to"]

    @cached_property
    def basis(self) -> DecisionBasis:
        """The order of what is kept here. Raises DoesNotExist for a decision that holds its record whole."""
        return stored.basis_of(self.city_code, self.basis_id or 0)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The facts known when it was made, by name: dates as ISO text, fractions as `a/b`."""
        return self.whole_facts if self.whole_facts is not None else stored.unpacked(self.known, self.basis.facts)

    @cached_property
    def evidence(self) -> dict[str, Any]:
        """Where each fact comes from: {"type": table, "id": row, "source": in words}."""
        return self.whole_evidence if self.whole_evidence is not None else stored.evidence_of(self)

    @cached_property
    def record(self) -> dict[str, Any]:
        """The decision in full (`policy.Decision.from_json`) and its `payee`. Raises PolicyVersionGone without its texts."""
        return self.whole_record if self.whole_record is not None else stored.record_of(self)


class CheckSuite(models.Model):
    """National: which verifiers were asked, in which version and order; kept once."""

    append_only = True

    verifiers = ArrayField(models.CharField(max_length=60), verbose_name="核验项目（名称:版本）", unique=True)

    class Meta:
        db_table = "check_suite"


class CheckResult(CityModel):
    """What the verifiers answered on a line at a time: a letter each in the order of the suite (y, n, u = cannot tell).

    `findings` holds of every letter that is not a yes its words and the ids it rests on, by verifier.
    """

    append_only = True

    claim_line_id = models.BigIntegerField("申领明细")
    # Nobody looks for results by their suite, and a suite is never deleted: an index would only be written.
    suite = models.ForeignKey(CheckSuite, models.PROTECT, verbose_name="核验项目", related_name="+", db_index=False)
    answers = models.CharField("各项结果", max_length=40)
    findings = models.JSONField("发现", default=dict)
    at = models.DateTimeField("时间")

    class Meta:
        db_table = "check_result"
        indexes = [models.Index(fields=["city_code", "claim_line_id", "id"], name="check_result_line")]


class ClaimLine(CityModel):
    """One trainee's subsidy: decided by rules, paid to one payee."""

    no_delete = True
    PAYEES = [("person", "本人"), ("provider", "培训机构"), ("enterprise", "企业")]

    claim_id: int
    enrolment_id: int | None
    person_id: int
    occupation_id: str
    voucher_id: int | None
    certificate_id: int | None
    claim = CityForeignKey(Claim, verbose_name="申领", related_name="lines")
    enrolment = CityForeignKey(Enrolment, verbose_name="学员", related_name="claim_lines", null=True)
    kind = models.CharField("补贴种类", max_length=20, choices=Claim.KINDS, default="training")
    person = CityForeignKey(Person, verbose_name="人员", related_name="claim_lines")
    voucher = CityForeignKey(Voucher, verbose_name="培训券", related_name="claim_lines", null=True)
    certificate = CityForeignKey(Certificate, verbose_name="证书", related_name="claim_lines", null=True)
    # Lines are found by person, claim, certificate; an index here and on the decision would be written with every step of a line.
    occupation = models.ForeignKey(Occupation, models.PROTECT, verbose_name="职业", db_index=False)
    level = models.PositiveSmallIntegerField("技能等级", null=True)
    planned_minutes = models.PositiveIntegerField("应到分钟")
    credited_minutes = models.PositiveIntegerField("计入分钟")
    applied_on = models.DateField("申请日期", null=True)
    decision = CityForeignKey(Decision, verbose_name="决定", related_name="lines", null=True, db_index=False)
    amount_fen = models.BigIntegerField("金额（分）", default=0)
    payee = models.CharField("收款方", max_length=12, choices=PAYEES)
    state = CLAIM_LINE.field()
    check_result_id = models.BigIntegerField("最近一次核验", null=True)
    alerts = models.PositiveSmallIntegerField("核验中要人看的项数", default=0)
    sampled = models.BooleanField("抽中人工核对", default=False)
    judged_by_user = models.BigIntegerField("判断账号", null=True)
    judged_by_person = models.BigIntegerField("判断人", null=True)
    judgement = models.CharField("人工判断说明", max_length=500, blank=True)
    question = models.CharField("提请人工判断的理由", max_length=500, blank=True)
    refusal = models.CharField("审批时不予补贴的原因", max_length=500, blank=True)
    # When the line was last decided again for changed facts, and a mark of what it was decided on (`services.later.mark`).
    looked_at = models.DateTimeField("最近一次复核", null=True)
    looked_by = models.CharField("复核所据文本的摘要", max_length=16, blank=True, default="", db_default="")
    # Of the kinds decided one by one: what was on file when the line was decided or looked at (`subsidies.resting`).
    rests_on = models.BigIntegerField("所据档案的摘要", null=True)

    class Meta:
        db_table = "claim_line"
        constraints = [
            CLAIM_LINE.constraint("claim_line"),
            models.UniqueConstraint(fields=["city_code", "enrolment", "kind"], name="claim_line_once"),
            models.UniqueConstraint(
                fields=["city_code", "certificate", "kind"],
                condition=models.Q(enrolment__isnull=True) & ~models.Q(state="refused"),
                name="claim_line_certificate_once",
            ),
            models.CheckConstraint(
                condition=models.Q(enrolment__isnull=False) | models.Q(certificate__isnull=False),
                name="claim_line_rests_on_something",
            ),
            models.CheckConstraint(condition=models.Q(amount_fen__gte=0), name="claim_line_not_negative"),
            models.CheckConstraint(
                condition=~models.Q(state__in=["passed", "approved", "in_batch", "paid"])
                | models.Q(decision__isnull=False),
                name="claim_line_money_needs_decision",
            ),
        ]
        indexes = [
            models.Index(fields=["city_code", "claim", "state", "id"], name="claim_line_claim_state"),
            models.Index(
                fields=["city_code", "claim", "id"],
                name="claim_line_waiting",
                condition=models.Q(state__in=("due", "to_person")),
            ),
            models.Index(fields=["city_code", "person"], name="claim_line_person"),
            models.Index(fields=["city_code", "certificate"], name="claim_line_certificate"),
        ]

    def access(self) -> Access:
        access = self.claim.access()
        return Access(access.city_code, access.region_code, access.organisation_ids, self.person_id)


class PaymentDue(CityModel):
    """Money owed for a claim line beside its first payment: a top-up, an uplift, a part paid ahead or after, money that came back.

    Owed in the ledger under the subject ("payment_due", id) — `subsidies.services.queue_payment` — and paid by the next batch.
    """

    no_delete = True
    get_purpose_display: Callable[[], str]
    # A repayment is money of an earlier payment that the bank gave back after it had arrived.
    PURPOSES = [
        ("subsidy", "补贴"),
        ("top_up", "补差"),
        ("uplift", "就业增补"),
        ("advance", "预付"),
        ("settlement", "结算"),
        ("repayment", "退汇重付"),
    ]

    claim_line_id: int
    claim_line = CityForeignKey(ClaimLine, verbose_name="申领明细", related_name="dues")
    purpose = models.CharField("款项", max_length=12, choices=PURPOSES)
    number = models.PositiveSmallIntegerField("第几笔")
    amount_fen = models.BigIntegerField("金额（分）")
    payee = models.CharField("收款方", max_length=12, choices=ClaimLine.PAYEES)
    payable = CityForeignKey(Account, verbose_name="应付账户", related_name="+")
    reason = models.CharField("事由", max_length=200)
    state = PAYMENT_DUE.field()
    queued_at = models.DateTimeField("列入时间")

    class Meta:
        db_table = "payment_due"
        constraints = [
            PAYMENT_DUE.constraint("payment_due"),
            models.UniqueConstraint(fields=["city_code", "claim_line", "purpose", "number"], name="payment_due_once"),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="payment_due_positive"),
        ]
        indexes = [
            models.Index(
                fields=["city_code", "id"],
                condition=models.Q(state__in=["waiting", "failed"]),
                name="payment_due_open",
            )
        ]

    def access(self) -> Access:
        return self.claim_line.access()


class Evidence(CityModel):
    """A file that was asked for beside what the platform holds: contract, payroll, invoice, video. Never changed.

    `line` is empty for what concerns the whole claim.
    """

    append_only = True

    KINDS = [
        ("contract", "劳动合同"),
        ("payroll", "工资发放凭证"),
        ("receipt", "培训费票据或发票"),
        ("training_plan", "培训计划"),
        ("sign_in_sheet", "学员签到表"),
        ("video", "培训视频资料"),
    ]

    line_id: int | None
    claim = CityForeignKey(Claim, verbose_name="申领", related_name="evidence")
    line = CityForeignKey(ClaimLine, verbose_name="申领明细", related_name="evidence", null=True)
    kind = models.CharField("材料", max_length=20, choices=KINDS)
    file_name = models.CharField("文件名", max_length=200)
    sha256 = models.CharField("摘要", max_length=64)
    size = models.PositiveIntegerField("字节数")
    content = EncryptedTextField("文件", help_text="base64")
    at = models.DateTimeField("时间")
    actor_name = models.CharField("经办人", max_length=80)

    class Meta:
        db_table = "claim_evidence"
        constraints = [
            models.UniqueConstraint(
                fields=["city_code", "claim", "line", "kind", "sha256"],
                nulls_distinct=False,
                name="claim_evidence_once",
            )
        ]

    def access(self) -> Access:
        return self.claim.access()


class Objection(CityModel):
    """An objection raised while a claim is published; open ones keep the claim from approval."""

    claim = CityForeignKey(Claim, verbose_name="申领", related_name="objections")
    text = models.TextField("异议内容", max_length=1000)
    contact = EncryptedTextField("联系方式", null=True)
    raised_at = models.DateTimeField("提出时间")
    due_on = models.DateField("答复期限", null=True)
    answer = models.TextField("处理结果", max_length=1000, blank=True)
    upheld = models.BooleanField("成立", null=True)
    answered_at = models.DateTimeField("处理时间", null=True)

    class Meta:
        db_table = "objection"

    def access(self) -> Access:
        return self.claim.access()


class Appeal(CityModel):
    """An appeal against a refused line, with its reason and one file: decided by somebody who took no earlier step.

    One for each refusal (`refused_change`, the state change that refused the line). `late`: filed after the last day, where no
    confirmed text makes that a ground for turning it away.
    """

    no_delete = True
    SIDES = [("provider", "申领机构"), ("worker", "本人")]

    claim_line_id: int
    claim_line = CityForeignKey(ClaimLine, verbose_name="申领明细", related_name="appeals")
    side = models.CharField("申诉人", max_length=10, choices=SIDES)
    refused_change = models.BigIntegerField("所不服的结论")
    reason = models.CharField("申诉理由", max_length=1000)
    file_name = models.CharField("文件名", max_length=200, blank=True)
    sha256 = models.CharField("摘要", max_length=64, blank=True)
    content = EncryptedTextField("文件", help_text="base64", null=True)
    state = APPEAL.field()
    filed_at = models.DateTimeField("申诉时间")
    filed_by_user = models.BigIntegerField("申诉账号", null=True)
    filed_by_person = models.BigIntegerField("申诉账号的人", null=True)
    late = models.BooleanField("逾期提出", default=False)
    due_on = models.DateField("决定期限", null=True)
    decision = models.CharField("决定理由", max_length=500, blank=True)
    clause = models.CharField("依据条款", max_length=300, blank=True)
    decided_at = models.DateTimeField("决定时间", null=True)
    decided_by_user = models.BigIntegerField("决定账号", null=True)
    decided_by_person = models.BigIntegerField("决定人", null=True)

    class Meta:
        db_table = "appeal"
        constraints = [
            APPEAL.constraint("appeal"),
            models.UniqueConstraint(fields=["city_code", "claim_line", "refused_change"], name="appeal_once"),
            models.CheckConstraint(
                condition=models.Q(state="filed") | ~models.Q(decision=""), name="appeal_decided_with_reason"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="rejected") | ~models.Q(clause=""), name="appeal_rejected_by_clause"
            ),
            _others("appeal_other_account", "filed_by_user", "decided_by_user"),
            _others("appeal_other_person", "filed_by_person", "decided_by_person"),
        ]
        indexes = [
            models.Index(
                fields=["city_code", "due_on", "id"], condition=models.Q(state="filed"), name="appeal_waiting"
            ),
        ]

    def access(self) -> Access:
        """Who may see it: the bureau and who filed it. A worker's papers are not his school's to read."""
        access = self.claim_line.access()
        if self.side == "worker":
            return Access(access.city_code, access.region_code, frozenset(), self.claim_line.person_id)
        return Access(access.city_code, access.region_code, access.organisation_ids)


# What pages and acts read of a line in one query.
LINE_PARTS = (
    "claim__training_class__project__entry",
    "claim__training_class__project__provider",
    "claim__training_class__site",
    "claim__provider",
    "enrolment",
    "person",
    "voucher__batch",
    "certificate",
    "decision",
)

"""Jobs and social insurance as proof for subsidies: below claims, which rest on them, and careers, which shows them."""

from __future__ import annotations

from collections.abc import Callable

from django.db import models

from zhaoliang.employment.states import FINDING
from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.roles import Access
from zhaoliang.registry.models import Person


class JobRecord(CityModel):
    """A job of a person with its proof: contract, insurance match or platform order record (人社部发〔2025〕10号 三（四）).

    `from_on` is the day the contract was signed for. `contract_until` is its last day; without it and not `open_ended` the
    term of the contract is not known. `evidence_sha256` names the file that was handed in.
    """

    person_id: int

    PROOFS = [
        ("contract", "劳动合同"),
        ("insurance", "社保比对"),
        ("payroll", "工资流水"),
        ("platform", "平台证明"),
    ]

    person = CityForeignKey(Person, verbose_name="人员", related_name="jobs")
    employer_name = models.CharField("单位", max_length=120)
    employer_uscc = models.CharField("统一社会信用代码", max_length=18, blank=True)
    post = models.CharField("岗位", max_length=80, blank=True)
    from_on = models.DateField("自")
    to_on = models.DateField("至", null=True, blank=True)
    contract_until = models.DateField("合同到期", null=True, blank=True)
    open_ended = models.BooleanField("无固定期限合同", default=False, db_default=False)
    insured = models.BooleanField("参保", default=False)
    proof = models.CharField("证明", max_length=20, choices=PROOFS)
    evidence_sha256 = models.CharField("证明文件摘要", max_length=64, blank=True, db_default="")
    recorded_at = models.DateTimeField("登记时间")
    # Kept by the finding of two people (`FactFinding`): the record stays, and counts for nothing.
    voided_on = models.DateField("认定不实", null=True)

    class Meta:
        db_table = "job_record"
        indexes = [models.Index(fields=["city_code", "person"], name="job_record_person")]

    def access(self) -> Access:
        return self.person.access()


class FactFinding(CityModel):
    """That what a person was subsidised on is untrue: the identity, or a job. One proposes it with the evidence, another decides.

    Confirmed, the fact counts as untrue from then on, and every subsidy that rests on it is decided again (`recoveries`).
    `changed_at` is when it last came to count or ceased to.
    """

    no_delete = True
    KINDS = [("identity", "身份不实（冒名、信息有误）"), ("job", "就业记录不实")]

    person_id: int
    job_id: int | None
    get_kind_display: Callable[[], str]

    person = CityForeignKey(Person, verbose_name="人员", related_name="findings")
    kind = models.CharField("认定事项", max_length=10, choices=KINDS)
    job = CityForeignKey(JobRecord, verbose_name="就业记录", related_name="findings", null=True)
    text = models.CharField("查明的情况和证据", max_length=500)
    reason = models.CharField("决定的理由", max_length=500, blank=True)
    state = FINDING.field()
    proposed_at = models.DateTimeField("提出时间")
    proposed_by_user = models.BigIntegerField("提出账号", null=True)
    proposed_by_person = models.BigIntegerField("提出人", null=True)
    decided_by_user = models.BigIntegerField("认定账号", null=True)
    decided_by_person = models.BigIntegerField("认定人", null=True)
    changed_at = models.DateTimeField("认定时间", null=True)

    class Meta:
        db_table = "fact_finding"
        constraints = [
            FINDING.constraint("fact_finding"),
            models.CheckConstraint(
                condition=models.Q(kind="job", job__isnull=False) | models.Q(kind="identity", job__isnull=True),
                name="fact_finding_names_job",
            ),
            models.UniqueConstraint(
                fields=["city_code", "person", "kind", "job"],
                condition=models.Q(state__in=["proposed", "confirmed"]),
                nulls_distinct=False,
                name="fact_finding_once",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by_user__isnull=True)
                | ~models.Q(decided_by_user=models.F("proposed_by_user")),
                name="fact_finding_two_accounts",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by_person__isnull=True)
                | ~models.Q(decided_by_person=models.F("proposed_by_person")),
                name="fact_finding_two_people",
            ),
        ]
        indexes = [
            models.Index(fields=["city_code", "id"], condition=models.Q(state="proposed"), name="fact_finding_waiting")
        ]

    def access(self) -> Access:
        return self.person.access()


class UnemploymentInsurance(CityModel):
    """How many months of unemployment insurance a person has paid in all, as the insurance register said on a day."""

    append_only = True

    person_id: int

    person = CityForeignKey(Person, verbose_name="人员", related_name="unemployment_insurance")
    months = models.PositiveSmallIntegerField("累计缴费月数")
    as_of = models.DateField("截至")
    source = models.CharField("来源", max_length=120)
    recorded_at = models.DateTimeField("登记时间")

    class Meta:
        db_table = "unemployment_insurance"
        indexes = [models.Index(fields=["city_code", "person", "as_of"], name="unemployment_insurance_latest")]

    def access(self) -> Access:
        return self.person.access()

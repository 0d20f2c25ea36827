"""Jobs and social insurance as proof for subsidies: below claims, which rest on them, and careers, which shows them."""

from __future__ import annotations

from django.db import models

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

    class Meta:
        db_table = "job_record"
        indexes = [models.Index(fields=["city_code", "person"], name="job_record_person")]

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

"""Careers: jobs after training. The lifelong record itself is read from what the other folders hold."""

from __future__ import annotations

from django.db import models

from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.roles import Access
from zhaoliang.registry.models import Person


class JobRecord(CityModel):
    """A job of a person with its proof: contract, insurance match or platform order record (人社部发〔2025〕10号 三（四）)."""

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
    insured = models.BooleanField("参保", default=False)
    proof = models.CharField(
        "证明",
        max_length=20,
        choices=PROOFS,
    )
    recorded_at = models.DateTimeField("登记时间")

    class Meta:
        db_table = "job_record"

    def access(self) -> Access:
        return self.person.access()

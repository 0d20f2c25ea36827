"""Certificates: official numbers without gaps, a signed payload, and a national index for public checks."""

from __future__ import annotations

from django.db import models

from zhaoliang.catalogue.models import CertificateKind
from zhaoliang.certificates.states import CERTIFICATE
from zhaoliang.evaluation.models import ExamResult
from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.roles import Access
from zhaoliang.registry.models import Occupation, Organisation, Person


class EndClass(models.TextChoices):
    """Why a certificate is suspended, revoked or replaced, in the words the public check shows."""

    UNDER_INQUIRY = "inquiry", "正在调查核实"
    FRAUD = "fraud", "弄虚作假取得"
    MISTAKE = "mistake", "登记有误"
    ISSUER = "issuer", "发证机构违规颁发"
    COURT = "court", "依法撤销"
    HOLDER = "holder", "持证人申请"
    PERSON_DATA = "person_data", "持证人信息变更"


class NumberSeries(CityModel):
    """The last number given out of a series (issuer, year, level). The row is locked last and shortly: no gaps, no doubles."""

    no_delete = True

    issuer = CityForeignKey(Organisation, verbose_name="发证机构", related_name="number_series")
    kind = models.CharField("证书种类", max_length=20, choices=CertificateKind.choices)
    year = models.PositiveSmallIntegerField("年份")
    level_code = models.CharField("等级代码", max_length=1)
    # Completion certificates only: their number counts the providers of a region and year (domain facts §1.4).
    region_code = models.IntegerField("编号中的地区", null=True)
    issuer_number = models.PositiveSmallIntegerField("编号中的机构序号", null=True)
    last = models.PositiveIntegerField("最后序号", default=0)

    class Meta:
        db_table = "number_series"
        constraints = [
            models.UniqueConstraint(
                fields=["city_code", "issuer", "kind", "year", "level_code"], name="number_series_once"
            ),
            models.UniqueConstraint(
                fields=["city_code", "region_code", "year", "issuer_number"], name="number_series_issuer_once"
            ),
            models.CheckConstraint(condition=models.Q(last__lte=999999), name="number_series_six_digits"),
        ]


class Certificate(CityModel):
    """A certificate as issued. Its content never changes; suspension, revocation and replacement are states."""

    no_delete = True
    updatable_columns = (
        "state",
        "ended_on",
        "ended_class",
        "ended_reason",
        "suspended_by_user",
        "suspended_by_person",
        "revoked_by_user",
        "revoked_by_person",
        "replaced_by",
    )

    person_id: int
    issuer_id: int
    occupation_id: str
    result_id: int

    number = models.CharField("证书编号", max_length=40)
    kind = models.CharField("证书种类", max_length=20, choices=CertificateKind.choices)
    person = CityForeignKey(Person, verbose_name="持证人", related_name="certificates")
    name = models.CharField("姓名", max_length=60)
    document_masked = models.CharField("证件号（部分隐藏）", max_length=40)
    occupation = models.ForeignKey(Occupation, models.PROTECT, verbose_name="职业")
    level = models.PositiveSmallIntegerField("技能等级", null=True)
    hours = models.PositiveIntegerField("课时")
    issuer = CityForeignKey(Organisation, verbose_name="发证机构", related_name="issued_certificates")
    result = CityForeignKey(ExamResult, verbose_name="考核结果", related_name="certificates")
    issued_on = models.DateField("发证日期")
    payload = models.BinaryField("签名内容")
    signature = models.BinaryField("签名")
    key_id = models.CharField("签名密钥", max_length=40)
    state = CERTIFICATE.field()
    ended_on = models.DateField("暂停、撤销或换发日期", null=True)
    # The class is public; the text may name people and is not.
    ended_class = models.CharField("原因类别", max_length=12, choices=EndClass.choices, blank=True)
    ended_reason = models.CharField("原因", max_length=200, blank=True)
    suspended_by_user = models.BigIntegerField("暂停账号", null=True)
    suspended_by_person = models.BigIntegerField("暂停人", null=True)
    revoked_by_user = models.BigIntegerField("撤销账号", null=True)
    revoked_by_person = models.BigIntegerField("撤销人", null=True)
    replaced_by = models.CharField("换发后的编号", max_length=40, blank=True)

    class Meta:
        db_table = "certificate"
        constraints = [
            CERTIFICATE.constraint("certificate"),
            models.UniqueConstraint(fields=["city_code", "number"], name="certificate_number_once"),
            # A revoked one keeps its place: who cheated does not get another for the same examination.
            models.UniqueConstraint(
                fields=["city_code", "result"], condition=~models.Q(state="replaced"), name="certificate_one_per_result"
            ),
            models.CheckConstraint(
                condition=models.Q(revoked_by_user__isnull=True)
                | ~models.Q(revoked_by_user=models.F("suspended_by_user")),
                name="certificate_two_accounts",
            ),
            models.CheckConstraint(
                condition=models.Q(revoked_by_person__isnull=True)
                | ~models.Q(revoked_by_person=models.F("suspended_by_person")),
                name="certificate_two_people",
            ),
        ]

    def access(self) -> Access:
        return Access(self.city_code, self.issuer.region_id, frozenset({self.issuer_id}), self.person_id)


class CertificateIndex(models.Model):
    """National index: which city holds a certificate number. Its primary key keeps numbers unique nation-wide."""

    number = models.CharField("证书编号", max_length=40, primary_key=True)
    city_code = models.IntegerField("城市键")
    certificate_id = models.BigIntegerField("证书")

    class Meta:
        db_table = "certificate_index"


class CheckWindow(models.Model):
    """How often a client asked the public check within a minute. The client's address is kept as a keyed hash only."""

    client = models.BinaryField("查询者")
    minute = models.DateTimeField("分钟", db_index=True)
    count = models.PositiveIntegerField("次数")

    class Meta:
        db_table = "certificate_check_window"
        constraints = [models.UniqueConstraint(fields=["client", "minute"], name="certificate_check_window_once")]

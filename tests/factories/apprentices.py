"""Apprenticeship classes of an enterprise, with their scheme and agreements."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from factories import registry
from factories.funds import budget
from factories.people import Bureau, grouped
from factories.subsidies import CITY, Case, case
from zhaoliang.apprenticeships.models import Agreement, ClassScheme
from zhaoliang.apprenticeships.services import set_scheme, sign_agreement
from zhaoliang.catalogue.models import Project
from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.kernel.roles import Role

NANPING, SHIJIAZHUANG = 350700, 130100
HALF_AHEAD = """
document:
  id: cn-13-01/xuetuzhi
  title: 测试市新型学徒制预支办法
  number: 测人社〔2026〕1号
  issuers: [测试市人力资源和社会保障局]
  in_force: {from: 2026-01-01}
  region: 130100
clauses:
  "1": {ref: 第一条, text: 按50%预支。, verified: true}
parameters:
  half: {unit: ratio, says: 预支比例, value: 0.50, cite: "1"}
fills:
  cn/renshebufa-2021-39#advance_share: half
"""
BEGIN = datetime.fromisoformat("2026-06-02T02:00:00+00:00")


def apprentices(size: int, region: int = NANPING) -> tuple[Case, Bureau]:
    """A year's apprenticeship class of an enterprise in the region (Nanping), running, with money in the region's budget."""
    enterprise = registry.organisation(kind="enterprise", account_number="6299990000000000019")
    made = case(size, provider=enterprise, group="12", employer_uscc=enterprise.uscc, with_vouchers=False)
    for person in made.people:
        grouped(person, "12", date(2026, 1, 1))
    here = {"city_code": CITY}
    Project.objects.filter(**here, pk=made.training_class.project_id).update(kind="apprenticeship", region_id=region)
    TrainingClass.objects.filter(**here, pk=made.training_class.pk).update(
        state="running",
        ends_on=made.training_class.starts_on + timedelta(days=364),
        exam_on=made.training_class.starts_on + timedelta(days=370),
    )
    Enrolment.objects.filter(**here, training_class=made.training_class).update(state="attending")
    made.training_class = TrainingClass.objects.select_related("project", "provider").get(
        **here, pk=made.training_class.pk
    )
    made.enrolments = list(
        Enrolment.objects.select_related("training_class__project", "training_class__provider", "person")
        .filter(**here, training_class=made.training_class)
        .order_by("id")
    )
    for year in (2026, 2027):
        budget(10_000_000, region_code=region, fund_source=made.training_class.project.fund_source, year=year)
    roles = (Role.REVIEWER, Role.APPROVER, Role.FUND_OFFICER, Role.FINANCE)
    return made, Bureau(*(registry.actor_with(role, person=registry.person(), region_code=region) for role in roles))


def schemed(made: Case, **given: object) -> ClassScheme:
    said = {
        "enterprise_base": "一号车间实训基地",
        "school_base": "测试技师学院焊接基地",
        "goals": "高级工",
        "content": "工学交替",
    }
    said |= {"assessment": "过程考核与结业考核", **given}
    return set_scheme(actor=made.staff, at=BEGIN, training_class=made.training_class, **said)


def signed(made: Case, enrolment: Enrolment, months: int = 12) -> Agreement:
    return sign_agreement(
        actor=made.staff,
        at=BEGIN,
        enrolment=enrolment,
        signed_on=date(2026, 6, 1),
        months=months,
        enterprise_mentor="乙某",
        school_mentor="丙某",
        entrusted=True,
        provider_agreement=True,
        contract_from=date(2026, 6, 1),
        contract_until=date(2027, 5, 31),
    )

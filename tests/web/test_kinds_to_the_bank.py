"""Every kind of claim by pages alone, from the button that assembles it to the bank's answer (人社部发〔2025〕10号 四（六）—（七）)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from factories import registry
from factories.apprentices import BEGIN, HALF_AHEAD, SHIJIAZHUANG, apprentices, schemed, signed
from factories.bought import PER_HOUR
from factories.funds import budget
from factories.identity import sign_in
from factories.lawbook import all_in_force, in_force
from factories.payments import pays_from
from factories.people import APPLIED, grouped, holder
from factories.subsidies import APPROVED, ASSESSED, CITY, FULL_FEN, HEPING, Case, case
from factories.uplift import UPLIFT
from zhaoliang.attendance.models import Attendance
from zhaoliang.careers.services import record_job
from zhaoliang.catalogue.models import Project
from zhaoliang.classes.models import ClassSession, Enrolment, TrainingClass
from zhaoliang.demo.bank import answer_file
from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.roles import Place, Role, system_actor
from zhaoliang.payments.models import PaymentBatch
from zhaoliang.payments.trace import cent_trace
from zhaoliang.recoveries.proof import prove
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.registry.models import Organisation, Person, Region
from zhaoliang.subsidies.clocks import Deadline
from zhaoliang.subsidies.materials import materials
from zhaoliang.subsidies.models import Claim, ClaimLine
from zhaoliang.subsidies.selectors import line_view
from zhaoliang.subsidies.tasks import uplifts

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F5", "F4", "M1")]
Clock = Callable[[datetime], None]


@pytest.fixture
def at_time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    def go(at: datetime) -> None:
        monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: at))

    return go


def post(client: Client, name: str, of: Any, **said: Any) -> None:
    """A button of a page, which must lead on and not back."""
    answer = client.post(
        reverse(name, args=[of.city_code, of.pk]), said | {"key": f"{name}-{of.pk}-{said.get('kind', '')}"}
    )
    assert answer.status_code == 302, (
        name,
        answer.status_code,
        re.sub(r"<[^>]+>|\s+", " ", answer.content.decode())[-3000:],
    )


class Bureau:
    """Five officers of a region, each before his own screen."""

    def __init__(self, region: int, at_time: Clock) -> None:
        self.region, self.at_time = region, at_time
        roles = (Role.REVIEWER, Role.APPROVER, Role.APPROVER, Role.FUND_OFFICER, Role.FINANCE)
        clients = [sign_in(Client(), registry.user(role, region_code=region)) for role in roles]
        self.reviewer, self.second, self.approver, self.officer, self.finance = clients

    def review(self, claims: list[Claim], at: datetime) -> None:
        """Judged, passed by two, published, approved by a third on the day after the last one."""
        for claim in claims:
            self.at_time(at)
            if claim.provider_id is None:
                post(self.reviewer, "bureau:claim_take_up", claim)
            for line in ClaimLine.objects.filter(city_code=CITY, claim=claim, state="to_person"):
                post(self.reviewer, "bureau:line_judge", line, decision="pass", text="已核对原件，属实")
            post(self.reviewer, "bureau:claim_pass_first", claim)
            post(self.second, "bureau:claim_pass_second", claim)
            claim.refresh_from_db()
            assert claim.publicity_until is not None
            after = datetime.combine(claim.publicity_until + timedelta(days=1), time(2), UTC)
            self.at_time(after)
            post(self.approver, "bureau:claim_approve", claim)

    def pay(self, fund: str, at: datetime) -> None:
        """Everything that waits of a fund, in one batch, to the bank's answer."""
        self.at_time(at)
        pays_from(Place(CITY, self.region), fund)
        answer = self.officer.post(reverse("bureau:payments"), {"key": f"build-{at}", "fund_source": fund})
        assert answer.status_code == 302, answer.content.decode()[:3000]
        batch = PaymentBatch.objects.filter(city_code=CITY, region_code=self.region).latest("id")
        post(self.officer, "bureau:payment_seal", batch)
        post(self.finance, "bureau:payment_authorise", batch)
        post(self.officer, "bureau:payment_send", batch)
        file = self.officer.get(reverse("bureau:bank_file", args=[CITY, batch.pk]))
        upload = SimpleUploadedFile("回单.xlsx", answer_file(file.content, {}))
        url = reverse("bureau:payment_import", args=[CITY, batch.pk])
        shown = self.officer.post(url, {"key": f"up-{batch.pk}", "file": upload}, follow=True)
        self.officer.post(shown.redirect_chain[-1][0], {"key": f"book-{batch.pk}"})
        batch.refresh_from_db()
        assert batch.state == "settled"


def staff_of(organisation: Organisation) -> Client:
    return sign_in(Client(), registry.user(Role.PROVIDER, organisation=organisation))


def phone_of(person: Person) -> Client:
    return sign_in(Client(), registry.user(Role.WORKER, person=person))


def claim_of(training_class: TrainingClass, kind: str) -> Claim:
    return Claim.objects.get(city_code=CITY, training_class=training_class, kind=kind)


def hand_in(client: Client, claim: Claim) -> None:
    """Every file that the claim asks for as a whole and does not have yet."""
    rows = ClaimLine.objects.select_related("decision").filter(city_code=CITY, claim=claim)
    for one in materials(claim, list(rows)):
        if one.line_id is None and not one.source:
            file = SimpleUploadedFile(f"{one.kind}.pdf", b"%PDF")
            post(client, "provider:evidence_add", claim, kind=one.kind, file=file)


def told(page: Any, *words: str) -> None:
    """What a page says, whatever the marks between its words."""
    text = re.sub(r"<[^>]+>|\s+", "", page.content.decode())
    assert [word for word in words if word.replace(" ", "") not in text] == []


def lines(kind: str) -> list[tuple[str, str, int]]:
    """Where the lines of a kind came to; of each the trace adds up from the clause to the bank's row."""
    rows = list(ClaimLine.objects.select_related("claim", "voucher").filter(city_code=CITY, kind=kind).order_by("id"))
    for line in rows:
        trace = cent_trace(line)
        assert trace.breaks == []
        behind = {node.kind for bank in trace.of("bank") for node in trace.origins(bank)}
        assert behind >= {"clause", "rule", "fact", "evidence", "step", "line", "transfer", "payment"}, behind
        assert line.claim.state == "settled"
        assert line.voucher is None or line.voucher.state == "redeemed"
    return [(line.state, line.payee, line.amount_fen) for line in rows]


def test_a_class_an_enterprise_a_bought_project_and_what_follows_them(at_time: Clock) -> None:
    in_force("cn-12/jiuye-qingxie/2026-01-01.yaml", UPLIFT)
    budget(50_000_000, region_code=HEPING, year=2026)
    desk = Bureau(HEPING, at_time)
    enterprise = registry.organisation(kind="enterprise", account_number=registry.inventor().bank_card())
    direct = case(1, provider=enterprise, group="12", employer_uscc=enterprise.uscc)
    bought = case(1, with_vouchers=False)
    Project.objects.filter(city_code=CITY, pk=bought.training_class.project_id).update(kind="package")
    taught = case(1, group="07")
    for made, group in ((direct, "12"), (taught, "07")):
        grouped(made.people[0], group, date(2026, 1, 1))

    at_time(ASSESSED)
    claims = []
    for made, kind in ((direct, "enterprise_direct"), (bought, "project"), (taught, "training")):
        staff = staff_of(made.provider)
        post(staff, "provider:claim_assemble", made.training_class)
        claim = claim_of(made.training_class, kind)
        if kind == "enterprise_direct":
            line = ClaimLine.objects.get(city_code=CITY, claim=claim)
            contract = {"from_on": "2026-03-01", "until": "2028-02-29", "file": SimpleUploadedFile("合同.pdf", b"%PDF")}
            post(staff, "provider:contract_add", line, **contract)
            hand_in(staff, claim)
        post(staff, "provider:claim_confirm", claim)
        claims.append(claim)
    desk.review(claims, ASSESSED)
    desk.pay(FundSource.EMPLOYMENT_SUBSIDY, APPROVED)
    assert lines("enterprise_direct") == [("paid", "enterprise", FULL_FEN)]
    assert lines("project") == [("paid", "enterprise", 1_000_00)]
    assert lines("training") == [("paid", "provider", FULL_FEN)]

    # Beside the training: its evaluation by the school, the living allowance by the trainee, the uplift by the clock.
    later = datetime(2026, 10, 12, 2, 0, tzinfo=UTC)
    at_time(later)
    staff, person = staff_of(taught.provider), taught.people[0]
    post(staff, "provider:evaluation_assemble", taught.training_class)
    evaluation = claim_of(taught.training_class, "evaluation")
    post(staff, "provider:claim_confirm", evaluation)
    asked = phone_of(person).post("/my/me/claimable/", {"of": f"living-{taught.enrolments[0].pk}", "key": "living"})
    assert asked.status_code == 302, asked.content.decode()[:2000]
    record_job(
        actor=system_actor(),
        at=later,
        person=person,
        employer_name="测试公司",
        from_on=date(2026, 7, 1),
        proof="insurance",
        insured=True,
    )
    assert uplifts(CITY, later) == 1
    living, uplift = (Claim.objects.get(city_code=CITY, kind=kind) for kind in ("living", "uplift"))
    post(staff, "provider:claim_confirm", uplift)
    desk.review([evaluation, living, uplift], later)
    desk.pay(FundSource.EMPLOYMENT_SUBSIDY, later + timedelta(days=20))
    assert lines("evaluation") == [("paid", "provider", 410_00)]
    assert lines("living") == [("paid", "person", 1_000_00)]
    assert lines("uplift") == [("paid", "provider", FULL_FEN // 5)]
    shown = phone_of(person).get("/my/me/subsidies/").content.decode()
    assert all(word in shown for word in ("培训生活费补贴", "训后就业"))
    assert prove(CITY).findings == ()


def test_an_apprenticeship_half_ahead_and_the_rest_after_completion(
    at_time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The nation's yearly 5,000 yuan in a place that pays half ahead and of which no text sets a publicity: the test says both,
    # and lays the place into the city of the other rows.
    in_force("cn-13-01/xuetuzhi/2026-01-01.yaml", HALF_AHEAD)
    Region.objects.filter(pk=SHIJIAZHUANG).update(city_code=CITY)

    def counted(claim: Claim, clock: str, day: date) -> Deadline:
        return Deadline(5, day + timedelta(days=7), lawbook().citation("cn/renshebufa-2021-39#5.1"))

    monkeypatch.setattr("zhaoliang.subsidies.services.review.deadline", counted)
    made, _ = apprentices(1, SHIJIAZHUANG)
    schemed(made)
    signed(made, made.enrolments[0])
    desk, staff = Bureau(SHIJIAZHUANG, at_time), staff_of(made.provider)
    fund = made.training_class.project.fund_source
    at_time(BEGIN)
    post(staff, "provider:advance", made.training_class)
    advance = claim_of(made.training_class, "apprentice_advance")
    post(staff, "provider:claim_confirm", advance)
    desk.review([advance], BEGIN)
    desk.pay(fund, BEGIN + timedelta(days=10))
    assert lines("apprentice_advance") == [("paid", "enterprise", 2_500_00)]

    TrainingClass.objects.filter(city_code=CITY, pk=made.training_class.pk).update(state="assessed")
    Enrolment.objects.filter(city_code=CITY, training_class=made.training_class).update(state="completed")
    at_time(ASSESSED)
    post(staff, "provider:claim_assemble", made.training_class)
    settlement = claim_of(made.training_class, "apprenticeship")
    hand_in(staff, settlement)
    post(staff, "provider:claim_confirm", settlement)
    desk.review([settlement], ASSESSED)
    desk.pay(fund, APPROVED + timedelta(days=1))
    assert lines("apprenticeship") == [("paid", "enterprise", 2_500_00)]
    assert prove(CITY).findings == ()


# A training of its own price in a place whose living allowance by the day is in the library (云南).
TAUGHT = """
document:
  id: cn-53-01/peixun
  title: 测试市职业培训补贴办法
  number: 测人社〔2026〕4号
  issuers: [测试市人力资源和社会保障局]
  in_force: {from: 2026-01-01}
  region: 530100
clauses:
  "1": {ref: 第一条, text: 职业培训补贴每人2000元，拨付培训机构。, verified: true}
  "2": {ref: 第二条, text: 补贴发放前公示5个工作日。, verified: true}
parameters:
  whole: {unit: fen, says: 职业培训补贴标准, value: 200000, cite: "1"}
clocks:
  publicity: {value: 5, unit: working_days, says: 补贴公示期, cite: "2"}
amounts:
  whole:
    scheme: training
    says: 职业培训补贴
    base: whole
    cite: "1"
    pay_to: {to: "'provider'", cite: "1"}
"""
KUNMING = 530100


def held_in(region: int, made: Case, at_time: Clock, **project: Any) -> Bureau:
    """The class moved to another region, which has money; its desk."""
    Project.objects.filter(city_code=CITY, pk=made.training_class.project_id).update(region_id=region, **project)
    made.training_class = TrainingClass.objects.select_related("project").get(city_code=CITY, pk=made.training_class.pk)
    budget(50_000_000, region_code=region, fund_source=made.training_class.project.fund_source, year=2026)
    return Bureau(region, at_time)


def taught_on(made: Case, days: int) -> None:
    """A lesson on each of the days after the first."""
    session = ClassSession.objects.get(city_code=CITY, training_class=made.training_class)
    for day in range(1, days):
        begin = session.period.lower + timedelta(days=day)
        period = (begin, begin + timedelta(hours=1))
        terms = {"kind": "practice", "hours": 1, "content": "焊接", "room": session.room, "teacher": session.teacher}
        lesson = ClassSession.objects.create(city_code=CITY, training_class=made.training_class, period=period, **terms)
        for enrolment in made.enrolments:
            Attendance.objects.create(
                city_code=CITY,
                enrolment=enrolment,
                session=lesson,
                person=enrolment.person,
                period=period,
                planned_minutes=45,
                credited_minutes=45,
                state="present",
            )


def test_a_project_bought_by_person_and_hour_and_a_living_allowance_by_the_day(at_time: Clock) -> None:
    all_in_force({"cn-13-01/xiangmuzhi/2026-01-01.yaml": PER_HOUR, "cn-53-01/peixun/2026-01-01.yaml": TAUGHT})
    Region.objects.filter(pk__in=(SHIJIAZHUANG, KUNMING)).update(city_code=CITY)
    # 120 hours, and 100 hours with a third of an hour beside: 12.35 a person and hour, 1,400 a person at most.
    bought = case(2, with_vouchers=False, attended={1: 100 * 45 + 15})
    desk = held_in(SHIJIAZHUANG, bought, at_time, kind="package")
    at_time(ASSESSED)
    signed_on = {"number": "CG-1", "signed_on": "2026-05-01", "hour_fen": "12.35", "person_cap_fen": "1,400"}
    post(desk.approver, "bureau:project", bought.training_class.project, **signed_on)
    staff = staff_of(bought.provider)
    post(staff, "provider:claim_assemble", bought.training_class)
    claim = claim_of(bought.training_class, "project")
    post(staff, "provider:claim_confirm", claim)
    desk.review([claim], ASSESSED)
    desk.pay(bought.training_class.project.fund_source, APPROVED)
    assert lines("project") == [("paid", "provider", 1_400_00), ("paid", "provider", 1_239_12)]
    first = ClaimLine.objects.filter(city_code=CITY, claim=claim).earliest("id")
    worked = ("合同每人每课时单价 ¥12.35/课时", "实际出勤课时 120 课时", "不超过 ¥1,400.00")
    told(staff.get(reverse("provider:claim", args=[CITY, claim.pk])), "2 条明细", "2 条符合。", *worked)
    told(desk.reviewer.get(reverse("bureau:claim", args=[CITY, claim.pk])), "2 条符合。", "符合 2")
    for page in ("bureau:claim", "bureau:trace"):
        told(desk.reviewer.get(reverse(page, args=[CITY, claim.pk if page == "bureau:claim" else first.pk])), *worked)

    # 60 yuan a day to live on and 20 to come, on three days.
    taught = case(1, group="07", attended={0: 118 * 45}, with_vouchers=False)
    taught_on(taught, 3)
    grouped(taught.people[0], "07", date(2026, 1, 1))
    desk = held_in(KUNMING, taught, at_time)
    staff, phone = staff_of(taught.provider), phone_of(taught.people[0])
    at_time(ASSESSED)
    post(staff, "provider:claim_assemble", taught.training_class)
    claim = claim_of(taught.training_class, "training")
    post(staff, "provider:claim_confirm", claim)
    desk.review([claim], ASSESSED)
    desk.pay(taught.training_class.project.fund_source, APPROVED)
    assert lines("training") == [("paid", "provider", 2_000_00)]
    later = APPROVED + timedelta(days=2)
    at_time(later)
    by_day = ("生活费每天标准（¥60.00/天）乘以实际参训天数（实际参训天数 3 天）", "加 ¥60.00", "¥240.00")
    told(phone.get("/my/me/claimable/"), "培训生活费补贴", "交通费补贴", *by_day)
    asked = phone.post("/my/me/claimable/", {"of": f"living-{taught.enrolments[0].pk}", "key": "living"})
    assert asked.status_code == 302, asked.content.decode()[:2000]
    living = Claim.objects.get(city_code=CITY, kind="living")
    desk.review([living], later)
    desk.pay(taught.training_class.project.fund_source, later + timedelta(days=20))
    assert lines("living") == [("paid", "person", 240_00)]
    mine = ClaimLine.objects.get(city_code=CITY, claim=living)
    told(phone.get(reverse("worker:subsidy", args=[CITY, mine.pk])), "钱已经到账", *by_day)
    assert prove(CITY).findings == ()
    # Afterwards a slip in the text is put right: beside the amount stand the figures that made it.
    path = "cn-53/shenghuofei/2022-01-01.yaml"
    text = re.sub(r"scenarios:.*", "", (settings.POLICIES / path).read_text(), flags=re.S)
    in_force(path, text.replace("value: 6000", "value: 7000"))
    put_right = line_view(ClaimLine.objects.get(city_code=CITY, claim=living)).steps
    assert "60.00/天" in put_right[0].operation


def test_the_skill_upgrade_that_a_worker_claims_with_one_tap(at_time: Clock) -> None:
    person, certificate = holder()
    budget(10_000_000, region_code=HEPING, fund_source=FundSource.UNEMPLOYMENT_INSURANCE, year=2025)
    at_time(APPLIED)
    asked = phone_of(person).post("/my/me/claimable/", {"of": f"skill_upgrade-{certificate.pk}", "key": "once"})
    assert asked.status_code == 302
    desk = Bureau(HEPING, at_time)
    desk.review([Claim.objects.get(city_code=CITY, kind="skill_upgrade")], APPLIED)
    desk.pay(FundSource.UNEMPLOYMENT_INSURANCE, APPLIED + timedelta(days=20))
    assert lines("skill_upgrade") == [("paid", "person", 2_000_00)]
    assert prove(CITY).findings == ()

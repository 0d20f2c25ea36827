"""Enterprise direct, evaluation and project purchase: assembled from the class, asked for little, decided by their own rules."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from factories import registry
from factories.bought import PER_HOUR
from factories.funds import budget
from factories.identity import sign_in
from factories.lawbook import in_force
from factories.people import Bureau, grouped, paid
from factories.subsidies import APPROVED, ASSESSED, CITY, FULL_FEN, HEPING, PUBLISHED, Case, approved, assembled, case
from zhaoliang import policy
from zhaoliang.catalogue.models import Project
from zhaoliang.catalogue.services import sign_contract
from zhaoliang.classes.forecast import keep_forecast
from zhaoliang.classes.selectors import roster
from zhaoliang.employment.models import JobRecord
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.policy import Outcome
from zhaoliang.registry.models import PersonGrant, PersonStatus
from zhaoliang.registry.services import record_status
from zhaoliang.subsidies import services
from zhaoliang.subsidies.materials import materials
from zhaoliang.subsidies.models import Claim, ClaimLine, Evidence
from zhaoliang.subsidies.services import mass
from zhaoliang.subsidies.surprises import surprises

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F2", "F5")]


def lines(claim: Claim) -> list[ClaimLine]:
    rows = ClaimLine.objects.select_related("decision", "enrolment", "person", "claim__provider")
    return list(rows.filter(city_code=CITY, claim=claim).order_by("id"))


def rules(line: ClaimLine, outcome: Outcome) -> list[str]:
    assert line.decision is not None
    return [one.rule_id for one in policy.Decision.from_json(line.decision.record).with_outcome(outcome)]


def staff_class(size: int = 2) -> Case:
    """An enterprise trains its own staff, whose group is proved."""
    enterprise = registry.organisation(kind="enterprise", account_number="6299990000000000019")
    made = case(size, provider=enterprise, group="12", employer_uscc=enterprise.uscc)
    for person in made.people:
        grouped(person, "12", date(2026, 1, 1))
    return made


def contract(made: Case, line: ClaimLine, from_on: date, until: date | None) -> ClaimLine:
    services.add_contract(
        actor=made.staff,
        at=ASSESSED,
        line=line,
        from_on=from_on,
        until=until,
        file_name="劳动合同.pdf",
        content=f"合同 {line.pk}".encode(),
    )
    line.refresh_from_db()
    return line


def video(made: Case, claim: Claim) -> Evidence:
    return services.add_evidence(
        actor=made.staff, at=ASSESSED, claim=claim, kind="video", file_name="课堂.mp4", content=b"video"
    )


@pytest.mark.parametrize("large", [10**9, 0], ids=["singly", "at once"])
def test_an_enterprise_claims_for_its_staff_and_is_asked_for_contract_and_video_only(
    large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mass, "LARGE", large)
    # 人社部函〔2021〕14号 三: plan, sign-in sheet, video; 财社〔2023〕181号 第五条（二）: contract of a year, training within one.
    made = staff_class()
    budget(10_000_000, region_code=HEPING, fund_source=made.training_class.project.fund_source, year=2026)
    claim = assembled(made)
    assert claim.kind == "enterprise_direct"
    long, short = lines(claim)
    assert [line.state for line in (long, short)] == ["to_person", "to_person"]
    asked = materials(claim, lines(claim))
    assert {(one.kind, one.line_id, bool(one.source)) for one in asked} == {
        ("training_plan", None, True),
        ("sign_in_sheet", None, True),
        ("video", None, False),
        ("contract", long.pk, False),
        ("contract", short.pk, False),
    }

    # A year to the day is long enough, a day less is not; the training began within the year.
    long = contract(made, long, date(2025, 6, 1), date(2026, 5, 31))
    assert (long.state, long.amount_fen, long.payee) == ("passed", FULL_FEN, "enterprise")
    short = contract(made, short, date(2025, 6, 2), date(2026, 5, 31))
    assert (short.state, rules(short, Outcome.FAIL)) == ("refused", ["staff_newly_hired"])
    job = JobRecord.objects.get(city_code=CITY, person_id=long.person_id)
    assert job.evidence_sha256 == Evidence.objects.get(city_code=CITY, line=long).sha256

    with pytest.raises(Refusal) as refused:
        services.confirm_claim(actor=made.staff, at=ASSESSED, claim=claim)
    assert refused.value.clause is not None
    assert (refused.value.clause.number, refused.value.clause.ref) == ("人社部函〔2021〕14号", "三")
    video(made, claim)
    services.confirm_claim(actor=made.staff, at=ASSESSED, claim=claim)
    claim = services.pass_first(actor=made.reviewer, at=PUBLISHED, claim=claim)
    claim = services.pass_second(actor=made.second, at=PUBLISHED, claim=claim)
    claim = services.approve_claim(actor=made.approver, at=APPROVED, claim=claim)
    paid(claim, Bureau(made.reviewer, made.approver, made.officer, made.finance), APPROVED)
    assert [line.state for line in lines(claim)] == ["paid", "refused"]
    made.training_class.refresh_from_db()
    assert made.training_class.state == "closed"


def test_a_contract_signed_more_than_a_year_before_is_too_old() -> None:
    made = staff_class(1)
    claim = assembled(made)
    [line] = lines(claim)
    # The class begins on 1 June 2026: signed on 31 May 2025 is a year and a day.
    line = contract(made, line, date(2025, 5, 31), None)
    assert rules(line, Outcome.FAIL) == ["staff_newly_hired"]


def test_what_was_not_asked_for_and_what_is_no_file_is_not_taken() -> None:
    made = staff_class(1)
    claim = assembled(made)
    given: dict[str, Any] = {"actor": made.staff, "at": ASSESSED, "claim": claim}
    with pytest.raises(Refusal, match="没有要求工资发放凭证"):
        services.add_evidence(**given, kind="payroll", file_name="工资.pdf", content=b"a")
    for name, content in (("a.exe", b"a"), ("a.pdf", b"")):
        with pytest.raises(BadInput, match="文件不能用"):
            services.add_evidence(**given, kind="video", file_name=name, content=content)
    assert video(made, claim).pk == video(made, claim).pk
    services.confirm_claim(actor=made.staff, at=ASSESSED, claim=claim)
    with pytest.raises(Refusal, match="材料不再变动"):
        video(made, claim)


def test_the_evaluation_subsidy_is_claimed_beside_the_training_a_line_per_certificate() -> None:
    # 津人社局发〔2022〕20号 第十条 and the table of 2026: class A, senior: 410 yuan, to the provider (第十三条).
    made = case(3, failed=frozenset({2}))
    with pytest.raises(Refusal, match="培训补贴还没有申领"):
        services.assemble_evaluation(actor=system_actor(), at=ASSESSED, training_class=made.training_class)
    approved(made)
    claim = services.assemble_evaluation(actor=made.staff, at=APPROVED, training_class=made.training_class)
    held = lines(claim)
    assert [(line.state, line.amount_fen, line.payee) for line in held] == [("passed", 41_000, "provider")] * 2
    services.confirm_claim(actor=made.staff, at=APPROVED, claim=claim)
    claim = services.pass_first(actor=made.reviewer, at=APPROVED, claim=claim)
    claim = services.pass_second(actor=made.second, at=APPROVED, claim=claim)
    claim = services.approve_claim(actor=made.approver, at=APPROVED.replace(day=28), claim=claim)
    assert PersonGrant.objects.filter(scheme="evaluation", level=4).count() == 2
    with pytest.raises(Refusal, match="已经在申领"):
        services.assemble_evaluation(actor=made.staff, at=APPROVED, training_class=made.training_class)


def test_a_project_is_bought_at_its_own_price_and_the_list_of_enterprises_is_for_a_person() -> None:
    # 津人社局发〔2022〕20号 第十九条: 40 hours, 1,000 yuan, paid to the enterprise, key enterprises only; who may carry it out
    # is looked at.
    made = case(1, with_vouchers=False)
    Project.objects.filter(city_code=CITY, pk=made.training_class.project_id).update(kind="package")
    made.training_class.refresh_from_db()
    claim = assembled(made)
    [line] = lines(claim)
    assert (claim.kind, line.state, line.payee) == ("project", "to_person", "enterprise")
    assert rules(line, Outcome.CANNOT_TELL) == ["project_enterprise", "project_provider"]
    services.confirm_claim(actor=made.staff, at=ASSESSED, claim=claim)
    line = services.judge_line(
        actor=made.reviewer, at=ASSESSED, line=line, passes=True, text="在市级产业链重点企业名单内。"
    )
    assert (line.state, line.amount_fen) == ("passed", 100_000)


def test_a_bought_project_is_forecast_by_its_own_rules_and_what_is_claimed_beside_it_is_no_surprise() -> None:
    made = case(2, with_vouchers=False, attended={1: 30 * 45})
    Project.objects.filter(city_code=CITY, pk=made.training_class.project_id).update(kind="package")
    made.training_class.refresh_from_db()
    keep_forecast(made.training_class, roster(made.training_class), registry.AT)
    full, short = lines(assembled(made))
    # 1,000 yuan were expected of each (第十九条), and 40 hours are asked for.
    [found] = surprises([full, short]).items()
    assert (found[0], found[1].fen) == (short.pk, 100_000)
    assert ("实际出勤课时", "", "30") in {(one.label, one.before, one.after) for one in found[1].changes}
    trained = case(1)
    keep_forecast(trained.training_class, roster(trained.training_class), registry.AT)
    assembled(trained)
    beside = services.assemble_evaluation(actor=trained.staff, at=ASSESSED, training_class=trained.training_class)
    assert surprises(lines(beside)) == {}


def test_what_came_out_otherwise_than_at_filing_says_which_fact_changed() -> None:
    made = case(3, attended={1: 60 * 45})
    keep_forecast(made.training_class, roster(made.training_class), registry.AT)
    record_status(
        actor=system_actor(),
        at=ASSESSED,
        person=made.people[2],
        kind="pension",
        holds=True,
        source="养老待遇比对",
        checked_on=date(2026, 6, 30),
        valid_from=date(2026, 5, 1),
    )
    held = lines(assembled(made))
    found = surprises(held)
    assert set(found) == {held[1].pk, held[2].pk}
    absent, pensioner = found[held[1].pk], found[held[2].pk]
    assert (absent.outcome, absent.fen) == (Outcome.PASS, FULL_FEN)
    assert ("实际出勤课时", "", "60") in {(one.label, one.before, one.after) for one in absent.changes}
    assert [(one.label, one.before, one.after) for one in pensioner.changes] == [("已按月领取养老保险待遇", "否", "是")]


def test_what_was_known_at_filing_and_is_known_no_more_is_named_too() -> None:
    made = case(1)
    keep_forecast(made.training_class, roster(made.training_class), registry.AT)
    PersonStatus.objects.filter(city_code=CITY, person=made.people[0], kind="student").delete()
    [line] = lines(assembled(made))
    [found] = surprises([line]).values()
    assert (line.state, found.outcome, found.fen) == ("to_person", Outcome.PASS, FULL_FEN)
    assert [(one.before, one.after) for one in found.changes] == [("非在校生", "现在还不知道")]


def test_a_project_is_bought_by_person_and_hour_at_the_price_of_its_contract() -> None:
    in_force("cn-13-01/xiangmuzhi/2026-01-01.yaml", PER_HOUR)
    # 120 hours, 100 hours and a third of an hour beside, and ten minutes.
    made = case(3, with_vouchers=False, attended={1: 100 * 45 + 15, 2: 10})
    here = {"city_code": CITY, "pk": made.training_class.project_id}
    officer = registry.actor_with(Role.APPROVER, person=registry.person(), region_code=HEPING)
    terms: dict[str, Any] = {"actor": officer, "at": ASSESSED, "number": "CG-1", "signed_on": date(2026, 5, 1)}
    with pytest.raises(Refusal, match="只有项目制培训按合同购买"):
        sign_contract(**terms, project=made.training_class.project, hour_fen=12_35, person_cap_fen=1_400_00)
    Project.objects.filter(**here).update(kind="package")
    made.training_class.refresh_from_db()
    project = made.training_class.project
    with pytest.raises(BadInput):
        sign_contract(**terms, project=project, hour_fen=12_35, person_cap_fen=12_34)
    sign_contract(**terms, project=project, hour_fen=12_35, person_cap_fen=1_400_00)
    with pytest.raises(Refusal, match="已经登记过"):
        sign_contract(**terms, project=project, hour_fen=1, person_cap_fen=2)
    # Signed after the class began: not for this one.
    desk = sign_in(Client(), registry.user(Role.APPROVER, region_code=HEPING))
    page = reverse("bureau:project", args=[CITY, project.pk])
    typed = {"number": "CG-2", "signed_on": "2026-06-02", "hour_fen": "99", "person_cap_fen": "98", "key": "a"}
    assert "不能低于一课时的单价" in desk.post(page, typed).content.decode()
    assert desk.post(page, typed | {"person_cap_fen": "9,900", "key": "b"}).status_code == 302
    assert "CG-2" in desk.get(page).content.decode()
    Project.objects.filter(**here).update(region_id=130100)
    made.training_class.refresh_from_db()
    whole, part, little = lines(assembled(made))
    # 12.35 × 120 = 1,482.00, at most 1,400; 12.35 × 100⅓ = 1,239.1166…; 12.35 × 2/9 = 2.7444…
    assert [line.decision.amount_fen for line in (whole, part, little) if line.decision] == [1_400_00, 1_239_12, 2_74]
    assert whole.payee == "provider"
    assert whole.decision is not None
    assert whole.decision.evidence["contract_hour_price"]["source"] == "项目制合同 CG-1"


def test_without_a_contract_the_price_is_for_a_person() -> None:
    in_force("cn-13-01/xiangmuzhi/2026-01-01.yaml", PER_HOUR)
    made = case(1, with_vouchers=False)
    Project.objects.filter(city_code=CITY, pk=made.training_class.project_id).update(kind="package", region_id=130100)
    made.training_class.refresh_from_db()
    [line] = lines(assembled(made))
    assert (line.state, line.amount_fen) == ("to_person", 0)

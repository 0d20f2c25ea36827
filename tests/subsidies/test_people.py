"""What people claim themselves: found from the records, one step, the same review, publicity, approval and payment."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from factories import registry
from factories.funds import budget
from factories.people import APPLIED, FUND, Bureau, bureau, grouped, holder, insured, paid, to_approval, worker
from factories.subsidies import APPROVED, CITY, HEPING, SENIOR, approved, case
from zhaoliang import policy
from zhaoliang.certificates.models import Certificate
from zhaoliang.kernel.errors import Refusal
from zhaoliang.policy import Outcome
from zhaoliang.registry.models import Person, PersonGrant
from zhaoliang.subsidies import services
from zhaoliang.subsidies.entitlements import entitlements
from zhaoliang.subsidies.models import Claim, ClaimLine
from zhaoliang.vouchers.refusals import NotForYou

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F2", "F5")]


def rules_of(problem_line: ClaimLine) -> list[str]:
    assert problem_line.decision is not None
    return [one.rule_id for one in policy.Decision.from_json(problem_line.decision.record).refusals]


def test_a_certificate_finds_its_subsidy_and_one_step_brings_it_to_the_card() -> None:
    # 技能提升补贴（2024年口径）: 高级（三级）不超过2000元; 2025: one a year, 12 months of contributions.
    person, certificate = holder()
    budget(10_000_000, region_code=HEPING, fund_source=FUND, year=2025)
    [found] = entitlements(person, on=date(2025, 12, 1))
    assert (found.kind, found.outcome, found.fen) == ("skill_upgrade", Outcome.PASS, 200_000)
    assert found.line.pk is None
    assert not Claim.objects.filter(city_code=CITY).exists()

    line = services.apply_for(
        actor=worker(person), at=APPLIED, person=person, kind="skill_upgrade", certificate=certificate
    )
    assert (line.state, line.amount_fen, line.payee, line.claim.training_class) == ("passed", 200_000, "person", None)

    desk = bureau()
    claim = to_approval(line.claim, desk, APPLIED)
    grant = PersonGrant.objects.get(person_id=person.pk)
    assert (grant.scheme, grant.level, grant.certificate_number) == ("skill_upgrade", SENIOR, certificate.number)
    paid(claim, desk, APPLIED + timedelta(days=20))
    line.refresh_from_db()
    assert line.state == "paid"
    claim.refresh_from_db()
    assert claim.state == "settled"
    with pytest.raises(Refusal, match="没有重复申领"):
        services.apply_for(
            actor=worker(person), at=APPLIED, person=person, kind="skill_upgrade", certificate=certificate
        )


def test_applications_of_a_region_are_collected_until_a_reviewer_takes_them_up() -> None:
    first, of_first = holder()
    second, of_second = holder()
    third, of_third = holder()
    one = services.apply_for(actor=worker(first), at=APPLIED, person=first, kind="skill_upgrade", certificate=of_first)
    two = services.apply_for(
        actor=worker(second), at=APPLIED, person=second, kind="skill_upgrade", certificate=of_second
    )
    assert one.claim_id == two.claim_id
    taken = services.take_up(actor=bureau().reviewer, at=APPLIED, claim=one.claim)
    assert (taken.state, taken.confirmed_at) == ("first_review", APPLIED)
    later = services.apply_for(
        actor=worker(third), at=APPLIED, person=third, kind="skill_upgrade", certificate=of_third
    )
    assert later.claim_id != one.claim_id


@pytest.mark.parametrize(
    ("issued_on", "outcome"),
    [(date(2024, 12, 1), Outcome.PASS), (date(2024, 11, 30), Outcome.FAIL)],
    ids=["exactly twelve months", "a day more"],
)
def test_within_twelve_months_of_the_certificate_to_the_day(issued_on: date, outcome: Outcome) -> None:
    person, _ = holder(issued_on)
    [found] = entitlements(person, on=date(2025, 12, 1))
    assert found.outcome is outcome
    if outcome is Outcome.FAIL:
        assert [one.rule_id for one in found.problems] == ["within_a_year"]


def test_a_certificate_that_a_training_subsidy_was_paid_for_gives_no_second_one() -> None:
    # 人社部发〔2025〕10号 四（七）: 未领取过职业培训补贴的人员.
    made = case(1)
    approved(made)
    person = made.people[0]
    certificate = Certificate.objects.get(city_code=CITY, person=person)
    insured(person, as_of=date(2026, 6, 30), at=APPROVED)
    with pytest.raises(Refusal) as refused:
        services.apply_for(
            actor=worker(person), at=APPROVED, person=person, kind="skill_upgrade", certificate=certificate
        )
    assert refused.value.clause is not None
    assert (refused.value.clause.number, refused.value.clause.ref) == ("人社部发〔2025〕10号", "四（七）")


def test_too_few_months_refuse_and_an_old_answer_of_the_register_does_not() -> None:
    person, _ = holder(months=11)
    [found] = entitlements(person, on=date(2025, 12, 1))
    assert [one.rule_id for one in found.problems] == ["insured_long_enough"]
    assert found.outcome is Outcome.FAIL
    other, _ = holder(months=11, as_of=date(2025, 9, 30))
    [found] = entitlements(other, on=date(2025, 12, 1))
    assert found.outcome is Outcome.CANNOT_TELL
    assert "insured_months" in {name for one in found.problems for name in one.missing}


def test_nobody_claims_for_another_or_without_an_account() -> None:
    person, certificate = holder()
    other = registry.person()
    with pytest.raises(ValueError, match="does not rest on"):
        services.apply_for(actor=worker(other), at=APPLIED, person=other, kind="skill_upgrade", certificate=certificate)
    Person.objects.filter(city_code=CITY, pk=person.pk).update(card_number="")
    with pytest.raises(Refusal, match="没有登记社会保障卡银行账号"):
        services.apply_for(
            actor=worker(person), at=APPLIED, person=person, kind="skill_upgrade", certificate=certificate
        )


def test_the_living_allowance_follows_the_training_subsidy_once_a_year() -> None:
    # 津人社局发〔2022〕20号 第十一条: 就业困难人员 1000 元, 一年内申请; 第十三条: 拨付参训个人.
    made = case(2, group="07")
    for person in made.people:
        grouped(person, "07", date(2026, 1, 1))
    person = made.people[0]
    assert [one.kind for one in entitlements(person, on=date(2026, 7, 1))] == ["skill_upgrade"]
    approved(made)
    found = {one.kind: one for one in entitlements(person, on=date(2026, 7, 13))}
    assert (found["living"].outcome, found["living"].fen) == (Outcome.PASS, 100_000)
    training = ClaimLine.objects.get(city_code=CITY, enrolment=made.enrolments[0], kind="training")

    line = services.apply_for(actor=worker(person), at=APPROVED, person=person, kind="living", training=training)
    assert (line.state, line.amount_fen, line.payee) == ("passed", 100_000, "person")
    desk = Bureau(made.reviewer, made.approver, made.officer, made.finance)
    claim = to_approval(line.claim, desk, APPROVED)
    assert PersonGrant.objects.filter(person_id=person.pk, scheme="living", level=0).count() == 1
    paid(claim, desk, APPROVED + timedelta(days=20))
    line.refresh_from_db()
    assert line.state == "paid"

    # The same occupation and level again: there is no second voucher for it, so that no second allowance can follow.
    with pytest.raises(NotForYou, match="同一职业同一等级不得重复享受补贴"):
        case(1, group="07", people=[person], later=timedelta(days=30))


def test_the_living_allowance_is_asked_for_within_a_year_of_the_publicity() -> None:
    made = case(1, group="07")
    grouped(made.people[0], "07", date(2026, 1, 1))
    approved(made)
    # The publicity ended on 10 July 2026.
    for on, outcome in ((date(2027, 7, 10), Outcome.PASS), (date(2027, 7, 11), Outcome.FAIL)):
        [found] = [one for one in entitlements(made.people[0], on=on) if one.kind == "living"]
        assert found.outcome is outcome, on
        assert outcome is Outcome.PASS or [one.rule_id for one in found.problems] == ["living_in_time"]

"""A claim comes from the class by itself, and the rules decide every line with clause, facts and amount."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from factories import registry
from factories.subsidies import (
    ASSESSED,
    CITY,
    END,
    FULL_FEN,
    HEPING,
    PLANNED,
    SENIOR,
    START,
    WELDER,
    assembled,
    case,
    certify,
    confirmed,
    trainee,
)
from zhaoliang import policy
from zhaoliang.attendance.models import Attendance
from zhaoliang.evaluation.models import ExamResult
from zhaoliang.kernel.errors import BadInput, Forbidden, Refusal, WrongState
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.policy import Outcome
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.registry.models import PersonGrant
from zhaoliang.registry.services import record_status
from zhaoliang.subsidies import selectors, services
from zhaoliang.subsidies.models import Claim, ClaimLine, Decision
from zhaoliang.vouchers.models import Voucher

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F2", "F3")]


def lines(claim: Claim) -> list[ClaimLine]:
    return list(
        ClaimLine.objects.select_related("decision", "voucher", "certificate")
        .filter(city_code=CITY, claim=claim)
        .order_by("id")
    )


def refused_by(line: ClaimLine) -> list[str]:
    """The rules that refuse a line."""
    assert line.decision is not None
    return [result.rule_id for result in policy.Decision.from_json(line.decision.record).refusals]


def asked_by(line: ClaimLine) -> list[str]:
    """The rules that cannot tell."""
    assert line.decision is not None
    return [result.rule_id for result in policy.Decision.from_json(line.decision.record).questions]


def test_a_claim_types_nothing() -> None:
    made = case(3)
    claim = assembled(made)
    made.training_class.refresh_from_db()
    assert (claim.state, made.training_class.state) == ("assembled", "in_claim")
    found = lines(claim)
    assert [line.person_id for line in found] == [person.pk for person in made.people]
    for line in found:
        assert (line.state, line.amount_fen, line.payee) == ("passed", FULL_FEN, "provider")
        assert (line.planned_minutes, line.credited_minutes) == (PLANNED, PLANNED)
        assert line.voucher is not None
        assert line.voucher.state == "in_claim"
        assert line.certificate is not None
        assert (line.occupation_id, line.level) == (WELDER, SENIOR)


def test_every_rule_of_a_decision_cites_a_clause_and_its_facts_name_their_evidence() -> None:
    claim = assembled(case(1))
    view = selectors.claim_page(CITY, claim.pk, at=ASSESSED).lines[0]
    assert view.findings
    assert all(finding.citation.clause and finding.citation.excerpt for finding in view.findings)
    assert all(fact.evidence for finding in view.findings for fact in finding.facts if fact.value != "未知")
    assert view.steps[-1].value_fen == FULL_FEN
    assert "第十三条" in view.payee_clause


def test_replaying_a_stored_decision_gives_the_same_fen() -> None:
    for line in lines(assembled(case(2, attended={1: 4314}))):
        assert line.decision is not None
        stored = policy.Decision.from_json(line.decision.record)
        assert lawbook().replay(stored).fen == stored.fen


@pytest.mark.parametrize(("minutes", "state"), [(4314, "refused"), (4320, "passed")])
def test_attendance_of_799_permille_is_refused_and_of_exactly_80_percent_is_not(minutes: int, state: str) -> None:
    line = lines(assembled(case(1, attended={0: minutes})))[0]
    assert line.state == state
    assert refused_by(line) == (["attendance"] if state == "refused" else [])
    assert line.amount_fen == (0 if state == "refused" else FULL_FEN)


def test_who_failed_the_examination_has_no_certificate_and_no_subsidy() -> None:
    line = lines(assembled(case(1, failed=frozenset({0}))))[0]
    assert line.state == "refused"
    assert "certificate_obtained" in refused_by(line)


def test_a_certificate_that_is_not_out_yet_refuses_nobody() -> None:
    line = lines(assembled(case(1, uncertified=frozenset({0}))))[0]
    assert (line.state, line.amount_fen) == ("to_person", 0)
    assert refused_by(line) == []
    assert "certificate_obtained" in asked_by(line)


def test_a_person_nobody_compared_with_the_pension_register_goes_to_a_person() -> None:
    unknown = registry.person()
    line = lines(assembled(case(people=[unknown])))[0]
    assert line.state == "to_person"
    assert {"not_drawing_pension", "not_establishment_staff"} <= set(asked_by(line))


def test_a_pension_drawn_is_refused_with_the_article() -> None:
    person = trainee()
    # Found out after the voucher was claimed, which it would have been refused for.
    made = case(people=[person])
    record_status(
        actor=system_actor(),
        at=registry.AT,
        person=person,
        kind="pension",
        holds=True,
        source="数据比对",
        checked_on=START,
    )
    claim = assembled(made)
    view = selectors.claim_page(CITY, claim.pk, at=ASSESSED).lines[0]
    refusal = view.problems[0]
    assert (refusal.rule_id, refusal.outcome) == ("not_drawing_pension", Outcome.FAIL)
    assert "第四条" in str(refusal.citation)


def test_a_status_without_a_first_day_only_asks_about_a_class_before_it_was_looked_up() -> None:
    made = case(2)
    told = {"actor": system_actor(), "at": ASSESSED, "kind": "pension", "holds": True, "source": "数据比对"}
    record_status(**told, person=made.people[0], checked_on=START + timedelta(days=1))
    # That it was so before the class is known.
    record_status(**told, person=made.people[1], checked_on=START + timedelta(days=1), valid_from=START)
    claim = assembled(made)
    asked, refused = lines(claim)
    assert (asked.state, refused.state) == ("to_person", "refused")
    assert (asked_by(asked), refused_by(refused)) == (["not_drawing_pension"], ["not_drawing_pension"])
    # The road of a single line says the same.
    assert [selectors.line_today(line).outcome for line in (asked, refused)] == [Outcome.CANNOT_TELL, Outcome.FAIL]


def test_the_same_occupation_and_level_granted_in_another_city_is_refused() -> None:
    person = trainee()
    made = case(people=[person])
    PersonGrant.objects.create(
        person_id=person.pk,
        scheme="training",
        occupation_code=WELDER,
        level=SENIOR,
        city_code=370900,
        fund_source="employment_subsidy",
        granted_on=START,
        source="泰安",
    )
    line = lines(assembled(made))[0]
    assert line.state == "refused"
    assert "same_level_twice" in refused_by(line)


def test_an_enterprise_is_paid_for_its_staff_and_a_person_who_paid_himself_is_paid_himself() -> None:
    assert lines(assembled(case(1, group="12")))[0].payee == "enterprise"
    prepaid = lines(assembled(case(1, prepaid_by_person=True)))[0]
    assert prepaid.payee == "person"
    assert prepaid.decision is not None
    assert "财社〔2023〕181号" in prepaid.decision.record["payee"]["citation"]


def test_a_claim_is_made_once_and_only_after_the_results() -> None:
    made = case(1)
    assembled(made)
    with pytest.raises(WrongState):
        assembled(made)
    early = case(1)
    early.training_class.state = "ended"
    early.training_class.save(update_fields=["state"])
    with pytest.raises(WrongState):
        assembled(early)


def test_a_voucher_nobody_verified_stops_the_claim() -> None:
    made = case(2)
    Voucher.objects.filter(city_code=CITY, pk=made.vouchers[0].pk).update(state="used")
    with pytest.raises(Refusal, match="有 1 张培训券还没有验证"):
        assembled(made)
    assert not Claim.objects.filter(city_code=CITY, training_class=made.training_class).exists()


def test_another_provider_cannot_make_or_confirm_the_claim() -> None:
    made, other = case(1), case(1)
    with pytest.raises(Forbidden):
        services.assemble_claim(actor=other.staff, at=ASSESSED, training_class=made.training_class)
    claim = assembled(made)
    with pytest.raises(Forbidden):
        services.confirm_claim(actor=other.staff, at=ASSESSED, claim=claim)


def test_checking_again_without_news_writes_nothing() -> None:
    claim = assembled(case(2))
    before = Decision.objects.filter(city_code=CITY).count()
    services.run_checks(actor=system_actor(), at=ASSESSED, claim=claim)
    assert Decision.objects.filter(city_code=CITY).count() == before


def test_a_corrected_attendance_is_decided_anew_and_the_old_decision_stays() -> None:
    made = case(1, attended={0: 4000})
    claim = assembled(made)
    Attendance.objects.filter(city_code=CITY, enrolment=made.enrolments[0]).update(credited_minutes=PLANNED)
    services.run_checks(actor=system_actor(), at=ASSESSED, claim=claim)
    line = lines(claim)[0]
    assert (line.state, line.amount_fen) == ("passed", FULL_FEN)
    assert [decision.outcome for decision in selectors.decisions_of(line)] == ["pass", "fail"]


def test_a_disputed_line_waits_for_a_person() -> None:
    made = case(2, attended={0: 4000})
    claim = assembled(made)
    first = lines(claim)[0]
    services.confirm_claim(actor=made.staff, at=ASSESSED, claim=claim, disputes={first.pk: "签到机故障，有监控录像"})
    states = [(line.state, line.question) for line in lines(claim)]
    assert states == [("to_person", "签到机故障，有监控录像"), ("passed", "")]


@pytest.mark.parametrize("text", ["", "  ", "字" * 501])
def test_a_dispute_needs_its_reason(text: str) -> None:
    made = case(1)
    claim = assembled(made)
    with pytest.raises(BadInput):
        services.confirm_claim(actor=made.staff, at=ASSESSED, claim=claim, disputes={lines(claim)[0].pk: text})
    claim.refresh_from_db()
    assert claim.state == "assembled"


def test_a_line_of_another_claim_cannot_be_disputed() -> None:
    made, other = case(1), case(1)
    claim, foreign = assembled(made), lines(assembled(other))[0]
    with pytest.raises(BadInput):
        services.confirm_claim(actor=made.staff, at=ASSESSED, claim=claim, disputes={foreign.pk: "这不是我们的明细"})


def test_the_review_page_costs_the_same_for_three_and_for_nine(django_assert_num_queries: Any) -> None:
    small, large = assembled(case(3)), assembled(case(9))
    selectors.claim_page(CITY, small.pk, at=ASSESSED)
    with django_assert_num_queries(9):
        selectors.claim_page(CITY, small.pk, at=ASSESSED)
    with django_assert_num_queries(9):
        page = selectors.claim_page(CITY, large.pk, at=ASSESSED)
    assert (page.counts["passed"], page.total_fen) == (9, 9 * FULL_FEN)


def test_the_queue_shows_each_desk_its_own_work() -> None:
    made = case(1)
    claim = assembled(made)
    assert [item.task for item in selectors.queue(made.staff, on=END, limit=9)] == ["请确认并提交"]
    assert selectors.queue(made.reviewer, on=END, limit=9) == []
    services.confirm_claim(actor=made.staff, at=ASSESSED, claim=claim)
    assert [item.claim.pk for item in selectors.queue(made.reviewer, on=END, limit=9)] == [claim.pk]
    assert selectors.queue(made.reviewer, on=END, limit=0) == []
    elsewhere = registry.actor_with(Role.REVIEWER, region_code=120102)
    assert selectors.queue(elsewhere, on=END, limit=9) == []
    assert made.training_class.project.region_id == HEPING


def test_a_certificate_of_another_level_is_refused() -> None:
    made = case(1, uncertified=frozenset({0}))
    result = ExamResult.objects.select_related("exam__evaluator").get(city_code=CITY, enrolment=made.enrolments[0])
    certify(result, result.exam.evaluator, "S000012000000264000001", level=SENIOR - 1)
    assert refused_by(lines(confirmed(made))[0]) == ["certificate_level_matches"]

"""Two people, publicity in working days, objections, and the approval that makes the money due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from factories import registry
from factories.funds import budget
from factories.subsidies import (
    APPROVED,
    ASSESSED,
    CITY,
    FULL_FEN,
    HEPING,
    PUBLISHED,
    SENIOR,
    WELDER,
    Case,
    approved,
    assembled,
    case,
    certify,
    confirmed,
    published,
    trainee,
)
from zhaoliang.classes.models import Enrolment
from zhaoliang.evaluation.models import ExamResult
from zhaoliang.funds.selectors import transfers_of, verify_books
from zhaoliang.kernel import faults
from zhaoliang.kernel.days import CHINA, CalendarNotPublished
from zhaoliang.kernel.errors import BadInput, Exhausted, Forbidden, Refusal, SamePerson, WrongState
from zhaoliang.kernel.roles import Actor, Role, system_actor
from zhaoliang.registry.models import PersonGrant, RoleAssignment
from zhaoliang.registry.selectors import notices_of
from zhaoliang.registry.services import record_status
from zhaoliang.subsidies import selectors, services
from zhaoliang.subsidies.models import Claim, ClaimLine

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F4")]


def lines(claim: Claim) -> list[ClaimLine]:
    return list(
        ClaimLine.objects.select_related("decision", "voucher").filter(city_code=CITY, claim=claim).order_by("id")
    )


def unknown_case() -> Case:
    """A class of one about whom no register has answered."""
    return case(people=[registry.person()])


def same_person(actor: Actor, *roles: Role) -> Actor:
    """Another account of the same natural person."""
    other = registry.actor_with(roles[0])
    return Actor(other.user_id, actor.person_id, actor.name, other.assignments)


def test_a_line_that_waits_for_a_person_holds_up_the_first_review() -> None:
    made = unknown_case()
    claim = confirmed(made)
    with pytest.raises(Refusal, match="有 1 条明细尚待人工判断"):
        services.pass_first(actor=made.reviewer, at=ASSESSED, claim=claim)
    line = lines(claim)[0]
    judged = services.judge_line(
        actor=made.reviewer, at=ASSESSED, line=line, passes=True, text="已电话向社保中心核实，未领取养老金"
    )
    assert (judged.state, judged.amount_fen) == ("passed", FULL_FEN)
    services.pass_first(actor=made.reviewer, at=ASSESSED, claim=claim)


def test_a_judgement_needs_a_text() -> None:
    made = unknown_case()
    line = lines(confirmed(made))[0]
    with pytest.raises(BadInput):
        services.judge_line(actor=made.reviewer, at=ASSESSED, line=line, passes=True, text=" ")


def test_no_person_overrules_a_clause_that_refuses() -> None:
    made = case(1, attended={0: 4000})
    claim = assembled(made)
    line = lines(claim)[0]
    services.confirm_claim(actor=made.staff, at=ASSESSED, claim=claim, disputes={line.pk: "请予照顾，学员家庭困难"})
    with pytest.raises(Refusal, match="规则明确不予补贴"):
        services.judge_line(actor=made.reviewer, at=ASSESSED, line=line, passes=True, text="同意照顾这名学员")
    refused = services.judge_line(
        actor=made.reviewer, at=ASSESSED, line=line, passes=False, text="出勤不足，维持原结论"
    )
    assert refused.state == "refused"


def test_a_reviewer_may_doubt_what_the_rules_passed() -> None:
    made = case(1)
    claim = confirmed(made)
    line = services.question_line(actor=made.reviewer, at=ASSESSED, line=lines(claim)[0], text="签到照片疑似同一人")
    assert (line.state, line.amount_fen) == ("to_person", 0)


def test_the_second_reviewer_is_somebody_else_also_behind_another_account() -> None:
    made = case(1)
    claim = services.pass_first(actor=made.reviewer, at=PUBLISHED, claim=confirmed(made))
    with pytest.raises(SamePerson):
        services.pass_second(actor=same_person(made.reviewer, Role.APPROVER), at=PUBLISHED, claim=claim)
    assert services.pass_second(actor=made.second, at=PUBLISHED, claim=claim).state == "publicity"


def test_the_database_refuses_one_person_at_both_desks() -> None:
    made = case(1)
    claim = services.pass_first(actor=made.reviewer, at=PUBLISHED, claim=confirmed(made))
    statements = (
        "UPDATE claim SET second_person = first_person WHERE city_code = %s AND id = %s",
        "UPDATE claim SET second_user = first_user WHERE city_code = %s AND id = %s",
        "UPDATE claim SET approved_by_person = first_person WHERE city_code = %s AND id = %s",
        "UPDATE claim SET approved_by_user = first_user WHERE city_code = %s AND id = %s",
        "UPDATE claim SET state = 'free_money' WHERE city_code = %s AND id = %s",
    )
    for statement in statements:
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [CITY, claim.pk])


def test_the_database_pays_no_line_without_a_decision_and_no_trainee_twice() -> None:
    made = case(1)
    claim = confirmed(made)
    line = lines(claim)[0]
    again = (
        "INSERT INTO claim_line (city_code, claim_id, enrolment_id, kind, person_id, occupation_id, planned_minutes,"
        " credited_minutes, amount_fen, payee, state, judgement, question, refusal)"
        " SELECT city_code, claim_id, enrolment_id, kind, person_id, occupation_id, 0, 0, 1, payee, 'due', '', '', ''"
        " FROM claim_line WHERE city_code = %s AND id = %s"
    )
    for statement in (
        "UPDATE claim_line SET decision_id = NULL, state = 'approved' WHERE city_code = %s AND id = %s",
        "UPDATE claim_line SET amount_fen = -1 WHERE city_code = %s AND id = %s",
        again,
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [CITY, line.pk])


def test_a_decision_cannot_be_rewritten() -> None:
    decision = lines(assembled(case(1)))[0].decision
    assert decision is not None
    for statement in (
        "UPDATE decision SET amount_fen = 1 WHERE city_code = %s AND id = %s",
        "DELETE FROM decision WHERE city_code = %s AND id = %s",
    ):
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, [CITY, decision.pk])


def test_publicity_counts_five_working_days_after_the_day_of_publication() -> None:
    claim = published(case(1))
    assert (claim.publicity_from, claim.publicity_until) == (date(2026, 7, 3), date(2026, 7, 10))


def test_a_year_without_a_calendar_stops_publication_with_a_clear_word() -> None:
    made = case(1)
    late = datetime(2027, 3, 1, 1, 0, tzinfo=UTC)
    claim = services.pass_first(actor=made.reviewer, at=late, claim=confirmed(made))
    with pytest.raises(CalendarNotPublished):
        services.pass_second(actor=made.second, at=late, claim=claim)
    claim.refresh_from_db()
    assert claim.state == "second_review"
    assert selectors.publicity_clock(claim, at=late).state == "calendar"


def test_the_public_list_shows_no_whole_number() -> None:
    made = case(1)
    claim = published(made)
    shown = selectors.publicity_list(CITY, selectors.in_publicity(CITY, date(2026, 7, 6)))
    assert [one.claim.pk for one in shown] == [claim.pk]
    line = shown[0].lines[0]
    assert line.masked_number.count("*") >= 4
    assert made.people[0].document_number not in str(shown)
    assert made.people[0].name not in line.name
    assert (line.amount_fen, shown[0].total_fen) == (FULL_FEN, FULL_FEN)
    assert not selectors.in_publicity(CITY, date(2026, 7, 2)).exists()
    assert not selectors.in_publicity(CITY, date(2026, 7, 11)).exists()


def test_nothing_is_approved_on_the_last_day_of_publicity() -> None:
    made = case(1)
    claim = published(made)
    last_minute = datetime(2026, 7, 10, 23, 59, tzinfo=CHINA)
    with pytest.raises(Refusal, match="公示到2026年7月10日"):
        services.approve_claim(actor=made.approver, at=last_minute, claim=claim)
    assert services.approve_claim(actor=made.approver, at=last_minute + timedelta(minutes=1), claim=claim).approved_at


def test_an_open_objection_holds_up_the_approval_until_it_is_answered() -> None:
    made = case(1)
    claim = published(made)
    objection = services.raise_objection(
        actor=system_actor("公众"), at=PUBLISHED, claim=claim, text="这名学员没有来上课", contact="19900001234"
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT objection::text FROM objection WHERE city_code = %s", [CITY])
        assert b"19900001234".hex() not in str(cursor.fetchall())
    with pytest.raises(Refusal, match="1 条异议"):
        services.approve_claim(actor=made.approver, at=APPROVED, claim=claim)
    services.answer_objection(
        actor=made.reviewer, at=PUBLISHED, objection=objection, upheld=False, answer="已核对录像，学员在课"
    )
    assert services.approve_claim(actor=made.approver, at=APPROVED, claim=claim).state == "approved"


def test_an_upheld_objection_takes_the_claim_out_of_publicity() -> None:
    made = case(1)
    claim = published(made)
    objection = services.raise_objection(
        actor=system_actor("公众"), at=PUBLISHED, claim=claim, text="这名学员没有来上课"
    )
    services.answer_objection(
        actor=made.approver, at=PUBLISHED, objection=objection, upheld=True, answer="情况属实，重审"
    )
    claim.refresh_from_db()
    assert (claim.state, claim.publicity_until, claim.first_user) == ("first_review", None, None)


def test_objections_are_for_publicity_only() -> None:
    with pytest.raises(Refusal, match="不在公示中"):
        services.raise_objection(actor=system_actor("公众"), at=ASSESSED, claim=confirmed(case(1)), text="没有来上课")


def test_approval_owes_the_money_from_the_reservation_and_enters_the_national_register() -> None:
    made = case(2)
    claim = approved(made)
    assert claim.state == "approved"
    for line in lines(claim):
        assert (line.state, line.amount_fen) == ("approved", FULL_FEN)
        (transfer,) = transfers_of(CITY, "claim_line", line.pk)
        assert (transfer.kind, transfer.amount_fen) == ("accrue", FULL_FEN)
        assert (transfer.debit.kind, transfer.credit.kind) == ("reserved", "payable")
        grant = PersonGrant.objects.get(person_id=line.person_id)
        assert (grant.occupation_code, grant.level, grant.claim_line_id) == (WELDER, SENIOR, line.pk)
    assert verify_books(CITY) == []


def test_what_a_voucher_did_not_reserve_comes_from_the_budget() -> None:
    claim = approved(case(1, voucher_fen=3_000_00))
    line = lines(claim)[0]
    (first,) = transfers_of(CITY, "claim_line", line.pk)
    (second,) = transfers_of(CITY, "claim_line.excess", line.pk)
    assert [(t.debit.kind, t.amount_fen) for t in (first, second)] == [("reserved", 3_000_00), ("budget", 780_00)]


def test_without_vouchers_the_budget_pays_and_an_empty_budget_refuses_the_whole_claim() -> None:
    made = case(2, with_vouchers=False)
    money = budget(FULL_FEN + 1, region_code=HEPING, year=2026)
    # Without a voucher the voucher rules cannot tell, so a person looks.
    claim = confirmed(made)
    for line in lines(claim):
        if line.state == "to_person":
            services.judge_line(actor=made.reviewer, at=ASSESSED, line=line, passes=True, text="本项目不发培训券")
    claim = services.pass_first(actor=made.reviewer, at=PUBLISHED, claim=claim)
    claim = services.pass_second(actor=made.second, at=PUBLISHED, claim=claim)
    with pytest.raises(Exhausted), transaction.atomic():
        services.approve_claim(actor=made.approver, at=APPROVED, claim=claim)
    claim.refresh_from_db()
    money.refresh_from_db()
    assert (claim.state, money.balance_fen) == ("publicity", FULL_FEN + 1)
    assert not PersonGrant.objects.filter(person_id__in=[person.pk for person in made.people]).exists()


def test_a_grant_elsewhere_during_publicity_refuses_the_line_and_frees_its_voucher() -> None:
    made = case(2)
    claim = published(made)
    PersonGrant.objects.create(
        person_id=made.people[0].pk,
        scheme="training",
        occupation_code=WELDER,
        level=SENIOR,
        city_code=370900,
        fund_source="employment_subsidy",
        granted_on=date(2026, 7, 6),
        source="泰安",
    )
    claim = services.approve_claim(actor=made.approver, at=APPROVED, claim=claim)
    first, second = lines(claim)
    assert (first.state, second.state) == ("refused", "approved")
    assert first.refusal
    assert first.voucher is not None
    assert first.voucher.state == "verified"
    assert transfers_of(CITY, "claim_line", first.pk) == []


def test_two_claims_for_the_same_occupation_and_level_pay_once() -> None:
    person = trainee()
    one, two = case(people=[person]), case(people=[person], later=timedelta(days=-21))
    first = published(one)
    # The second is seen to be one of two, and a person looks at it.
    claim = confirmed(two)
    services.judge_line(
        actor=two.reviewer, at=ASSESSED, line=lines(claim)[0], passes=True, text="另一条在审，待审批时比对"
    )
    claim = services.pass_first(actor=two.reviewer, at=PUBLISHED, claim=claim)
    second = services.pass_second(actor=two.second, at=PUBLISHED, claim=claim)
    services.approve_claim(actor=one.approver, at=APPROVED, claim=first)
    services.approve_claim(actor=two.approver, at=APPROVED, claim=second)
    assert [line.state for line in [*lines(first), *lines(second)]] == ["approved", "refused"]


def test_a_pension_reported_during_publicity_refuses_the_line() -> None:
    made = case(1)
    claim = published(made)
    record_status(
        actor=system_actor(),
        at=PUBLISHED,
        person=made.people[0],
        kind="pension",
        holds=True,
        source="数据比对",
        checked_on=date(2026, 7, 8),
        valid_from=date(2026, 5, 1),
    )
    claim = services.approve_claim(actor=made.approver, at=APPROVED, claim=claim)
    made.training_class.refresh_from_db()
    assert (lines(claim)[0].state, claim.state, made.training_class.state) == ("refused", "settled", "closed")


def test_a_returned_claim_comes_back_with_the_mended_facts() -> None:
    made = case(1, uncertified=frozenset({0}))
    claim = confirmed(made)
    claim = services.return_claim(actor=made.reviewer, at=ASSESSED, claim=claim, reason="请先让评价机构上传证书")
    assert (claim.state, claim.return_reason) == ("returned", "请先让评价机构上传证书")
    result = ExamResult.objects.select_related("exam__evaluator").get(city_code=CITY, enrolment=made.enrolments[0])
    certify(result, result.exam.evaluator, "S000012000000263000009")
    [told] = notices_of(city_code=CITY, organisation=made.provider).filter(kind="claim_returned")
    assert "请先让评价机构上传证书" in told.text
    with pytest.raises(BadInput) as silent:
        services.confirm_claim(actor=made.staff, at=ASSESSED, claim=claim)
    assert "reply" in silent.value.fields
    claim = services.confirm_claim(actor=made.staff, at=ASSESSED, claim=claim, reply="证书已由评价机构补传")
    # Both stand before whoever reviews it next.
    assert (claim.return_reason, claim.reply) == ("请先让评价机构上传证书", "证书已由评价机构补传")
    line = lines(claim)[0]
    assert (claim.state, line.state, line.amount_fen) == ("first_review", "passed", FULL_FEN)
    assert line.certificate_id is not None


def test_nobody_decides_on_what_he_or_his_own_organisation_claims_under_any_account() -> None:
    made = case(1)
    claim = confirmed(made)
    staff = registry.user(Role.PROVIDER, organisation=made.provider, person=registry.person())
    reviewer = registry.actor_with(Role.REVIEWER)
    at_both = Actor(reviewer.user_id, staff.person_id, reviewer.name, reviewer.assignments)
    trainee_himself = Actor(reviewer.user_id, made.people[0].pk, reviewer.name, reviewer.assignments)
    for one, why in ((at_both, "任职"), (trainee_himself, "您本人的明细")):
        with pytest.raises(SamePerson, match=why):
            services.pass_first(actor=one, at=PUBLISHED, claim=claim)
    line = services.question_line(actor=made.reviewer, at=ASSESSED, line=lines(claim)[0], text="签到照片疑似同一人")
    with pytest.raises(SamePerson, match="任职"):
        services.judge_line(actor=at_both, at=PUBLISHED, line=line, passes=True, text="看过录像，是本人")
    services.judge_line(actor=made.reviewer, at=PUBLISHED, line=line, passes=True, text="看过录像，是本人")
    claim = services.pass_first(actor=made.reviewer, at=PUBLISHED, claim=claim)
    approver = Actor(made.second.user_id, staff.person_id, "", made.second.assignments)
    with pytest.raises(SamePerson, match="任职"):
        services.pass_second(actor=approver, at=PUBLISHED, claim=claim)
    claim = services.pass_second(actor=made.second, at=PUBLISHED, claim=claim)
    approver = Actor(made.approver.user_id, staff.person_id, "", made.approver.assignments)
    with pytest.raises(SamePerson, match="任职"):
        services.approve_claim(actor=approver, at=APPROVED, claim=claim)
    # Nor does who works for the enterprise that is paid, though the school claims.
    enterprise = registry.organisation(kind="enterprise")
    clerk = registry.user(Role.PROVIDER, organisation=enterprise, person=registry.person())
    Enrolment.objects.filter(city_code=CITY, pk=made.enrolments[0].pk).update(employer_uscc=enterprise.uscc)
    ClaimLine.objects.filter(city_code=CITY, pk=line.pk).update(payee="enterprise")
    hired = Actor(made.approver.user_id, clerk.person_id, "", made.approver.assignments)
    with pytest.raises(SamePerson, match="收款"):
        services.approve_claim(actor=hired, at=APPROVED, claim=claim)
    ClaimLine.objects.filter(city_code=CITY, pk=line.pk).update(payee="provider")
    # Who worked there and left is free to decide.
    RoleAssignment.objects.filter(user=staff).update(valid_to=date(2026, 6, 30))
    assert services.approve_claim(actor=approver, at=APPROVED, claim=claim).state == "approved"


def test_each_desk_returns_only_what_lies_on_it() -> None:
    made = case(1)
    claim = confirmed(made)
    with pytest.raises(Forbidden):
        services.return_claim(actor=made.approver, at=ASSESSED, claim=claim, reason="材料不齐，请补充")
    claim = services.pass_first(actor=made.reviewer, at=ASSESSED, claim=claim)
    with pytest.raises(Forbidden):
        services.return_claim(actor=made.reviewer, at=ASSESSED, claim=claim, reason="材料不齐，请补充")
    assert services.return_claim(actor=made.approver, at=ASSESSED, claim=claim, reason="金额请复核").state == "returned"


def test_the_second_of_two_tabs_is_told_so() -> None:
    made = case(1)
    claim = published(made)
    services.approve_claim(actor=made.approver, at=APPROVED, claim=claim)
    with pytest.raises(WrongState, match="没有公示期满审批"):
        services.approve_claim(actor=made.approver, at=APPROVED, claim=claim)


def test_the_same_key_approves_once() -> None:
    made = case(1)
    claim = published(made)
    answers = [services.approve_claim(actor=made.approver, at=APPROVED, claim=claim, key="tab-1") for _ in range(2)]
    assert answers[0].pk == answers[1].pk
    assert len(transfers_of(CITY, "claim_line", lines(claim)[0].pk)) == 1


@pytest.mark.parametrize("point", faults.points("subsidies.approve"))
def test_a_crash_during_approval_leaves_nothing_and_the_next_try_succeeds(point: str) -> None:
    made = case(2)
    claim = published(made)
    with pytest.raises(faults.Crash), transaction.atomic(), faults.armed(point):
        services.approve_claim(actor=made.approver, at=APPROVED, claim=claim)
    claim.refresh_from_db()
    assert claim.state == "publicity"
    assert not PersonGrant.objects.filter(person_id__in=[person.pk for person in made.people]).exists()
    assert all(transfers_of(CITY, "claim_line", line.pk) == [] for line in lines(claim))
    services.approve_claim(actor=made.approver, at=APPROVED, claim=claim)
    assert [line.state for line in lines(claim)] == ["approved", "approved"]
    assert verify_books(CITY) == []


def test_the_fault_points_of_approval_are_known() -> None:
    assert len(faults.points("subsidies.approve")) == 4

"""An appeal against a refused line: filed once and in time, decided by an outsider, and what it wins goes the whole way to payment."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, transaction

from factories import registry
from factories.subsidies import APPROVED, ASSESSED, CITY, FULL_FEN, HEPING, PUBLISHED, Case, case, confirmed, trainee
from zhaoliang.funds.selectors import verify_books
from zhaoliang.kernel import faults
from zhaoliang.kernel.errors import BadInput, Forbidden, Refusal, SamePerson, WrongState
from zhaoliang.kernel.roles import Actor, Assignment, Role
from zhaoliang.recoveries.proof import prove
from zhaoliang.registry.models import PersonGrant
from zhaoliang.registry.selectors import notices_of
from zhaoliang.subsidies import selectors, services
from zhaoliang.subsidies.appeals import appeals_in, window
from zhaoliang.subsidies.models import Appeal, Claim, ClaimLine

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F4")]
REASON = "社保查询单显示本人从未领取养老金"


def outsider() -> Actor:
    return registry.actor_with(Role.APPROVER, region_code=HEPING)


def refused(made: Case) -> Claim:
    """A claim of two whose first trainee a reviewer judged not to fit, approved without him."""
    claim = confirmed(made)
    for line in ClaimLine.objects.filter(city_code=CITY, claim=claim, state="to_person"):
        services.judge_line(actor=made.reviewer, at=PUBLISHED, line=line, passes=False, text="未能核实养老金状态")
    claim = services.pass_first(actor=made.reviewer, at=PUBLISHED, claim=claim)
    claim = services.pass_second(actor=made.second, at=PUBLISHED, claim=claim)
    return services.approve_claim(actor=made.approver, at=APPROVED, claim=claim)


def two() -> Case:
    return case(people=[registry.person(with_card=True), trainee(with_card=True)])


def lost_line(claim: Claim) -> ClaimLine:
    return selectors.claim_line(CITY, ClaimLine.objects.get(city_code=CITY, claim=claim, state="refused").pk)


def appealed(made: Case, claim: Claim, **given: object) -> Appeal:
    said = {"reason": REASON, "file_name": "查询单.pdf", "content": b"%PDF-1.7 paper", **given}
    return services.file_appeal(actor=made.staff, at=APPROVED + timedelta(days=1), line=lost_line(claim), **said)


def test_what_an_appeal_wins_is_reviewed_published_and_paid_while_the_rest_is_paid_already() -> None:
    made = two()
    claim = refused(made)
    line = lost_line(claim)
    assert claim.state == "approved"
    [told] = notices_of(city_code=CITY, organisation=made.provider).filter(kind="refused")
    assert "8月3日" in told.text
    appeal = appealed(made, claim)
    assert (appeal.state, appeal.due_on, appeal.late) == ("filed", date(2026, 8, 4), False)
    assert [one.pk for one in appeals_in(CITY, HEPING, state="filed")] == [appeal.pk]
    decided_at = APPROVED + timedelta(days=3)
    decider = outsider()
    services.decide_appeal(actor=decider, at=decided_at, appeal=appeal, grants=True, text="查询单属实，原判断有误")
    line.refresh_from_db()
    claim.refresh_from_db()
    assert (line.state, line.amount_fen, claim.state) == ("passed", FULL_FEN, "second_review")
    assert line.voucher is not None
    line.voucher.refresh_from_db()
    assert line.voucher.state == "in_claim"
    [answer] = notices_of(city_code=CITY, organisation=made.provider).filter(kind="appeal")
    assert answer.title == "申诉成立"
    # The decision stands for the first review: who made it takes no later step.
    with pytest.raises(SamePerson):
        services.pass_second(actor=decider, at=decided_at, claim=claim)
    claim = services.pass_second(actor=made.second, at=decided_at, claim=claim)
    [shown] = selectors.publicity_list(CITY, selectors.in_publicity(CITY, claim.publicity_from).filter(pk=claim.pk))
    assert (shown.size, shown.total_fen) == (1, FULL_FEN)
    with pytest.raises(Refusal, match="公示到"):
        services.approve_claim(actor=made.approver, at=decided_at, claim=claim)
    services.approve_claim(actor=made.approver, at=decided_at + timedelta(days=9), claim=claim)
    line.refresh_from_db()
    assert line.state == "approved"
    assert PersonGrant.objects.filter(claim_line_id=line.pk).count() == 1
    assert verify_books(CITY) == []
    assert prove(CITY).findings == ()


@pytest.mark.parametrize("point", faults.points("subsidies.appeal"))
def test_a_crash_while_an_appeal_is_granted_leaves_it_to_be_decided(point: str) -> None:
    made = two()
    claim = refused(made)
    line, appeal = lost_line(claim), appealed(made, claim)
    decision = {"actor": outsider(), "at": APPROVED + timedelta(days=3), "appeal": appeal, "grants": True}
    decision |= {"text": "查询单属实，原判断有误"}
    with pytest.raises(faults.Crash), transaction.atomic(), faults.armed(point):
        services.decide_appeal(**decision)
    for row in (line, claim, appeal):
        row.refresh_from_db()
    assert (line.state, claim.state, appeal.state) == ("refused", "approved", "filed")
    services.decide_appeal(**decision)
    line.refresh_from_db()
    assert line.state == "passed"


def test_who_took_a_step_decides_no_appeal_under_any_account() -> None:
    made = two()
    claim = refused(made)
    appeal = appealed(made, claim)
    for earlier in (made.second, made.approver, made.reviewer):
        other = outsider()
        twin = Actor(other.user_id, earlier.person_id, earlier.name, other.assignments)
        with pytest.raises(SamePerson):
            services.decide_appeal(
                actor=twin, at=APPROVED, appeal=appeal, grants=False, text="维持原结论", clause="第九条"
            )
    with pytest.raises(Forbidden):
        services.decide_appeal(actor=made.reviewer, at=APPROVED, appeal=appeal, grants=True, text="同意申诉")
    appeal.refresh_from_db()
    assert appeal.state == "filed"


def test_an_appeal_turned_down_says_why_by_which_clause_and_where_to_go() -> None:
    made = two()
    claim = refused(made)
    appeal = appealed(made, claim)
    decider = outsider()
    with pytest.raises(BadInput):
        services.decide_appeal(actor=decider, at=APPROVED, appeal=appeal, grants=False, text="查询单不是本人的")
    services.decide_appeal(
        actor=decider, at=APPROVED, appeal=appeal, grants=False, text="查询单不是本人的", clause="津20号第九条"
    )
    [told] = notices_of(city_code=CITY, organisation=made.provider).filter(kind="appeal")
    assert all(word in told.text for word in ("查询单不是本人的", "津20号第九条", "行政复议", "行政诉讼"))
    with pytest.raises(Refusal, match="已经申诉过一次"):
        appealed(made, claim)
    with pytest.raises(WrongState):
        services.decide_appeal(actor=decider, at=APPROVED, appeal=appeal, grants=True, text="改为成立")
    claim.refresh_from_db()
    assert (lost_line(claim).state, claim.state) == ("refused", "approved")


def test_no_appeal_overrules_a_clause() -> None:
    made = case(2, attended={0: 4000})
    claim = refused(made)
    appeal = appealed(made, claim)
    with pytest.raises(Refusal, match="规则明确不予补贴"):
        services.decide_appeal(actor=outsider(), at=APPROVED, appeal=appeal, grants=True, text="家庭困难，同意")
    appeal.refresh_from_db()
    assert (appeal.state, lost_line(claim).state) == ("filed", "refused")


def test_only_an_effective_refusal_is_appealed_against_and_a_late_one_is_marked() -> None:
    made = two()
    claim = confirmed(made)
    line = ClaimLine.objects.get(city_code=CITY, claim=claim, state="to_person")
    with pytest.raises(Refusal, match="已经生效"):
        services.file_appeal(actor=made.staff, at=ASSESSED, line=line, reason=REASON)
    other = two()
    done = refused(other)
    counted = window(lost_line(done))
    # 13 July 2026 is a Monday: fifteen working days end on 3 August.
    assert counted is not None
    assert counted.deadline is not None
    assert counted.deadline.last_day == date(2026, 8, 3)
    late = services.file_appeal(
        actor=other.staff, at=APPROVED + timedelta(days=60), line=lost_line(done), reason=REASON
    )
    assert late.late


def test_a_school_appeals_for_its_own_lines_and_a_trainee_only_for_money_of_his_own() -> None:
    made = two()
    claim = refused(made)
    line = lost_line(claim)
    with pytest.raises(Forbidden):
        services.file_appeal(actor=case(1).staff, at=APPROVED, line=line, reason=REASON)
    role = Assignment(Role.WORKER, HEPING, CITY)
    himself = Actor(None, line.person_id, line.person.name, (role,))
    with pytest.raises(Refusal, match="由机构申诉"):
        services.file_appeal(actor=himself, at=APPROVED, line=line, reason=REASON)
    ClaimLine.objects.filter(city_code=CITY, pk=line.pk).update(payee="person")
    own = services.file_appeal(actor=himself, at=APPROVED, line=lost_line(claim), reason=REASON)
    assert own.side == "worker"
    assert not own.access().organisation_ids


def test_a_claim_opened_again_leaves_other_refusals_alone_and_joins_a_second_appeal() -> None:
    made = case(people=[registry.person(with_card=True), registry.person(with_card=True)])
    claim = refused(made)
    first, second = ClaimLine.objects.filter(city_code=CITY, claim=claim).order_by("id")
    assert claim.state == "settled"
    filed = [
        services.file_appeal(actor=made.staff, at=APPROVED, line=selectors.claim_line(CITY, one.pk), reason=REASON)
        for one in (first, second)
    ]
    decider = outsider()
    services.decide_appeal(actor=decider, at=APPROVED, appeal=filed[0], grants=True, text="查询单属实")
    claim.refresh_from_db()
    second.refresh_from_db()
    assert (claim.state, second.state) == ("second_review", "refused")
    services.return_claim(actor=made.second, at=APPROVED, claim=claim, reason="材料不全请补正")
    claim = services.confirm_claim(actor=made.staff, at=APPROVED, claim=claim, reply="材料已经补正")
    second.refresh_from_db()
    assert second.state == "refused"
    with pytest.raises(Refusal, match="在期限内提出申诉"):
        services.question_line(actor=made.reviewer, at=APPROVED, line=second, text="想再看一遍")
    services.decide_appeal(actor=decider, at=APPROVED, appeal=filed[1], grants=True, text="查询单属实")
    assert set(ClaimLine.objects.filter(city_code=CITY, claim=claim).values_list("state", flat=True)) <= {
        "passed",
        "to_person",
    }


def test_the_database_keeps_appeals_and_wants_reasons() -> None:
    made = two()
    appeal = appealed(made, refused(made))
    for change in ({"state": "granted"}, {"state": "rejected", "decision": "不成立"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Appeal.objects.filter(city_code=CITY, pk=appeal.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        appeal.delete()

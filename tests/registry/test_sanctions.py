"""The ladder of sanctions by the region's text: told, answered, decided by two, counted up, lifted, and what it bars."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from factories import classes
from factories import registry as make
from factories.subsidies import APPROVED, ASSESSED, CITY, assembled, case, confirmed, published
from zhaoliang.classes.services import accept_class
from zhaoliang.kernel.days import CHINA, chinese_day
from zhaoliang.kernel.errors import Refusal, SamePerson, WrongState
from zhaoliang.kernel.roles import Actor, Place, Role, system_actor
from zhaoliang.registry import services
from zhaoliang.registry.models import Notice, Organisation, Sanction
from zhaoliang.registry.standing import Barred, Gate, barred_organisations, standing_on
from zhaoliang.subsidies import services as subsidies
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.subsidies.services.paying import take_for_payment

pytestmark = [pytest.mark.django_db, pytest.mark.mission("I3", "F4")]

FACTS = "2023年5月9日现场检查，3人缺课而签到表有签名"
# Tianjin's own ladder is in force until the end of August 2024.
TOLD = datetime(2023, 5, 10, 10, 0, tzinfo=CHINA)
# Five working days after 10 May 2023, a Wednesday, end on the 17th.
DECIDED = datetime(2023, 5, 18, 10, 0, tzinfo=CHINA)


def office() -> tuple[Actor, Actor]:
    return tuple(make.actor_with(role, person=make.person()) for role in (Role.INSPECTOR, Role.APPROVER))  # type: ignore[return-value]


def imposed(held: Organisation, violation: str, *, told: datetime = TOLD, blacklist: bool = False) -> Sanction:
    return make.sanctioned(held, violation, told=told, blacklist=blacklist)


def test_a_step_is_told_answered_and_decided_by_a_second_person() -> None:
    held = make.organisation()
    (inspector, approver), staff = office(), make.actor_with(Role.PROVIDER, organisation=held, person=make.person())
    made = services.propose_sanction(
        actor=inspector, at=TOLD, organisation=held, violation="unfit_premises", text=FACTS
    )
    assert (made.step, made.citation, made.verified) == ("rectification", "津人社办发〔2022〕60号 第二十一条", True)
    # The reply window and the office's own last day come from the platform's settings where the text names none.
    assert (made.reply_until, made.decide_by) == (date(2023, 5, 17), date(2023, 5, 31))
    assert Notice.objects.filter(city_code=CITY, organisation=held, kind="sanction").count() == 1
    both = Actor(inspector.user_id, inspector.person_id, "", approver.assignments)
    for again in (both, Actor((both.user_id or 0) + 10**6, both.person_id, "", both.assignments)):
        with pytest.raises(SamePerson):
            services.decide_sanction(
                actor=again, at=DECIDED, sanction=made, imposes=True, text="予以处理，理由如前所述"
            )
    with pytest.raises(Refusal, match="陈述申辩期"):
        services.decide_sanction(actor=approver, at=TOLD, sanction=made, imposes=True, text="予以处理，理由如前所述")
    made = services.reply_sanction(actor=staff, at=TOLD, sanction=made, text="三名学员当天请假，补签手续见附件")
    made = services.decide_sanction(
        actor=approver, at=TOLD, sanction=made, imposes=True, text="请假没有事前手续，不予采纳"
    )
    # Six months without new classes, one month to mend.
    assert (made.from_day, made.until_day) == (date(2023, 5, 10), date(2023, 11, 9))
    assert made.rectify_by == date(2023, 6, 9)
    with pytest.raises(WrongState):
        services.reply_sanction(actor=staff, at=TOLD, sanction=made, text="再补充一份说明，请予考虑")


@pytest.mark.parametrize(
    ("day", "filing", "voucher"),
    [(date(2023, 5, 9), False, False), (date(2023, 5, 18), True, True), (date(2023, 6, 1), True, False)],
)
def test_a_rectification_bars_new_classes_to_its_end_and_vouchers_until_mended(
    day: date, filing: bool, voucher: bool
) -> None:
    made = imposed(make.organisation(), "unfit_premises")
    services.accept_rectification(
        actor=office()[0],
        at=datetime(2023, 5, 30, 9, 0, tzinfo=CHINA),
        sanction=made,
        text="场地已更换，现场核对合格",
    )
    standing = standing_on(made.organisation, day)
    assert (standing.barring(Gate.FILING) is not None, standing.barring(Gate.VOUCHER) is not None) == (filing, voucher)
    assert all(standing.barring(gate) is None for gate in (Gate.CLAIM, Gate.APPROVAL, Gate.PAYMENT))
    assert standing_on(made.organisation, date(2023, 11, 18)).barring(Gate.FILING) is None


def test_the_same_breach_climbs_the_ladder_within_a_calendar_year_and_starts_anew_in_the_next() -> None:
    held = make.organisation()
    steps = [
        imposed(held, "low_attendance", told=datetime(2023, month, 6, 9, 0, tzinfo=CHINA)).step for month in (2, 3, 4)
    ]
    steps.append(imposed(held, "low_attendance", told=datetime(2024, 1, 8, 9, 0, tzinfo=CHINA)).step)
    assert steps == ["interview", "interview", "rectification", "interview"]


def test_after_the_text_has_expired_the_default_ladder_only_advises_and_says_so() -> None:
    made = imposed(make.organisation(), "fraud", told=datetime(2026, 6, 1, 9, 0, tzinfo=CHINA))
    assert (made.step, made.verified) == ("termination", False)
    # Two years from 9 June 2026.
    assert made.until_day == date(2028, 6, 8)


def test_what_the_office_does_not_decide_in_time_is_not_imposed() -> None:
    held = make.organisation()
    inspector, approver = office()
    made = services.propose_sanction(actor=inspector, at=TOLD, organisation=held, violation="fraud", text=FACTS)
    late = datetime(2023, 6, 1, 0, 0, tzinfo=CHINA)
    with pytest.raises(Refusal, match="逾期视为不予处理"):
        services.decide_sanction(actor=approver, at=late, sanction=made, imposes=True, text="予以处理，理由如前所述")
    assert services.lapse_sanctions(actor=system_actor(), at=late - timedelta(seconds=1), place=Place(CITY, CITY)) == 0
    assert services.lapse_sanctions(actor=system_actor(), at=late, place=Place(CITY, CITY)) == 1
    made.refresh_from_db()
    assert (made.state, standing_on(held, chinese_day(late)).sanctions) == ("lapsed", ())


def test_two_people_lift_a_sanction_and_the_database_holds_them_to_it() -> None:
    made = imposed(make.organisation(), "fraud")
    inspector, approver = office()
    made = services.ask_lift(actor=inspector, at=DECIDED, sanction=made, text="复查证明当时记录有误，机构陈述属实")
    same = Actor((inspector.user_id or 0) + 10**6, inspector.person_id, "", approver.assignments)
    with pytest.raises(SamePerson):
        services.decide_lift(actor=same, at=DECIDED, sanction=made, lifts=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Sanction.objects.filter(city_code=CITY, pk=made.pk).update(lifted_by_person=inspector.person_id)
    with pytest.raises(IntegrityError), transaction.atomic():
        Sanction.objects.filter(city_code=CITY, pk=made.pk).update(decided_by_user=made.proposed_by_user)
    made = services.decide_lift(actor=approver, at=DECIDED, sanction=made, lifts=True)
    assert (made.state, standing_on(made.organisation, chinese_day(DECIDED)).sanctions) == ("lifted", ())


def test_the_blacklist_bars_every_step_to_the_money() -> None:
    made, paid = case(1), case(1)
    claim, waiting = assembled(made), published(made_ := case(1))
    unread = classes.filed()
    in_second = subsidies.pass_first(actor=(second := case(1)).reviewer, at=ASSESSED, claim=confirmed(second))
    in_review = confirmed(reviewed := case(1))
    done = subsidies.approve_claim(actor=paid.approver, at=APPROVED, claim=published(paid))
    told = ASSESSED - timedelta(days=30)
    for held in (*(one.provider for one in (made, made_, paid, reviewed, second)), unread.provider):
        imposed(held, "discredited", told=told, blacklist=True)
    day = chinese_day(APPROVED)
    for gate in Gate:
        with pytest.raises(Barred):
            standing_on(made.provider, day).require(gate)
    with pytest.raises(Barred, match="同意开班备案"):
        accept_class(actor=make.actor_with(Role.REVIEWER), at=APPROVED, training_class=unread)
    with pytest.raises(Barred, match="提交补贴申领"):
        subsidies.confirm_claim(actor=made.staff, at=ASSESSED, claim=claim)
    with pytest.raises(Barred, match="通过补贴审核"):
        subsidies.pass_first(actor=reviewed.reviewer, at=APPROVED, claim=in_review)
    # Second review is what publishes.
    with pytest.raises(Barred, match="通过补贴审核"):
        subsidies.pass_second(actor=second.approver, at=APPROVED, claim=in_second)
    with pytest.raises(Barred, match="审批补贴"):
        subsidies.approve_claim(actor=made_.approver, at=APPROVED, claim=waiting)
    assert paid.provider.pk in barred_organisations(CITY, Gate.PAYMENT, day)
    lines = ClaimLine.objects.filter(city_code=CITY, claim=done)
    taken = {
        one.line_id
        for part in take_for_payment(CITY, done.region_id, done.fund_source, 100, on=day)
        for one in part
        if one.line_id in {line.pk for line in lines}
    }
    assert taken == set()
    # What goes to the trainees themselves is paid.
    lines.update(payee="person")
    assert lines.get().pk in {
        one.line_id for part in take_for_payment(CITY, done.region_id, done.fund_source, 100, on=day) for one in part
    }


def test_a_class_begun_under_a_ban_is_seen_by_the_verifier() -> None:
    made = case(1)
    imposed(made.provider, "unfit_premises", told=datetime(2026, 5, 4, 9, 0, tzinfo=CHINA))
    line = ClaimLine.objects.get(city_code=CITY, claim=confirmed(made))
    assert (line.state, line.alerts) == ("to_person", 1)

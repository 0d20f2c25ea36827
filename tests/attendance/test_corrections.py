"""Corrections by two people, lessons made up, doubts that wait for a person: hours never go silently."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from factories import registry
from factories.attendance import first_attendance, running
from factories.classes import START, moment, reviewer, staff
from factories.vouchers import voucher, worker
from zhaoliang.attendance import selectors, services
from zhaoliang.attendance.models import Attendance, AttendanceCorrection, AttendanceDoubt, MakeUp
from zhaoliang.attendance.phone import Phone
from zhaoliang.attendance.services import AlreadyProposed, NotYet, TwoPlaces
from zhaoliang.kernel.errors import BadInput, Forbidden, NotFound, SamePerson, WrongState
from zhaoliang.kernel.roles import Actor, system_actor
from zhaoliang.registry.models import Notice
from zhaoliang.vouchers import selectors as voucher_selectors

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D4")]

EVENING = moment(START, 18)


def second(of: Actor) -> Actor:
    """A colleague: another account of another person."""
    return replace(of, user_id=(of.user_id or 0) + 1, person_id=None, name="另一位审核员")


def missed() -> Attendance:
    attendance = first_attendance(running())
    services.close_session(actor=system_actor(), at=EVENING, session=attendance.session)
    attendance.refresh_from_db()
    return attendance


def proposed(attendance: Attendance, **given: Any) -> AttendanceCorrection:
    arguments = {"reason": "读卡器故障", "evidence": "教室监控 08:02"} | given
    made = attendance.session.training_class
    return services.propose_correction(actor=staff(made), at=EVENING, attendance=attendance, **arguments)


def test_a_correction_counts_only_after_another_person_has_decided() -> None:
    attendance = missed()
    made = attendance.session.training_class
    with pytest.raises(BadInput, match="凭据"):
        proposed(attendance, evidence="")
    correction = proposed(attendance)
    with pytest.raises(AlreadyProposed):
        proposed(attendance)
    attendance.refresh_from_db()
    assert (attendance.state, attendance.credited_minutes) == ("absent", 0)
    with pytest.raises(Forbidden):
        services.decide_correction(actor=staff(made), at=EVENING, correction=correction, accept=True)
    officer = reviewer(made)
    done = services.decide_correction(actor=officer, at=EVENING, correction=correction, accept=True)
    attendance.refresh_from_db()
    assert (done.state, attendance.state, attendance.credited_minutes) == ("accepted", "present", 180)
    # And back again: history keeps both.
    back = services.propose_correction(
        actor=officer, at=EVENING, attendance=attendance, event="strike", reason="监控里没有此人"
    )
    with pytest.raises(SamePerson):
        services.decide_correction(actor=officer, at=EVENING, correction=back, accept=True)
    services.decide_correction(actor=second(officer), at=EVENING, correction=back, accept=True)
    attendance.refresh_from_db()
    assert (attendance.state, attendance.credited_minutes) == ("struck", 0)
    assert [row.state for row in selectors.corrections_of(attendance)] == ["accepted", "accepted"]


def test_a_declined_correction_says_why_and_changes_nothing() -> None:
    attendance = missed()
    correction = proposed(attendance)
    officer = reviewer(attendance.session.training_class)
    with pytest.raises(BadInput):
        services.decide_correction(actor=officer, at=EVENING, correction=correction, accept=False)
    services.decide_correction(
        actor=officer, at=EVENING, correction=correction, accept=False, decision="监控里没有此人"
    )
    attendance.refresh_from_db()
    assert attendance.state == "absent"
    with pytest.raises(WrongState):
        services.decide_correction(actor=officer, at=EVENING, correction=correction, accept=True)


def test_a_correction_whose_facts_have_moved_is_not_carried_out() -> None:
    attendance = missed()
    correction = proposed(attendance)
    # The phone comes back meanwhile with what it signed in time.
    services.sign_in(
        actor=worker(attendance.person),
        at=EVENING,
        attendance=attendance,
        method="location",
        signed_at=moment(START, 8, 20),
    )
    with pytest.raises(WrongState):
        services.decide_correction(
            actor=reviewer(attendance.session.training_class), at=EVENING, correction=correction, accept=True
        )
    attendance.refresh_from_db()
    assert (attendance.state, attendance.credited_minutes) == ("late", 90)


@pytest.mark.parametrize(
    ("hour", "minute", "state", "credited"),
    [(9, 30, "left_early", 90), (10, 49, "left_early", 169), (10, 50, "present", 180)],
)
def test_leaving_early_counts_until_then(hour: int, minute: int, state: str, credited: int) -> None:
    attendance = first_attendance(running())
    actor = worker(attendance.person)
    with pytest.raises(WrongState):
        services.sign_out(actor=actor, at=moment(START, 9), attendance=attendance, method="location")
    services.sign_in(actor=actor, at=moment(START, 8), attendance=attendance, method="location")
    out = services.sign_out(actor=actor, at=moment(START, hour, minute), attendance=attendance, method="location")
    assert (out.state, out.credited_minutes) == (state, credited)
    again = services.sign_out(actor=actor, at=moment(START, 11), attendance=attendance, method="location")
    assert again.signed_out_at == moment(START, hour, minute)


def test_a_missed_session_is_made_up_within_the_regions_time_and_agreed_by_the_bureau() -> None:
    attendance = missed()
    made = attendance.session.training_class
    terms: dict[str, Any] = {
        "actor": staff(made),
        "at": EVENING,
        "attendance": attendance,
        "teacher": attendance.session.teacher,
        "room": "实训室",
        "reason": "住院",
    }

    def hours(day: int, hour: int, length: int = 3) -> dict[str, Any]:
        begins = moment(START + timedelta(days=day), hour)
        return {"starts_at": begins, "ends_at": begins + timedelta(hours=length)}

    with pytest.raises(BadInput) as late:
        services.propose_make_up(**terms, **hours(31, 8))
    assert "starts_at" in late.value.fields
    with pytest.raises(BadInput):
        services.propose_make_up(**terms, **hours(5, 8, 1))
    with pytest.raises(TwoPlaces):
        services.propose_make_up(**terms, **hours(1, 9))
    make_up = services.propose_make_up(**terms, **hours(5, 8))
    begins = hours(5, 8)["starts_at"]
    held: dict[str, Any] = {"actor": staff(made), "make_up": make_up, "line": attendance.person.document_number}
    with pytest.raises(WrongState):
        services.hold_make_up(at=begins, **held)
    services.decide_make_up(actor=reviewer(made), at=EVENING, make_up=make_up, agree=True)
    told = Notice.objects.filter(city_code=made.city_code, kind="make_up", person_id=attendance.person_id).get()
    assert "实训室" in told.text
    with pytest.raises(NotYet):
        services.hold_make_up(at=begins + timedelta(hours=1), **held)
    # Somebody's card, not anybody's button.
    photograph = voucher_selectors.qr_token(voucher(), begins - timedelta(minutes=5))
    for line, wrong in ((registry.person().document_number, NotFound), ("", BadInput), (photograph, BadInput)):
        with pytest.raises(wrong):
            services.hold_make_up(at=begins, **held | {"line": line})
    services.hold_make_up(at=begins, **held)
    attendance.refresh_from_db()
    assert (attendance.state, attendance.credited_minutes, attendance.method) == ("made_up", 180, "id_card")


def test_one_hour_makes_up_one_lesson_and_a_lesson_nobody_came_to_is_planned_anew() -> None:
    attendance = missed()
    made = attendance.session.training_class
    other = Attendance.objects.filter(city_code=made.city_code, session__training_class=made).order_by("period")[1]
    services.close_session(actor=system_actor(), at=EVENING, session=other.session)

    def plan(one: Attendance, day: int, hour: int, at: datetime = EVENING) -> MakeUp:
        begins = moment(START + timedelta(days=day), hour)
        return services.propose_make_up(
            actor=staff(made), at=at, attendance=one, teacher=attendance.session.teacher, room="实训室", reason="住院",
            starts_at=begins, ends_at=begins + timedelta(hours=3),
        )  # fmt: skip

    first = plan(attendance, 5, 8)
    with pytest.raises(TwoPlaces, match="补另一次课"):
        plan(other, 5, 10)
    services.decide_make_up(actor=reviewer(made), at=EVENING, make_up=first, agree=True)
    with pytest.raises(AlreadyProposed):
        plan(attendance, 6, 8)
    # He did not come. Both are made up on the next day, one after the other.
    later = moment(START + timedelta(days=5), 12)
    again, next_one = plan(attendance, 6, 8, later), plan(other, 6, 13, later)
    first.refresh_from_db()
    assert (first.state, again.state, next_one.state) == ("lapsed", "proposed", "proposed")


def spoofed(attendance: Attendance) -> Attendance:
    """Somebody at home with a made-up place, whose phone says so."""
    site = attendance.session.training_class.site
    return services.sign_in(
        actor=worker(attendance.person),
        at=moment(START, 8),
        attendance=attendance,
        method="location",
        longitude=site.longitude,
        latitude=Decimal(site.latitude),
        phone=Phone(accuracy=1, mock=True),
    )


@pytest.mark.mission("I1")
def test_a_doubt_goes_to_a_person_the_worker_answers_and_two_officers_take_the_hours_away() -> None:
    made = running(people=2)
    board = selectors.class_board(made, START)[0]
    one, two = board.attendances
    spoofed(one)
    services.sign_in(actor=staff(made), at=moment(START, 8), attendance=two, method="card")
    with pytest.raises(NotYet):
        services.weigh_session(actor=system_actor(), at=moment(START, 10), session=board.session)
    review = services.weigh_session(actor=system_actor(), at=EVENING, session=board.session)
    assert (review.weighed, review.doubtful) == (2, 1)
    # Once more finds nothing new.
    services.weigh_session(actor=system_actor(), at=EVENING, session=board.session)
    (doubt,) = AttendanceDoubt.objects.filter(city_code=made.city_code)
    assert doubt.attendance_id == one.pk
    # The one who is asked and his school are told, each once; nobody else.
    told = Notice.objects.filter(city_code=made.city_code, kind="attendance_doubt")
    assert {(row.person_id, row.organisation_id) for row in told} == {(one.person_id, None), (None, made.provider_id)}
    assert told.count() == 2
    assert {signal for signal, _, _ in doubt.signals} == {"mock", "perfect", "centre"}
    one.refresh_from_db()
    assert (one.state, one.credited_minutes, one.score) == ("present", 180, 100)

    officer = reviewer(made)
    with pytest.raises(NotYet):
        services.decide_doubt(actor=officer, at=EVENING, doubt=doubt, uphold=True, decision="模拟位置")
    with pytest.raises(Forbidden):
        services.answer_doubt(actor=worker(two.person), at=EVENING, doubt=doubt, text="我替他说")
    services.answer_doubt(actor=worker(one.person), at=EVENING, doubt=doubt, text="手机装了导航模拟软件")
    services.answer_doubt(actor=staff(made), at=EVENING, doubt=doubt, text="监控里没看到")
    doubt.refresh_from_db()
    assert (doubt.worker_answer, doubt.provider_answer) == ("手机装了导航模拟软件", "监控里没看到")
    services.decide_doubt(actor=officer, at=EVENING, doubt=doubt, uphold=True, decision="监控里没有此人")
    one.refresh_from_db()
    assert (one.state, one.credited_minutes) == ("present", 180)
    assert "课时现在没有减" in told.filter(person_id=one.person_id).latest("id").text
    correction = AttendanceCorrection.objects.get(city_code=made.city_code, doubt=doubt)
    with pytest.raises(SamePerson):
        services.decide_correction(actor=officer, at=EVENING, correction=correction, accept=True)
    services.decide_correction(actor=second(officer), at=EVENING, correction=correction, accept=True)
    one.refresh_from_db()
    assert (one.state, one.credited_minutes) == ("struck", 0)


def test_silence_does_not_keep_a_doubt_open_for_ever_and_a_cleared_one_leaves_everything() -> None:
    made = running()
    attendance = first_attendance(made)
    spoofed(attendance)
    services.weigh_session(actor=system_actor(), at=EVENING, session=attendance.session)
    doubt = AttendanceDoubt.objects.get(city_code=made.city_code)
    later = EVENING + timedelta(days=6)
    services.decide_doubt(actor=reviewer(made), at=later, doubt=doubt, uphold=False, decision="手机出厂即如此")
    attendance.refresh_from_db()
    assert (attendance.state, attendance.credited_minutes) == ("present", 180)
    with pytest.raises(WrongState):
        services.decide_doubt(actor=reviewer(made), at=later, doubt=doubt, uphold=True, decision="再想想")
    services.weigh_session(actor=system_actor(), at=later, session=attendance.session)
    assert AttendanceDoubt.objects.filter(city_code=made.city_code).count() == 1

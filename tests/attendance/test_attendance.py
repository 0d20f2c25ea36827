"""Start, sign-in, closing and end of a class."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from factories import registry
from factories.actors import actor
from factories.attendance import OPENING, first_attendance, running
from factories.catalogue import project as listed_project
from factories.classes import AT, START, accepted, draft, enrol, moment, staff
from factories.vouchers import worker
from zhaoliang.attendance import selectors, services
from zhaoliang.attendance.models import Attendance, SignIn
from zhaoliang.attendance.services import NotYet, TwoPlaces
from zhaoliang.classes.models import Enrolment
from zhaoliang.kernel.errors import BadInput, Forbidden, WrongState
from zhaoliang.kernel.roles import Role, system_actor

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D4")]

HERE = {"longitude": Decimal("117.195000"), "latitude": Decimal("39.118000")}
# About 600 m further north.
AWAY = {"longitude": Decimal("117.195000"), "latitude": Decimal("39.123400")}


def own_sign_in(attendance: Attendance, **given: Any) -> Attendance:
    arguments = {"at": moment(START, 8), "method": "location", **HERE} | given
    return services.sign_in(actor=worker(attendance.person), attendance=attendance, **arguments)


def test_starting_expects_every_trainee_in_every_session() -> None:
    made = running(people=2)
    rows = Attendance.objects.filter(city_code=made.city_code, session__training_class=made)
    assert rows.count() == 2 * 20
    assert {row.planned_minutes for row in rows} == {180}
    enrolment = Enrolment.objects.filter(city_code=made.city_code, training_class=made).first()
    assert enrolment is not None
    assert enrolment.state == "attending"
    assert selectors.totals(enrolment) == (80 * 45, 0)
    assert selectors.class_totals(made)[enrolment.pk] == (80 * 45, 0)


def test_a_class_does_not_start_before_its_day_but_the_clock_may_start_it() -> None:
    made = accepted()
    with pytest.raises(NotYet):
        services.start_class(actor=staff(made), at=OPENING - timedelta(days=1), training_class=made)
    assert services.start_class(actor=system_actor(), at=OPENING, training_class=made).state == "running"
    with pytest.raises(WrongState):
        services.start_class(actor=staff(made), at=OPENING, training_class=made)


def test_nobody_starts_two_classes_at_once() -> None:
    person = registry.person()
    one, two = draft(), draft(listed_project())
    for made in (one, two):
        enrol(made, person)
        accepted(made)
    services.start_class(actor=staff(one), at=OPENING, training_class=one)
    with pytest.raises(TwoPlaces) as refused:
        services.start_class(actor=staff(two), at=OPENING, training_class=two)
    assert one.name in refused.value.why
    assert person.name not in refused.value.why
    two.refresh_from_db()
    assert two.state == "accepted"
    assert not Attendance.objects.filter(city_code=two.city_code, session__training_class=two).exists()


def test_the_database_itself_refuses_one_person_in_two_places() -> None:
    person = registry.person()
    one, two = draft(), draft(listed_project())
    running(accepted_with(one, person))
    other = enrol(two, person)
    session = two.sessions.filter(city_code=two.city_code).first()
    with pytest.raises(IntegrityError, match="attendance_one_place"), transaction.atomic():
        Attendance.objects.create(
            city_code=two.city_code,
            enrolment=other,
            session=session,
            person=person,
            period=session.period,
            planned_minutes=180,
        )


def accepted_with(made: Any, person: Any) -> Any:
    enrol(made, person)
    return accepted(made)


@pytest.mark.parametrize(
    ("minutes", "state", "credited"),
    [(-30, "present", 180), (15, "present", 180), (16, "late", 90), (30, "late", 90), (31, "absent", 0)],
)
def test_the_window_decides_what_a_sign_in_earns(minutes: int, state: str, credited: int) -> None:
    attendance = first_attendance(running())
    done = own_sign_in(attendance, at=moment(START, 8) + timedelta(minutes=minutes))
    assert (done.state, done.credited_minutes) == (state, credited)


def test_signing_in_earlier_than_the_window_is_told_the_time() -> None:
    attendance = first_attendance(running())
    with pytest.raises(NotYet, match="07:30"):
        own_sign_in(attendance, at=moment(START, 7, 29))
    assert own_sign_in(attendance, at=moment(START, 7, 30)).state == "present"


def test_a_second_sign_in_changes_nothing() -> None:
    attendance = first_attendance(running())
    first = own_sign_in(attendance)
    again = own_sign_in(attendance, at=moment(START, 8, 20))
    assert (again.state, again.signed_at) == ("present", first.signed_at)
    assert len(selectors.sign_ins_of(attendance)) == 1


@pytest.mark.parametrize(
    ("place", "flags"),
    [(HERE, []), (AWAY, ["outside_site"]), ({"longitude": None, "latitude": None}, ["no_place"])],
)
def test_place_is_a_doubt_and_never_a_refusal(place: dict[str, Any], flags: list[str]) -> None:
    attendance = first_attendance(running())
    done = own_sign_in(attendance, **place)
    assert (done.state, done.flags) == ("present", flags)
    signed = selectors.sign_ins_of(attendance)[0]
    if flags == ["outside_site"]:
        assert signed.distance_m is not None
        assert 590 < signed.distance_m < 610


def test_one_phone_for_two_people_is_flagged() -> None:
    made = running(people=2)
    board = selectors.class_board(made, START)
    one, two = board[0].attendances
    assert own_sign_in(one, device="手机甲").flags == []
    assert own_sign_in(two, device="手机甲").flags == ["shared_device"]
    stored = bytes(selectors.sign_ins_of(one)[0].device_hash or b"")
    assert "手机甲".encode() not in stored
    assert [row.pk for row in selectors.flagged(made)] == [two.pk]


def test_a_sign_in_kept_by_a_phone_without_network_counts_at_its_time_and_is_flagged() -> None:
    attendance = first_attendance(running())
    done = own_sign_in(attendance, at=moment(START, 12), signed_at=moment(START, 8, 5))
    assert (done.state, done.flags) == ("present", ["uploaded_late"])
    # A phone cannot sign in from the future.
    other = selectors.class_board(attendance.session.training_class, START)[1].attendances[0]
    ahead = own_sign_in(other, at=moment(START, 12, 45), signed_at=moment(START, 20))
    assert ahead.signed_at == moment(START, 12, 45)


def test_each_signs_for_himself_and_staff_by_card_voucher_or_roll_call() -> None:
    made = running(people=2)
    one, two = selectors.class_board(made, START)[0].attendances
    with pytest.raises(Forbidden):
        services.sign_in(actor=worker(two.person), at=moment(START, 8), attendance=one, method="location")
    with pytest.raises(BadInput):
        own_sign_in(one, method="card")
    with pytest.raises(BadInput):
        services.sign_in(actor=staff(made), at=moment(START, 8), attendance=one, method="location")
    other = actor(Role.PROVIDER, organisation_id=registry.organisation().pk)
    with pytest.raises(Forbidden):
        services.sign_in(actor=other, at=moment(START, 8), attendance=one, method="card")
    assert services.sign_in(actor=staff(made), at=moment(START, 8), attendance=one, method="card").method == "card"
    with pytest.raises(BadInput, match="写明原因"):
        services.roll_call(
            actor=staff(made), at=moment(START, 8), session=two.session, present=[two.enrolment], reason=""
        )
    called = services.roll_call(
        actor=staff(made),
        at=moment(START, 8),
        session=two.session,
        present=[one.enrolment, two.enrolment],
        reason="读卡器故障",
    )
    assert sorted(row.method for row in called) == ["card", "roll_call"]


def test_closing_marks_who_did_not_come() -> None:
    made = running()
    attendance = first_attendance(made)
    with pytest.raises(NotYet):
        services.close_session(actor=staff(made), at=moment(START, 8, 29), session=attendance.session)
    services.close_session(actor=staff(made), at=moment(START, 8, 31), session=attendance.session)
    attendance.refresh_from_db()
    assert (attendance.state, attendance.credited_minutes) == ("absent", 0)
    with pytest.raises(WrongState):
        own_sign_in(attendance, at=moment(START, 8, 40))


def test_what_a_phone_signed_in_time_without_network_counts_for_a_day_although_the_clock_had_closed_the_session() -> (
    None
):
    made = running(people=2)
    one, two = selectors.class_board(made, START)[0].attendances
    services.close_session(actor=system_actor(), at=moment(START, 8, 31), session=one.session)
    done = own_sign_in(one, at=moment(START, 18), signed_at=moment(START, 8, 5))
    assert (done.state, done.credited_minutes, done.flags) == ("present", 180, ["uploaded_late"])
    with pytest.raises(WrongState):
        own_sign_in(two, at=moment(START, 8, 31) + timedelta(days=1), signed_at=moment(START, 8, 5))


def test_leave_earns_nothing() -> None:
    made = running()
    done = services.grant_leave(actor=staff(made), at=AT, attendance=first_attendance(made), reason="病假")
    assert (done.state, done.credited_minutes, done.note) == ("leave", 0, "病假")


@pytest.mark.mission("D6")
def test_a_class_ends_after_its_last_session_and_unsigned_sessions_count_as_missed() -> None:
    made = running()
    own_sign_in(first_attendance(made))
    with pytest.raises(NotYet):
        services.end_class(actor=staff(made), at=moment(made.ends_on, 15), training_class=made)
    done = services.end_class(actor=system_actor(), at=moment(made.ends_on, 16), training_class=made)
    assert done.state == "ended"
    states = Attendance.objects.filter(city_code=made.city_code, session__training_class=made)
    assert sorted(states.values_list("state", flat=True)) == ["absent"] * 19 + ["present"]
    assert list(selectors.class_totals(made).values()) == [(3600, 180)]


def test_the_next_session_of_a_person_is_the_one_not_over_yet() -> None:
    made = running()
    attendance = first_attendance(made)
    assert selectors.next_for(attendance.person, moment(START, 10)) == attendance
    own_sign_in(attendance)
    following = selectors.next_for(attendance.person, moment(START, 10))
    assert following is not None
    assert following.period.lower == moment(START, 13)


def test_sign_ins_cannot_be_changed() -> None:
    attendance = first_attendance(running())
    own_sign_in(attendance)
    with pytest.raises(Exception, match="permission denied"), transaction.atomic():
        SignIn.objects.filter(city_code=attendance.city_code).update(reason="改")

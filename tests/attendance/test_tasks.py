"""The clock of classes: what nobody started, closed or ended by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from factories import registry
from factories.attendance import first_attendance, running
from factories.catalogue import project as listed_project
from factories.classes import START, accepted, draft, enrol, moment, reviewer, staff
from factories.vouchers import worker
from zhaoliang.attendance import services, tasks
from zhaoliang.attendance.models import Attendance, SessionReview
from zhaoliang.classes import services as classes
from zhaoliang.classes.models import TrainingClass

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D4")]


def strike(at: datetime) -> None:
    tasks.run_classes.func(timestamp=int(at.timestamp()))


def state(of: TrainingClass) -> str:
    return TrainingClass.objects.get(city_code=of.city_code, pk=of.pk).state


def test_an_accepted_class_starts_on_its_day_and_not_before() -> None:
    made = accepted()
    strike(moment(START - timedelta(days=1), 23, 55))
    assert state(made) == "accepted"
    strike(moment(START, 0, 5))
    assert state(made) == "running"
    assert Attendance.objects.filter(city_code=made.city_code, session__training_class=made).count() == 20


def test_a_class_that_cannot_start_keeps_no_other_waiting() -> None:
    person = registry.person()
    both = [draft(), draft(listed_project())]
    for made in both:
        enrol(made, person)
        classes.file_class(actor=staff(made), at=made.created_at, training_class=made)
        classes.accept_class(actor=reviewer(made), at=made.created_at, training_class=made)
    third = accepted()
    strike(moment(START, 7))
    assert sorted(map(state, both)) == ["accepted", "running"]
    assert state(third) == "running"


def test_a_session_that_is_over_is_closed_and_only_that_one() -> None:
    made = running()
    morning = first_attendance(made)
    strike(morning.session.ends_at - timedelta(minutes=1))
    assert Attendance.objects.filter(city_code=made.city_code, state="absent").count() == 0
    strike(morning.session.ends_at + timedelta(minutes=1))
    assert [row.pk for row in Attendance.objects.filter(city_code=made.city_code, state="absent")] == [morning.pk]


def test_a_lesson_whose_sign_in_outlasts_it_keeps_no_other_waiting() -> None:
    long, other = running(), running()
    site = long.site
    site.closes_minutes = 240
    site.save(update_fields=["closes_minutes"])
    mornings = [first_attendance(made) for made in (long, other)]
    # Both lessons are over; at the one place latecomers may still sign in for half an hour.
    strike(mornings[0].session.ends_at + timedelta(minutes=16))
    assert [Attendance.objects.get(city_code=one.city_code, pk=one.pk).state for one in mornings] == [
        "expected",
        "absent",
    ]
    strike(mornings[0].session.ends_at + timedelta(minutes=61))
    mornings[0].refresh_from_db()
    assert mornings[0].state == "absent"


@pytest.mark.mission("I1")
def test_sign_ins_are_weighed_after_the_session_and_again_when_one_comes_late() -> None:
    made = running(people=2)
    session = first_attendance(made).session
    one, two = Attendance.objects.filter(city_code=made.city_code, session=session).order_by("id")
    services.sign_in(actor=staff(made), at=session.starts_at, attendance=one, method="card")
    for minutes, reviews in ((14, 0), (16, 1), (21, 1)):
        strike(session.ends_at + timedelta(minutes=minutes))
        assert SessionReview.objects.filter(city_code=made.city_code).count() == reviews
    evening = session.ends_at + timedelta(hours=5)
    services.sign_in(
        actor=worker(two.person), at=evening, attendance=two, method="location", signed_at=session.starts_at
    )
    strike(evening + timedelta(minutes=5))
    assert [row.weighed for row in SessionReview.objects.filter(city_code=made.city_code).order_by("at")] == [1, 2]


def test_a_class_ends_the_day_after_its_last_session() -> None:
    made = running()
    strike(moment(made.ends_on, 23, 55))
    assert state(made) == "running"
    strike(moment(made.ends_on + timedelta(days=1), 0, 5))
    assert state(made) == "ended"
    strike(moment(made.ends_on + timedelta(days=1), 0, 10))
    assert state(made) == "ended"

"""Online lessons: identity first, no skipping, no speeding, every second once, a cap a day."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from factories.attendance import first_attendance, running
from factories.classes import START, moment
from factories.vouchers import worker
from seeds import fresh_seed
from zhaoliang.attendance import selectors, services
from zhaoliang.attendance.models import Attendance, LessonProgress
from zhaoliang.attendance.services import CheckNeeded, Skipped
from zhaoliang.attendance.services.online import seconds_played
from zhaoliang.classes.limits import DEFAULTS
from zhaoliang.classes.models import ClassSession
from zhaoliang.kernel.errors import BadInput

pytestmark = [pytest.mark.mission("D4", "D8")]

AT = moment(START, 8)


def lesson() -> Attendance:
    attendance = first_attendance(running())
    ClassSession.objects.filter(city_code=attendance.city_code, pk=attendance.session.pk).update(online=True)
    return attendance


def check(attendance: Attendance, at: datetime) -> Attendance:
    return services.check_identity(actor=worker(attendance.person), at=at, attendance=attendance)


def play(attendance: Attendance, at: datetime, begin: int, end: int) -> int:
    done = services.report_progress(
        actor=worker(attendance.person), at=at, attendance=attendance, from_second=begin, to_second=end
    )
    return done.credited_minutes


@pytest.mark.django_db
def test_minutes_are_credited_by_what_was_played_and_identity_is_checked_again() -> None:
    attendance = lesson()
    with pytest.raises(CheckNeeded):
        play(attendance, AT, 0, 60)
    assert check(attendance, AT).state == "present"
    assert play(attendance, AT + timedelta(minutes=10), 0, 600) == 10
    # Sent twice, or seen twice: once.
    assert play(attendance, AT + timedelta(minutes=11), 0, 600) == 10
    with pytest.raises(Skipped):
        play(attendance, AT + timedelta(minutes=20), 700, 900)
    assert play(attendance, AT + timedelta(minutes=20), 600, 1_000) == 16
    with pytest.raises(CheckNeeded):
        play(attendance, AT + timedelta(minutes=31), 1_000, 1_500)
    check(attendance, AT + timedelta(minutes=32))
    assert play(attendance, AT + timedelta(minutes=40), 1_000, 1_400) == 23
    (signed,) = selectors.sign_ins_of(attendance)
    assert signed.method == "online"


@pytest.mark.django_db
def test_forged_progress_counts_no_more_than_the_time_that_has_passed_and_is_marked() -> None:
    attendance = lesson()
    check(attendance, AT)
    assert play(attendance, AT + timedelta(minutes=1), 0, 10_800) == 1
    attendance.refresh_from_db()
    assert attendance.flags == ["too_fast"]
    marked = LessonProgress.objects.filter(city_code=attendance.city_code, doubt="too_fast")
    assert [row.to_second for row in marked] == [76]
    with pytest.raises(BadInput):
        play(attendance, AT + timedelta(minutes=2), 0, 10_801)


@pytest.mark.django_db
def test_a_day_has_a_cap_and_a_classroom_session_takes_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zhaoliang.classes.limits.DEFAULTS", DEFAULTS | {"online_daily_minutes": 15})
    attendance = lesson()
    check(attendance, AT)
    assert play(attendance, AT + timedelta(minutes=10), 0, 600) == 10
    assert play(attendance, AT + timedelta(minutes=20), 600, 1_200) == 15
    other = selectors.class_board(attendance.session.training_class, START)[1].attendances[0]
    with pytest.raises(BadInput, match="线上课"):
        check(other, moment(START, 13))


def test_every_second_counts_once_whatever_the_order() -> None:
    draw = random.Random(fresh_seed())
    for _ in range(200):
        begins = [draw.randint(0, 300) for _ in range(draw.randint(0, 8))]
        stretches = [(begin, begin + draw.randint(0, 60)) for begin in begins]
        seconds = {second for begin, end in stretches for second in range(begin, end)}
        assert seconds_played(stretches) == seconds_played(reversed(stretches)) == len(seconds)

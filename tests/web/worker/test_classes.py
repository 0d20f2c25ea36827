"""Signing in at class, the timetable, the hours so far."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from factories import attendance as making
from factories import registry
from factories.identity import sign_in
from zhaoliang.attendance.models import Attendance, SignIn
from zhaoliang.kernel.roles import Role

pytestmark = [pytest.mark.django_db, pytest.mark.mission("N2", "D4")]

Clock = Callable[[datetime], None]


@pytest.fixture
def expected() -> Attendance:
    return making.first_attendance(making.running())


@pytest.fixture
def phone(client: Client, expected: Attendance) -> Client:
    return sign_in(client, registry.user(Role.WORKER, person=expected.person))


def _url(attendance: Attendance) -> str:
    return f"/my/sessions/{attendance.city_code}/{attendance.pk}/sign-in/"


def _here(attendance: Attendance, **form: str) -> dict[str, str]:
    site = attendance.session.training_class.site
    return {"longitude": f"{site.longitude:.6f}", "latitude": f"{site.latitude:.6f}", "key": "s1"} | form


def test_the_next_session_with_one_button_once_it_is_time(phone: Client, expected: Attendance, at_time: Clock) -> None:
    begins = expected.period.lower
    at_time(begins - timedelta(hours=3))
    early = phone.get("/my/classes/").content.decode()
    assert '<span data-phase="before">' in early
    # There already, for a phone that has no network then: hidden until it is time.
    assert '<div class="stack" data-phase="open late" hidden>' in early
    at_time(begins - timedelta(minutes=5))
    due = phone.get("/my/classes/").content.decode()
    assert '<div class="stack" data-phase="open late">' in due
    assert '<span data-phase="before" hidden>' in due


def test_signing_in_on_site_counts_once(phone: Client, expected: Attendance, at_time: Clock) -> None:
    at_time(expected.period.lower - timedelta(minutes=5))
    phone.get("/my/classes/")
    for _ in range(2):
        assert phone.post(_url(expected), _here(expected)).status_code == 302
    assert "签到成功。" in phone.get("/my/classes/").content.decode()
    expected.refresh_from_db()
    assert (expected.state, expected.credited_minutes, expected.flags) == ("present", expected.planned_minutes, [])
    signed = SignIn.objects.get(city_code=expected.city_code, attendance=expected)
    assert signed.method == "location"
    assert signed.distance_m == 0
    assert signed.device_hash is not None


@pytest.mark.parametrize(
    ("form", "note"),
    [
        ({"longitude": "", "latitude": ""}, "没有定位"),
        ({"longitude": "117.900000"}, "签到位置在教学点范围以外"),
        ({"longitude": "somewhere"}, "没有定位"),
    ],
    ids=["no place", "elsewhere", "nonsense"],
)
def test_a_doubtful_place_is_kept_for_a_person_to_look_at(
    phone: Client, expected: Attendance, at_time: Clock, form: dict[str, str], note: str
) -> None:
    at_time(expected.period.lower - timedelta(minutes=5))
    phone.post(_url(expected), _here(expected, **form))
    text = phone.get("/my/classes/").content.decode()
    assert note in text
    assert "老师会核对" in text
    expected.refresh_from_db()
    assert expected.state == "present"
    assert expected.flags


def test_a_sign_in_kept_on_the_phone_counts_at_its_own_time(
    phone: Client, expected: Attendance, at_time: Clock
) -> None:
    begins = expected.period.lower
    at_time(begins + timedelta(hours=2))
    stamp = str(int((begins - timedelta(minutes=3)).timestamp()))
    phone.post(_url(expected), _here(expected, signed_at=stamp))
    expected.refresh_from_db()
    assert expected.state == "present"
    assert expected.flags == ["uploaded_late"]


def test_nobody_signs_in_for_somebody_else(client: Client, expected: Attendance, at_time: Clock) -> None:
    at_time(expected.period.lower - timedelta(minutes=5))
    other = sign_in(client, registry.user(Role.WORKER, person=registry.person()))
    assert other.post(_url(expected), _here(expected)).status_code == 403
    expected.refresh_from_db()
    assert expected.state == "expected"


def test_the_timetable_shows_the_hours_so_far(phone: Client, expected: Attendance, at_time: Clock) -> None:
    at_time(expected.period.lower - timedelta(minutes=5))
    phone.post(_url(expected), _here(expected))
    found = expected.enrolment
    text = phone.get(f"/my/classes/{found.city_code}/{found.pk}/").content.decode()
    hours = expected.planned_minutes // found.training_class.minutes_per_hour
    assert f"已计入 {hours} 课时" in text
    assert "到课" in text


def test_without_a_class_the_first_step_is_said(client: Client) -> None:
    phone = sign_in(client, registry.user(Role.WORKER, person=registry.person()))
    assert "还没有报名的班" in phone.get("/my/classes/").content.decode()

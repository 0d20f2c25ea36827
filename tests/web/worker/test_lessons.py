"""An online lesson on the phone: made by the provider with its material, identity first, small steps, nothing skipped or lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from factories import attendance as making
from factories import registry
from factories.identity import sign_in
from zhaoliang.attendance.models import Attendance
from zhaoliang.classes.models import ClassSession
from zhaoliang.kernel.roles import Role

pytestmark = [pytest.mark.django_db, pytest.mark.mission("N2", "D4")]

Clock = Callable[[datetime], None]
FILM = "https://media.example/lesson.mp4"


@pytest.fixture
def lesson() -> Attendance:
    found = making.first_attendance(making.running())
    ClassSession.objects.filter(city_code=found.city_code, pk=found.session.pk).update(
        online=True, material_kind="video", material_url=FILM, material_minutes=180
    )
    found.refresh_from_db()
    return found


@pytest.fixture
def phone(lesson: Attendance) -> Client:
    return sign_in(Client(), registry.user(Role.WORKER, person=lesson.person))


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The identity service has just seen the person (tests/web/identity walks the way there)."""
    monkeypatch.setattr("zhaoliang.web.worker.views.lessons.recently_verified", lambda *_: True)


def _url(of: Attendance, *more: str) -> str:
    return "/".join(["/my/lessons", str(of.city_code), str(of.pk), *more, ""])


def _report(phone: Client, of: Attendance, begin: int, end: int, key: str) -> Any:
    return phone.post(_url(of, "progress"), {"from_second": begin, "to_second": end, "key": key})


def test_identity_first_then_small_steps_each_once(
    phone: Client, lesson: Attendance, at_time: Clock, seen: None
) -> None:
    begins = lesson.session.starts_at
    at_time(begins)
    assert "进入线上课" in phone.get("/my/classes/").content.decode()
    first = phone.get(_url(lesson))
    assert "确认是我，开始学" in first.content.decode()
    assert "data-lesson=" not in first.content.decode()
    assert _report(phone, lesson, 0, 20, "step-0001").json()["code"] == "check_needed"
    assert phone.post(_url(lesson, "identity"), {"key": "check-01"}).status_code == 302
    shown = phone.get(_url(lesson))
    assert FILM in shown.content.decode()
    assert "media-src 'self' https://media.example" in shown["Content-Security-Policy"]
    at_time(begins + timedelta(minutes=2))
    answers = [_report(phone, lesson, 0, 60, "step-0002").json() for _ in range(2)]
    assert answers[0] == answers[1] == {"credited": 1, "planned": lesson.planned_minutes, "flags": []}
    assert _report(phone, lesson, 600, 660, "step-0003").json()["code"] == "lesson_skipped"
    assert phone.post(_url(lesson, "progress"), {"from_second": "x"}).status_code == 422
    assert "上次学到 1 分 0 秒" in phone.get(_url(lesson)).content.decode()
    assert "接着学" in phone.get("/my/classes/").content.decode()


def test_what_was_learned_without_network_counts_when_it_comes_and_speeding_does_not(
    phone: Client, lesson: Attendance, at_time: Clock, seen: None
) -> None:
    begins = lesson.session.starts_at
    at_time(begins)
    phone.post(_url(lesson, "identity"), {"key": "check-01"})
    # Half an hour without network; then the identity is due again, and what waited still counts.
    at_time(begins + timedelta(minutes=31))
    assert _report(phone, lesson, 0, 20, "late-0001").json()["code"] == "check_needed"
    phone.post(_url(lesson, "identity"), {"key": "check-02"})
    at_time(begins + timedelta(minutes=31, seconds=5))
    assert _report(phone, lesson, 0, 20, "late-0001").json()["credited"] == 0
    assert _report(phone, lesson, 20, 1_800, "late-0002").json() == {"credited": 30, "planned": 180, "flags": []}
    # An hour more within a second: only what time allows, and it is marked.
    forged = _report(phone, lesson, 1_800, 5_400, "late-0003").json()
    assert forged["credited"] <= 34
    assert forged["flags"] == ["too_fast"]


def test_who_was_not_seen_just_now_is_sent_to_be_identified(phone: Client, lesson: Attendance, at_time: Clock) -> None:
    at_time(lesson.session.starts_at)
    asked = phone.post(_url(lesson, "identity"), {"key": "check-01"})
    assert asked.status_code == 302
    assert "confirm" in asked["Location"]
    lesson.refresh_from_db()
    assert lesson.state == "expected"


def test_a_lesson_that_is_none_not_mine_early_or_over(phone: Client, lesson: Attendance, at_time: Clock) -> None:
    at_time(lesson.session.starts_at - timedelta(hours=3))
    assert "还没到时间" in phone.get(_url(lesson)).content.decode()
    other = sign_in(Client(), registry.user(Role.WORKER, person=registry.person()))
    assert other.get(_url(lesson)).status_code == 403
    assert phone.get(_url(lesson).replace(str(lesson.pk), "1")).status_code == 404
    Attendance.objects.filter(city_code=lesson.city_code, pk=lesson.pk).update(state="absent")
    at_time(lesson.session.ends_at)
    assert "已经结束" in phone.get(_url(lesson)).content.decode()

"""Readers and learning platforms over the API: whom a line names, identity and progress of online lessons, scopes and keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from django.test import Client

from api.test_partners import System
from factories import registry
from factories.attendance import first_attendance, running
from factories.classes import START, moment
from zhaoliang.attendance import selectors
from zhaoliang.classes.models import ClassSession

pytestmark = [pytest.mark.django_db, pytest.mark.mission("K3", "D4")]


def test_a_reader_signs_in_and_a_learning_platform_reports_progress(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    attendance = first_attendance(running())
    here = attendance.session
    person, provider = attendance.person, here.training_class.provider

    def at(now: datetime) -> None:
        monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: now))

    reader = System(client, provider, scopes=("attendance.sign_in",))
    at(moment(START, 8, 5))
    body = {"session_id": str(here.pk), "line": person.document_number}
    answers = [reader.post("/attendance/sign-ins", body, key="card-0001") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert (answers[0].json()["state"], answers[0].json()["credited_minutes"]) == ("present", 180)
    (signed,) = selectors.sign_ins_of(attendance)
    assert signed.method == "id_card"
    assert reader.post("/attendance/sign-ins", body | {"session_id": "999999999"}, key="card-0002").status_code == 404
    assert reader.post("/lessons/identity", {"attendance_id": "1"}, key="learn-001").status_code == 403
    stranger = System(client, registry.organisation(), scopes=("attendance.sign_in",))
    assert stranger.post("/attendance/sign-ins", body, key="card-0003").status_code == 403

    lesson = selectors.class_board(here.training_class, START)[1].attendances[0]
    ClassSession.objects.filter(city_code=lesson.city_code, pk=lesson.session.pk).update(online=True)
    platform = System(client, provider, scopes=("attendance.progress",))
    one = {"attendance_id": str(lesson.pk)}
    begins = moment(START, 13)
    at(begins)
    stretch = one | {"from_second": 0, "to_second": 600}
    early = platform.post("/lessons/progress", stretch, key="learn-002")
    assert (early.status_code, early.json()["code"]) == (409, "check_needed")
    assert platform.post("/lessons/identity", one, key="learn-003").json()["state"] == "present"
    at(begins + timedelta(minutes=10))
    assert platform.post("/lessons/progress", stretch, key="learn-004").json()["credited_minutes"] == 10

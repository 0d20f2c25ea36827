"""Face results of an outside service: off by default, taken only signed, a weak signal, never in the way of a sign-in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client

from api.test_partners import System
from factories import faces, registry
from factories.attendance import first_attendance, running
from factories.identity import sign_in
from factories.vouchers import worker
from zhaoliang.attendance import services
from zhaoliang.attendance.evidence import weighed
from zhaoliang.attendance.models import Attendance, FaceCheck
from zhaoliang.attendance.weights import WEIGHTS
from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.roles import Role

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D4", "K3")]

Result = Callable[..., str]


@pytest.fixture
def expected(monkeypatch: pytest.MonkeyPatch) -> Attendance:
    """Somebody who is about to sign in, the pages' clock at the beginning of the session."""
    found = first_attendance(running())
    monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: found.session.starts_at))
    return found


@pytest.fixture
def result(expected: Attendance, settings: Any) -> Result:
    """A result as the registered service signs it; what is given replaces it."""
    settings.FACE_SERVICES = faces.SERVICES
    return partial(faces.result, expected)


def _sign_in(expected: Attendance, face: str) -> tuple[str, str]:
    """By the page, as an app with a face check does; what became of it and what it says."""
    phone = sign_in(Client(), registry.user(Role.WORKER, person=expected.person))
    url = f"/my/sessions/{expected.city_code}/{expected.pk}/sign-in/"
    said = {"key": "sign-1", "face": face, "longitude": "117.195000", "latitude": "39.118000"}
    answer = phone.post(url, said, headers={"accept": "application/json"})
    return answer.json()["state"], answer.json()["says"]


def test_a_low_score_is_one_weak_signal_and_takes_nothing_away(expected: Attendance, result: Result) -> None:
    assert _sign_in(expected, result()) == ("present", "签到成功。")
    kept = FaceCheck.objects.get(city_code=expected.city_code, attendance=expected)
    assert (kept.score, kept.threshold, kept.service) == (55, 80, "face")
    (verdict,) = weighed(expected.session, WEIGHTS, sign_out_required=False)
    assert "face_low" in {reason.signal for reason in verdict.reasons}
    assert verdict.score < 50
    expected.refresh_from_db()
    assert (expected.state, expected.credited_minutes) == ("present", expected.planned_minutes)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"key": Ed25519PrivateKey.generate()}, "签名不对"),
        ({"service": "stranger"}, "没有在本平台登记"),
        ({"attendance": "120000.1"}, "另一次课或另一个人"),
        ({"at": 1_600_000_000}, "分值或时间不对"),
        ({"score": 400}, "分值或时间不对"),
    ],
    ids=["forged", "unknown service", "somebody else's", "old", "beyond all sense"],
)
def test_a_result_that_is_refused_leaves_the_sign_in_as_it_is(
    expected: Attendance, result: Result, given: dict[str, Any], says: str
) -> None:
    state, said = _sign_in(expected, result(**given))
    assert state == "present"
    assert says in said
    assert not FaceCheck.objects.filter(city_code=expected.city_code).exists()


def test_where_no_service_is_set_up_nothing_is_taken(expected: Attendance, result: Result, settings: Any) -> None:
    token, settings.FACE_SERVICES = result(), {}
    state, said = _sign_in(expected, token)
    assert (state, "没有接入人脸核验" in said) == ("present", True)
    for nonsense in ("ZLF1.a.b", "nothing", "ZLF1." + "9" * 400):
        settings.FACE_SERVICES = {"face": "AA=="}
        with pytest.raises(BadInput, match="格式不对"):
            services.attach_face(
                actor=worker(expected.person), at=expected.session.starts_at, attendance=expected, result=nonsense
            )


def test_a_partner_brings_it_over_the_api_once_and_only_after_the_sign_in(
    expected: Attendance, result: Result, client: Client
) -> None:
    provider = expected.session.training_class.provider
    system = System(client, provider, scopes=("attendance.sign_in",))
    body = {"attendance_id": str(expected.pk), "result": result(score=93)}
    assert system.post("/attendance/face-checks", body, key="face-0001").status_code == 422
    _sign_in(expected, "")
    answers = [system.post("/attendance/face-checks", body, key=f"face-000{n}") for n in (2, 2, 3)]
    assert [answer.json()["score"] for answer in answers] == [93, 93, 93]
    assert FaceCheck.objects.filter(city_code=expected.city_code, attendance=expected).count() == 1

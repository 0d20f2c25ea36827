"""A site's own window and radius over its region's, and places written in the datums of Chinese maps."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from api.test_partners import System
from factories import registry
from factories.actors import actor
from factories.attendance import first_attendance, running
from factories.classes import START, moment, staff
from factories.identity import sign_in
from factories.vouchers import worker
from zhaoliang.attendance import passes, services
from zhaoliang.attendance.models import Attendance, SignIn
from zhaoliang.kernel import geo, tokens
from zhaoliang.kernel.errors import BadInput, Forbidden
from zhaoliang.kernel.roles import Role
from zhaoliang.registry import services as registered
from zhaoliang.registry.models import Site

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D4", "B4")]

BEGINS = moment(START, 8, 30)
NORTH = {"longitude": Decimal("117.195000"), "latitude": Decimal("39.123400")}


@pytest.fixture
def expected() -> Attendance:
    return first_attendance(running())


def _set(site: Site, **given: Any) -> Site:
    arguments: dict[str, Any] = {"reason": "厂区大门到车间要走二十分钟"} | given
    reviewer = actor(Role.REVIEWER, region_code=site.region_id)
    return registered.set_site_sign_in(actor=reviewer, at=BEGINS, site=site, **arguments)


def test_a_site_departs_from_its_region_only_in_what_it_sets(expected: Attendance) -> None:
    session, site = expected.session, expected.session.training_class.site
    before = services.window(session)
    _set(site, radius_m=800, closes_minutes=90)
    session.training_class.site.refresh_from_db()
    after = services.window(session)
    assert (after.opens, after.late_after) == (before.opens, before.late_after)
    assert after.closes == session.starts_at + timedelta(minutes=90)
    # 600 metres north: inside this site's own radius, and the pass for the gate says so too.
    signed = services.sign_in(
        actor=worker(expected.person), at=session.starts_at, attendance=expected, method="location", **NORTH
    )
    assert (signed.state, signed.flags) == ("present", [])
    token = passes.sign_in_pass(
        actor=worker(expected.person),
        at=session.starts_at,
        attendance=first_attendance(session.training_class),
        device="d",
    )
    assert tokens.read(token, passes.SIGN_IN, session.starts_at)["s"][2] == 800
    _set(site, reason="")
    site.refresh_from_db()
    assert (
        services.radius_m(session.training_class.sessions.model.objects.get(city_code=session.city_code, pk=session.pk))
        == 300
    )
    assert site.sign_in_reason == ""


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"radius_m": 20}, "radius_m"),
        ({"radius_m": 600, "reason": " "}, "sign_in_reason"),
        ({"grace_minutes": 60, "closes_minutes": 30}, "closes_minutes"),
    ],
)
def test_what_a_site_may_not_set(expected: Attendance, given: dict[str, Any], field: str) -> None:
    site = expected.session.training_class.site
    with pytest.raises(BadInput) as refused:
        _set(site, **given)
    assert field in refused.value.fields
    with pytest.raises(Forbidden):
        registered.set_site_sign_in(
            actor=staff(expected.session.training_class),
            at=BEGINS,
            site=site,
            reason="自己放宽",
            radius_m=2000,
        )


def test_the_page_of_a_site_shows_both_levels_and_sets_one(
    expected: Attendance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: BEGINS))
    site = expected.session.training_class.site
    officer = sign_in(Client(), registry.user(Role.REVIEWER, region_code=site.region_id))
    url = f"/bureau/organisations/sites/{site.city_code}/{site.pk}/"
    assert "平台默认，没有文件规定" in officer.get(url).content.decode()
    wrong = officer.post(url, {"radius_m": "600"})
    assert wrong.status_code == 422
    assert "请写明为什么与本地规定不同" in wrong.content.decode()
    assert officer.post(url, {"radius_m": "600", "sign_in_reason": "实训基地占地 600 米"}).status_code == 302
    shown = officer.get(url).content.decode()
    assert "<b>600</b>" in shown
    assert "实训基地占地 600 米" in shown


@pytest.mark.parametrize(("datum", "there"), [("gcj02", geo.wgs84_to_gcj02), ("bd09", geo.wgs84_to_bd09)])
def test_the_same_place_in_every_datum_is_the_same_place(
    expected: Attendance, monkeypatch: pytest.MonkeyPatch, client: Client, datum: str, there: Any
) -> None:
    monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: BEGINS))
    site = expected.session.training_class.site
    x, y = there(float(site.longitude), float(site.latitude))
    place = {"longitude": f"{x:.6f}", "latitude": f"{y:.6f}", "datum": datum}
    # The page and its offline queue.
    phone = sign_in(Client(), registry.user(Role.WORKER, person=expected.person))
    phone.post(f"/my/sessions/{expected.city_code}/{expected.pk}/sign-in/", place | {"key": "sign-1"})
    mine = SignIn.objects.get(city_code=expected.city_code, attendance=expected)
    assert mine.distance_m is not None
    assert mine.distance_m < 2
    # A reader that moves, over the API.
    other = first_attendance(running(people=1))
    provider = other.session.training_class.provider
    reader = System(client, provider, scopes=("attendance.sign_in",))
    body = {
        "session_id": str(other.session.pk),
        "line": other.person.document_number,
        "place": place | {"accuracy_m": 9},
    }
    assert reader.post("/attendance/sign-ins", body, key="read-0001").json()["flags"] == []
    read = SignIn.objects.get(city_code=other.city_code, attendance=other)
    assert (read.method, read.accuracy_m) == ("id_card", 9)
    assert (
        reader.post("/attendance/sign-ins", body | {"place": place | {"datum": "moon"}}, key="read-0002").status_code
        == 422
    )
    # The form where a site is entered.
    officer = sign_in(Client(), registry.user(Role.REVIEWER, region_code=site.region_id))
    form = {"name": "二号教学点", "kind": "own", "address": "测试路 2 号"} | place
    url = f"/bureau/organisations/{site.city_code}/{site.organisation_id}/site/"
    assert officer.post(url, {f"site-{name}": value for name, value in form.items()}).status_code == 302
    made = Site.objects.get(city_code=site.city_code, name="二号教学点")
    assert geo.distance_m(float(made.longitude), float(made.latitude), float(site.longitude), float(site.latitude)) < 2
    assert made.radius_m is None


def test_an_app_known_for_another_datum_is_asked_in_it(
    expected: Attendance, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.WEBVIEW_DATUMS = {"SomeApp": "gcj02"}
    monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: BEGINS))
    phone = sign_in(Client(), registry.user(Role.WORKER, person=expected.person))
    assert 'name="datum" value="wgs84"' in phone.get("/my/classes/").content.decode()
    assert (
        'name="datum" value="gcj02"'
        in phone.get("/my/classes/", headers={"user-agent": "Phone SomeApp/3"}).content.decode()
    )

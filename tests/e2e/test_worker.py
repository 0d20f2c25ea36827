"""A worker's phone in Chromium: find, claim in few taps, show the code, sign in at class. Light, narrow, readable to axe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest
from django.conf import settings as django_settings
from django.contrib.staticfiles.finders import find
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect
from pytest_django.live_server_helper import LiveServer

from browser import faults_here, faults_of
from factories import attendance, evaluation, registry, subsidies, vouchers
from factories.identity import sign_in
from zhaoliang.attendance.models import Attendance, SignIn
from zhaoliang.kernel.roles import Role
from zhaoliang.registry.models import Person
from zhaoliang.vouchers.models import Voucher

pytestmark = [pytest.mark.browser, pytest.mark.commits, pytest.mark.mission("N2")]

FIRST_LOAD_BYTES = 150_000


@pytest.fixture
def at_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Let every request happen at this moment."""

    def go(at: datetime) -> None:
        monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: at))

    return go


@pytest.fixture
def phone(browser: Browser, live_server: LiveServer) -> Iterator[BrowserContext]:
    context = browser.new_context(
        base_url=live_server.url,
        locale="zh-CN",
        viewport={"width": 390, "height": 844},
        geolocation={"longitude": 117.195, "latitude": 39.118},
        permissions=["geolocation"],
    )
    yield context
    context.close()


def _session(phone: BrowserContext, live_server: LiveServer, person: Person) -> Page:
    client = Client()
    sign_in(client, registry.user(Role.WORKER, person=person))
    session = client.session
    session["identity_verified_at"] = datetime.now(tz=UTC).timestamp()
    session.save()
    name = django_settings.SESSION_COOKIE_NAME
    phone.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
    page = phone.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    return page


def _sound(page: Page) -> None:
    """Not wider than the screen, nothing serious for axe."""
    assert faults_here(page) == []


@pytest.mark.mission("C2", "C3")
def test_from_finding_to_the_code_in_three_taps(
    phone: BrowserContext, live_server: LiveServer, at_time: Callable[[datetime], None]
) -> None:
    at_time(vouchers.AT + timedelta(hours=1))
    made = subsidies.project(registry.organisation(), registry.organisation(evaluator=True))
    vouchers.batch(made, amount_fen=subsidies.FULL_FEN)
    person = subsidies.trainee()
    page = _session(phone, live_server, person)
    weight: list[int] = []

    def weigh(response: Response) -> None:
        # The test's server sends built files as they are; the platform's sends the compressed ones beside them.
        path = unquote(urlsplit(response.url).path).removeprefix(django_settings.STATIC_URL)
        packed = find(f"{path}.gz") if path.startswith("dist/") else None
        weight.append(Path(packed).stat().st_size if packed else int(response.headers["content-length"]))

    page.on("response", weigh)
    page.goto("/my/find/")
    page.wait_for_load_state("networkidle")
    assert sum(weight) < FIRST_LOAD_BYTES
    _sound(page)
    page.get_by_role("link", name=made.name).click()
    _sound(page)
    page.get_by_label("我已阅读上面的承诺").check()
    page.get_by_role("button", name="确认承诺并领券").click()
    expect(page.get_by_role("heading", name="培训券", exact=True)).to_be_visible()
    voucher = Voucher.objects.get(city_code=person.city_code, person=person)
    assert voucher.state == "claimed"
    _sound(page)
    page.get_by_role("link", name="出示券码").click()
    expect(page.locator(".qr-code svg")).to_be_visible()
    page.get_by_role("button", name="放大出示").click()
    expect(page.get_by_role("button", name="退出全屏")).to_be_visible()
    _sound(page)


@pytest.mark.mission("D4")
def test_one_tap_signs_in_with_the_phones_place(
    phone: BrowserContext, live_server: LiveServer, at_time: Callable[[datetime], None]
) -> None:
    expected = attendance.first_attendance(attendance.running())
    at_time(expected.period.lower - timedelta(minutes=5))
    page = _session(phone, live_server, expected.person)
    page.goto("/my/classes/")
    _sound(page)
    page.get_by_role("button", name="我到了，签到").click()
    expect(page.get_by_text("签到成功。")).to_be_visible()
    signed = SignIn.objects.get(city_code=expected.city_code, attendance=expected)
    assert signed.distance_m is not None
    assert Attendance.objects.get(city_code=expected.city_code, pk=expected.pk).state == "present"


@pytest.mark.mission("D4")
def test_a_sign_in_without_network_waits_on_the_phone_and_counts_once(
    phone: BrowserContext, live_server: LiveServer, at_time: Callable[[datetime], None]
) -> None:
    expected = attendance.first_attendance(attendance.running())
    at_time(expected.period.lower - timedelta(minutes=5))
    page = _session(phone, live_server, expected.person)
    page.goto("/my/classes/")
    page.clock.set_fixed_time(expected.period.lower - timedelta(minutes=5))
    phone.set_offline(True)
    page.get_by_role("button", name="我到了，签到").click()
    expect(page.get_by_text("签到已存在手机里")).to_be_visible()
    phone.set_offline(False)
    expect(page.get_by_text("没网时的签到已上传。")).to_be_visible()
    assert SignIn.objects.filter(city_code=expected.city_code, attendance=expected).count() == 1
    assert Attendance.objects.get(city_code=expected.city_code, pk=expected.pk).state == "present"


@pytest.mark.mission("F1", "D6")
@pytest.mark.parametrize("width", [390, 1440])
def test_what_i_can_get_and_what_i_think_of_a_class_fit_the_screen(
    phone: BrowserContext, live_server: LiveServer, at_time: Callable[[datetime], None], width: int
) -> None:
    made = evaluation.taught(1)
    at_time(evaluation.AFTER)
    [enrolment] = made.enrolments
    page = _session(phone, live_server, enrolment.person)
    page.set_viewport_size({"width": width, "height": 844})
    mine = f"/my/classes/{enrolment.city_code}/{enrolment.pk}/"
    project = made.training_class.project_id
    assert faults_of(page, ["/my/eligibility/", f"/my/eligibility/?project={project}", mine, f"{mine}opinion/"]) == {}
    page.get_by_role("button", name="提交评价").click()
    _sound(page)

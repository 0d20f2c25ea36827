"""A worker's phone in Chromium: what it keeps without network and for whom; narrow, readable to axe.

The whole way, with the gate, is tests/gate/test_phone.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from threading import Event
from types import SimpleNamespace

import pytest
from django.conf import settings as django_settings
from django.http import HttpResponse
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from browser import faults_here, faults_of, wait_until_kept
from factories import evaluation, registry, subsidies, vouchers
from phones import page_of, phone_at_site
from zhaoliang.kernel.roles import Role
from zhaoliang.registry.models import Person
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.portal.templatetags.training import voucher_code
from zhaoliang.web.worker.offline import PhoneAccount

pytestmark = [pytest.mark.browser, pytest.mark.commits, pytest.mark.mission("N2")]


@pytest.fixture
def at_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Let every request happen at this moment."""

    def go(at: datetime) -> None:
        monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: at))

    return go


@pytest.fixture
def phone(browser: Browser, live_server: LiveServer) -> Iterator[BrowserContext]:
    context = phone_at_site(browser, live_server.url)
    yield context
    context.close()


def _session(phone: BrowserContext, live_server: LiveServer, person: Person) -> Page:
    owner = registry.user(Role.WORKER, person=person)
    return page_of(phone, live_server.url, owner, seen_at=datetime.now(tz=UTC))


def _sound(page: Page) -> None:
    """Not wider than the screen, nothing serious for axe."""
    assert faults_here(page) == []


@pytest.mark.mission("N2")
def test_a_sign_out_that_does_not_arrive_is_told_again_and_keeps_nothing_that_was_on_its_way(
    phone: BrowserContext, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer = Event(), Event()
    through = PhoneAccount.__call__

    def slow(middleware: PhoneAccount, request: ActorRequest) -> HttpResponse:
        response = through(middleware, request)
        if request.path == "/my/scan/":
            asked.set()
            answer.wait(30)
        return response

    monkeypatch.setattr(PhoneAccount, "__call__", slow)
    other = _session(phone, live_server, subsidies.trainee())
    other.goto("/my/classes/")
    wait_until_kept(other)
    page = phone.new_page()
    page.goto("/my/me/")
    # A network that leads nowhere, and a form whose proof is of an earlier cookie.
    page.route("**/account/logout/", lambda route: route.abort())
    phone.clear_cookies(name=django_settings.CSRF_COOKIE_NAME)
    other.evaluate("setTimeout(() => location.assign('/my/scan/'))")
    assert asked.wait(30)
    page.get_by_role("button", name="退出登录").click()
    expect(page.get_by_text("联网后会自动退出")).to_be_visible()
    page.unroute("**/account/logout/")
    page.wait_for_url("**/sign-in/**")
    answer.set()
    other.wait_for_url("**/my/scan/")
    other.wait_for_load_state("networkidle")
    assert other.evaluate("caches.match('/my/scan/').then(Boolean)") is False
    other.goto("/my/classes/")
    other.wait_for_url("**/sign-in/**")


@pytest.mark.mission("C3")
def test_without_network_a_voucher_and_its_number_stay_and_they_go_with_their_owner(
    phone: BrowserContext, live_server: LiveServer
) -> None:
    # Somebody else had this phone before: nothing of him is left once the next one has signed in.
    page = _session(phone, live_server, subsidies.trainee())
    page.goto("/my/classes/")
    wait_until_kept(page)
    held = vouchers.voucher(person=subsidies.trainee())
    page = _session(phone, live_server, held.person)
    page.goto("/my/vouchers/")
    wait_until_kept(page)
    assert page.evaluate("caches.match('/my/classes/').then(Boolean)") is False
    page.get_by_role("link", name="出示券码").click()
    expect(page.locator(".qr-code svg")).to_be_visible()
    wait_until_kept(page)
    mine = phone.new_page()
    mine.goto("/my/me/")
    # Without network: the last page, whose code says when it went stale and leaves the number, which stays good.
    phone.set_offline(True)
    page.close()
    page = phone.new_page()
    page.clock.install()
    page.goto("/my/vouchers/")
    expect(page.get_by_text("离线，显示")).to_be_visible()
    page.get_by_role("link", name="出示券码").click()
    page.clock.fast_forward(61_000)
    expect(page.get_by_text("已过期")).to_be_visible()
    expect(page.locator(".qr-code")).to_be_hidden()
    expect(page.get_by_text(voucher_code(held.code)).first).to_be_visible()
    _sound(page)
    # A page that was not kept names those that were.
    page.goto("/my/find/")
    expect(page.get_by_role("heading", name="没有网络")).to_be_visible()
    expect(page.get_by_role("link", name="我的券").first).to_be_visible()
    _sound(page)
    # Signing out without network: the pages go at once, the sign-out follows by itself.
    mine.get_by_role("button", name="退出登录").click()
    expect(mine.get_by_text("联网后会自动退出")).to_be_visible()
    page.goto("/my/vouchers/")
    expect(page.get_by_text("现在这部手机上还没有")).to_be_visible()
    # Also when the page on which it was asked is closed, and the next one has no form.
    mine.close()
    page.close()
    phone.set_offline(False)
    page = phone.new_page()
    page.goto("/my/vouchers/")
    page.wait_for_url("**/sign-in/**")
    page.goto("/my/classes/")
    page.wait_for_url("**/sign-in/**")


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

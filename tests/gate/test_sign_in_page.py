"""A phone in Chromium with the real gate: it signs in there with a mocked position only, and keeps and sends once what it could not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from browser import faults_here, wait_until_kept
from factories import registry
from factories.attendance import first_attendance, running
from factories.identity import sign_in
from gate.running import RunningGate
from zhaoliang.attendance import classcode, selectors
from zhaoliang.attendance.models import Attendance
from zhaoliang.classes.models import ClassSession
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.kernel.roles import Role

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.mission("D4", "N2")]


@pytest.fixture
def beside(live_server: LiveServer, database_url: str, settings: Any) -> Iterator[RunningGate]:
    """A gate on a port of its own that answers these pages only."""
    gate = RunningGate(database_url, ZHAOLIANG_GATE_ORIGINS=live_server.url)
    settings.GATE_PORT = gate.port
    gate.start()
    try:
        yield gate
    finally:
        gate.stop()


Phone = Callable[[Attendance], Page]


@pytest.fixture
def phone(browser: Browser, live_server: LiveServer) -> Iterator[Phone]:
    """A phone of its own for each trainee, at the site."""
    contexts: list[BrowserContext] = []

    def made(attendance: Attendance) -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            locale="zh-CN",
            viewport={"width": 390, "height": 844},
            geolocation={"longitude": 117.195, "latitude": 39.118, "accuracy": 14},
            permissions=["geolocation"],
        )
        contexts.append(context)
        client = Client()
        sign_in(client, registry.user(Role.WORKER, person=attendance.person))
        name = django_settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        return page

    yield made
    for context in contexts:
        context.close()


def going_on(people: int, now: datetime) -> list[Attendance]:
    """What is expected of the trainees of a session that begins in ten minutes by the real clock."""
    session = first_attendance(running(people=people)).session
    period = DateTimeTZRange(now + timedelta(minutes=10), now + timedelta(minutes=190))
    ClassSession.objects.filter(city_code=session.city_code, pk=session.pk).update(period=period)
    Attendance.objects.filter(city_code=session.city_code, session=session).update(period=period)
    rows = Attendance.objects.filter(city_code=session.city_code, session=session).order_by("id")
    return list(rows.select_related("session", "person"))


def through(attendance: Attendance) -> list[str]:
    events = AuditEvent.objects.filter(
        city_code=attendance.city_code, act="attendance.sign_in", object_id=attendance.pk
    )
    return [(event.detail or {}).get("through", "page") for event in events]


def test_two_taps_at_the_gate_and_without_network_or_gate_the_phone_keeps_it_and_sends_it_once(
    beside: RunningGate, phone: Phone, now: datetime
) -> None:
    one, two, three = going_on(3, now)
    page = phone(one)
    page.goto("/my/classes/")
    assert faults_here(page) == []
    page.get_by_role("button", name="我到了，签到").click()
    expect(page.get_by_text("签到成功。")).to_be_visible()
    assert through(one) == ["gate"]
    (signed,) = selectors.sign_ins_of(one)
    assert (signed.method, signed.accuracy_m, signed.sequence) == ("location", 14, 1)
    assert abs((signed.received_at - signed.at).total_seconds()) < 30

    # Opened, closed, and opened anew without network: shown with its time, signed in once, and still waiting after it was closed again.
    page = phone(two)
    context = page.context
    page.goto("/my/classes/")
    wait_until_kept(page)
    page.close()
    context.set_offline(True)
    page = context.new_page()
    page.goto("/my/classes/")
    expect(page.get_by_text("离线，显示")).to_be_visible()
    assert faults_here(page) == []
    page.get_by_role("button", name="我到了，签到").click()
    expect(page.get_by_text("已签到，存在手机里")).to_be_visible()
    expect(page.get_by_role("button", name="我到了，签到")).to_be_hidden()
    assert faults_here(page) == []
    page.close()
    page = context.new_page()
    page.goto("/my/classes/")
    expect(page.get_by_text("手机里存着 1 次签到，还没有上传")).to_be_visible()
    expect(page.get_by_role("button", name="我到了，签到")).to_be_hidden()
    page.close()
    # Back: two tabs and the browser's own wake-up bring the same one.
    before = datetime.now(now.tzinfo)
    context.set_offline(False)
    page, other = context.new_page(), context.new_page()
    page.goto("/my/classes/")
    other.goto("/my/scan/")
    expect(page.locator("[data-queue]")).to_be_hidden()
    expect(page.get_by_text("离线，显示")).to_be_hidden()
    page.reload()
    page.wait_for_load_state("networkidle")
    (signed,) = selectors.sign_ins_of(two)
    assert through(two) == ["gate"]
    assert signed.at < before < signed.received_at

    # The class code, typed, with the gate gone and the phone full: by the page's own server, under the same key.
    page = phone(three)
    page.add_init_script("IDBObjectStore.prototype.put = () => { throw new DOMException('', 'QuotaExceededError'); }")
    page.goto("/my/scan/")
    assert faults_here(page) == []
    beside.kill()
    page.get_by_label("扫不了？输入屏幕上的 8 位码").fill(
        classcode.shown(three.session, datetime.now(now.tzinfo)).typed
    )
    page.get_by_role("button", name="用这个码签到").click()
    expect(page.get_by_text("签到成功。")).to_be_visible()
    assert [row.method for row in selectors.sign_ins_of(three)] == ["class_code"]
    assert through(three) == ["page"]

"""A worker's phone in Chromium with the real gate beside the pages: it claims there, and by the form when the gate is gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from factories import registry, vouchers
from factories.identity import sign_in
from gate.running import RunningGate
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.kernel.roles import Role
from zhaoliang.registry.models import Person
from zhaoliang.vouchers.models import Voucher, VoucherBatch

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.mission("C2", "C6")]


@pytest.fixture
def beside(live_server: LiveServer, database_url: str, settings: Any) -> Iterator[RunningGate]:
    """A gate on a port of its own that answers these pages only."""
    running = RunningGate(database_url, ZHAOLIANG_GATE_ORIGINS=live_server.url)
    settings.GATE_PORT = running.port
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def phone(browser: Browser, live_server: LiveServer) -> Iterator[BrowserContext]:
    context = browser.new_context(
        base_url=live_server.url, locale="zh-CN", viewport={"width": 390, "height": 844}, service_workers="block"
    )
    yield context
    context.close()


def signed_in(phone: BrowserContext, live_server: LiveServer, person: Person) -> Page:
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


def through(voucher: Voucher) -> str:
    event = AuditEvent.objects.get(city_code=voucher.city_code, act="vouchers.claim", object_id=voucher.pk)
    return (event.detail or {}).get("through", "page")


def take(page: Page, batch: VoucherBatch, person: Person) -> Voucher:
    page.goto(f"/my/find/{batch.city_code}/{batch.pk}/")
    page.get_by_label("我已阅读上面的承诺").check()
    page.get_by_role("button", name="确认承诺并领券").click()
    expect(page.get_by_text("领到了。下一步：带上券码去报名。")).to_be_visible()
    found = Voucher.objects.get(city_code=batch.city_code, batch=batch, person=person)
    assert urlsplit(page.url).path == f"/my/vouchers/{found.city_code}/{found.pk}/"
    return found


def test_a_phone_claims_at_the_gate_and_by_the_form_when_the_gate_is_gone(
    beside: RunningGate, phone: BrowserContext, live_server: LiveServer, now: datetime
) -> None:
    person = registry.person(at=now)
    page = signed_in(phone, live_server, person)
    assert through(take(page, vouchers.batch(at=now), person)) == "gate"
    refused = vouchers.batch(quota=1, at=now)
    page.goto(f"/my/find/{refused.city_code}/{refused.pk}/")
    vouchers.voucher(refused, person=registry.person(at=now), at=now)
    page.get_by_label("我已阅读上面的承诺").check()
    page.get_by_role("button", name="确认承诺并领券").click()
    expect(page.get_by_role("alert")).to_contain_text("没有领到")
    beside.kill()
    assert through(take(page, vouchers.batch(at=now), person)) == "page"

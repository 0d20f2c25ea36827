"""A policy text's whole way in Chromium: an administrator changes a table, tries it, an approver lets it bind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from browser import faults_of
from factories import enactments as make
from factories import jobs, registry, subsidies
from factories.identity import sign_in
from zhaoliang.kernel.roles import Role
from zhaoliang.registry import lawbook
from zhaoliang.registry.models import User

pytestmark = [pytest.mark.browser, pytest.mark.commits, pytest.mark.mission("N4", "F1", "F7")]

PAGES = (
    "policy",
    "policy_figures",
    "policy_tables",
    "policy_text",
    "policy_check",
    "policy_difference",
    "policy_whatif",
)
Sit = Callable[[Role, int], Page]


@pytest.fixture
def sit(browser: Browser, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sit]:
    """A desk for a new officer, at the moment of the drafts."""
    monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: make.AT))
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_desk(role: Role, width: int) -> Page:
        officer = registry.actor_with(role, region_code=registry.CITY)
        client = sign_in(Client(), User.objects.get(pk=officer.user_id))
        size = {"width": width, "height": 900}
        context = browser.new_context(base_url=live_server.url, locale="zh-CN", viewport=size)  # type: ignore[arg-type]  # a ViewportSize
        contexts.append(context)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        page = context.new_page()
        # A check reads the whole library; on a busy machine that takes a while.
        page.set_default_timeout(120_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        return page

    yield open_desk
    for context in contexts:
        context.close()
    assert problems == []


def test_a_standard_is_changed_tried_and_approved_without_a_programmer(sit: Sit) -> None:
    case = subsidies.case(2)
    subsidies.confirmed(case)
    page = sit(Role.ADMINISTRATOR, 1440)
    page.goto(reverse("bureau:policies"))
    page.get_by_role("row", name="津人社局发〔2022〕20号").get_by_role("link", name="起草修订").click()
    page.get_by_label("为什么改").fill("测试：焊工标准提高")
    page.get_by_label("施行日期").fill("2027-01-01")
    page.get_by_role("button", name="建立草稿").click()
    page.get_by_role("link", name="标准表").first.click()
    page.get_by_label("焊工 120 起 高级工", exact=True).fill("3900")
    page.get_by_label("焊工 80 起 高级工", exact=True).fill("2600")
    page.get_by_role("button", name="保存这一页为新的一稿").click()
    page.get_by_role("link", name="概况").click()
    page.get_by_role("button", name="检查这一稿").click()
    for box in page.get_by_role("checkbox", name="采用").all():
        box.check()
    page.get_by_role("button", name="勾选的采用新结果").click()
    page.get_by_role("button", name="检查这一稿").click()
    page.get_by_role("button", name="用历史申领试算").click()
    expect(page.get_by_text("已排队，很快开始")).to_be_visible()
    jobs.run_waiting(make.AT)
    expect(page.get_by_role("heading", name="按新规定重算，多支出")).to_be_visible()
    page.get_by_role("button", name="送审，由另一位同事批准").click()
    expect(page.get_by_text("已送审，等另一位同事批准。")).to_be_visible()
    approver = sit(Role.APPROVER, 1440)
    approver.goto(reverse("bureau:home"))
    approver.get_by_role("link", name="天津市职业技能培训补贴实施办法").click()
    approver.get_by_role("link", name="差异").click()
    expect(approver.get_by_text("3,900").first).to_be_visible()
    approver.get_by_role("link", name="概况").click()
    approver.get_by_role("button", name="批准，自 2027年1月1日起施行").click()
    expect(approver.get_by_text("已批准。到施行日自动生效")).to_be_visible()
    lawbook.forget()
    version = next(one for one in lawbook.lawbook().documents if (one.id, one.start) == (make.DOCUMENT, make.START))
    standard = version.tables["standard"].on(date(2027, 1, 1))
    assert standard is not None
    assert standard.rows["6-18-02-04", 120, "senior"] == 390_000


@pytest.mark.parametrize("width", [390, 1440])
def test_every_page_of_a_draft_fits_its_screen_and_axe_finds_nothing_serious(sit: Sit, width: int) -> None:
    office = make.bureau()
    made = make.scarcer(office)
    page = sit(Role.ADMINISTRATOR, width)
    addresses = [reverse(f"bureau:{name}", args=[made.city_code, made.pk]) for name in PAGES]
    addresses += [reverse("bureau:policies"), reverse("bureau:policy_new")]
    assert faults_of(page, addresses) == {}

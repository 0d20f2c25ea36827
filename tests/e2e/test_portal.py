"""A visitor of the public site in Chromium: from the search box to the subsidy and its clause, and checking a certificate."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from browser import faults_here, faults_of
from factories import certificates, registry, subsidies, vouchers
from zhaoliang.certificates import signing

pytestmark = [pytest.mark.browser, pytest.mark.commits, pytest.mark.mission("N1")]

ADDRESSES = ("/", "/projects/", "/catalogue/", "/organisations/", "/check/", "/publicity/", "/policies/", "/about/")


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    at = vouchers.AT + timedelta(hours=1)
    monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: at))
    context = browser.new_context(base_url=live_server.url, locale="zh-CN", viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    yield opened
    context.close()
    assert problems == []


@pytest.mark.mission("F1")
def test_from_the_search_box_to_amount_and_clause(page: Page) -> None:
    made = subsidies.project(registry.organisation(), registry.organisation(evaluator=True))
    vouchers.batch(made, amount_fen=subsidies.FULL_FEN)
    page.goto("/")
    page.get_by_label("想学什么").fill("焊工")
    page.get_by_role("button", name="找培训").click()
    page.get_by_role("link", name=made.name).click()
    expect(page.get_by_text("¥3,780.00").first).to_be_visible()
    page.get_by_text("这个金额怎么来的").click()
    page.get_by_text("第九条").first.click()
    page.get_by_role("link", name="看原文").first.click()
    expect(page.get_by_role("heading", name="第九条")).to_be_visible()
    assert page.url.endswith("/policies/cn-12/jinrenshe-2022-20/clauses/9/")


@pytest.mark.mission("E5")
def test_the_qr_code_of_a_certificate_answers_without_typing(page: Page) -> None:
    made = certificates.certificate()
    page.goto(f"/check/?q={made.number}#{signing.token_of(made)}")
    expect(page.get_by_text("证书有效，内容以下面登记的为准。")).to_be_visible()
    assert "#" not in page.url


@pytest.mark.parametrize("width", [320, 390, 1440])
def test_every_page_fits_its_screen_and_axe_finds_nothing_serious(page: Page, width: int) -> None:
    made = subsidies.project(registry.organisation(), registry.organisation(evaluator=True))
    vouchers.batch(made, amount_fen=subsidies.FULL_FEN)
    page.set_viewport_size({"width": width, "height": 844})
    own = [f"/projects/{made.city_code}/{made.pk}/", f"/eligibility/?region={made.city_code}&project={made.pk}"]
    law = "/policies/cn-12/jinrenshe-2022-20/"
    of_law = [
        law,
        f"{law}clauses/9/",
        f"{law}clauses/24/",
        f"{law}changes/",
        "/policies/cn-12/mulu-2021-2022/clauses/table/",
    ]
    assert faults_of(page, [*ADDRESSES, *own, *of_law]) == {}


@pytest.mark.parametrize("width", [390, 1440])
def test_what_one_can_get_fits_its_screen_with_answers_and_with_a_wrong_one(page: Page, width: int) -> None:
    made = subsidies.project(registry.organisation(), registry.organisation(evaluator=True))
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"/eligibility/?region={made.city_code}&project={made.pk}")
    page.get_by_label("开班时周岁").fill("30")
    page.get_by_label("人员类别", exact=True).select_option("农村转移就业劳动者")
    page.get_by_role("button", name="看结果").click()
    expect(page.get_by_role("heading", name="再答几个，结果更准")).to_be_visible()
    expect(page.get_by_text("¥3,780.00").first).to_be_visible()
    assert faults_here(page) == []
    # Asked after what more subsidies wait for.
    page.get_by_text("个问题，只关系到个别补贴").click()
    page.get_by_label("本年已享受培训补贴次数").fill("99999")
    page.get_by_role("button", name="看结果").click()
    expect(page.get_by_text("本年已享受培训补贴次数").first).to_be_visible()
    assert faults_here(page) == []

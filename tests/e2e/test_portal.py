"""A visitor of the public site in Chromium: from the search box to the subsidy and its clause, and checking a certificate."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from factories import certificates, registry, subsidies, vouchers
from zhaoliang.certificates import signing

pytestmark = [pytest.mark.browser, pytest.mark.commits, pytest.mark.mission("N1")]

AXE = Path(__file__).resolve().parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
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
    axe = AXE.read_text("utf-8")
    found = {}
    for address in (*ADDRESSES, f"/projects/{made.city_code}/{made.pk}/", "/policies/cn-12/jinrenshe-2022-20/"):
        page.goto(address)
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        page.evaluate(axe)
        result = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})")
        serious = [
            (one["id"], one["nodes"][0]["html"][:160])
            for one in result["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        if over > 0 or serious:
            found[address] = (over, serious)
    assert found == {}

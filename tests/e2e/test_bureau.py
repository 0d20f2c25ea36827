"""The bureau desk in Chromium: a claim judged by keyboard, money sent and answered, the trace; narrow, readable to axe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from browser import faults_of
from factories import classes, payments, registry, subsidies
from factories.identity import sign_in
from zhaoliang.demo.bank import answer_file
from zhaoliang.kernel.roles import Actor, Role
from zhaoliang.payments.excel import bank_file
from zhaoliang.payments.models import PaymentBatch
from zhaoliang.registry.models import User
from zhaoliang.subsidies import services
from zhaoliang.subsidies.models import ClaimLine

pytestmark = [pytest.mark.browser, pytest.mark.commits, pytest.mark.mission("N4")]

Sit = Callable[[Actor], Page]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    def go(at: datetime) -> None:
        monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: at))

    return go


@pytest.fixture
def sit(browser: Browser, live_server: LiveServer) -> Iterator[Sit]:
    """A desk for an officer: a browser of his own, signed in."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_desk(who: Actor) -> Page:
        client = sign_in(Client(), User.objects.get(pk=who.user_id))
        context = browser.new_context(
            base_url=live_server.url, locale="zh-CN", viewport={"width": 1440, "height": 900}, accept_downloads=True
        )
        contexts.append(context)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        return page

    yield open_desk
    for context in contexts:
        context.close()
    assert problems == []


@pytest.mark.mission("F4")
def test_a_claim_is_judged_and_passed_with_the_keyboard(sit: Sit, clock: Callable[[datetime], None]) -> None:
    made = subsidies.case(3)
    claim = subsidies.confirmed(made)
    line = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim).order_by("id")[1]
    services.question_line(actor=made.reviewer, at=subsidies.ASSESSED, line=line, text="签到集中")
    clock(subsidies.PUBLISHED)
    page = sit(made.reviewer)
    page.goto("/bureau/")
    page.get_by_role("link", name=made.training_class.name).click()
    expect(page.get_by_role("button", name="初审通过 2 条")).to_be_disabled()
    page.keyboard.press("k")
    expect(page.locator("[data-review-item][aria-current=true]")).to_contain_text("全部通过")
    page.keyboard.press("j")
    expect(page.get_by_role("note").get_by_text("签到集中")).to_be_visible()
    page.get_by_label("您的判断和理由").fill("已看监控，本人到课")
    page.get_by_role("button", name="判断为符合").click()
    expect(page.get_by_text("已判断为符合，说明已存档。")).to_be_visible()
    page.keyboard.press("p")
    expect(page.get_by_text("初审已通过，等待另一位同事复核。")).to_be_visible()


REASON = "看过监控，jark 本人到课"
IN_HAND = "[data-review-item][aria-current=true]"


@pytest.mark.mission("F4")
def test_sixty_lines_are_reviewed_by_keys_alone_one_page_and_two_keys_a_line(
    sit: Sit, clock: Callable[[datetime], None]
) -> None:
    made = subsidies.case(60)
    claim = subsidies.confirmed(made)
    lines = list(ClaimLine.objects.filter(city_code=claim.city_code, claim=claim).order_by("id"))
    asked = [line.pk for line in lines[4::5]]
    for line in lines[4::5]:
        services.question_line(actor=made.reviewer, at=subsidies.ASSESSED, line=line, text="签到集中")
    clock(subsidies.PUBLISHED)
    page = sit(made.reviewer)
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    page.goto(f"/bureau/claims/{claim.city_code}/{claim.pk}/")

    def in_hand() -> int:
        expect(page.locator(IN_HAND)).to_be_in_viewport()
        return int(parse_qs(urlsplit(page.locator(IN_HAND).get_attribute("href") or "").query)["line"][0])

    def go(key: str) -> int:
        with page.expect_navigation():
            page.keyboard.press(key)
        seen = "e => e.matches(':focus-visible') && getComputedStyle(e).outlineStyle !== 'none'"
        assert page.locator(IN_HAND).evaluate(seen)
        return in_hand()

    pressed: dict[int, str] = {}
    assert in_hand() == asked[0]
    # Without a reason nothing is decided, and in the reason letters are letters.
    page.keyboard.press("a")
    expect(page.get_by_label("您的判断和理由")).to_be_focused()
    page.keyboard.type(REASON)
    assert (in_hand(), len(loads)) == (asked[0], 1)
    expect(page.get_by_label("您的判断和理由")).to_have_value(REASON)
    page.keyboard.press("Escape")
    # Held down and pressed again: one line is decided and the next one waits.
    with page.expect_navigation():
        page.keyboard.down("a")
    page.keyboard.down("a")
    page.keyboard.up("a")
    page.keyboard.press("a")
    pressed[asked[0]] = "passed"
    assert in_hand() == asked[1]
    page.keyboard.press("Escape")
    # Up and down the list, and one line left for later.
    assert go("k") == lines[8].pk
    assert go("j") == asked[1]
    assert go("j") == lines[10].pk
    assert go("k") == asked[1]
    later = asked[1]
    page.goto(f"/bureau/claims/{claim.city_code}/{claim.pk}/?line={later}&like={asked[0]}")
    here = go("e")
    loads.clear()
    for number, wanted in enumerate([*asked[2:], later]):
        assert here == wanted
        page.keyboard.press("l")
        expect(page.get_by_label("您的判断和理由")).to_have_value(REASON)
        here = go("a" if number % 3 else "r")
        pressed[wanted] = "passed" if number % 3 else "refused"
    assert len(loads) == len(asked) - 1
    page.keyboard.press("p")
    expect(page.get_by_text("初审已通过，等待另一位同事复核。")).to_be_visible()
    stored = ClaimLine.objects.filter(city_code=claim.city_code, pk__in=asked)
    assert dict(stored.values_list("pk", "state")) == pressed
    assert set(stored.values_list("judgement", flat=True)) == {REASON}


@pytest.mark.parametrize("size", [(390, 844), (1440, 900)])
def test_the_line_in_hand_is_seen_in_its_list(
    sit: Sit, clock: Callable[[datetime], None], size: tuple[int, int]
) -> None:
    made = subsidies.case(20)
    claim = subsidies.confirmed(made)
    line = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim).order_by("id")[15]
    clock(subsidies.PUBLISHED)
    page = sit(made.reviewer)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"/bureau/claims/{claim.city_code}/{claim.pk}/?line={line.pk}")
    expect(page.locator(IN_HAND)).to_be_in_viewport(ratio=1)
    assert page.evaluate("scrollY") == 0


@pytest.mark.mission("G3", "G2")
def test_money_goes_to_the_bank_and_each_cent_can_be_traced(
    sit: Sit, clock: Callable[[datetime], None], tmp_path: Path
) -> None:
    made = subsidies.case(2)
    subsidies.approved(made)
    payments.pays_from(made.place, "employment_subsidy")
    clock(subsidies.APPROVED)
    officer, finance = sit(made.officer), sit(made.finance)
    officer.goto("/bureau/payments/")
    officer.get_by_role("button", name="编制批次").click()
    officer.get_by_role("button", name="封存笔数和总额").click()
    finance.goto("/bureau/")
    finance.get_by_role("link", name="批次").click()
    finance.get_by_role("button", name="授权拨付").click()
    officer.reload()
    officer.get_by_role("button", name="定稿并登记为已送银行").click()
    with officer.expect_download() as download:
        officer.get_by_role("link", name="下载批量代发表 .xlsx").click()
    sent = download.value.path().read_bytes()
    answer = tmp_path / "回单.xlsx"
    answer.write_bytes(answer_file(sent))
    officer.locator("input[type=file]").set_input_files(answer)
    officer.get_by_role("button", name="先看核对结果").click()
    expect(officer.get_by_text("现在还什么都没有改动")).to_be_visible()
    officer.get_by_role("button", name="入账 2 笔").click()
    expect(officer.get_by_role("heading", name="2 行都对上了")).to_be_visible()
    officer.locator("tbody a").first.click()
    expect(officer.get_by_role("heading", name="¥3,780.00 的来龙去脉")).to_be_visible()
    expect(officer.get_by_text("按当时的政策重算，结果相同")).to_be_visible()
    officer.get_by_role("link", name="从条款看下去").click()
    officer.locator("#rules summary").first.click()
    expect(officer.locator("#rules blockquote").first).to_be_visible()


def _everything() -> tuple[subsidies.Case, list[str]]:
    """A district with something on every page, and the addresses of those pages."""
    filed = classes.filed()
    made = subsidies.case(2)
    subsidies.approved(made)
    batch = payments.sent(made)
    kept = payments.answered(made, batch, answer_file(bank_file(batch), {1: "账号户名不符"}))
    line = ClaimLine.objects.filter(city_code=registry.CITY).earliest("id")
    waiting = subsidies.confirmed(subsidies.case(2))
    assert PaymentBatch.objects.get(city_code=registry.CITY).state == "settled"
    rows = {
        "class": filed,
        "claim": waiting,
        "project": made.training_class.project,
        "voucher_batch": made.batch,
        "voucher_holders": made.batch,
        "payment_batch": batch,
        "bank_return": kept,
        "trace": line,
        "person": made.people[0],
        "organisation": made.provider,
    }
    lists = ("home", "classes", "claims", "projects", "voucher_batches", "catalogues", "accounts", "books", "payments")
    more = ("trace_search", "people", "organisations", "users", "audit", "audit_verify")
    addresses = [reverse(f"bureau:{name}") for name in (*lists, *more)]
    addresses += [reverse("bureau:rule_lines", args=["attendance"]) + f"?outcome={one}" for one in ("pass", "fail")]
    return made, addresses + [reverse(f"bureau:{name}", args=[row.city_code, row.pk]) for name, row in rows.items()]


# A phone of 390 px whose letters are twice as large lays a page out as one of 195 px.
@pytest.mark.parametrize("width", [195, 390, 1440])
def test_every_page_fits_its_screen_and_axe_finds_nothing_serious(sit: Sit, width: int) -> None:
    _, addresses = _everything()
    auditor = sit(registry.actor_with(Role.AUDITOR, region_code=registry.CITY))
    auditor.set_viewport_size({"width": width, "height": 844})
    assert faults_of(auditor, addresses) == {}

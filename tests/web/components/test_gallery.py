"""The gallery in a real browser: nothing overflows, nothing serious for axe, keys and switches do what they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Browser, Page
from pytest_django import Settings

from zhaoliang.web.components import assets
from zhaoliang.web.components.gallery import FACES

AXE = Path(__file__).resolve().parents[3] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="session")
def static_root() -> None:
    """The server's static middleware warns where nobody has ever collected; the finders serve the files here."""
    Path(django_settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


@pytest.fixture
def gallery(static_root: None, live_server: Any, settings: Settings) -> str:
    settings.DEBUG = True
    assert assets.built(), "build the front end first: cd frontend && npm ci && npm run build"
    return f"{live_server.url}/design"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    yield opened
    context.close()
    assert problems == []


@pytest.mark.parametrize("large", [False, True], ids=["normal", "large"])
@pytest.mark.parametrize("width", [320, 390, 1440])
def test_no_page_is_wider_than_its_screen(gallery: str, page: Page, width: int, large: bool) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.context.add_cookies([{"name": "zl_large", "value": "1" if large else "0", "url": gallery}])
    wider = {}
    for face in FACES:
        page.goto(f"{gallery}/{face}/")
        wider[face] = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert {face: over for face, over in wider.items() if over > 0} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(gallery: str, page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    axe = AXE.read_text("utf-8")
    found = []
    for face in FACES:
        page.goto(f"{gallery}/{face}/")
        page.evaluate(axe)
        result = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})")
        found += [
            (face, violation["id"], [node["html"][:160] for node in violation["nodes"]][:3])
            for violation in result["violations"]
            if violation["impact"] in ("serious", "critical")
        ]
    assert found == []


def test_j_and_k_walk_the_list_and_letters_stay_letters_while_typing(gallery: str, page: Page) -> None:
    page.goto(f"{gallery}/review/")
    current = page.locator("[data-review-item][aria-current=true]")
    before = current.inner_text()
    page.keyboard.press("j")
    after = current.inner_text()
    assert after != before
    page.keyboard.press("k")
    assert current.inner_text() == before
    page.locator("[data-keys-toggle]").uncheck()
    page.keyboard.press("j")
    assert current.inner_text() == before


def test_a_second_click_is_not_sent(gallery: str, page: Page) -> None:
    page.goto(f"{gallery}/review/")
    sent: list[str] = []

    def hold(route: object) -> None:
        sent.append("post")

    page.route("**/review/", lambda route: hold(route) if route.request.method == "POST" else route.continue_())
    button = page.locator("button[data-key=a]")
    button.click(no_wait_after=True)
    page.wait_for_function("document.querySelector('form.review-bar').dataset.sent !== undefined")
    button.click(no_wait_after=True, force=True)
    page.keyboard.press("a")
    assert button.get_attribute("aria-disabled") == "true"
    assert sent == ["post"]


def test_a_clause_opens_inside_the_window_and_escape_closes_it(gallery: str, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{gallery}/review/")
    cites = page.locator("details.cite")
    for index in range(cites.count()):
        cites.nth(index).locator("summary").click()
        box = cites.nth(index).locator(".cite-pop").bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        page.keyboard.press("Escape")
        assert page.locator("details.cite[open]").count() == 0


def test_the_drawer_opens_by_keyboard_on_a_phone(gallery: str, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{gallery}/console/")
    side = page.locator(".side")
    assert not side.is_visible()
    page.locator("#nav-open").focus()
    page.keyboard.press("Space")
    side.wait_for(state="visible")
    page.keyboard.press("Escape")
    side.wait_for(state="hidden")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_large_type_can_be_switched_with_and_without_scripts(gallery: str, browser: Browser, scripts: bool) -> None:
    context = browser.new_context(java_script_enabled=scripts, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{gallery}/worker/")
    page.get_by_role("button", name="大字版").click()
    page.locator("html.large").wait_for()
    page.reload()
    assert page.locator("html.large").count() == 1
    page.get_by_role("button", name="标准字号").click()
    page.locator("html:not(.large)").wait_for()
    context.close()


def test_the_first_load_of_a_worker_page_weighs_less_than_150_kb(gallery: str, page: Page) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[int] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    page.goto(f"{gallery}/worker/", wait_until="networkidle")
    # Uncompressed here: the gzip weight, which people pay, is checked by the build.
    assert 0 < sum(sizes) < 150_000

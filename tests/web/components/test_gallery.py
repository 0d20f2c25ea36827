"""The gallery in a real browser: nothing overflows, nothing serious for axe, keys and switches do what they say."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from playwright.sync_api import Browser, Page, Route
from pytest_django import Settings

from browser import serious_here
from zhaoliang.web.components import assets
from zhaoliang.web.components.gallery import FACES

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The platform on a free port. Not pytest-django's live server: these pages read no database, and must not begin to."""
    httpd = ThreadedWSGIServer(("127.0.0.1", 0), QuietHandler)
    httpd.set_app(WSGIHandler())
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


class QuietHandler(WSGIRequestHandler):
    """Access lines would only bury a failure's own output."""

    def log_message(self, *_args: object) -> None:
        return


@pytest.fixture
def gallery(server: str, settings: Settings) -> str:
    settings.DEBUG = True
    assert assets.built(), "build the front end first: cd frontend && npm ci && npm run build"
    return f"{server}/design"


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
    found = {}
    for face in FACES:
        page.goto(f"{gallery}/{face}/")
        found[face] = serious_here(page)
    assert {face: faults for face, faults in found.items() if faults} == {}


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

    def hold(route: Route) -> None:
        # An answer without content keeps the page, and with it the form that was sent.
        if route.request.method == "POST":
            sent.append(route.request.post_data or "")
            route.fulfill(status=204)
        else:
            route.continue_()

    page.route("**/review/", hold)
    page.evaluate(
        """() => {
            const button = document.querySelector("button[data-key=a]");
            button.click(); button.click(); button.form.requestSubmit(button);
        }"""
    )
    page.wait_for_function("document.querySelector('button[data-key=a]').getAttribute('aria-disabled') === 'true'")
    page.evaluate("document.querySelector('button[data-key=a]').click()")
    assert len(sent) == 1
    assert "key=" in sent[0]
    assert "decision=pass" in sent[0]


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
    assert 0 < sum(sizes) < 150_000

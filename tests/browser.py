"""Chromium for the browser journeys: `CHROMIUM`, or the system's; `make test` installs Debian's package when root."""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

AXE = Path(__file__).resolve().parents[1] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_path() -> str:
    """Return the program to run; fails the test with what to do when there is none."""
    given = os.environ.get("CHROMIUM")
    if given:
        if not Path(given).is_file():
            pytest.fail(f"CHROMIUM={given} is no file")
        return given
    for name in NAMES:
        if found := shutil.which(name):
            return found
    pytest.fail("No Chromium: install the package chromium (Debian, as root: make test does it), or set CHROMIUM=path")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium, one for the session. Mark its tests with `browser`."""
    # Playwright keeps an event loop in this thread, beside which Django would refuse the test's own queries.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        yield opened
        opened.close()


# Slow 3G as browsers' own tools mean it: 400 kbit/s, 400 ms.
SLOW_3G: dict[str, Any] = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}


def emulate(page: Page, conditions: dict[str, Any]) -> None:
    """What the network is from now on, as the browser's own tools emulate it."""
    tools = page.context.new_cdp_session(page)
    tools.send("Network.enable")
    tools.send("Network.emulateNetworkConditions", conditions)


# Of all the nodes that are in order (most of a page) axe would otherwise write down what they are, and the browser send it.
VIOLATIONS = """axe.run(document, {
  runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"],
  resultTypes: ["violations"],
}).then((result) => result.violations)"""

KEPT = """async (tries) => {
  await navigator.serviceWorker.ready;
  for (; tries > 0; tries--) {
    const names = (await caches.keys()).filter((name) => name.startsWith("zl-pages-"));
    const found = await Promise.all(names.map(async (name) => (await caches.open(name)).match(location.pathname)));
    if (found.some(Boolean)) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}"""


def wait_until_kept(page: Page) -> None:
    """Until the phone keeps the page it shows, with all that it needs without network."""
    # In the page: `wait_for_function` takes a promise for a truth.
    assert page.evaluate(KEPT, 600), "the phone does not keep the page"


def serious_here(page: Page) -> list[tuple[str, list[str]]]:
    """What axe finds serious or critical on the page as it stands: the rule, the first three elements."""
    page.evaluate(AXE.read_text("utf-8"))
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"][:3]])
        for one in page.evaluate(VIOLATIONS)
        if one["impact"] in ("serious", "critical")
    ]


def faults_here(page: Page) -> list[Any]:
    """What is wrong with the page as it stands: wider than the screen (pixels), what axe finds serious or critical."""
    over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return [*serious_here(page), *([over] if over > 0 else [])]


def faults_of(page: Page, addresses: Iterable[str]) -> dict[str, list[Any]]:
    """The faults of each page, by address; a page that does not answer 200 is a fault."""
    found: dict[str, list[Any]] = {}
    for address in addresses:
        answer = page.goto(address)
        status = answer.status if answer is not None else 0
        faults = ([status] if status != 200 else []) + faults_here(page)
        if faults:
            found[address] = faults
    return found

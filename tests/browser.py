"""Chromium for the browser journeys: `CHROMIUM`, or the system's; `make test` installs Debian's package when root."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

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

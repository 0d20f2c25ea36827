"""A worker's phone in Chromium: at the training site, signed in as its owner."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page

from factories.identity import sign_in
from zhaoliang.registry.models import User


def phone_at_site(browser: Browser, address: str, **given: Any) -> BrowserContext:
    """A phone that stands at the training site of the test's classes and tells its place; `given` goes to the browser."""
    return browser.new_context(
        base_url=address,
        locale="zh-CN",
        viewport={"width": 390, "height": 844},
        geolocation={"longitude": 117.195, "latitude": 39.118, "accuracy": 14},
        permissions=["geolocation"],
        **given,
    )


def page_of(phone: BrowserContext, address: str, user: User, *, seen_at: datetime) -> Page:
    """A page of the phone, signed in as its owner, whom the identity service saw at `seen_at`."""
    client = Client()
    sign_in(client, user)
    session = client.session
    session["identity_verified_at"] = seen_at.timestamp()
    session.save()
    name = settings.SESSION_COOKIE_NAME
    phone.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])
    page = phone.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    return page

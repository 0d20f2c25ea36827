"""Signing in as people do it: Chromium, a real identity service, a virtual passkey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from factories import registry as make
from zhaoliang.kernel.roles import Role
from zhaoliang.registry.models import User

pytestmark = [pytest.mark.browser, pytest.mark.commits, pytest.mark.mission("B6")]
SIZES = [{"width": 390, "height": 844}, {"width": 1440, "height": 900}]


@pytest.fixture
def platform(identity_server: tuple[Any, int], transactional_db: None) -> Iterator[str]:
    """The platform on the port that the identity service sends people back to."""
    server = LiveServer(f"localhost:{identity_server[1]}")
    yield server.url
    server.stop()


@pytest.fixture
def page(browser: Browser, platform: str) -> Iterator[Page]:
    context = browser.new_context(base_url=platform, locale="zh-CN")
    opened = context.new_page()
    # A script or style that our own content security policy stops is a broken page.
    problems: list[str] = []
    opened.on("console", lambda message: problems.append(message.text) if "Content Security" in message.text else None)
    yield opened
    context.close()
    assert problems == []


def test_a_worker_goes_to_the_identity_service_and_comes_back(identity_service: Any, page: Page) -> None:
    identity_service.know("browser", name="甲某子", id_number=make.resident_id(), region_code="120101")
    page.goto("/sign-in/?next=/account/logout/")
    page.get_by_role("link", name="我是劳动者").click()
    page.get_by_placeholder("Enter any login").fill("browser")
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    expect(page.get_by_role("heading", name="退出登录")).to_be_visible()
    assert User.objects.filter(username__startswith="w-").count() == 1
    page.get_by_role("button", name="退出登录").click()
    expect(page.get_by_role("heading", name="登录", exact=True)).to_be_visible()


def add_authenticator(page: Page) -> None:
    """Give the browser a device that confirms passkeys by itself, as a fingerprint reader would."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_a_passkey_is_set_up_and_then_signs_in_alone(page: Page) -> None:
    user = make.user(Role.REVIEWER, password=make.PASSWORD)
    add_authenticator(page)
    page.goto("/account/login/")
    page.get_by_label("登录名").fill(user.username)
    page.get_by_label("密码").fill(make.PASSWORD)
    page.get_by_role("button", name="下一步：输入验证码").click()
    page.get_by_role("link", name="添加通行密钥").click()
    page.get_by_role("button", name="添加通行密钥").click()
    expect(page.get_by_role("heading", name="恢复码")).to_be_visible()
    page.goto("/account/logout/")
    page.get_by_role("button", name="退出登录").click()
    page.goto("/account/login/?next=/account/2fa/")
    page.get_by_role("button", name="用通行密钥登录").click()
    expect(page.get_by_text("有 1 把。")).to_be_visible()


def test_a_device_without_a_passkey_is_told_what_to_do(page: Page) -> None:
    add_authenticator(page)
    page.goto("/account/login/")
    page.get_by_role("button", name="用通行密钥登录").click()
    expect(page.get_by_role("alert")).to_contain_text("可以再试一次")


@pytest.mark.parametrize("size", SIZES, ids=["phone", "desk"])
def test_no_page_scrolls_sideways(identity_service: Any, page: Page, size: Any) -> None:
    user = make.user(Role.REVIEWER, password=make.PASSWORD)
    page.set_viewport_size(size)
    for address in ("/sign-in/", "/account/login/"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
    page.get_by_label("登录名").fill(user.username)
    page.get_by_label("密码").fill(make.PASSWORD)
    page.get_by_role("button", name="下一步：输入验证码").click()
    expect(page.get_by_role("heading", name="第二重验证")).to_be_visible()
    for address in ("/account/2fa/", "/account/2fa/totp/activate/", "/account/2fa/webauthn/add/", "/account/logout/"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address

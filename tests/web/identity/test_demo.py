"""The demo's identity choice exists in the demo only and knows invented people only."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from factories import registry as make
from zhaoliang.kernel.roles import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo(settings: Any) -> None:
    settings.DEMO = True
    settings.ROOT_URLCONF = "web.identity.urlconf"


@pytest.mark.mission("B6")
@pytest.mark.parametrize("path", ["/demo/sign-in/", "/demo/confirm/"])
def test_outside_the_demo_there_is_no_such_page(client: Client, path: str, settings: Any) -> None:
    make.user(Role.APPROVER, username="demo-approver")
    assert client.get(path).status_code == 404
    assert client.post(path, {"username": "demo-approver"}).status_code == 404
    # Even with the address in place, the page itself refuses.
    settings.ROOT_URLCONF = "web.identity.urlconf"
    assert client.post(path, {"username": "demo-approver"}).status_code == 404
    assert "_auth_user_id" not in client.session


def test_one_tap_signs_in_and_no_second_factor_is_asked(demo: None, client: Client) -> None:
    make.user(Role.APPROVER, username="demo-approver", name="演示复核员")
    page = client.get("/demo/sign-in/").content.decode()
    assert "演示复核员" in page
    assert "演示身份" in page
    answer = client.post("/demo/sign-in/", {"username": "demo-approver"})
    assert answer["Location"] == "/home/"
    assert client.get("/home/")["Location"] == "/bureau/"


def test_a_demo_session_is_worth_nothing_outside_the_demo(demo: None, client: Client, settings: Any) -> None:
    make.user(Role.APPROVER, username="demo-approver")
    client.post("/demo/sign-in/", {"username": "demo-approver"})
    settings.DEMO = False
    assert client.get("/home/")["Location"] == "/account/2fa/"


def test_real_accounts_are_neither_listed_nor_entered(demo: None, client: Client) -> None:
    make.user(Role.APPROVER, username="approver-1", name="真实复核员")
    assert "真实复核员" not in client.get("/demo/sign-in/").content.decode()
    assert client.post("/demo/sign-in/", {"username": "approver-1"}).status_code == 404


def test_the_stand_in_for_confirming_comes_back(demo: None, client: Client) -> None:
    make.user(Role.WORKER, person=make.person(), username="demo-worker")
    client.post("/demo/sign-in/", {"username": "demo-worker"})
    page = client.get("/sign-in/confirm/?next=/my/claim/").content.decode()
    assert "/demo/confirm/?next=%2Fmy%2Fclaim%2F" in page
    assert client.post("/demo/confirm/", {"next": "/my/claim/"})["Location"] == "/my/claim/"

"""Staff sign in with a password and a second factor; a password alone opens nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.db import connection
from django.test import Client

from factories import registry as make
from factories.identity import sign_in
from zhaoliang.kernel.roles import Role
from zhaoliang.registry import services
from zhaoliang.registry.models import User

# Allauth marks a new factor in the session when the transaction commits.
pytestmark = [pytest.mark.commits, pytest.mark.mission("B6")]


def code_of(secret: str, *, step: int = 0) -> str:
    """The code that an authenticator app shows now (`step` 30-second steps later)."""
    # Those that are good now: the one before, this one, the next. An app shows this one, which is good yet when a step passes meanwhile.
    _, counter, _ = yield_hotp_counters_from_time()
    return format_hotp_value(hotp_value(secret, counter + step))


def reviewer(**given: Any) -> User:
    return make.user(Role.REVIEWER, password=make.PASSWORD, **given)


def enter_password(client: Client, user: User, password: str = make.PASSWORD, **given: Any) -> Any:
    return client.post("/account/login/", {"login": user.username, "password": password, **given})


def set_up(client: Client, user: User) -> str:
    """Sign in for the first time and set up the authenticator; returns its secret."""
    enter_password(client, user)
    page = client.get("/account/2fa/totp/activate/").content.decode()
    found = re.search(r'<code class="code">([A-Z2-7]+)</code>', page)
    assert found, page
    answer = client.post("/account/2fa/totp/activate/", {"code": code_of(found[1])})
    assert answer.status_code == 302, answer.content.decode()
    return found[1]


def test_a_password_alone_leads_to_setting_up_the_second_factor(client: Client) -> None:
    answer = enter_password(client, reviewer())
    assert answer.status_code == 302
    for page in ("/bureau/", "/home/", "/my/"):
        assert client.get(page)["Location"] == "/account/2fa/"
    assert client.get("/api/v1/anything").status_code == 403
    swapped = client.get("/bureau/", headers={"HX-Request": "true"})
    assert swapped["HX-Redirect"] == "/account/2fa/"


def test_setting_up_then_signing_in_with_a_code(client: Client) -> None:
    user = reviewer()
    secret = set_up(client, user)
    fresh = Client()
    assert enter_password(fresh, user, next="/home/")["Location"].startswith("/account/2fa/authenticate/")
    assert "_auth_user_id" not in fresh.session
    wrong = fresh.post("/account/2fa/authenticate/", {"code": "000000"})
    assert "验证码不正确" in wrong.content.decode()
    # The set-up used up this half minute's code: the next one is good too, as clocks differ.
    right = fresh.post("/account/2fa/authenticate/", {"code": code_of(secret, step=1)})
    assert right.status_code == 302
    assert fresh.get("/home/")["Location"] == "/bureau/"


def test_a_code_is_good_once(client: Client) -> None:
    user = reviewer()
    secret = set_up(client, user)
    code = code_of(secret, step=1)
    first, second = Client(), Client()
    for visitor in (first, second):
        enter_password(visitor, user)
        visitor.post("/account/2fa/authenticate/", {"code": code})
    assert "_auth_user_id" in first.session
    assert "_auth_user_id" not in second.session


def test_a_session_opened_by_password_before_does_not_profit(client: Client) -> None:
    user, stranger = reviewer(), Client()
    enter_password(stranger, user)
    set_up(client, user)
    assert stranger.get("/bureau/")["Location"] == "/sign-in/"
    assert "_auth_user_id" not in stranger.session


def test_a_password_alone_adds_no_factor_to_an_account_that_has_one(client: Client) -> None:
    user, stranger = reviewer(), Client()
    enter_password(stranger, user)
    set_up(client, user)
    for page in ("/account/2fa/webauthn/add/", "/account/2fa/recovery-codes/", "/account/password/change/"):
        attacker = Client()
        sign_in(attacker, user, second_factor=False)
        assert attacker.get(page)["Location"] == "/sign-in/"


def test_a_recovery_code_stands_in_once(client: Client) -> None:
    user = reviewer()
    set_up(client, user)
    page = client.get("/account/2fa/recovery-codes/").content.decode()
    codes = re.findall(r'<code class="code">(\d{8})</code>', page)
    assert len(codes) == 10
    for expected in (True, False):
        visitor = Client()
        enter_password(visitor, user)
        visitor.post("/account/2fa/authenticate/", {"code": codes[0]})
        assert ("_auth_user_id" in visitor.session) is expected


def test_who_lost_the_phone_starts_again_after_the_administrators_reset(client: Client) -> None:
    user = reviewer()
    set_up(client, user)
    administrator = make.actor_with(Role.ADMINISTRATOR)
    services.reset_second_factor(actor=administrator, at=make.AT, place=make.place(), user=user)
    fresh = Client()
    assert enter_password(fresh, user)["Location"] == "/home/"
    assert fresh.get("/home/")["Location"] == "/account/2fa/"


def test_secrets_of_authenticators_lie_encrypted(client: Client) -> None:
    secret = set_up(client, reviewer())
    with connection.cursor() as cursor:
        cursor.execute("SELECT data::text FROM mfa_authenticator")
        stored = " ".join(row[0] for row in cursor.fetchall())
    assert Authenticator.objects.count() == 2
    assert secret not in stored


@pytest.mark.parametrize("who", ["nobody", "known", "worker"])
def test_the_answer_does_not_tell_which_accounts_there_are(client: Client, who: str) -> None:
    names = {
        "nobody": "no-such-name",
        "known": reviewer().username,
        "worker": make.user(Role.WORKER, person=make.person()).username,
    }
    answer = client.post("/account/login/", {"login": names[who], "password": "wrong-password-1"})
    assert answer.status_code == 200
    assert "登录名或密码不正确。" in answer.content.decode()


def test_guessing_is_stopped_but_locks_nobody_else_out(client: Client) -> None:
    user = reviewer()
    for _ in range(5):
        enter_password(client, user, "wrong-password-1")
    assert "试的次数太多" in enter_password(client, user).content.decode()
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert enter_password(elsewhere, user).status_code == 302


def test_a_stopped_account_does_not_sign_in(client: Client) -> None:
    user = reviewer()
    User.objects.filter(pk=user.pk).update(is_active=False)
    enter_password(client, user)
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    "path",
    ["signup/", "password/reset/", "email/", "login/code/", "2fa/webauthn/signup/", "social/connections/", "3rdparty/"],
)
def test_there_is_no_other_way_in(client: Client, path: str) -> None:
    assert client.get(f"/account/{path}").status_code == 404


def test_workers_have_no_password_pages(client: Client) -> None:
    sign_in(client, make.user(Role.WORKER, person=make.person()))
    for page in ("/account/password/change/", "/account/2fa/", "/account/2fa/totp/activate/"):
        assert client.get(page).status_code == 403


@pytest.mark.parametrize(
    ("role", "home"), [(Role.REVIEWER, "/bureau/"), (Role.PROVIDER, "/desk/"), (Role.EVALUATOR, "/desk/")]
)
def test_home_is_the_face_of_the_role(client: Client, role: Role, home: str) -> None:
    school = make.organisation() if role is not Role.REVIEWER else None
    sign_in(client, make.user(role, organisation=school))
    assert client.get("/home/")["Location"] == home


def test_home_of_workers_of_nobody_and_without_a_role(client: Client) -> None:
    assert client.get("/home/")["Location"] == "/sign-in/"
    sign_in(client, make.user())
    assert "还没有可用的角色" in client.get("/home/").content.decode()
    sign_in(client, make.user(Role.WORKER, person=make.person()), second_factor=False)
    assert client.get("/home/")["Location"] == "/my/"


def test_an_expired_session_is_explained_and_comes_back(client: Client) -> None:
    user = reviewer()
    secret = set_up(client, user)
    client.session.flush()
    page = client.get("/sign-in/?next=/bureau/%3Fpage%3D2").content.decode()
    assert "登录已过期" in page
    assert "/account/login/?next=%2Fbureau%2F%3Fpage%3D2" in page
    enter_password(client, user, next="/bureau/?page=2")
    answer = client.post("/account/2fa/authenticate/", {"code": code_of(secret, step=1)})
    assert answer["Location"] == "/bureau/?page=2"


def test_signing_out_needs_a_press_and_ends_the_session(client: Client) -> None:
    sign_in(client, reviewer())
    assert client.get("/account/logout/").status_code == 200
    assert "_auth_user_id" in client.session
    assert client.post("/account/logout/")["Location"] == "/sign-in/"
    assert "_auth_user_id" not in client.session

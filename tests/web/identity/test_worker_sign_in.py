"""Workers sign in through a real identity service; its word makes file and account, a contradiction makes neither."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from allauth.socialaccount.models import SocialAccount
from django.db import connection
from django.test import Client

from factories import registry as make
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.kernel.roles import Role
from zhaoliang.registry import selectors
from zhaoliang.registry.models import Person, User

pytestmark = [pytest.mark.django_db, pytest.mark.mission("B6")]
SOMEONE = {"name": "甲某子", "region_code": "120101"}


def known(service: Any, subject: str, **claims: Any) -> str:
    number = claims.pop("id_number", None) or make.resident_id()
    service.know(subject, **SOMEONE | {"id_number": number} | claims)
    return number


def sign_in(
    service: Any, client: Client, subject: str, *, query: str = "", browser: requests.Session | None = None
) -> Any:
    start = client.get(f"/sign-in/worker/{query}")
    assert start.status_code == 302, start.content.decode()
    return client.get(service.visit(start["Location"], subject, browser))


def test_the_first_sign_in_makes_file_account_and_role(identity_service: Any, client: Client) -> None:
    number = known(identity_service, "first", phone_number="+8619900001234")
    answer = sign_in(identity_service, client, "first", query="?next=/my/vouchers/")
    assert (answer.status_code, answer["Location"]) == (302, "/my/vouchers/")
    person = selectors.find_person(city_code=make.CITY, document_type="resident_id", document_number=number)
    assert person is not None
    assert (person.name, person.phone, person.region_id) == ("甲某子", "19900001234", 120101)
    user = User.objects.get(pk=client.session["_auth_user_id"])
    assert user.person_id == person.pk
    assert not user.has_usable_password()
    assert [row.role for row in user.assignments.all()] == [Role.WORKER]
    assert AuditEvent.objects.filter(city_code=make.CITY, act="sign_in", actor_user_id=user.pk).count() == 1


def test_signing_in_again_is_the_same_account(identity_service: Any) -> None:
    known(identity_service, "again")
    for _ in range(2):
        assert sign_in(identity_service, Client(), "again").status_code == 302
    assert User.objects.filter(username__startswith="w-").count() == 1
    assert Person.objects.filter(city_code=make.CITY).count() == 1


def test_the_file_a_school_made_becomes_the_workers_own(identity_service: Any, client: Client) -> None:
    filed = make.person(name="甲某子")
    known(identity_service, "filed", id_number=filed.document_number)
    sign_in(identity_service, client, "filed")
    assert User.objects.get(pk=client.session["_auth_user_id"]).person_id == filed.pk


def test_another_name_than_on_file_is_refused(identity_service: Any, client: Client) -> None:
    filed = make.person(name="乙某丑")
    known(identity_service, "mismatch", id_number=filed.document_number)
    answer = sign_in(identity_service, client, "mismatch")
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "姓名" in text
    assert "乙某丑" not in text
    assert filed.document_number not in text
    assert "_auth_user_id" not in client.session
    assert not User.objects.filter(person_id=filed.pk).exists()


@pytest.mark.parametrize("claims", [{"name": ""}, {"id_number": "120100199001010000"}], ids=["no name", "wrong number"])
def test_incomplete_or_wrong_claims_make_nothing(identity_service: Any, client: Client, claims: dict[str, str]) -> None:
    known(identity_service, "wrong", **claims)
    answer = sign_in(identity_service, client, "wrong")
    assert answer.status_code in {403, 422}
    assert "_auth_user_id" not in client.session
    assert not Person.objects.filter(city_code=make.CITY).exists()


def test_one_service_account_never_changes_the_person(identity_service: Any, client: Client) -> None:
    known(identity_service, "moved")
    sign_in(identity_service, Client(), "moved")
    known(identity_service, "moved", name="丙某寅")
    answer = sign_in(identity_service, client, "moved")
    assert answer.status_code == 403
    assert "_auth_user_id" not in client.session
    assert not Person.objects.filter(city_code=make.CITY, name="丙某寅").exists()


@pytest.mark.mission("B1")
def test_claims_are_not_kept_in_clear(identity_service: Any, client: Client) -> None:
    number = known(identity_service, f"subject-{make.resident_id()}")
    subject = f"canary-{number}"
    known(identity_service, subject, id_number=number, phone_number="19900007788")
    sign_in(identity_service, client, subject)
    account = SocialAccount.objects.get()
    assert account.extra_data == {}
    assert number not in account.uid
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_data FROM django_session")
        sessions = [row[0] for row in cursor.fetchall()]
    kept = json.dumps(dict(client.session), ensure_ascii=False) + "".join(sessions)
    assert number not in kept
    assert "19900007788" not in kept


def test_a_callback_without_our_state_signs_nobody_in(identity_service: Any, client: Client) -> None:
    known(identity_service, "victim")
    start = Client().get("/sign-in/worker/")
    answer = client.get(identity_service.visit(start["Location"], "victim"))
    assert answer.status_code == 403
    assert "身份认证没有完成" in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_cancelling_says_so(identity_service: Any, client: Client) -> None:
    start = client.get("/sign-in/worker/")
    state = start["Location"].split("state=")[1].split("&")[0]
    answer = client.get(f"/account/oidc/identity/login/callback/?error=access_denied&state={state}")
    assert answer.status_code == 403
    assert "取消" in answer.content.decode()


def test_a_service_that_is_down_is_said_plainly(identity_service: Any, client: Client, settings: Any) -> None:
    app = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]
    app["settings"]["server_url"] = "http://127.0.0.1:1"
    answer = client.get("/sign-in/worker/")
    assert answer.status_code == 503
    assert "暂时连不上" in answer.content.decode()


def test_without_a_service_workers_are_told(client: Client, settings: Any) -> None:
    settings.SOCIALACCOUNT_PROVIDERS = {}
    assert "还没有接上身份认证服务" in client.get("/sign-in/worker/").content.decode()


def test_only_our_own_pages_are_returned_to(identity_service: Any, client: Client) -> None:
    known(identity_service, "next")
    answer = sign_in(identity_service, client, "next", query="?next=https://elsewhere.example/")
    assert answer["Location"] == "/home/"


def confirm(service: Any, client: Client, subject: str, browser: requests.Session) -> Any:
    return sign_in(service, client, subject, query="?confirm=1&next=/my/", browser=browser)


def test_confirming_asks_again_and_counts_from_then(identity_service: Any, client: Client) -> None:
    known(identity_service, "confirmed")
    browser = requests.Session()
    sign_in(identity_service, client, "confirmed", browser=browser)
    assert "identity_verified_at" not in client.session
    start = client.get("/sign-in/worker/?confirm=1")["Location"]
    assert "prompt=login" in start
    assert "max_age=0" in start
    answer = confirm(identity_service, client, "confirmed", browser)
    assert answer["Location"] == "/my/"
    assert "identity_verified_at" in client.session


def test_somebody_else_cannot_confirm(identity_service: Any, client: Client) -> None:
    known(identity_service, "owner")
    known(identity_service, "other", name="丁某卯")
    sign_in(identity_service, client, "owner")
    owner = client.session["_auth_user_id"]
    answer = confirm(identity_service, client, "other", requests.Session())
    assert answer.status_code == 403
    assert "不是您本人" in answer.content.decode()
    assert client.session["_auth_user_id"] == owner
    assert "identity_verified_at" not in client.session

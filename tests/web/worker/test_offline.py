"""What the server lets a phone keep: few pages, each with its account; the script and the stand-in page are nobody's."""

from __future__ import annotations

import pytest
from django.test import Client

from factories import registry
from factories.identity import sign_in
from zhaoliang.kernel.roles import Role
from zhaoliang.web.components import assets
from zhaoliang.web.worker.offline import ACCOUNT, KEEP

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D4", "N2")]

KEPT = ["/my/vouchers/", "/my/classes/", "/my/scan/"]
NOT_KEPT = ["/my/find/", "/my/me/", "/my/me/record/", "/my/me/subsidies/", "/my/me/notices/", "/my/me/looks/"]


def _phone() -> Client:
    client = Client()
    sign_in(client, registry.user(Role.WORKER, person=registry.person()))
    return client


def test_only_what_a_class_needs_is_kept_and_each_answer_says_whose_it_is() -> None:
    phone, other = _phone(), _phone()
    answers = {address: phone.get(address) for address in KEPT + NOT_KEPT}
    assert {address for address, answer in answers.items() if answer.headers.get(KEEP)} == set(KEPT)
    [account] = {answer[ACCOUNT] for answer in answers.values()}
    assert account != other.get("/my/classes/")[ACCOUNT]
    nobody = Client().get("/my/classes/")
    assert nobody.status_code == 302
    assert KEEP not in nobody.headers
    assert ACCOUNT not in nobody.headers


def test_the_stand_in_is_nobodys_and_the_script_is_asked_for_anew_each_time() -> None:
    stand_in = Client().get("/my/offline/")
    assert (stand_in.status_code, ACCOUNT in stand_in.headers) == (200, False)
    script = Client().get("/my/sw.js")
    assert script["Content-Type"].startswith("text/javascript")
    assert "no-cache" in script["Cache-Control"]
    assert assets.bundle("worker.ts").scripts[0] in script.content.decode()

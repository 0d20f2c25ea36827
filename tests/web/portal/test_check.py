"""One field: a voucher or a certificate, genuine or not, and nothing about whose it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from factories import certificates, vouchers
from zhaoliang.certificates import signing
from zhaoliang.kernel.identifiers.voucher_code import new_code, parse_code
from zhaoliang.vouchers.models import VoucherCheck
from zhaoliang.vouchers.selectors import qr_token

pytestmark = [pytest.mark.django_db, pytest.mark.mission("N1", "C6")]

AT = vouchers.AT + timedelta(hours=1)


@pytest.fixture(autouse=True)
def today(at_time: Callable[[datetime], None]) -> None:
    at_time(AT)


def _ask(client: Client, number: str, name: str = "", **more: str) -> str:
    return client.post("/check/", {"number": number, "name": name, **more}).content.decode()


@pytest.mark.parametrize("form", [str, lambda code: parse_code(code).display.lower()], ids=["plain", "as printed"])
def test_a_good_voucher_is_good_and_nameless(client: Client, form: Callable[[str], str]) -> None:
    voucher = vouchers.voucher()
    text = _ask(client, form(voucher.code))
    assert "真券，可以用" in text
    assert voucher.batch.project.name in text
    assert voucher.person.name not in text
    assert VoucherCheck.objects.get(city_code=voucher.city_code, voucher=voucher).method == "public"


def test_the_live_qr_text_is_understood_and_a_stale_one_is_not(
    client: Client, at_time: Callable[[datetime], None]
) -> None:
    token = qr_token(vouchers.voucher(), AT)
    assert "真券，可以用" in _ask(client, token)
    at_time(AT + timedelta(seconds=61))
    assert "二维码已经过时" in _ask(client, token)


def test_a_used_voucher_is_genuine_but_gone(client: Client) -> None:
    text = _ask(client, vouchers.voucher(used=True).code)
    assert "真券，但已于" in text
    assert "真券，可以用" not in text


def test_an_invented_and_a_mistyped_code(client: Client) -> None:
    vouchers.voucher()
    assert "没有这张券" in _ask(client, str(new_code(120000)))
    # Two characters exchanged; the last two that differ, since one code in 23 ends with two alike.
    good = str(new_code(120000))
    place = next(place for place in range(len(good) - 1, 6, -1) if good[place] != good[place - 1])
    exchanged = good[: place - 1] + good[place] + good[place - 1] + good[place + 1 :]
    assert "校验位不符" in _ask(client, exchanged)


@pytest.mark.mission("E5")
def test_a_certificate_needs_number_and_name(client: Client) -> None:
    made = certificates.certificate()
    assert "查证书要填持证人姓名" in _ask(client, made.number)
    text = _ask(client, made.number, made.person.name)
    assert "有效" in text
    assert made.occupation.name in text
    assert made.person.name not in text.split("<form")[0]
    assert "查无此证" in _ask(client, made.number, "测试别人")


@pytest.mark.mission("E5")
def test_the_qr_code_answers_by_itself_and_an_altered_one_is_found_out(client: Client) -> None:
    made = certificates.certificate()
    token = signing.token_of(made)
    assert made.number in _ask(client, "", token=token)
    assert "内容被改动" in _ask(client, "", token=token[:-4] + "AAAA")
    assert f'value="{made.number}"' in client.get("/check/", {"q": made.number}).content.decode()


def test_scraping_is_slowed_down(client: Client) -> None:
    vouchers.voucher()
    codes = [str(new_code(120000)) for _ in range(31)]
    answers = [client.post("/check/", {"number": code}).status_code for code in codes]
    assert answers[:30] == [200] * 30
    assert answers[30] == 429

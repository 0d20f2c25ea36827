"""Whose money came back puts the account right himself, on the phone or at the desk, and is paid once more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from factories import registry
from factories.identity import sign_in
from factories.payments import answered, sent
from factories.subsidies import APPROVED, CITY, FULL_FEN, approved, case
from zhaoliang.demo.bank import answer_file
from zhaoliang.kernel.roles import Role
from zhaoliang.payments.excel import bank_file
from zhaoliang.payments.models import PaymentLine
from zhaoliang.subsidies.models import ClaimLine

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G3", "N2")]


def test_the_worker_sees_where_the_money_is_and_puts_the_card_right(
    client: Client, at_time: Callable[[datetime], None]
) -> None:
    at_time(APPROVED)
    made = case(1, prepaid_by_person=True)
    approved(made)
    line = ClaimLine.objects.get(city_code=CITY)
    phone = sign_in(client, registry.user(Role.WORKER, person=made.people[0]))
    address = reverse("worker:subsidy", args=[CITY, line.pk])
    assert "已审批，等资金管理员列入拨付批次。" in phone.get(address).content.decode()
    batch = sent(made)
    assert "钱在银行，等入账。" in phone.get(address).content.decode()
    answered(made, batch, answer_file(bank_file(batch), {1: "账户已销户"}))
    text = phone.get(address).content.decode()
    assert "要您更正收款账号" in text
    assert "账户已销户" in text
    assert made.people[0].card_number not in text
    correct = reverse("worker:subsidy-account", args=[CITY, line.pk])
    assert "confirm" in phone.get(correct)["Location"]
    session = phone.session
    session["identity_verified_at"] = datetime.now(tz=UTC).timestamp()
    session.save()
    old = {"key": "o", "card_number": made.people[0].card_number}
    assert "这正是银行退回的那个账号" in phone.post(correct, old).content.decode()
    card = registry.inventor().bank_card()
    assert phone.post(correct, {"key": "n", "card_number": card}).status_code == 302
    again = sent(made)
    answered(made, again, answer_file(bank_file(again)))
    (paid,) = PaymentLine.objects.filter(city_code=CITY, state="paid")
    assert (paid.account_number, paid.attempt, paid.amount_fen) == (card, 2, FULL_FEN)
    text = phone.get(address).content.decode()
    assert "钱已经到账。" in text
    assert card[-4:] in text
    assert card not in text
    assert "补贴没有到账" in phone.get(reverse("worker:notices")).content.decode()


def test_the_organisation_puts_its_account_right_once_for_all_that_came_back(
    client: Client, at_time: Callable[[datetime], None]
) -> None:
    at_time(APPROVED)
    made = case(2)
    approved(made)
    batch = sent(made)
    answered(made, batch, answer_file(bank_file(batch), {1: "户名不符", 2: "户名不符"}))
    desk = sign_in(client, registry.user(Role.PROVIDER, organisation=made.provider))
    assert "2 笔被银行退回" in desk.get(reverse("provider:payments")).content.decode()
    correct = reverse("provider:payment-account")
    same = {"key": "s", "account_number": made.provider.account_number}
    assert desk.post(correct, same).status_code == 409
    assert desk.post(correct, {"key": "n", "account_number": "62220000111122223"}).status_code == 302
    again = sent(made)
    rows = PaymentLine.objects.filter(city_code=CITY, batch=again)
    assert [row.account_number for row in rows] == ["62220000111122223"] * 2
    assert "笔被银行退回，请核对" not in desk.get(reverse("provider:payments")).content.decode()

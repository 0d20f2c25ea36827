"""What a worker can claim is found by itself; one tap claims it; the account is beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client

from factories import registry, subsidies
from factories.identity import sign_in
from factories.people import APPLIED, holder
from zhaoliang.kernel.roles import Role
from zhaoliang.registry.models import Person
from zhaoliang.subsidies.models import ClaimLine

pytestmark = [pytest.mark.django_db, pytest.mark.mission("N2", "F5")]


def _phone(client: Client, person: Person) -> Client:
    return sign_in(client, registry.user(Role.WORKER, person=person))


def test_one_tap_from_the_own_page_to_the_claimed_subsidy(client: Client, at_time: Callable[[datetime], None]) -> None:
    at_time(APPLIED)
    person, certificate = holder()
    phone = _phone(client, person)
    assert "您可以申领技能提升补贴 ¥2,000.00" in phone.get("/my/me/").content.decode()
    text = phone.get("/my/me/claimable/").content.decode()
    assert "申领 ¥2,000.00" in text
    assert person.card_number not in text
    answer = phone.post("/my/me/claimable/", {"of": f"skill_upgrade-{certificate.pk}", "key": "once"})
    line = ClaimLine.objects.get(city_code=person.city_code, person=person)
    assert (answer.status_code, answer["Location"]) == (302, f"/my/me/subsidies/{line.city_code}/{line.pk}/")
    # A second click with the same key changes nothing, another key is told so.
    assert phone.post("/my/me/claimable/", {"of": f"skill_upgrade-{certificate.pk}", "key": "once"}).status_code == 302
    again = phone.post("/my/me/claimable/", {"of": f"skill_upgrade-{certificate.pk}", "key": "twice"})
    assert "没有重复申领" in again.content.decode()
    assert ClaimLine.objects.filter(city_code=person.city_code, person=person).count() == 1
    assert "已经申领的" in phone.get("/my/me/claimable/").content.decode()


def test_without_an_account_the_page_asks_for_it_first(client: Client, at_time: Callable[[datetime], None]) -> None:
    at_time(APPLIED)
    person, _ = holder()
    Person.objects.filter(city_code=person.city_code, pk=person.pk).update(card_number="")
    phone = _phone(client, person)
    text = phone.get("/my/me/claimable/").content.decode()
    assert "先登记收款账号" in text
    assert "申领 ¥2,000.00" not in text
    number = registry.inventor().bank_card()
    assert phone.post("/my/me/card/", {"card_number": number, "key": "a"}).status_code == 302
    assert "申领 ¥2,000.00" in phone.get("/my/me/claimable/").content.decode()
    wrong = phone.post("/my/me/card/", {"card_number": "123", "key": "b"})
    assert wrong.status_code == 422


def test_with_nothing_on_file_the_page_teaches_the_first_step(client: Client) -> None:
    assert (
        "现在没有您本人可以申领的补贴" in _phone(client, subsidies.trainee()).get("/my/me/claimable/").content.decode()
    )

"""My record, my certificates, where the money is, who looked: mine alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client

from factories import certificates, payments, registry, subsidies
from factories.identity import sign_in
from zhaoliang.kernel.roles import Role
from zhaoliang.registry.models import Person
from zhaoliang.registry.selectors import open_file
from zhaoliang.subsidies.models import ClaimLine

pytestmark = [pytest.mark.django_db, pytest.mark.mission("N2")]


def _phone(client: Client, person: Person) -> Client:
    return sign_in(client, registry.user(Role.WORKER, person=person))


def _line(person: Person) -> ClaimLine:
    return ClaimLine.objects.get(city_code=person.city_code, person=person)


@pytest.mark.mission("B1")
def test_my_own_page_masks_my_numbers(client: Client) -> None:
    person = subsidies.trainee()
    text = _phone(client, person).get("/my/me/").content.decode()
    assert person.name in text
    assert "城镇登记失业人员" in text
    for secret in (person.document_number, person.phone, person.card_number):
        assert secret not in text


@pytest.mark.mission("F3", "F4")
def test_where_the_money_is_and_why_by_which_clause(client: Client, at_time: Callable[[datetime], None]) -> None:
    at_time(subsidies.APPROVED)
    made = subsidies.case(2, attended={1: 60 * 45})
    subsidies.published(made)
    fine, short = (_line(person) for person in made.people)
    phone = _phone(client, made.people[0])
    assert "¥3,780.00" in phone.get("/my/me/subsidies/").content.decode()
    text = phone.get(f"/my/me/subsidies/{fine.city_code}/{fine.pk}/").content.decode()
    assert "符合条件，补贴 ¥3,780.00" in text
    assert "津人社局发〔2022〕20号" in text
    assert "公示中" in text
    assert phone.get(f"/my/me/subsidies/{short.city_code}/{short.pk}/").status_code == 403


@pytest.mark.mission("G3")
def test_a_payment_shows_its_attempt_and_masked_account(client: Client, at_time: Callable[[datetime], None]) -> None:
    at_time(subsidies.APPROVED)
    made = subsidies.case(1)
    subsidies.approved(made)
    payments.sent(made)
    line = _line(made.people[0])
    text = _phone(client, made.people[0]).get(f"/my/me/subsidies/{line.city_code}/{line.pk}/").content.decode()
    assert "已送银行" in text
    assert "钱在银行，等入账" in text
    assert "6299990000000000019" not in text


@pytest.mark.mission("H1")
def test_my_record_holds_training_and_certificate(client: Client) -> None:
    made = subsidies.case(1)
    text = _phone(client, made.people[0]).get("/my/me/record/").content.decode()
    assert made.training_class.project.name in text
    assert "职业技能等级证书" in text


def test_an_empty_record_says_the_first_step(client: Client) -> None:
    assert "档案还是空的" in _phone(client, registry.person()).get("/my/me/record/").content.decode()


@pytest.mark.mission("E4")
def test_my_certificate_is_shown_and_nobody_elses(client: Client) -> None:
    made = certificates.certificate()
    url = f"/my/me/certificates/{made.city_code}/{made.pk}/"
    phone = _phone(client, made.person)
    assert made.number in phone.get(url).content.decode()
    pdf = phone.get(f"{url}pdf/")
    assert pdf["Content-Type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF")
    client.logout()
    other = _phone(client, registry.person())
    assert [other.get(url).status_code, other.get(f"{url}pdf/").status_code] == [403, 403]


@pytest.mark.mission("I6")
def test_i_see_who_opened_my_file_and_why(client: Client) -> None:
    person = registry.person()
    phone = _phone(client, person)
    assert "还没有人看过" in phone.get("/my/me/looks/").content.decode()
    clerk = registry.actor_with(Role.REVIEWER, name="测试审核员")
    open_file(actor=clerk, at=registry.AT, city_code=person.city_code, person_id=person.pk, why="核对人员类别")
    text = phone.get("/my/me/looks/").content.decode()
    assert "测试审核员" in text
    assert "核对人员类别" in text


def test_staff_without_a_file_are_told_so(client: Client) -> None:
    staff = sign_in(client, registry.user(Role.REVIEWER))
    answer = staff.get("/my/me/")
    assert answer.status_code == 403
    assert "这里供劳动者使用" in answer.content.decode()

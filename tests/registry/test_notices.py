"""Notices: told once where once is meant, seen by their receiver alone, read when he says so."""

from __future__ import annotations

import pytest
from django.test import Client

from factories import registry
from factories.identity import sign_in
from zhaoliang.kernel.roles import Role
from zhaoliang.registry import selectors
from zhaoliang.registry.models import Notice
from zhaoliang.registry.services import Message, tell

pytestmark = [pytest.mark.django_db, pytest.mark.mission("N2")]


def test_what_must_be_told_once_is_told_once_and_the_rest_each_time() -> None:
    person, other = registry.person(), registry.person()
    reminder = Message("expiry", "快到期", "还有 7 天。", person_id=person.pk, once="expiry-7:1")
    plain = Message("money", "到账", "补贴已到账。", person_id=person.pk)
    for _ in range(2):
        tell(person.city_code, [reminder, plain], at=registry.AT)
    tell(
        person.city_code,
        [Message("expiry", "快到期", "还有 7 天。", person_id=other.pk, once="expiry-7:1")],
        at=registry.AT,
    )
    told = Notice.objects.filter(city_code=person.city_code)
    assert [one.kind for one in told.filter(person=person).order_by("id")] == ["expiry", "money", "money"]
    assert told.filter(person=other).count() == 1


def test_a_worker_sees_his_own_notices_and_says_that_he_read_them(client: Client) -> None:
    person, other = registry.person(), registry.person()
    tell(
        person.city_code,
        [
            Message("expiry", "培训券快到期", "请尽快报名。", person_id=person.pk, subject=("voucher", 7)),
            Message("money", "补贴到账", "别人的钱。", person_id=other.pk),
        ],
        at=registry.AT,
    )
    phone = sign_in(client, registry.user(Role.WORKER, person=person))
    page = phone.get("/my/me/notices/").content.decode()
    assert "请尽快报名。" in page
    assert f"/my/vouchers/{person.city_code}/7/" in page
    assert "别人的钱" not in page
    assert "1 条新消息" in page
    phone.post("/my/me/notices/read/")
    assert "条新消息" not in phone.get("/my/me/notices/").content.decode()
    assert selectors.unread_notices(city_code=other.city_code, person_id=other.pk) == 1


def test_an_organisation_has_its_own_notices_on_its_desk(client: Client) -> None:
    school, rival = registry.organisation(), registry.organisation()
    tell(school.city_code, [Message("review", "申领退回", "请看退回原因。", organisation_id=school.pk)], at=registry.AT)
    desk = sign_in(client, registry.user(Role.PROVIDER, organisation=school))
    assert "请看退回原因。" in desk.get("/desk/notices/").content.decode()
    desk.post("/desk/notices/read/")
    assert selectors.unread_notices(city_code=school.city_code, organisation_id=school.pk) == 0
    stranger = sign_in(Client(), registry.user(Role.PROVIDER, organisation=rival))
    assert "请看退回原因。" not in stranger.get("/desk/notices/").content.decode()

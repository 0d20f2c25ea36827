"""From finding to a claimed voucher, showing it, and giving it back: what one person sees and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from factories import registry, subsidies, vouchers
from factories.identity import sign_in
from zhaoliang.kernel.roles import Place, Role, system_actor
from zhaoliang.registry.models import Person
from zhaoliang.registry.services import add_group, record_status
from zhaoliang.vouchers.models import Voucher, VoucherBatch
from zhaoliang.vouchers.services import verify_voucher
from zhaoliang.vouchers.tasks import openings

pytestmark = [pytest.mark.django_db, pytest.mark.mission("N2")]

AT = vouchers.AT + timedelta(hours=1)


@pytest.fixture(autouse=True)
def today(at_time: Callable[[datetime], None]) -> None:
    at_time(AT)


@pytest.fixture
def person() -> Person:
    return subsidies.trainee()


def _session(client: Client, person: Person, *, verified: bool = True) -> Client:
    sign_in(client, registry.user(Role.WORKER, person=person))
    if verified:
        session = client.session
        session["identity_verified_at"] = datetime.now(tz=UTC).timestamp()
        session.save()
    return client


@pytest.fixture
def phone(client: Client, person: Person) -> Client:
    return _session(client, person)


def _welding() -> VoucherBatch:
    made = subsidies.project(registry.organisation(), registry.organisation(evaluator=True))
    return vouchers.batch(made, amount_fen=subsidies.FULL_FEN)


def _url(batch: VoucherBatch) -> str:
    return f"/my/find/{batch.city_code}/{batch.pk}/"


def _claim(phone: Client, batch: VoucherBatch, **form: str) -> tuple[int, str]:
    response = phone.post(_url(batch), {"declared": "on", "key": "k1", **form})
    return response.status_code, response.get("Location", "")


@pytest.mark.mission("B6", "C3")
def test_nobody_is_let_in_without_signing_in(client: Client) -> None:
    for path in ("/my/find/", "/my/vouchers/", "/my/classes/", "/my/me/", _url(_welding())):
        response = client.get(path)
        assert response.status_code == 302
        assert response["Location"].startswith("/sign-in/?next=/my/")


def test_what_i_can_claim_with_the_amount(phone: Client) -> None:
    _welding()
    text = phone.get("/my/find/").content.decode()
    assert "现在能领 1 张" in text
    assert "¥3,780.00" in text


@pytest.mark.mission("F3")
def test_what_i_cannot_claim_with_the_clause_and_what_to_do(phone: Client, person: Person) -> None:
    _welding()
    record_status(
        actor=system_actor(),
        at=registry.AT,
        person=person,
        kind="pension",
        holds=True,
        source="养老待遇比对",
        checked_on=date(2026, 5, 21),
        valid_from=date(2026, 2, 1),
    )
    text = phone.get("/my/find/").content.decode()
    assert "现在不能领 1 张" in text
    assert "已按月领取养老保险待遇的人员不能享受补贴" in text
    assert "第四条" in text
    assert "提交参保证明核对" in text


def test_what_nobody_knows_yet_is_not_a_refusal(client: Client) -> None:
    batch = _welding()
    stranger = _session(client, registry.person())
    text = stranger.get("/my/find/").content.decode()
    assert "核实或承诺后能领 1 张" in text
    assert "还不知道：" in text
    assert "这不是拒绝" in stranger.get(_url(batch)).content.decode()


@pytest.mark.mission("C2", "C3")
def test_a_voucher_is_claimed_after_the_declaration_and_only_once(phone: Client, person: Person) -> None:
    batch = _welding()
    refused = phone.post(_url(batch), {"key": "k0"})
    assert "要办理，请先勾选这一项" in refused.content.decode()
    assert not Voucher.objects.filter(city_code=person.city_code, person=person).exists()
    status, where = _claim(phone, batch)
    voucher = Voucher.objects.get(city_code=person.city_code, person=person)
    assert (status, where) == (302, f"/my/vouchers/{voucher.city_code}/{voucher.pk}/")
    # A second click of the same form is the same claim; a new form is refused by name.
    assert _claim(phone, batch)[1] == where
    again = phone.post(_url(batch), {"declared": "on", "key": "k2"})
    assert again.status_code == 409
    assert "您已经有这张券了" in again.content.decode()
    assert "已经领了" in phone.get("/my/find/").content.decode()


@pytest.mark.mission("B6", "C3")
def test_a_claim_needs_the_person_seen_lately(client: Client, person: Person) -> None:
    batch = _welding()
    phone = _session(client, person, verified=False)
    status, where = _claim(phone, batch)
    assert status == 302
    assert where.startswith("/sign-in/confirm/?next=")
    assert not Voucher.objects.filter(city_code=person.city_code, person=person).exists()


def test_the_last_voucher_went_to_somebody_else(phone: Client) -> None:
    made = subsidies.project(registry.organisation(), registry.organisation(evaluator=True))
    batch = vouchers.batch(made, quota=1)
    vouchers.voucher(batch)
    assert "这批券已经领完" in phone.get(_url(batch)).content.decode()
    response = phone.post(_url(batch), {"declared": "on", "key": "k1"})
    assert response.status_code == 409
    assert "已经领完" in response.content.decode()


def test_a_batch_that_is_gone_is_not_among_those_one_can_claim(phone: Client, person: Person) -> None:
    made = subsidies.project(registry.organisation(), registry.organisation(evaluator=True))
    vouchers.voucher(vouchers.batch(made, amount_fen=subsidies.FULL_FEN, quota=1))
    text = phone.get("/my/find/").content.decode()
    assert "已经领完 1 张" in text
    assert "现在能领" not in text


def test_why_a_batch_cannot_be_claimed_now_and_its_holder_is_shown_his_voucher(
    phone: Client, person: Person, at_time: Callable[[datetime], None]
) -> None:
    batch = vouchers.batch()
    refusals = {
        "没有这张正在发放的培训券": vouchers.batch(state="submitted"),
        "暂停发放": vouchers.batch(state="suspended"),
        "已经停止发放": vouchers.batch(state="closed"),
        "只发给名单里的人": vouchers.batch(issue="targeted"),
    }
    for words, one in refusals.items():
        response = phone.get(_url(one))
        assert response.status_code == 404
        assert words in response.content.decode()
        # On the phone's own pages, whose tabs lead on.
        assert "看看能领什么" in response.content.decode()
    at_time(vouchers.AT + timedelta(days=31))
    assert "领取已于 2026年4月1日 09:00 截止" in phone.get(_url(batch)).content.decode()
    held = vouchers.voucher(batch, person=person)
    assert phone.get(_url(batch))["Location"] == f"/my/vouchers/{held.city_code}/{held.pk}/"


def test_a_batch_to_come_is_seen_with_its_opening_and_given_to_nobody_before(
    phone: Client, person: Person, at_time: Callable[[datetime], None]
) -> None:
    made = subsidies.project(registry.organisation(), registry.organisation(evaluator=True))
    opens = vouchers.AT + timedelta(days=3)
    batch = vouchers.batch(made, amount_fen=subsidies.FULL_FEN, claim_from=opens)
    project, activity = f"/projects/{made.city_code}/{made.pk}/", f"/activity/{batch.city_code}/{batch.pk}/"
    for url in ("/my/find/", _url(batch), project, activity):
        text = phone.get(url).content.decode()
        assert "2026年3月5日 09:00" in text, url
        assert "确认承诺并领券" not in text
        assert "领这张券" not in text
    assert "¥3,780.00" in phone.get(_url(batch)).content.decode()
    early = phone.post(_url(batch), {"declared": "on", "key": "e"})
    assert (early.status_code, "还不能领取" in early.content.decode()) == (409, True)
    assert phone.post(f"{_url(batch)}pass/", {"declared": "on"}).status_code == 404
    for key in ("w1", "w2"):
        assert "已预约提醒" in phone.post(f"{_url(batch)}remind/", {"key": key}, follow=True).content.decode()
    for before in (31, 30, 10):
        openings(int((opens - timedelta(minutes=before)).timestamp()))
    assert phone.get("/my/me/notices/").content.decode().count("您预约的券快开始领了") == 1
    assert not Voucher.objects.filter(city_code=person.city_code, person=person).exists()
    at_time(opens)
    assert phone.post(f"{_url(batch)}remind/", {"key": "w3"}).status_code == 409
    assert "现在能领 1 张" in phone.get("/my/find/").content.decode()
    assert _claim(phone, batch)[0] == 302


def test_a_directed_batch_names_whom_it_is_for(phone: Client) -> None:
    made = subsidies.project(registry.organisation(), registry.organisation(evaluator=True))
    vouchers.batch(made, kind="directed", groups=("11",))
    text = phone.get("/my/find/").content.decode()
    assert "这是定向券，发给：退役军人" in text


def test_the_group_that_serves_best_is_tried(phone: Client, person: Person) -> None:
    add_group(
        actor=system_actor(),
        at=registry.AT,
        person=person,
        group="99",
        evidence="register",
        source="比对",
        valid_from=date(2026, 1, 1),
    )
    _welding()
    assert "现在能领 1 张" in phone.get("/my/find/").content.decode()


@pytest.mark.mission("C4")
def test_an_unused_voucher_is_given_back_and_a_used_one_is_not(phone: Client, person: Person) -> None:
    batch = _welding()
    voucher = vouchers.voucher(batch, person=person)
    url = f"/my/vouchers/{voucher.city_code}/{voucher.pk}/"
    assert "退回这张券" in phone.get(url).content.decode()
    assert phone.post(f"{url}return/", {"key": "r1"}).status_code == 302
    assert "已经终止的券" in phone.get("/my/vouchers/").content.decode()
    used = vouchers.voucher(batch, person=person, used=True)
    url = f"/my/vouchers/{used.city_code}/{used.pk}/"
    assert "退回这张券" not in phone.get(url).content.decode()
    assert phone.post(f"{url}return/", {"key": "r2"}).status_code == 409


@pytest.mark.mission("C9")
def test_the_code_to_show_is_signed_and_renewed(phone: Client, person: Person) -> None:
    voucher = vouchers.voucher(_welding(), person=person)
    url = f"/my/vouchers/{voucher.city_code}/{voucher.pk}/qr/"
    page, part = phone.get(url), phone.get(f"{url}?part=1")
    assert "<svg" in page.content.decode()
    assert 'data-seconds="60"' in part.content.decode()
    assert "<html" not in part.content.decode()
    assert "no-store" in page["Cache-Control"]
    # The paper way: the code in groups, for typing.
    assert f"{voucher.code[:6]}·{voucher.code[6:10]}" in page.content.decode()


def test_the_holder_sees_who_verified(phone: Client, person: Person) -> None:
    voucher = vouchers.voucher(_welding(), person=person, verified=True)
    verify_voucher(
        actor=system_actor(),
        at=AT,
        place=Place(voucher.city_code, voucher.city_code),
        code=voucher.code,
        organisation=None,
        method="public",
    )
    text = phone.get(f"/my/vouchers/{voucher.city_code}/{voucher.pk}/").content.decode()
    assert voucher.batch.project.provider.name in text
    assert "公众查询" in text
    # And what each was answered: its own provider, the public.
    assert "验证通过" in text
    assert "已使用</span>" in text


def test_somebody_elses_voucher_is_not_found(phone: Client) -> None:
    voucher = vouchers.voucher()
    url = f"/my/vouchers/{voucher.city_code}/{voucher.pk}/"
    assert [phone.get(url + end).status_code for end in ("", "qr/")] == [404, 404]
    assert phone.post(f"{url}return/", {"key": "x"}).status_code == 404


def test_the_list_costs_the_same_queries_for_one_batch_and_for_five(phone: Client) -> None:
    _welding()
    phone.get("/my/find/")
    with CaptureQueriesContext(connection) as few:
        phone.get("/my/find/")
    for _ in range(4):
        _welding()
    with CaptureQueriesContext(connection) as many:
        phone.get("/my/find/")
    assert len(many) == len(few)
    assert len(many) <= 20

"""At the counter: found by the exact number or filed, claimed on the person's word, printed with a code that stays good."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from factories import registry, vouchers
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.kernel.roles import Role
from zhaoliang.registry.models import Notice, Person
from zhaoliang.vouchers import selectors
from zhaoliang.vouchers.models import Voucher

pytestmark = [pytest.mark.django_db, pytest.mark.mission("C2", "C3", "N4")]

TIANJIN = 120000


def test_somebody_without_a_phone_gets_a_voucher_on_paper(
    desk: Callable[..., Client], at_time: Callable[[datetime], None]
) -> None:
    batch = vouchers.batch()
    at_time(vouchers.AT)
    officer = desk(Role.REVIEWER, region_code=TIANJIN)
    number = registry.resident_id()
    said = {"document_type": "resident_id", "document_number": number, "name": "测试老伯", "key": "a"}
    shown = officer.post(reverse("bureau:counter"), said, follow=True)
    person = Person.objects.get(city_code=TIANJIN, name="测试老伯")
    assert number not in shown.content.decode() + str(shown.redirect_chain)
    assert "老伯" not in shown.content.decode()
    wrong = officer.post(reverse("bureau:counter"), said | {"name": "别的人", "key": "b"})
    assert "另一个姓名" in wrong.content.decode()
    url = reverse("bureau:counter_person", args=[TIANJIN, person.pk])
    assert "请选择本人怎样承诺" in officer.post(url, {"batch": batch.pk, "key": "c"}).content.decode()
    officer.post(url, {"batch": batch.pk, "declared": "oral", "key": "d"})
    held = Voucher.objects.select_related("batch").get(city_code=TIANJIN, person=person)
    assert held.channel == "counter"
    assert "口头承诺" in held.declaration
    paper = officer.get(reverse("bureau:counter_paper", args=[TIANJIN, held.pk]))
    assert paper.content.startswith(b"%PDF")
    looks = AuditEvent.objects.filter(city_code=TIANJIN, act="look", person_id=person.pk)
    assert {one.detail["why"] for one in looks} == {"窗口代领培训券", "打印纸质培训券"}
    token = selectors.paper_token(held)
    assert selectors.read_qr(token, vouchers.AT + timedelta(days=30)).code == held.code


@pytest.mark.mission("C4")
def test_a_districts_window_prints_a_citys_voucher_and_exchanges_a_lost_paper(
    desk: Callable[..., Client], at_time: Callable[[datetime], None]
) -> None:
    batch = vouchers.batch(quota=1)
    person = vouchers.crowd(1)[0]
    at_time(vouchers.AT)
    officer, elsewhere = desk(Role.REVIEWER, region_code=person.region_id), desk(Role.REVIEWER, region_code=120110)
    claim = reverse("bureau:counter_person", args=[TIANJIN, person.pk])
    shown = officer.post(claim, {"batch": batch.pk, "declared": "oral", "key": "a"}, follow=True)
    assert shown.status_code == 200
    lost = Voucher.objects.get(city_code=TIANJIN, person=person)
    give_back = reverse("bureau:counter_return", args=[TIANJIN, lost.pk])
    shown_end = {"document_end": f" {person.document_number[-4:].lower()} "}
    assert elsewhere.post(give_back, shown_end | {"key": "x"}).status_code == 403
    refused = officer.post(give_back, {"document_end": "000A", "key": "y"})
    assert refused.status_code == 422
    # Told at the field, on the voucher's page, with what was typed.
    assert re.search(r'value="000A"[^>]*aria-invalid="true"', refused.content.decode())
    assert lost.batch.name in refused.content.decode()
    full = officer.get(reverse("bureau:counter_person", args=[TIANJIN, vouchers.crowd(1)[0].pk])).content.decode()
    assert ("已领完" in full, "代领并打印" in full) == (True, False)
    looks = AuditEvent.objects.filter(city_code=TIANJIN, act="look", person_id=person.pk)
    assert "窗口查看培训券" in {one.detail["why"] for one in looks}
    shown = officer.post(give_back, shown_end | {"key": "b"}, follow=True)
    assert "名额已放出" in shown.content.decode()
    assert Notice.objects.filter(city_code=TIANJIN, person=person, kind="voucher_returned").count() == 1
    officer.post(claim, {"batch": batch.pk, "declared": "oral", "key": "c"})
    held = Voucher.objects.get(city_code=TIANJIN, person=person, state="claimed")
    lost.refresh_from_db()
    assert (lost.state, held.code != lost.code) == ("returned", True)
    paper = reverse("bureau:counter_paper", args=[TIANJIN, lost.pk])
    assert officer.get(paper).status_code == 404
    for one, printed in ((lost, False), (held, True)):
        seen = officer.get(reverse("bureau:counter_voucher", args=[TIANJIN, one.pk])).content.decode()
        assert ("打印纸质券" in seen, claim in seen) == (printed, not printed)
    assert officer.get(reverse("bureau:counter_paper", args=[TIANJIN, held.pk])).content.startswith(b"%PDF")
    Voucher.objects.filter(city_code=TIANJIN, pk=held.pk).update(state="expired")
    assert (
        officer.post(reverse("bureau:counter_return", args=[TIANJIN, held.pk]), shown_end | {"key": "d"}).status_code
        == 409
    )


@pytest.mark.mission("C4")
def test_ends_of_a_document_are_not_guessed_at_the_counter(
    desk: Callable[..., Client], at_time: Callable[[datetime], None]
) -> None:
    held = vouchers.voucher()
    at_time(vouchers.AT)
    officer = desk(Role.REVIEWER, region_code=held.person.region_id)
    give_back = reverse("bureau:counter_return", args=[TIANJIN, held.pk])
    right = {"document_end": held.person.document_number[-4:]}
    for guess in range(10):
        assert officer.post(give_back, {"document_end": "000A", "key": f"g{guess}"}).status_code == 422
    assert officer.post(give_back, right | {"key": "h"}).status_code == 429
    held.refresh_from_db()
    assert held.state == "claimed"
    at_time(vouchers.AT + timedelta(minutes=2))
    assert officer.post(give_back, right | {"key": "i"}).status_code == 302

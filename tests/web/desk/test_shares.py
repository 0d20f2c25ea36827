"""The pages of cost sharing: the provider lays it down and enters receipts, the trainee sees it, the bureau decides a voiding."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from factories import registry
from factories.identity import sign_in
from factories.subsidies import ASSESSED, CITY, HEPING, Case, approved, case
from zhaoliang.classes.models import TrainingClass
from zhaoliang.kernel.roles import Role
from zhaoliang.sharing.models import ShareReceipt, ShareVoiding

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F6")]
SHARES = {
    "price_fen": "6,000",
    "government": "60",
    "enterprise": "20",
    "person": "20",
    "document": "收费备案和三方协议",
}


def stand(made: Case, state: str) -> None:
    TrainingClass.objects.filter(city_code=CITY, pk=made.training_class.pk).update(state=state)


def test_the_shares_of_a_class_from_the_desk_to_the_phone(sit, at_time) -> None:
    made = case(2)
    at_time(ASSESSED)
    client = sit(made.provider)
    url = reverse("provider:shares", args=[CITY, made.training_class.pk])
    assert "这个班没有费用分担" in client.get(url).content.decode()
    stand(made, "accepted")
    wrong = client.post(url, SHARES | {"person": "21", "key": "a"}).content.decode()
    assert "三方的比例加起来要等于 100" in wrong
    assert client.post(url, SHARES | {"key": "b"}).status_code == 302
    text = client.get(url).content.decode()
    assert "¥3,600.00" in text
    assert "四（六）" in text
    stand(made, "assessed")
    first = made.enrolments[0]
    receipts = reverse("provider:share_receipt", args=[CITY, made.training_class.pk])
    paid = {"payer": "person", "people": [first.pk], "total_fen": "2600", "paid_on": "2026-05-28", "number": "GR-1"}
    assert "收据金额" in client.post(receipts, paid | {"total_fen": "两千", "key": "c"}).content.decode()
    assert client.post(receipts, paid | {"key": "d"}).status_code == 302
    assert "收据号 GR-1 已经登记过" in client.post(receipts, paid | {"total_fen": "1", "key": "e"}).content.decode()
    approved(made)
    # 3,780 and 2,600 against 6,000.
    text = client.get(url).content.decode()
    assert "退本人 <" in text
    assert "¥380.00" in text
    worker = sign_in(Client(), registry.user(Role.WORKER, person=made.people[0], region_code=HEPING))
    phone = reverse("worker:enrolment", args=[CITY, first.pk])
    told = worker.get(phone).content.decode()
    for said in ("费用怎么分", "GR-1", "应退给您", "¥380.00"):
        assert said in told
    refund = reverse("provider:share_refund", args=[CITY, first.pk])
    given = {"payer": "person", "amount_fen": "380", "paid_on": "2026-06-30", "number": "TF-1"}
    assert client.post(refund, given | {"amount_fen": "380.01", "key": "f"}).status_code == 409
    assert client.post(refund, given | {"key": "g"}).status_code == 302
    assert "退给您" in worker.get(phone).content.decode()
    # A stranger sees neither.
    assert sit(registry.organisation()).get(url).status_code == 403

    refunded = ShareReceipt.objects.get(city_code=CITY, direction="refunded")
    void = reverse("provider:share_void", args=[CITY, refunded.pk])
    assert client.post(void, {"reason": "凭证号登错", "key": "h"}).status_code == 302
    asked = ShareVoiding.objects.get(city_code=CITY)
    bureau = sign_in(Client(), registry.user(Role.REVIEWER, region_code=HEPING))
    page = bureau.get(reverse("bureau:class", args=[CITY, made.training_class.pk])).content.decode()
    assert "1 张等您核对作废" in page
    assert bureau.post(reverse("bureau:voiding_confirm", args=[CITY, asked.pk]), {"key": "i"}).status_code == 302
    asked.refresh_from_db()
    assert asked.state == "confirmed"
    assert "已作废" in client.get(url).content.decode()

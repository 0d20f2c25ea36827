"""Claims and payments as their provider sees them: every state and sum, accounts masked, nobody else's."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from factories import payments, registry, subsidies
from factories.subsidies import APPROVED, CITY
from zhaoliang.demo.bank import MADE
from zhaoliang.payments.excel import workbook
from zhaoliang.payments.formats.tables import RETURN_COLUMNS
from zhaoliang.payments.models import PaymentLine
from zhaoliang.subsidies import services

pytestmark = pytest.mark.django_db


@pytest.mark.mission("F2", "G3")
def test_the_provider_sees_its_claims_and_what_became_of_every_payment(sit, at_time) -> None:
    made = subsidies.case(3)
    claim = subsidies.approved(made)
    batch = payments.sent(made)
    lines = list(PaymentLine.objects.filter(city_code=CITY, batch=batch).order_by("sequence"))
    answer = [
        [batch.number, str(one.sequence), one.payee_name, one.account_number[-4:], "3780.00", word, f"LS{number}", why]
        for number, (one, word, why) in enumerate(
            zip(lines[:2], ("成功", "失败"), ("", "账号户名不符"), strict=True), start=1
        )
    ]
    payments.answered(made, batch, workbook("回单", RETURN_COLUMNS, answer, created=MADE))
    at_time(APPROVED)
    client = sit(claim.provider)
    listed = client.get(reverse("provider:claims")).content.decode()
    assert claim.training_class.name in listed
    assert "¥11,340.00" in listed
    paid = client.get(reverse("provider:payments")).content.decode()
    for word in ("已到账", "银行退回", "已送银行", "账号户名不符"):
        assert word in paid
    for one in lines:
        assert one.account_masked in paid
        assert one.account_number not in paid
    failed = client.get(reverse("provider:payments") + "?state=failed").content.decode()
    assert failed.count("#line-") == 1
    assert "核对银行退回的补贴" in client.get(reverse("provider:home")).content.decode()
    page = client.get(reverse("provider:claim", args=[claim.city_code, claim.pk])).content.decode()
    assert f"{reverse('provider:payments')}?claim={claim.pk}" in page
    stranger = sit(registry.organisation())
    assert claim.training_class.name not in stranger.get(reverse("provider:claims")).content.decode()
    assert (
        lines[0].account_masked
        not in stranger.get(reverse("provider:payments") + f"?claim={claim.pk}").content.decode()
    )


@pytest.mark.mission("F2")
def test_a_line_refused_at_approval_shows_its_reason_to_the_provider(sit, at_time) -> None:
    made = subsidies.case(2)
    claim = subsidies.published(made)
    line = claim.lines.filter(city_code=CITY).earliest("id")
    line.__class__.objects.filter(city_code=CITY, pk=line.pk).update(state="refused", refusal="补贴已由外市发放")
    at_time(APPROVED)
    text = sit(claim.provider).get(reverse("provider:claim", args=[claim.city_code, claim.pk])).content.decode()
    assert "补贴已由外市发放" in text
    assert "1 条不予补贴" in text


def test_the_lists_ask_a_fixed_number_of_questions(sit, at_time) -> None:
    made = subsidies.case(1)
    subsidies.approved(made)
    payments.sent(made)
    at_time(APPROVED)
    client = sit(made.training_class.provider)
    pages = [reverse(f"provider:{name}") for name in ("claims", "payments", "home", "exams", "verify_log")]
    before = [_questions(client, page) for page in pages]
    other = subsidies.case(3, provider=made.training_class.provider)
    services.assemble_claim(actor=other.staff, at=subsidies.ASSESSED, training_class=other.training_class)
    assert [_questions(client, page) for page in pages] == before


def _questions(client, page: str) -> int:
    client.get(page)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(page).status_code == 200
    return len(asked)

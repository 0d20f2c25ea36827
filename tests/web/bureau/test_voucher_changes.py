"""The batch's page: a change asked for by one officer and approved by another; one voucher's file, found by its code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from factories import funds, vouchers
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.kernel.roles import Role
from zhaoliang.vouchers.models import BatchChange

pytestmark = [pytest.mark.django_db, pytest.mark.mission("C1", "N4")]

Clock = Callable[[datetime], None]
Desk = Callable[..., Client]
TIANJIN = 120000


def test_a_top_up_is_asked_for_by_one_and_approved_by_another(desk: Desk, at_time: Clock) -> None:
    batch = vouchers.batch(quota=2, amount_fen=100_00, budget_account=funds.budget(1000_00, year=2026))
    at_time(vouchers.AT)
    first, second = desk(Role.FUND_OFFICER, region_code=TIANJIN), desk(Role.APPROVER, region_code=TIANJIN)
    url = reverse("bureau:voucher_change", args=[TIANJIN, batch.pk])
    wrong = first.post(url, {"kind": "top_up", "top_up-quantity": "0", "top_up-reason": "", "key": "w"})
    assert wrong.status_code == 422
    first.post(url, {"kind": "top_up", "top_up-quantity": "3", "top_up-reason": "报名踊跃", "key": "a"})
    change = BatchChange.objects.get(city_code=TIANJIN)
    approve = reverse("bureau:change_approve", args=[TIANJIN, change.pk])
    page = reverse("bureau:voucher_batch", args=[TIANJIN, batch.pk])
    assert approve not in first.get(page).content.decode()
    assert first.post(approve, {"key": "b"}).status_code == 403
    assert approve in second.get(page).content.decode()
    second.post(approve, {"key": "c"})
    batch.refresh_from_db()
    assert batch.quota == 5
    assert "报名踊跃" in second.get(page).content.decode()


@pytest.mark.mission("C8", "I6")
def test_a_voucher_is_found_by_its_code_and_the_look_is_recorded(desk: Desk, at_time: Clock) -> None:
    held = vouchers.voucher()
    at_time(vouchers.AT)
    reviewer = desk(Role.REVIEWER, region_code=TIANJIN)
    assert reviewer.post(reverse("bureau:voucher_by_code"), {"code": "120000"}).status_code == 404
    shown = reviewer.post(reverse("bureau:voucher_by_code"), {"code": held.code.lower()}, follow=True)
    text = shown.content.decode()
    assert held.person.name not in text
    assert held.person.document_number not in text
    assert AuditEvent.objects.filter(city_code=TIANJIN, act="look", person_id=held.person_id).count() == 1
    reviewer.post(reverse("bureau:holding_void", args=[TIANJIN, held.pk]), {"void-reason": "冒领", "key": "v"})
    change = BatchChange.objects.get(city_code=TIANJIN)
    approver = desk(Role.APPROVER, region_code=TIANJIN)
    done = approver.post(reverse("bureau:change_approve", args=[TIANJIN, change.pk]), {"key": "a"}, follow=True)
    assert done.status_code == 200
    held.refresh_from_db()
    assert (held.state, held.ended_reason) == ("void", "冒领")

"""The funnel counts each voucher once at every stage it reached, whichever way it is broken down."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from python_calamine import CalamineWorkbook

from factories import payments, registry, subsidies, vouchers
from factories.identity import sign_in
from factories.vouchers import AT, batch, voucher
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.oversight.funnel import DIMENSIONS, PILOTS_USED, Filter, funnel, total
from zhaoliang.registry.models import Person
from zhaoliang.registry.services import add_group
from zhaoliang.vouchers import services
from zhaoliang.vouchers.models import VoucherBatch
from zhaoliang.web.components import formats

pytestmark = [pytest.mark.django_db, pytest.mark.mission("C8")]
TIANJIN = 120000


def registry_group(source: VoucherBatch, person: Person) -> None:
    day = source.claim_from.date()
    add_group(
        actor=system_actor(), at=AT, person=person, group="06", evidence="register", source="测试", valid_from=day
    )


def test_every_way_to_break_it_down_adds_up_to_the_same() -> None:
    made = subsidies.case(3, failed=frozenset({2}))
    subsidies.approved(made)
    payments.sent(made)
    source = batch(quota=4)
    given_back = voucher(source)
    services.return_voucher(actor=vouchers.worker(given_back.person), at=AT, voucher=given_back)
    voucher(source)
    sums = {by: total(funnel(Filter(TIANJIN, TIANJIN), by)) for by in DIMENSIONS}
    for one in sums.values():
        assert (one.claimed, one.used, one.certified, one.returned, one.waiting) == (5, 3, 2, 1, 1)
        assert (one.refused, one.failed) == (1, 1)
    assert sums["batch"].issued == 7
    assert sums["month"].issued is None
    # Whoever has not used his voucher yet counts to the group a register knows of him.
    registry_group(source, given_back.person)
    unused = funnel(Filter(TIANJIN, TIANJIN, batch_id=source.pk), "group")
    assert {(row.label, row.claimed, row.used) for row in unused} == {("06", 1, 0), ("", 1, 0)}
    assert sums["fund"].issued == 7
    only = funnel(Filter(TIANJIN, TIANJIN, batch_id=source.pk), "batch")
    assert [(row.label, row.claimed, row.issued) for row in only] == [(source.name, 2, 4)]
    assert funnel(Filter(TIANJIN, 120114), "batch") == []
    late = Filter(TIANJIN, TIANJIN, batch_id=source.pk, since=AT + timedelta(days=1))
    assert total(funnel(late, "region")).claimed == 0


@pytest.mark.mission("N4")
def test_the_page_says_where_vouchers_stop_and_exports_the_same_rows(
    client: Client,
) -> None:
    source = batch(quota=10)
    for _ in range(2):
        voucher(source)
    officer = sign_in(client, registry.user(Role.REVIEWER, region_code=TIANJIN))
    text = officer.get(reverse("bureau:voucher_funnel"), {"by": "batch"}).content.decode()
    assert f"已领 2 张，用了 {formats.percent(0)}" in text
    assert "领了没用" in text
    assert formats.percent(PILOTS_USED, 1) in text
    answer = officer.get(reverse("bureau:voucher_funnel_export"), {"by": "batch"})
    (head, row) = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
    assert row[: len(head)][:3] == [source.name, 10, 2]

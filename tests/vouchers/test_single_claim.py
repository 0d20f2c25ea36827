"""The single claim's own way is the group's, asked for one: the same answers and the same counts in every situation."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction

from factories.actors import TIANJIN
from factories.vouchers import AT, batch, crowd, voucher, worker
from zhaoliang.vouchers import services
from zhaoliang.vouchers.models import BatchSlot, Voucher, VoucherBatch

pytestmark = [pytest.mark.django_db, pytest.mark.mission("C2")]
ONE = "SELECT answer FROM claim_voucher(%s, %s, %s, 'code-of-one', 'page', '', %s)"
GROUP = "SELECT answer FROM claim_vouchers(%s, %s, ARRAY[%s], ARRAY['code-of-one'], 'page', ARRAY[''], %s)"
LARGE = 32 * 200


def outcome(statement: str, batch_id: int, person_id: int, seconds: float) -> tuple[str, int, list[tuple[str, int]]]:
    """Answer, places taken, and the vouchers of the batch; then everything is as before."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [TIANJIN, batch_id, person_id, AT + timedelta(seconds=seconds)])
        (answer,) = cursor.fetchone() or ("",)
        slots = BatchSlot.objects.filter(city_code=TIANJIN, batch_id=batch_id).values_list("claimed", flat=True)
        held = Voucher.objects.filter(city_code=TIANJIN, batch_id=batch_id).order_by("person_id")
        found = answer, sum(slots), list(held.values_list("state", "person_id"))
        transaction.set_rollback(True)
    return found


def test_one_and_a_group_of_one_agree() -> None:
    one, other = crowd(2)
    roomy, small = (batch(quota=quota, amount_fen=1) for quota in (LARGE, 2))
    full, returned = batch(quota=1), batch(quota=LARGE, amount_fen=1)
    for made in (full, roomy, small):
        voucher(made, person=one)
    services.return_voucher(actor=worker(one), at=AT, voucher=voucher(returned, person=one))
    suspended = batch(quota=LARGE, amount_fen=1, state="suspended")
    month = 30 * 86_400
    cases: list[tuple[VoucherBatch | None, int, float, str]] = [
        (roomy, other.pk, 0, "ok"),
        (roomy, one.pk, 0, "has_one"),
        (small, other.pk, 0, "ok"),
        (small, one.pk, 0, "has_one"),
        (full, other.pk, 0, "full"),
        (returned, one.pk, 0, "ok"),
        (suspended, other.pk, 0, "not_open"),
        (roomy, other.pk, -1, "early"),
        (roomy, other.pk, month + 1, "late"),
        (None, other.pk, 0, "unknown"),
    ]
    for given, person_id, seconds, answer in cases:
        found = [outcome(how, given.pk if given else 0, person_id, seconds) for how in (ONE, GROUP)]
        assert found[0] == found[1]
        assert found[0][0] == answer

"""Claiming as it is usually written first: lock the counter row, look, count up, create. Kept to be measured against."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from zhaoliang.kernel.identifiers.voucher_code import new_code
from zhaoliang.registry.models import Person
from zhaoliang.vouchers.models import BatchSlot, Voucher, VoucherBatch


def claim(*, batch: VoucherBatch, person: Person, at: datetime) -> Voucher:
    """One claim with the ORM; the batch has all its quota in slot 0. No audit, no permission, no declaration."""
    with transaction.atomic():
        counter = BatchSlot.objects.select_for_update().get(city_code=batch.city_code, batch=batch, slot=0)
        if batch.state != "open" or not batch.claim_from <= at <= batch.claim_until:
            raise ValueError("not open")
        if counter.claimed >= counter.quota:
            raise ValueError("none left")
        mine = Voucher.objects.filter(city_code=batch.city_code, batch=batch, person=person).exclude(state="returned")
        if mine.exists():
            raise ValueError("has one")
        counter.claimed += 1
        counter.save()
        return Voucher.objects.create(
            city_code=batch.city_code,
            batch=batch,
            slot=0,
            person=person,
            code=str(new_code(batch.city_code)),
            amount_fen=batch.amount_fen,
            claimed_at=at,
        )

"""What a partner's key does on somebody's behalf, from plain input to the act: the API's and the gate's one way in."""

from __future__ import annotations

from datetime import datetime

from zhaoliang.api.auth import Partner
from zhaoliang.classes.services import use_at_counter
from zhaoliang.kernel.errors import NotFound
from zhaoliang.registry import selectors as registry
from zhaoliang.vouchers import selectors as vouchers
from zhaoliang.vouchers import services
from zhaoliang.vouchers.models import Voucher


def no_person() -> NotFound:
    """Name and document fit nobody's file of the city; which of the two is wrong is not said."""
    return NotFound("没有领取。", "本市没有姓名和证件号都相符的档案。", "请核对，或让本人先在平台登录一次完成建档。")


def no_batch() -> NotFound:
    """The city gives out no such vouchers at this moment."""
    return NotFound("没有领取。", "没有这个正在发放的批次。", "请用 /vouchers/batches 查看现在能领的。")


def claim(
    partner: Partner,
    *,
    at: datetime,
    batch_id: int,
    document_type: str,
    document_number: str,
    name: str,
    declared: bool,
    key: str,
) -> Voucher:
    """Claim a voucher for a person whom the partner has just identified. Raises NotFound, and what `claim_voucher` raises."""
    city_code = partner.place.city_code
    person = registry.find_person(city_code=city_code, document_type=document_type, document_number=document_number)
    if person is None or person.name != name.strip():
        raise no_person()
    batch = vouchers.claimable_batch(city_code, batch_id, at)
    if batch is None:
        raise no_batch()
    made = services.claim_voucher(
        actor=partner.actor, at=at, person=person, batch=batch, declared=declared, channel="api", key=key
    )
    made.batch = batch
    return made


def use(partner: Partner, *, at: datetime, code: str, class_id: int, key: str) -> Voucher:
    """Use the voucher of a code or QR for a class of the partner's organisation that has not begun.

    Raises what `use_at_counter` raises.
    """
    return use_at_counter(
        actor=partner.actor, at=at, place=partner.place, code=code, class_id=class_id, method="api", key=key
    )

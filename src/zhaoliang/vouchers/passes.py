"""Passes for the gate: what the platform has checked of a person, carried to the fast path for a few minutes.

The law (who may claim) is asked here, once, by the policy engine and the registers; the gate then needs neither.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from zhaoliang.kernel import tokens
from zhaoliang.kernel.roles import Actor
from zhaoliang.registry.models import Person
from zhaoliang.vouchers import refusals, services
from zhaoliang.vouchers.models import VoucherBatch
from zhaoliang.vouchers.services.declaring import declared_besides

CLAIM, HOLDER = "claim", "holder"
LIFE = timedelta(minutes=10)


def claim_pass(
    *, actor: Actor, at: datetime, person: Person, batch: VoucherBatch, declared: bool, channel: str = "page"
) -> str:
    """The pass with which the gate claims this batch for this person, good for ten minutes.

    Checks what the gate can't: that the actor may, the policies, the groups, the declaration. Raises Forbidden, NotDeclared, NotForYou.
    """
    services.claim_voucher.declaration.check(actor, person.access())
    if not declared:
        raise refusals.not_declared()
    if person.city_code != batch.city_code:
        raise refusals.NotForYou("没有领取。", "这张券由别的城市发放。", "请到您建档的城市领取。")
    content = {
        "u": actor.user_id,
        "p": person.pk,
        "n": actor.name,
        "c": batch.city_code,
        "b": batch.pk,
        "x": declared_besides(batch, person, at),
        "h": channel[:20],
    }
    return tokens.issue(CLAIM, content, until=at + LIFE)


def holder_pass(*, actor: Actor, at: datetime, person: Person) -> str:
    """The pass with which the gate uses this person's own vouchers, good for ten minutes. Raises Forbidden."""
    services.use_voucher.declaration.check(actor, person.access())
    content = {"u": actor.user_id, "p": person.pk, "n": actor.name, "c": person.city_code}
    return tokens.issue(HOLDER, content, until=at + LIFE)

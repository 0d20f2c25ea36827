"""Partner systems' claims for people they name by document, in groups.

What the API's act asks of one claim is asked of a group at once, the policies too; what may be claimed then goes the way of
claims under a pass, and what may not is stored under its key like any other answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec

from zhaoliang.api.acts import no_batch, no_person
from zhaoliang.gate import desks
from zhaoliang.gate.answers import refused
from zhaoliang.gate.desks import Item, Partner, Settled
from zhaoliang.gate.threads import in_thread
from zhaoliang.kernel.acts import plain_hash
from zhaoliang.kernel.errors import Forbidden, Refusal
from zhaoliang.kernel.identifiers.other_documents import DocumentKind
from zhaoliang.kernel.identifiers.voucher_code import new_code
from zhaoliang.registry.models import Person
from zhaoliang.registry.selectors import people_by_hash, person_hash
from zhaoliang.vouchers import refusals, selectors, services
from zhaoliang.vouchers.models import VoucherBatch

CHANNEL = "api"
# Fewer than under passes: the policies take some milliseconds a person, and nobody shall wait for many others.
GROUP = 32


class PartnerClaimIn(msgspec.Struct, forbid_unknown_fields=True):
    """The body of /gate/claim under a partner key with the scope vouchers.claim: the person by document, as in the API."""

    batch_id: str
    document_number: str
    name: str
    declared: bool
    document_type: DocumentKind = DocumentKind.RESIDENT_ID


class _Asked(msgspec.Struct, frozen=True):
    """A claim as a partner sent it: whom by the hash of the document, and the name that must go with it."""

    partner: Partner
    hash: bytes
    name: str
    declared: bool


def read_claim(partner: Partner, body: PartnerClaimIn, key: str) -> Item:
    """A claim for somebody. Raises BadInput for what is no number of its kind of document."""
    asked = _Asked(partner, person_hash(body.document_type, body.document_number), body.name.strip(), body.declared)
    lane = (partner.city_code, desks.number(body.batch_id))
    return Item(lane, f"user:{partner.user_id}", (), partner.user_id, key, extra=asked, person=False)


class DocumentClaims:
    """The desk of partners' claims; lanes are (city, batch)."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.claims = desks.claims(pool)

    async def __call__(self, lane: Any, items: Sequence[Item]) -> list[Settled]:
        """Answer a group."""
        city_code, batch_id = lane
        judged = await in_thread(_judged, city_code, batch_id, items, datetime.now(UTC))
        good = [place for place, (_, refusal) in enumerate(judged) if refusal is None]
        kept = [
            (place, refusal) for place, (_, refusal) in enumerate(judged) if refusal is not None and refusal.decided
        ]
        settled: dict[int, Settled] = {
            place: refused(refusal)
            for place, (_, refusal) in enumerate(judged)
            if refusal is not None and not refusal.decided
        }
        if good:
            claimed = await self.claims((city_code, batch_id, CHANNEL), [judged[place][0] for place in good])
            settled |= zip(good, claimed, strict=True)
        if kept:
            answers = await self.claims.refuse(city_code, [(judged[place][0], refusal) for place, refusal in kept])
            settled |= zip([place for place, _ in kept], answers, strict=True)
        return [settled[place] for place in range(len(items))]


def _judged(city_code: int, batch_id: int, items: Sequence[Item], at: datetime) -> list[tuple[Item, Refusal | None]]:
    """Each claim as the claims desk takes it, with why it is refused (None: it may be tried)."""
    people = people_by_hash(city_code=city_code, hashes=[item.extra.hash for item in items])
    batch = selectors.claimable_batch(city_code, batch_id, at)
    known = [people.get(item.extra.hash) for item in items]
    said = services.declarations(batch, list(people.values()), at) if batch is not None and people else {}
    judged: list[tuple[Item, Refusal | None]] = []
    for item, person in zip(items, known, strict=True):
        asked: _Asked = item.extra
        if person is None or person.name != asked.name:
            judged.append((item, no_person()))
        elif batch is None:
            judged.append((item, no_batch()))
        else:
            judged.append(_one(item, asked, person, batch, said[person.pk]))
    return judged


def _one(
    item: Item, asked: _Asked, person: Person, batch: VoucherBatch, said: str | refusals.NotForYou
) -> tuple[Item, Refusal | None]:
    partner = asked.partner
    try:
        services.claim_voucher.declaration.check(partner.api.actor, person.access())
    except Forbidden as refusal:
        return item, refusal
    # The words of the API's act, so that a key tried here and there is one key.
    arguments = {
        "person": ["registry.Person", person.city_code, str(person.pk)],
        "batch": ["vouchers.VoucherBatch", batch.city_code, str(batch.pk)],
        "declared": asked.declared,
        "channel": CHANNEL,
    }
    besides = said if isinstance(said, str) else ""
    code = str(new_code(batch.city_code))
    given = [person.pk, code, besides, partner.user_id, partner.name, item.key, plain_hash(arguments)]
    made = Item(item.lane, item.asker, given, item.user_id, item.key, person=False)
    if not asked.declared:
        return made, refusals.not_declared()
    return made, None if isinstance(said, str) else said

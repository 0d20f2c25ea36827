"""What partner systems do at the gate for people: claims of an ordinary batch go with the crowd, all else through the API's acts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from zhaoliang.api import acts
from zhaoliang.api.schemas import ClaimOut, UseOut
from zhaoliang.gate.answers import Answer
from zhaoliang.gate.batching import Batcher
from zhaoliang.gate.desks import Item, Partner, number
from zhaoliang.gate.threads import in_thread
from zhaoliang.kernel.acts import input_hash
from zhaoliang.kernel.identifiers.other_documents import DocumentKind
from zhaoliang.kernel.identifiers.voucher_code import new_code
from zhaoliang.kernel.roles import Access
from zhaoliang.registry.selectors import person_hash
from zhaoliang.vouchers import refusals
from zhaoliang.vouchers.services import claim_voucher

CHANNEL = "api"
REMEMBERED_SECONDS = 15.0
KEPT = 1_000


class PartnerClaimIn(msgspec.Struct, forbid_unknown_fields=True):
    """The body of /gate/claim under a partner key with the scope vouchers.claim: the person by document, as in the API."""

    batch_id: str
    document_number: str
    name: str
    declared: bool
    document_type: DocumentKind = DocumentKind.RESIDENT_ID


class PartnerUseIn(msgspec.Struct, forbid_unknown_fields=True):
    """The body of /gate/use under a partner key with the scope vouchers.use: what the holder shows, and the class."""

    code: str
    class_id: str


class Institutions:
    """Reads partners' requests; looks people and batches up in groups of its own."""

    def __init__(self, pool: asyncpg.Pool, *, waiting: int) -> None:
        self.pool = pool
        self.people = Batcher(self._people, waiting=waiting)
        self._ordinary: dict[tuple[int, int], tuple[float, bool]] = {}

    async def claim(self, partner: Partner, body: PartnerClaimIn, key: str, at: datetime, now: float) -> Item | Answer:
        """The claim for its group, or the answer itself. Raises NotDeclared, NotFound, Forbidden, BadInput, and what the
        act raises."""
        batch_id = number(body.batch_id)
        if not await self._is_ordinary(partner.city_code, batch_id, now):
            return await in_thread(self._claim_by_act, partner, body, key, at)
        if not body.declared:
            raise refusals.not_declared()
        found = await self.people.ask(partner.city_code, person_hash(body.document_type, body.document_number))
        if found is None or found["name"] != body.name.strip():
            raise acts.no_person()
        access = Access(partner.city_code, found["region_id"], person_id=found["id"])
        claim_voucher.declaration.check(partner.api.actor, access)
        arguments = {
            "person": ["registry.Person", partner.city_code, str(found["id"])],
            "batch": ["vouchers.VoucherBatch", partner.city_code, str(batch_id)],
            "declared": True,
            "channel": CHANNEL,
        }
        code = str(new_code(partner.city_code))
        given = [found["id"], code, "", partner.user_id, partner.name, key, input_hash(arguments)]
        lane = (partner.city_code, batch_id, CHANNEL)
        return Item(lane, f"user:{partner.user_id}", given, partner.user_id, key, person=False)

    async def use(self, partner: Partner, body: PartnerUseIn, key: str, at: datetime) -> Answer:
        """Use a shown voucher. Raises what the API's act raises."""
        class_id = number(body.class_id)
        return await in_thread(self._use_by_act, partner, body.code, class_id, key, at)

    @staticmethod
    def _claim_by_act(partner: Partner, body: PartnerClaimIn, key: str, at: datetime) -> Answer:
        made = acts.claim(
            partner.api,
            at=at,
            batch_id=int(body.batch_id),
            document_type=body.document_type,
            document_number=body.document_number,
            name=body.name,
            declared=body.declared,
            key=key,
        )
        return Answer(200, ClaimOut.of(made).model_dump_json().encode())

    @staticmethod
    def _use_by_act(partner: Partner, code: str, class_id: int, key: str, at: datetime) -> Answer:
        used = acts.use(partner.api, at=at, code=code, class_id=class_id, key=key)
        return Answer(200, UseOut.of(used).model_dump_json().encode())

    async def _people(self, lane: Any, items: Sequence[bytes]) -> list[Any]:
        rows = await self.pool.fetch(
            "SELECT id, id_hash, name, region_id FROM person WHERE city_code = $1 AND id_hash = ANY($2::bytea[])",
            lane,
            list(items),
        )
        found = {bytes(row["id_hash"]): row for row in rows}
        return [found.get(item) for item in items]

    async def _is_ordinary(self, city_code: int, batch_id: int, now: float) -> bool:
        """Whether nothing but the declaration is asked of who claims: no groups, and on offer."""
        seen = self._ordinary.get((city_code, batch_id))
        if seen is None or now - seen[0] > REMEMBERED_SECONDS:
            if len(self._ordinary) >= KEPT:
                self._ordinary.clear()
            found = await self.pool.fetchval(
                "SELECT groups = '[]' AND state = 'open' FROM voucher_batch WHERE city_code = $1 AND id = $2",
                city_code,
                batch_id,
            )
            seen = self._ordinary[city_code, batch_id] = (now, bool(found))
        return seen[1]

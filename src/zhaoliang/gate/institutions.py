"""What partner systems do at the gate for people: through the API's acts, which ask the policies and everything else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from zhaoliang.api import acts
from zhaoliang.api.schemas import ClaimOut, UseOut
from zhaoliang.gate.answers import Answer
from zhaoliang.gate.batching import busy
from zhaoliang.gate.desks import Partner, number
from zhaoliang.gate.threads import in_thread
from zhaoliang.kernel.identifiers.other_documents import DocumentKind


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
    """Runs partners' acts in threads; as many wait for one at most."""

    def __init__(self, *, waiting: int) -> None:
        self.waiting = waiting
        self.accepted = 0

    async def claim(self, partner: Partner, body: PartnerClaimIn, key: str, at: datetime) -> Answer:
        """Claim a voucher for a person. Raises QueueFull, and what the API's act raises."""
        return await self._run(_claim, partner, body, number(body.batch_id), key, at)

    async def use(self, partner: Partner, body: PartnerUseIn, key: str, at: datetime) -> Answer:
        """Use a shown voucher. Raises QueueFull, and what the API's act raises."""
        return await self._run(_use, partner, body.code, number(body.class_id), key, at)

    async def _run(self, work: Callable[..., Answer], *given: object) -> Answer:
        if self.accepted >= self.waiting:
            raise busy()
        self.accepted += 1
        try:
            return await in_thread(work, *given)
        finally:
            self.accepted -= 1


def _claim(partner: Partner, body: PartnerClaimIn, batch_id: int, key: str, at: datetime) -> Answer:
    made = acts.claim(
        partner.api,
        at=at,
        batch_id=batch_id,
        document_type=body.document_type,
        document_number=body.document_number,
        name=body.name,
        declared=body.declared,
        key=key,
    )
    return Answer(200, ClaimOut.of(made).model_dump_json().encode())


def _use(partner: Partner, code: str, class_id: int, key: str, at: datetime) -> Answer:
    used = acts.use(partner.api, at=at, code=code, class_id=class_id, key=key)
    return Answer(200, UseOut.of(used).model_dump_json().encode())

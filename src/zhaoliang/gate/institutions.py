"""What partner systems do at the gate one by one: through the API's acts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from zhaoliang.api import acts
from zhaoliang.api.schemas import UseOut
from zhaoliang.gate.answers import Answer
from zhaoliang.gate.batching import busy
from zhaoliang.gate.desks import Partner, number
from zhaoliang.gate.threads import in_thread


class PartnerUseIn(msgspec.Struct, forbid_unknown_fields=True):
    """The body of /gate/use under a partner key with the scope vouchers.use: what the holder shows, and the class."""

    code: str
    class_id: str


class Institutions:
    """Runs partners' acts in threads; as many wait for one at most."""

    def __init__(self, *, waiting: int) -> None:
        self.waiting = waiting
        self.accepted = 0

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


def _use(partner: Partner, code: str, class_id: int, key: str, at: datetime) -> Answer:
    used = acts.use(partner.api, at=at, code=code, class_id=class_id, key=key)
    return Answer(200, UseOut.of(used).model_dump_json().encode())

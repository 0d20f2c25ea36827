"""Partner keys at the gate: the API's own check, remembered for a short while (a revoked key ends within it)."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime

from zhaoliang.api.auth import no_key, partner_of
from zhaoliang.gate.desks import Partner
from zhaoliang.gate.threads import in_thread

REMEMBERED_SECONDS = 15.0
KEPT = 1_000


class Partners:
    """Finds the partner of a key."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[float, Partner]] = OrderedDict()

    async def of(self, key: str, scope: str, now: float) -> Partner:
        """The partner of a key with the scope; `now` is a steady clock in seconds. Raises BadKey, Forbidden, NotFound."""
        partner = await self._partner(key, now)
        partner.api.require(scope)
        return partner

    async def _partner(self, key: str, now: float) -> Partner:
        if not key.startswith("zlk_"):
            raise no_key()
        seen = self._known.get(key)
        if seen is not None and now - seen[0] < REMEMBERED_SECONDS:
            return seen[1]
        partner = await in_thread(_look_up, key)
        self._known[key] = (now, partner)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return partner


def _look_up(key: str) -> Partner:
    found = partner_of(key, datetime.now(UTC))
    place = found.place
    assert found.actor.user_id is not None
    return Partner(
        found.actor.user_id, found.actor.name, place.city_code, place.region_code, place.organisation_id, found
    )

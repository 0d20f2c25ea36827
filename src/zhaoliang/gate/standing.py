"""Which organisations may not take vouchers today: `registry.standing` decides, remembered for as long as a partner key is."""

from __future__ import annotations

from datetime import UTC, date, datetime

from zhaoliang.gate.threads import in_thread
from zhaoliang.kernel.days import chinese_day
from zhaoliang.registry.models import Organisation
from zhaoliang.registry.standing import Gate, barred_organisations, standing_on

REMEMBERED_SECONDS = 15.0


class Standings:
    """The barred organisations of each city."""

    def __init__(self) -> None:
        self._barred: dict[int, tuple[float, list[int]]] = {}

    async def barred(self, city_code: int, now: float) -> list[int]:
        """Their ids; `now` is a steady clock in seconds."""
        seen = self._barred.get(city_code)
        if seen is None or now - seen[0] >= REMEMBERED_SECONDS:
            found = await in_thread(barred_organisations, city_code, Gate.VOUCHER, _today())
            seen = self._barred[city_code] = (now, found)
        return seen[1]

    async def require(self, city_code: int, organisation_id: int | None, now: float) -> None:
        """Raise Barred, in the words of the pages, when the organisation may not take vouchers."""
        if organisation_id is not None and organisation_id in await self.barred(city_code, now):
            await in_thread(_require, city_code, organisation_id)


def _require(city_code: int, organisation_id: int) -> None:
    held = Organisation.objects.get(city_code=city_code, pk=organisation_id)
    standing_on(held, _today()).require(Gate.VOUCHER)


def _today() -> date:
    return chinese_day(datetime.now(UTC))

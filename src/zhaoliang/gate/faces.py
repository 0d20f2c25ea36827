"""The face result that an app brings along with a sign-in: kept by the act of the pages, after the sign-in, which stands anyhow."""

from __future__ import annotations

from datetime import datetime

import msgspec

from zhaoliang.attendance import selectors, services
from zhaoliang.gate.answers import Answer, encoded
from zhaoliang.gate.batching import busy
from zhaoliang.gate.desks import Item
from zhaoliang.gate.threads import in_thread
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.registry.models import User
from zhaoliang.web.actors import actor_of


class Faces:
    """Keeps face results in threads; as many wait for one at most."""

    def __init__(self, *, waiting: int) -> None:
        self.waiting = waiting
        self.accepted = 0

    async def attach(self, answer: Answer, item: Item, result: str, at: datetime) -> Answer:
        """The answer of a sign-in with what became of its face result: `face` is empty where it was kept, else says why not."""
        if self.accepted >= self.waiting:
            says = _says(busy())
        else:
            self.accepted += 1
            try:
                says = await in_thread(_attach, item.lane, item.given[0], item.user_id, result, at)
            finally:
                self.accepted -= 1
        signed = msgspec.json.decode(answer.body, type=dict[str, msgspec.Raw])
        return Answer(answer.status, encoded(signed | {"face": says}))


def _attach(city_code: int, attendance_id: int, user_id: int, result: str, at: datetime) -> str:
    signed = selectors.attendance(city_code, attendance_id)
    assert signed is not None
    actor = actor_of(User.objects.get(pk=user_id), on=chinese_day(at))
    try:
        services.attach_face(actor=actor, at=at, attendance=signed, result=result)
    except Refusal as refusal:
        return _says(refusal)
    return ""


def _says(refusal: Refusal) -> str:
    return f"{refusal.what}{refusal.why}"

"""The demo's stage: calls services with a key per step, so that a killed run goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any, TypeVar

from zhaoliang.kernel.models import IdempotencyKey
from zhaoliang.kernel.roles import Actor, system_actor
from zhaoliang.registry.models import User
from zhaoliang.web.actors import actor_of

R = TypeVar("R")
CHINA = timezone(timedelta(hours=8))


def moment(day: date, hour: int = 9, minute: int = 0) -> datetime:
    """A time of day in China, as an aware UTC time."""
    return datetime.combine(day, time(hour, minute), CHINA).astimezone(UTC)


@dataclass
class Stage:
    """Who acts and when; `do` runs one act under a key of its own."""

    echo: Callable[[str], None]
    clock: Actor = field(default_factory=system_actor)

    def do(self, act: Callable[..., R], step: str, *, actor: Actor, at: datetime, **arguments: Any) -> R:
        """Run `act` once for ever under this step's name; a second run gets the stored answer."""
        return act(actor=actor, at=at, key=f"demo:{step}", **arguments)


def actor_for(user: User, on: date) -> Actor:
    """The actor of a demo account."""
    return actor_of(user, on=on)


def was_done(city_code: int, step: str) -> bool:
    """Whether a step's act was carried out and its answer stored."""
    return IdempotencyKey.objects.filter(city_code=city_code, key=f"demo:{step}", answer__isnull=False).exists()

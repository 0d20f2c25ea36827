"""From an account to the actor that services are given."""

from __future__ import annotations

from datetime import date, datetime

from django.http import HttpRequest

from zhaoliang.kernel.roles import Actor
from zhaoliang.registry.models import User


def actor_of(user: User, *, on: date) -> Actor:
    """The actor of a signed-in account, with the assignments valid on that day."""
    return user.actor(on=on)


class ActorRequest(HttpRequest):
    """A request after `ActorMiddleware`, as views get it: who asks, and the request's one clock reading."""

    actor: Actor
    at: datetime

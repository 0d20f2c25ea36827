"""From an account to the actor that services are given."""

from __future__ import annotations

from datetime import date, datetime

from django.db.models import Q
from django.http import HttpRequest

from zhaoliang.kernel.roles import Actor, Assignment, Role
from zhaoliang.registry.models import User


def actor_of(user: User, *, on: date) -> Actor:
    """The actor of a signed-in account, with the assignments valid on that day."""
    rows = user.assignments.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=on), valid_from__lte=on)
    return Actor(
        user_id=user.pk,
        person_id=user.person_id,
        name=user.name,
        assignments=tuple(
            Assignment(Role(row.role), row.region_id, row.city_code, row.organisation_id) for row in rows
        ),
    )


class ActorRequest(HttpRequest):
    """A request after `ActorMiddleware`, as views get it: who asks, and the request's one clock reading."""

    actor: Actor
    at: datetime

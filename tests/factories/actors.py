"""Actors for tests: one role each, in a region or an organisation."""

from __future__ import annotations

from itertools import count

from zhaoliang.kernel.roles import Actor, Assignment, Role

TIANJIN = 120000
HEPING = 120101
_numbers = count(9_000_000)


def actor(
    *roles: Role,
    region_code: int = TIANJIN,
    city_code: int = TIANJIN,
    organisation_id: int | None = None,
    person_id: int | None = None,
    name: str = "测试人员",
) -> Actor:
    """A fresh actor (own account, own person unless given) holding the roles."""
    number = next(_numbers)
    return Actor(
        user_id=number,
        person_id=person_id if person_id is not None else number + 1_000_000,
        name=name,
        assignments=tuple(Assignment(role, region_code, city_code, organisation_id) for role in roles),
    )

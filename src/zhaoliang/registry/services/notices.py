"""Notices: what the platform tells people and organisations, and that they have read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from zhaoliang.kernel.acts import act
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.registry.models import Notice, Organisation


@dataclass(frozen=True)
class Message:
    """One notice to one receiver: a person of the city or an organisation (exactly one of the two).

    `subject` is what it is about, as ("voucher", id): the pages link to it (`web/notices.py` knows the kinds). `once` names
    what must not be told twice, as "expiry-7:<voucher id>".
    """

    kind: str
    title: str
    text: str
    person_id: int | None = None
    organisation_id: int | None = None
    subject: tuple[str, int] | None = None
    once: str = ""


def tell(city_code: int, messages: Iterable[Message], *, at: datetime) -> int:
    """Write notices in the caller's transaction; returns how many were given to write.

    A `once` that was told before is left out silently, also when another transaction is just writing it.
    """
    given, told = iter(messages), 0
    # Written as they come: what is told 100,000 people takes the memory of one part.
    while part := list(islice(given, 1000)):
        Notice.objects.bulk_create([_notice(city_code, one, at) for one in part], ignore_conflicts=True)
        told += len(part)
    return told


def _notice(city_code: int, one: Message, at: datetime) -> Notice:
    return Notice(
        city_code=city_code,
        person_id=one.person_id,
        organisation_id=one.organisation_id,
        kind=one.kind,
        title=one.title,
        text=one.text,
        subject_type=one.subject[0] if one.subject else "",
        subject_id=one.subject[1] if one.subject else None,
        once=one.once,
        at=at,
    )


@act(
    "registry.read_notices",
    label="标为已读",
    grants={Role.WORKER: Reach.SELF, Role.PROVIDER: Reach.ORGANISATION, Role.EVALUATOR: Reach.ORGANISATION},
    on="place",
)
def read_notices(*, actor: Actor, at: datetime, place: Place, organisation: Organisation | None = None) -> int:
    """The place's person (or the organisation) has read everything up to now; returns how many were new."""
    to = {"organisation": organisation} if organisation else {"person_id": place.person_id}
    return Notice.objects.filter(city_code=place.city_code, read_at__isnull=True, at__lte=at, **to).update(read_at=at)

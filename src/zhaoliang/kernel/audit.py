"""Audit events: appended with the act, sealed afterwards in blocks, one hash chain (SM3) per city.

A chain per row would serialise all writers of a city; blocks do not. The head hash of a city can be printed outside the
database; `verify` then finds a changed, removed or re-ordered event with its position.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from django.db import IntegrityError, models, transaction

from zhaoliang.kernel.acts import digest
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.models import AuditBlock, AuditEvent, AuditSealed
from zhaoliang.kernel.roles import Access, Actor

GENESIS = bytes(32)
BLOCK_SIZE = 1000
# An act in flight while a block is sealed is dated a little before it. What is dated earlier was slipped in afterwards.
IN_FLIGHT = timedelta(hours=1)


@dataclass(frozen=True)
class Finding:
    """Something wrong with the log: the city, the block, the event (where one is to blame) and what it is, in Chinese."""

    city_code: int
    block_number: int
    event_id: int | None
    what: str


def append(
    *,
    access: Access,
    act: str,
    actor: Actor,
    at: datetime,
    target: Any,
    before: bytes | None = None,
    detail: dict[str, Any] | None = None,
) -> AuditEvent:
    """Write one event in the caller's transaction. `detail` must hold no personal data."""
    event = _event(access, act, actor, at, target, before, detail)
    event.save(force_insert=True)
    return event


def append_all(*, access: Access, act: str, actor: Actor, at: datetime, targets: Iterable[Any]) -> None:
    """Write one event for each target in the caller's transaction, in few statements."""
    events = [_event(access, act, actor, at, target, None, None) for target in targets]
    AuditEvent.objects.bulk_create(events, batch_size=1000)


def _event(
    access: Access,
    act: str,
    actor: Actor,
    at: datetime,
    target: Any,
    before: bytes | None,
    detail: dict[str, Any] | None,
) -> AuditEvent:
    own = target.access() if hasattr(target, "access") else access
    return AuditEvent(
        city_code=access.city_code,
        at=at,
        act=act,
        region_code=own.region_code,
        actor_user_id=actor.user_id,
        actor_name=actor.name,
        object_type=target._meta.label_lower if isinstance(target, models.Model) else type(target).__name__,
        object_id=target.pk if isinstance(target, models.Model) else None,
        person_id=own.person_id,
        before=before,
        after=digest(target),
        detail=detail or {},
    )


def record_look(*, actor: Actor, target: Any, at: datetime, why: str) -> None:
    """Record that `actor` opened a person's file. The person's own looks are not recorded."""
    access: Access = target.access()
    if actor.person_id is not None and actor.person_id == access.person_id:
        return
    append(access=access, act="look", actor=actor, at=at, target=target, detail={"why": why})


def seal(*, city_code: int, at: datetime) -> list[AuditBlock]:
    """Seal all events of a city that are not sealed yet. Two sealers at once: the later one finds nothing left to do."""
    blocks: list[AuditBlock] = []
    while True:
        try:
            with transaction.atomic():
                block = _seal_one(city_code, at)
        except IntegrityError:
            return blocks
        if block is None:
            return blocks
        blocks.append(block)


def _seal_one(city_code: int, at: datetime) -> AuditBlock | None:
    sealed = AuditSealed.objects.filter(city_code=city_code, event_id=models.OuterRef("pk"))
    events = list(AuditEvent.objects.filter(~models.Exists(sealed), city_code=city_code).order_by("id")[:BLOCK_SIZE])
    if not events:
        return None
    last = AuditBlock.objects.filter(city_code=city_code).order_by("-number").first()
    number = last.number + 1 if last else 1
    previous = bytes(last.hash) if last else GENESIS
    block = AuditBlock.objects.create(
        city_code=city_code,
        number=number,
        sealed_at=at,
        event_ids=[event.pk for event in events],
        previous=previous,
        hash=block_hash(number, previous, events),
    )
    AuditSealed.objects.bulk_create(
        AuditSealed(city_code=city_code, event_id=event.pk, block_number=number, hash=event_hash(event))
        for event in events
    )
    return block


def verify(*, city_code: int) -> Iterator[Finding]:
    """Re-derive the chain of a city and yield each place where the log is not what was sealed."""
    previous, expected = GENESIS, 1
    # The time of the last sealing before the one that a block belongs to (one sealing may make several blocks).
    earlier = current = None
    for block in AuditBlock.objects.filter(city_code=city_code).order_by("number").iterator(chunk_size=50):
        if block.number != expected:
            yield Finding(city_code, expected, None, f"第 {expected} 块不见了，下一块是第 {block.number} 块")
        if bytes(block.previous) != previous:
            yield Finding(city_code, block.number, None, "与前一块接不上：前面有块被改动、删除或插入")
        rows = AuditEvent.objects.filter(city_code=city_code, pk__in=block.event_ids).in_bulk()
        events = [rows[pk] for pk in block.event_ids if pk in rows]
        for pk in block.event_ids:
            if pk not in rows:
                yield Finding(city_code, block.number, pk, "事件被删除")
        if len(events) == len(block.event_ids) and block_hash(block.number, bytes(block.previous), events) != bytes(
            block.hash
        ):
            yield from _changed(block, events)
        if current != block.sealed_at:
            earlier, current = current, block.sealed_at
        for event in events:
            if earlier is not None and event.at < earlier - IN_FLIGHT:
                yield Finding(city_code, block.number, event.pk, "事件时间早于上一次封存，可能是事后插入")
        previous, expected = bytes(block.hash), block.number + 1


def _changed(block: AuditBlock, events: list[AuditEvent]) -> Iterator[Finding]:
    stored = dict(
        AuditSealed.objects.filter(city_code=block.city_code, block_number=block.number).values_list("event_id", "hash")
    )
    guilty = [event for event in events if bytes(stored.get(event.pk, b"")) != event_hash(event)]
    for event in guilty:
        yield Finding(block.city_code, block.number, event.pk, "事件内容被改动")
    if not guilty:
        yield Finding(block.city_code, block.number, None, "块的摘要被改动")


def event_hash(event: AuditEvent) -> bytes:
    """SM3 over an event's row, in a form another program can rebuild (sorted JSON, times in UTC to the microsecond)."""
    row: dict[str, Any] = {}
    for field in event._meta.concrete_fields:
        value = field.value_from_object(event)
        if isinstance(value, datetime):
            value = value.astimezone(UTC).isoformat(timespec="microseconds")
        elif isinstance(value, bytes | bytearray | memoryview):
            value = bytes(value).hex()
        row[str(field.column)] = value
    return sm3(json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode())


def block_hash(number: int, previous: bytes, events: list[AuditEvent]) -> bytes:
    """SM3 over the block's number, the block before, and the hashes of its events in order."""
    return sm3(number.to_bytes(8, "big") + previous + b"".join(event_hash(event) for event in events))


def sm3(content: bytes) -> bytes:
    """SM3 digest, 32 bytes."""
    state = hashes.Hash(hashes.SM3())
    state.update(content)
    return state.finalize()


def cities() -> list[int]:
    """The cities that have audit events."""
    with national():
        return sorted(AuditEvent.objects.values_list("city_code", flat=True).distinct())


def heads() -> list[AuditBlock]:
    """The last block of each city, in order of city: print their hashes somewhere outside the database."""
    with national():
        return list(AuditBlock.objects.order_by("city_code", "-number").distinct("city_code"))


def unsealed(*, city_code: int) -> int:
    """How many events of a city are not in a block yet."""
    sealed = AuditSealed.objects.filter(city_code=city_code).count()
    return AuditEvent.objects.filter(city_code=city_code).count() - sealed

"""The sealed audit chain finds what was changed behind its back, with the place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from factories.actors import TIANJIN, actor
from zhaoliang.kernel import audit, tasks
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.kernel.roles import Access, Place, Role

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
ACCESS = Access(TIANJIN, TIANJIN)


def _write(count: int, *, at: datetime = AT) -> list[AuditEvent]:
    someone = actor(Role.REVIEWER)
    place = Place(TIANJIN, TIANJIN)
    return [audit.append(access=ACCESS, act="test.act", actor=someone, at=at, target=place) for _ in range(count)]


def _findings() -> list[audit.Finding]:
    return list(audit.verify(city_code=TIANJIN))


@pytest.mark.mission("I6")
def test_an_untouched_log_is_proved(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "BLOCK_SIZE", 4)
    _write(10)
    assert [len(block.event_ids) for block in audit.seal(city_code=TIANJIN, at=AT)] == [4, 4, 2]
    _write(1)
    assert [block.number for block in audit.seal(city_code=TIANJIN, at=AT)] == [4]
    assert audit.seal(city_code=TIANJIN, at=AT) == []
    assert _findings() == []


@pytest.mark.commits
@pytest.mark.mission("I6")
@pytest.mark.parametrize(
    ("attack", "what", "names_event"),
    [
        ("UPDATE audit_event SET actor_name = '别人' WHERE id = %(id)s", "事件内容被改动", True),
        ("UPDATE audit_event SET at = at + interval '1 second' WHERE id = %(id)s", "事件内容被改动", True),
        ("DELETE FROM audit_event WHERE id = %(id)s", "事件被删除", True),
        ("UPDATE audit_block SET hash = decode(repeat('00', 32), 'hex') WHERE number = 1", "块的摘要被改动", False),
        ("DELETE FROM audit_block WHERE number = 1", "不见了", False),
    ],
)
def test_a_change_behind_its_back_is_found_and_named(
    owner: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, attack: str, what: str, names_event: bool
) -> None:
    monkeypatch.setattr(audit, "BLOCK_SIZE", 5)
    victim = _write(10)[2]
    audit.seal(city_code=TIANJIN, at=AT)
    owner.execute(attack, {"id": victim.pk} if "%(id)s" in attack else None)
    findings = _findings()
    named = [finding for finding in findings if what in finding.what]
    assert named
    assert (named[0].event_id == victim.pk) is names_event
    assert named[0].block_number == 1


@pytest.mark.commits
def test_a_changed_event_whose_own_hash_was_fixed_too_still_breaks_the_block(owner: psycopg.Connection[Any]) -> None:
    victim = _write(5)[2]
    audit.seal(city_code=TIANJIN, at=AT)
    owner.execute("UPDATE audit_event SET actor_name = '别人' WHERE id = %s", [victim.pk])
    forged = audit.event_hash(AuditEvent.objects.get(city_code=TIANJIN, pk=victim.pk))
    owner.execute("UPDATE audit_sealed SET hash = %s WHERE event_id = %s", [forged, victim.pk])
    assert [finding.block_number for finding in _findings()] == [1]


def test_an_event_slipped_in_long_after_its_time_is_named(db: None) -> None:
    _write(3)
    audit.seal(city_code=TIANJIN, at=AT)
    late = _write(1, at=AT - timedelta(hours=2))[0]
    _write(1, at=AT + timedelta(days=1))
    audit.seal(city_code=TIANJIN, at=AT + timedelta(days=5))
    assert [(finding.event_id, "事后插入" in finding.what) for finding in _findings()] == [(late.pk, True)]


@pytest.mark.parametrize("table", ["audit_event", "audit_block", "audit_sealed", "state_change"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET city_code = city_code", "DELETE FROM {}"])
def test_the_running_system_may_not_rewrite_its_log(db: None, table: str, statement: str) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))


@pytest.mark.mission("I6")
def test_the_clock_seals_every_city(db: None) -> None:
    _write(2)
    audit.append(
        access=Access(370900, 370900), act="test.act", actor=actor(Role.REVIEWER), at=AT, target=Place(370900, 370900)
    )
    tasks.seal_audit_log.func(timestamp=int(AT.timestamp()))
    assert [audit.unsealed(city_code=city_code) for city_code in (TIANJIN, 370900)] == [0, 0]
    assert {head.city_code for head in audit.heads()} >= {TIANJIN, 370900}

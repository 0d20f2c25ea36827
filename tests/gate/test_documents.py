"""Partner systems' claims by document come in groups: each is answered as the API answers one, and a group asks once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from factories import registry, vouchers
from gate.running import Call, RunningGate
from gate.test_other_acts import partner_key
from zhaoliang.api.auth import partner_of
from zhaoliang.gate import documents
from zhaoliang.gate.desks import Item, Partner
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.kernel.roles import system_actor
from zhaoliang.registry.models import Person
from zhaoliang.registry.services import record_status
from zhaoliang.vouchers.models import Voucher, VoucherBatch

pytestmark = pytest.mark.mission("C2", "K3")


def retire(person: Person, now: datetime) -> None:
    record_status(
        actor=system_actor(),
        at=now,
        person=person,
        kind="pension",
        holds=True,
        source="测试比对",
        checked_on=now.date(),
    )


@pytest.mark.django_db(transaction=True)
def test_many_at_once_are_each_answered_for_themselves(gate: RunningGate, now: datetime) -> None:
    project = vouchers.listed_project(at=now)
    batch, over = vouchers.batch(project, at=now), vouchers.batch(project, at=now, state="closed")
    retired, holder, *people = vouchers.crowd(8, at=now)
    retire(retired, now)
    vouchers.voucher(batch, person=holder, at=now)
    secret = partner_key(project.provider, now, "vouchers.claim")

    def claim(person: Person, source: VoucherBatch = batch, key: str = "", **changes: Any) -> Call:
        own = {"document_number": person.document_number, "name": person.name, "declared": True}
        return Call(
            "/gate/claim", secret, {"batch_id": str(source.pk), **own, **changes}, key or f"claim-{person.pk:09}"
        )

    asked = [
        (claim(retired), 409, "not_for_you"),
        (claim(holder), 409, "has_one"),
        (claim(people[0], key="with-another-name", name="别的名"), 404, "not_found"),
        (claim(people[0], key="without-a-number", document_number="1"), 422, "invalid_identifier"),
        (claim(people[0], key="undeclared", declared=False), 422, "not_declared"),
        (claim(people[0], over, key="of-a-closed-one"), 404, "not_found"),
        *((claim(person), 200, None) for person in people),
        (claim(people[0]), 200, None),
    ]
    calls = [call for call, *_ in asked]
    replies = gate.post_all(calls)
    assert [(reply.status, reply.json.get("code") if reply.status != 200 else None) for reply in replies] == [
        (status, code) for _, status, code in asked
    ]
    held = Voucher.objects.filter(city_code=batch.city_code, batch=batch).exclude(person=holder)
    assert {reply.json["code"] for reply in replies if reply.status == 200} == set(held.values_list("code", flat=True))
    assert sorted(held.values_list("person_id", flat=True)) == sorted(person.pk for person in people)
    assert set(held.values_list("channel", flat=True)) == {"api"}
    done = AuditEvent.objects.filter(city_code=batch.city_code, act="vouchers.claim", actor_name__gt="")
    assert done.filter(object_id__in=list(held.values_list("pk", flat=True))).count() == len(people)
    # Everything again: the same bytes. A key with somebody else's claim is refused, whatever the policies say of him.
    assert [reply.body for reply in gate.post_all(calls)] == [reply.body for reply in replies]
    for other in (people[1], retired):
        assert gate.post(claim(other, key=calls[-1].key)).json["code"] == "key_reused"


@pytest.mark.django_db
def test_a_group_of_any_size_asks_the_database_as_often(now: datetime) -> None:
    project = vouchers.listed_project(at=now)
    batch = vouchers.batch(project, at=now, groups=["06"])
    people = vouchers.crowd(6, at=now)
    for person in people[:2]:
        retire(person, now)
    found = partner_of(partner_key(project.provider, now, "vouchers.claim"), now)
    assert found.actor.user_id is not None
    partner = Partner(found.actor.user_id, found.actor.name, registry.CITY, registry.CITY, project.provider_id, found)

    def read(person: Person) -> Item:
        body = documents.PartnerClaimIn(str(batch.pk), person.document_number, person.name, declared=True)
        return documents.read_claim(partner, body, "some-key")

    def judged(asked: Sequence[Person]) -> list[Refusal | None]:
        return [refusal for _, refusal in documents._judged(registry.CITY, batch.pk, [*map(read, asked)], now)]

    # What is asked of nobody in particular is asked once.
    judged(people)
    counts = [_statements(judged, people[1 : 1 + size]) for size in (2, 5)]
    assert counts[0] == counts[1]
    assert [getattr(refusal, "code", None) for refusal in judged(people)] == ["not_for_you"] * 2 + [None] * 4


def _statements(work: Callable[[Sequence[Person]], Any], given: Sequence[Person]) -> int:
    with CaptureQueriesContext(connection) as asked:
        work(given)
    return len(asked)

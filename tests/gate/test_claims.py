"""Claims through the gate: exact under a rush, also when it dies in the middle; keys; passes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection

from factories import vouchers
from gate.conftest import OwnDatabase
from gate.running import READY_SECONDS, Call, RunningGate
from seeds import fresh_seed, size
from zhaoliang.kernel import tokens
from zhaoliang.kernel.models import AuditEvent, IdempotencyKey
from zhaoliang.kernel.roles import Actor
from zhaoliang.registry.models import Person
from zhaoliang.vouchers import passes, services
from zhaoliang.vouchers.models import BatchSlot, Voucher, VoucherBatch

pytestmark = pytest.mark.django_db(transaction=True)
QUOTA, CROWD = 100, 500


def people(count: int, at: datetime) -> list[Person]:
    """Files enough to hold vouchers; no document numbers."""
    return Person.objects.bulk_create(
        Person(
            city_code=vouchers.TIANJIN,
            id=number,
            id_hash=number.to_bytes(8, "big"),
            name="测试",
            pinyin_key="ceshi",
            document_number="",
            birth_date=at.date().replace(year=1990, month=5, day=1),
            region_id=vouchers.HEPING,
            created_at=at,
        )
        for number in range(5_000_000, 5_000_000 + count)
    )


def claim(person: Person, batch: VoucherBatch, at: datetime, *, key: str = "", actor: Actor | None = None) -> Call:
    actor = actor or vouchers.worker(person)
    token = passes.claim_pass(actor=actor, at=at, person=person, batch=batch, declared=True)
    body = {"city_code": batch.city_code, "batch_id": str(batch.pk), "declared": True}
    return Call("/gate/claim", token, body, key or f"claim-{batch.pk}-{person.pk}")


def held(batch: VoucherBatch) -> int:
    return Voucher.objects.filter(city_code=batch.city_code, batch=batch).count()


def counted(batch: VoucherBatch) -> int:
    slots = BatchSlot.objects.filter(city_code=batch.city_code, batch=batch)
    return sum(slots.values_list("claimed", flat=True))


@pytest.mark.sized
@pytest.mark.mission("C2", "B6", "K3")
def test_five_hundred_at_once_for_a_hundred_places_give_exactly_a_hundred(gate: RunningGate, now: datetime) -> None:
    crowd = people(CROWD, now)
    repeats = size(ci=3, nightly=50)
    for _ in range(repeats):
        batch = vouchers.batch(quota=QUOTA, at=now)
        replies = gate.post_all([claim(person, batch, now) for person in crowd])
        statuses = sorted(reply.status for reply in replies)
        assert statuses == [200] * QUOTA + [409] * (CROWD - QUOTA)
        assert {reply.json["code"] for reply in replies if reply.status == 409} == {"none_left"}
        codes = {reply.json["code"] for reply in replies if reply.status == 200}
        found = Voucher.objects.filter(city_code=batch.city_code, batch=batch)
        assert codes == set(found.values_list("code", flat=True))
        assert counted(batch) == QUOTA
        events = AuditEvent.objects.filter(city_code=batch.city_code, act="vouchers.claim")
        assert events.filter(object_id__in=list(found.values_list("pk", flat=True))).count() == QUOTA


def wait_before_killing() -> float:
    return random.Random(fresh_seed()).uniform(0.05, 0.4)


@pytest.mark.sized
@pytest.mark.mission("C2", "B6")
def test_a_gate_killed_in_the_middle_loses_and_doubles_nothing(gate: RunningGate, now: datetime) -> None:
    crowd = people(CROWD, now)
    for _ in range(size(ci=1, nightly=25)):
        exact_although(gate, gate.kill, gate.start, crowd, now)


@pytest.mark.sized
@pytest.mark.mission("C2", "B6")
def test_a_database_killed_in_the_middle_loses_and_doubles_nothing(own_database: OwnDatabase, now: datetime) -> None:
    crowd = people(CROWD, now)
    for _ in range(size(ci=1, nightly=25)):
        exact_although(own_database.gate, own_database.kill, own_database.start, crowd, now)


def exact_although(
    gate: RunningGate, kill: Callable[[], None], start: Callable[[], None], crowd: list[Person], now: datetime
) -> None:
    """Everybody claims at once, something dies meanwhile and comes back, everybody without an answer asks again."""
    batch = vouchers.batch(quota=QUOTA, at=now)
    calls = [claim(person, batch, now) for person in crowd]
    wait = wait_before_killing()

    def die() -> None:
        time.sleep(wait)
        kill()
        start()

    dying = threading.Thread(target=die)
    dying.start()
    first = replies = gate.post_all(calls)
    dying.join()
    # The server that this thread was connected to may be gone.
    connection.close()
    # As long as a gate may take that begins anew beside a whole run of tests; each asks again after a moment, as phones do.
    deadline = time.monotonic() + READY_SECONDS
    while waiting := [call for call, reply in zip(calls, replies, strict=True) if reply.status in (0, 503)]:
        assert time.monotonic() < deadline, f"{len(waiting)} of {CROWD} without an answer"
        assert gate.process is not None
        assert gate.process.poll() is None, "the gate ended"
        again = iter(gate.post_all(waiting))
        replies = [next(again) if reply.status in (0, 503) else reply for reply in replies]
        time.sleep(0.05)
    # Whoever had an answer gets the same bytes again.
    last = gate.post_all(calls)
    assert sorted(reply.status for reply in last) == [200] * QUOTA + [409] * (CROWD - QUOTA)
    assert held(batch) == counted(batch) == QUOTA
    for reply, before, after in zip(first, replies, last, strict=True):
        assert reply.status in (0, 200, 409, 503)
        assert (before.status, before.body) == (after.status, after.body)


@pytest.mark.mission("K3")
def test_a_stop_answers_what_was_accepted(gate: RunningGate, now: datetime) -> None:
    crowd = people(CROWD, now)
    batch = vouchers.batch(quota=CROWD, at=now)
    calls = [claim(person, batch, now) for person in crowd]
    replies: list[object] = []
    asking = threading.Thread(target=lambda: replies.extend(gate.post_all(calls)))
    asking.start()
    deadline = time.monotonic() + 20
    while held(batch) == 0 and time.monotonic() < deadline:
        time.sleep(0.005)
    gate.terminate()
    asking.join()
    assert gate.process is not None
    gate.process.wait(timeout=30)
    statuses = [reply.status for reply in replies]  # type: ignore[attr-defined]  # filled by the thread
    assert statuses.count(200) == held(batch) == counted(batch)
    assert set(statuses) <= {0, 200, 503}


@pytest.mark.mission("B6")
def test_a_key_gives_the_same_bytes_again_and_refuses_another_body(gate: RunningGate, now: datetime) -> None:
    (person,) = people(1, now)
    batch, other = vouchers.batch(at=now), vouchers.batch(at=now)
    actor = vouchers.worker(person)
    call = claim(person, batch, now, key="same-key-1", actor=actor)
    first = gate.post(call)
    again = gate.post_all([call] * 20)
    assert first.status == 200
    assert {(reply.status, reply.body) for reply in again} == {(200, first.body)}
    reused = gate.post(claim(person, other, now, key="same-key-1", actor=actor))
    assert (reused.status, reused.json["code"]) == (409, "key_reused")
    assert held(batch) == 1
    assert held(other) == 0
    refused = gate.post(claim(person, batch, now, key="another-1", actor=actor))
    assert (refused.status, refused.json["code"]) == (409, "has_one")
    assert gate.post(claim(person, batch, now, key="another-1", actor=actor)).body == refused.body


@pytest.mark.mission("B6")
def test_page_and_gate_know_each_others_keys(gate: RunningGate, now: datetime) -> None:
    one, two = people(2, now)
    batch = vouchers.batch(at=now)
    token_actor = vouchers.worker(one)
    token = passes.claim_pass(actor=token_actor, at=now, person=one, batch=batch, declared=True)
    body = {"city_code": batch.city_code, "batch_id": str(batch.pk), "declared": True}
    through_gate = gate.post(Call("/gate/claim", token, body, "from-the-gate"))
    by_page = services.claim_voucher(
        actor=token_actor, at=now, person=one, batch=batch, declared=True, key="from-the-gate"
    )
    assert by_page.code == through_gate.json["code"]
    actor = vouchers.worker(two)
    made = services.claim_voucher(actor=actor, at=now, person=two, batch=batch, declared=True, key="from-a-page")
    token = passes.claim_pass(actor=actor, at=now, person=two, batch=batch, declared=True)
    replay = gate.post(Call("/gate/claim", token, body, "from-a-page"))
    assert replay.status == 200
    assert replay.json["code"] == made.code
    assert held(batch) == 2
    assert IdempotencyKey.objects.filter(city_code=batch.city_code).count() == 2


@pytest.mark.mission("C6")
def test_passes_that_are_not_good_are_named(gate: RunningGate, now: datetime) -> None:
    (person,) = people(1, now)
    batch, other = vouchers.batch(at=now), vouchers.batch(at=now)
    good = claim(person, batch, now)
    head, payload, mac = good.token.split(".")
    late = passes.claim_pass(
        actor=vouchers.worker(person), at=now - timedelta(hours=1), person=person, batch=batch, declared=True
    )
    holder = passes.holder_pass(actor=vouchers.worker(person), at=now, person=person)
    foreign = tokens.issue(passes.CLAIM, {}, until=now + timedelta(hours=1)).split(".")[2]
    cases = {
        "token_malformed": ["", "zlt1.a", f"zlt2.{payload}.{mac}"],
        "bad_key": ["zlk_abc"],
        "token_forged": [f"{head}.{payload[:-2]}AA.{mac}", f"{head}.{payload}.{foreign}", f"{head}.{payload}."],
        "token_expired": [late],
        "token_wrong": [holder, claim(person, other, now).token],
    }
    for code, given in cases.items():
        for token in given:
            reply = gate.post(Call(good.path, token, good.body, "a-key-for-it"))
            assert (reply.status, reply.json["code"]) == (403 if code == "token_wrong" else 401, code)
            assert reply.json["what"]
            assert reply.json["next"]
    assert held(batch) == 0
    assert gate.post(Call(good.path, good.token, good.body, "short")).status == 422
    assert gate.post(Call(good.path, good.token, {"city_code": "x"}, good.key)).status == 422
    assert (
        gate.post(Call(good.path, good.token, {**good.body, "declared": False}, good.key)).json["code"]
        == "not_declared"
    )
    assert gate.post(good).status == 200

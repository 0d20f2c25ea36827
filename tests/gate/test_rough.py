"""Rough clients: large, slow, half, wrong and odd requests get a clear answer, and nobody else notices."""

from __future__ import annotations

import socket
from datetime import datetime

import pytest

from factories import vouchers
from gate.running import Call, RunningGate
from gate.test_claims import claim, held, people
from zhaoliang.vouchers import passes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mission("K3")]
HEAD = "POST /gate/verify HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer zlk_nobody\r\n"
JSON = "Content-Type: application/json\r\n"


def raw(gate: RunningGate, request: bytes) -> bytes:
    """What comes back to these bytes."""
    with socket.create_connection(("127.0.0.1", gate.port), timeout=20) as line:
        line.sendall(request)
        return line.recv(4096)


def status(answer: bytes) -> int:
    return int(answer.split()[1]) if answer else 0


def test_a_clear_answer_to_whatever_is_sent_and_good_ones_go_on(gate: RunningGate, now: datetime) -> None:
    slow = socket.create_connection(("127.0.0.1", gate.port), timeout=30)
    slow.sendall(f"{HEAD}{JSON}Content-Length: 30\r\n\r\n{{".encode())
    dribble = socket.create_connection(("127.0.0.1", gate.port), timeout=30)
    dribble.sendall(b"POST /gate/claim HTTP/1.1\r\nHos")
    cases = {
        f"{HEAD}{JSON}Content-Length: 9000\r\n\r\n": 413,
        f"{HEAD}{JSON}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 422,
        f"{HEAD}Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{{}}": 415,
        f"{HEAD}Content-Length: 2\r\n\r\n{{}}": 415,
        f"{HEAD}{JSON}X-Long: {'a' * 20_000}\r\nContent-Length: 2\r\n\r\n{{}}": 431,
        f"{HEAD}{JSON}Content-Length: 2\r\n\r\n{{}}": 401,
        "NONSENSE\r\n\r\n": 400,
    }
    for request, expected in cases.items():
        assert status(raw(gate, request.encode())) == expected, request[:120]
    (person,) = people(1, now)
    batch = vouchers.batch(at=now)
    good = claim(person, batch, now)
    holder = passes.holder_pass(actor=vouchers.worker(person), at=now, person=person)
    use = {"city_code": 120000, "voucher_id": "1", "class_id": "1"}
    odd: list[Call] = [
        Call(good.path, good.token, {**good.body, "batch_id": "x"}, good.key),
        Call(good.path, good.token, {**good.body, "city_code": 10**30}, good.key),
        Call(good.path, good.token, {**good.body, "more": 1}, good.key),
        Call(good.path, good.token, good.body, "short"),
        Call(good.path, good.token, good.body, "job:12345"),
        Call("/gate/use", holder, {**use, "city_code": 2**40}, "an-odd-key"),
        Call("/gate/use", holder, {**use, "voucher_id": "9" * 30}, "an-odd-key"),
        Call("/gate/use", holder, {**use, "voucher_id": "１２"}, "an-odd-key"),
    ]
    assert {reply.status for reply in gate.post_all(odd)} == {422}
    for text in ("{", "[" * 3_000, "null", '"\\ud800"', '{"code": 1}', '{"city_code": NaN}'):
        head = f"POST {good.path} HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer {good.token}\r\nIdempotency-Key: {good.key}\r\n"
        answer = raw(gate, f"{head}{JSON}Content-Length: {len(text)}\r\n\r\n{text}".encode())
        assert status(answer) == 422, text[:20]
    assert gate.post(good).status == 200
    # The body that never came is given up, the head that never came too.
    assert status(slow.recv(4096)) == 408
    assert status(dribble.recv(4096)) in (0, 408)
    slow.close()
    dribble.close()


def test_asking_too_often_is_the_askers_own_trouble(gate: RunningGate, now: datetime) -> None:
    one, two = people(2, now)
    batch = vouchers.batch(at=now)
    actor = vouchers.worker(one)
    replies = gate.post_all([claim(one, batch, now, key=f"again-and-again-{n}", actor=actor) for n in range(80)])
    often = [reply for reply in replies if reply.status == 429]
    assert often
    assert {reply.json["code"] for reply in often} == {"too_often"}
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in often)
    assert gate.post(claim(two, batch, now)).status == 200


def test_a_full_queue_says_when_to_come_back_and_keeps_what_it_took(
    database_url: str, transactional_db: None, now: datetime
) -> None:
    narrow = RunningGate(database_url, ZHAOLIANG_GATE_QUEUE="20")
    narrow.start()
    try:
        crowd = people(300, now)
        batch = vouchers.batch(quota=300, at=now)
        calls = [claim(person, batch, now) for person in crowd]
        replies = narrow.post_all(calls)
        full = [reply for reply in replies if reply.status == 503]
        assert full
        assert {(reply.json["code"], reply.headers["retry-after"]) for reply in full} == {("queue_full", "2")}
        while waiting := [call for call, reply in zip(calls, replies, strict=True) if reply.status == 503]:
            again = iter(narrow.post_all(waiting))
            replies = [next(again) if reply.status == 503 else reply for reply in replies]
        assert {reply.status for reply in replies} == {200}
        assert held(batch) == 300
    finally:
        narrow.stop()

"""The simulated card platform, a program of its own, drives API and gate over HTTP: claim, verify, use, and all again."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from pytest_django.live_server_helper import LiveServer

from factories import registry, vouchers
from factories.attendance import first_attendance, running
from factories.classes import draft
from gate.running import RunningGate
from gate.test_other_acts import partner_key
from simulator.card_platform import ask
from zhaoliang.attendance.models import Attendance
from zhaoliang.classes.models import ClassSession
from zhaoliang.kernel.crypto import KeyRing, new_keys
from zhaoliang.kernel.roles import system_actor
from zhaoliang.registry.services import record_status
from zhaoliang.registry.services.partners import SCOPES
from zhaoliang.vouchers import qr, selectors
from zhaoliang.vouchers.models import Voucher

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mission("K3", "C2", "C5", "C6", "D4")]
PROGRAM = Path(__file__).resolve().parents[1] / "simulator" / "card_platform.py"


class Platform:
    """The program, running, and its errands."""

    def __init__(self, pages: LiveServer, gate: RunningGate, secret: str) -> None:
        self.secret = secret
        self.program = subprocess.Popen(
            [sys.executable, str(PROGRAM), pages.url, f"http://127.0.0.1:{gate.port}", secret],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, name: str, at: str, body: dict[str, Any] | None, key: str = "", query: str = "") -> tuple[int, Any]:
        errand = {"do": name, "at": at, "body": body, "key": key, "query": query}
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        print(json.dumps(errand), file=self.program.stdin, flush=True)
        reply = json.loads(self.program.stdout.readline())
        return reply["status"], reply["answer"]

    def close(self) -> None:
        self.program.communicate(timeout=30)


def test_claim_verify_and_use_by_the_published_document(
    gate: RunningGate, live_server: LiveServer, now: datetime
) -> None:
    project = vouchers.listed_project(at=now)
    plain, grouped = vouchers.batch(project, at=now), vouchers.batch(project, groups=["06"], at=now)
    people = [registry.person(at=now) for _ in range(2)]
    retired = registry.person(at=now)
    record_status(
        actor=system_actor(),
        at=now,
        person=retired,
        kind="pension",
        holds=True,
        source="测试比对",
        checked_on=now.date(),
    )
    secret = partner_key(project.provider, now, *SCOPES)
    platform = Platform(live_server, gate, secret)
    do = platform.do

    def claim(person: Any, batch: Any, **changes: Any) -> dict[str, Any]:
        own = {"document_number": person.document_number, "name": person.name, "declared": True}
        return {"batch_id": str(batch.pk), **own, **changes}

    try:
        status, offered = do("batches", "api", None, query=f"?city_code={registry.CITY}")
        assert {one["id"] for one in offered} == {str(plain.pk), str(grouped.pk)}

        # Either door, the same key: the same voucher. A batch for groups goes the long way with the same answer.
        status, first = do("claim", "gate", claim(people[0], plain), "claim-at-gate")
        assert status == 200, first
        assert do("claim", "gate", claim(people[0], plain), "claim-at-gate") == (200, first)
        assert do("claim", "api", claim(people[0], plain), "claim-at-gate")[1]["code"] == first["code"]
        assert do("claim", "gate", claim(people[1], plain), "claim-at-gate")[0] == 409
        status, second = do("claim", "gate", claim(people[1], grouped), "claim-for-group")
        assert status == 200, second
        assert "本人承诺属于以下人员类别之一" in Voucher.objects.get(city_code=120000, code=second["code"]).declaration
        assert do("claim", "gate", claim(people[1], plain, name="测试别人"), "claim-for-other")[0] == 404
        assert do("claim", "gate", claim(people[1], plain, declared=False), "claim-undeclared")[0] == 422
        assert do("claim", "gate", claim(people[1], plain, document_number="1"), "claim-no-number")[0] == 422
        # The policies are asked here as everywhere.
        status, refused = do("claim", "gate", claim(retired, plain), "claim-of-a-pensioner")
        assert (status, refused["code"]) == (409, "not_for_you"), refused
        assert refused["clause"]

        # The holder shows the code; a forged one is named in the same words at verifying and at using.
        training_class = draft(project, at=now, start=(now + timedelta(days=30)).date(), planned=False)
        held = Voucher.objects.select_related("batch").get(city_code=120000, code=first["code"])
        stranger = KeyRing.from_json(new_keys())
        tokens = {
            "forged": qr.make(held.code, qr.SCREEN, now, sign=lambda payload: b"x"),
            "foreign_key": qr.make(held.code, qr.SCREEN, now, sign=stranger.sign),
            "stale": selectors.qr_token(held, now - timedelta(minutes=5)),
            "altered": selectors.paper_token(held).replace("ZLQ1.", "ZLQ1.A"),
            "malformed": "ZLQ1.",
        }
        for word, token in tokens.items():
            assert do("verify", "gate", {"code": token})[1]["answer"] == word
            body = {"code": token, "class_id": str(training_class.pk)}
            status, refused = do("use", "gate", body, f"use-a-{word}-one")
            assert (status, refused["fields"]) == (422, {"code": word})
        paper = {"code": selectors.paper_token(held), "class_id": str(training_class.pk)}
        assert do("verify", "gate", {"code": paper["code"]})[1]["answer"] == "good"
        status, used = do("use", "gate", paper, "use-by-paper")
        assert (status, used["state"]) == (200, "used")
        assert do("use", "gate", paper, "use-by-paper") == (200, used)
        assert do("use", "api", paper, "use-by-paper") == (200, used)
        assert do("use", "api", paper, "use-once-more")[0] == 409
        assert do("verify", "api", {"code": held.code})[1]["answer"] == "verified"
    finally:
        platform.close()


def test_a_reader_signs_in_and_a_certificate_is_queried(
    gate: RunningGate, live_server: LiveServer, now: datetime
) -> None:
    attendance = first_attendance(running(people=1))
    session = attendance.session
    period = DateTimeTZRange(now + timedelta(minutes=10), now + timedelta(minutes=190))
    ClassSession.objects.filter(city_code=session.city_code, pk=session.pk).update(period=period)
    Attendance.objects.filter(city_code=session.city_code, pk=attendance.pk).update(period=period)
    platform = Platform(live_server, gate, partner_key(session.training_class.provider, now, *SCOPES))
    try:
        line = {"session_id": str(session.pk), "line": attendance.person.document_number}
        status, signed = platform.do("sign-in", "api", line, "reader-line-1")
        assert (status, signed["state"], signed["attendance_id"]) == (200, "present", str(attendance.pk)), signed
        assert platform.do("sign-in", "api", line, "reader-line-1") == (200, signed)
        assert platform.do("sign-in", "api", {**line, "line": "nobody"}, "reader-line-1")[0] == 409
        # The document's own examples, with the placeholders of this line filled in, reach the same address.
        for told in documented(live_server.url, "/api/v1/attendance/sign-ins", platform.secret):
            assert told(line)["state"] == "present"
        # At the gate people sign in themselves: a key is told where readers do.
        status, refused = platform.do("sign-in", "gate", {"attendance_id": str(attendance.pk)}, "reader-line-2")
        assert (status, refused["code"]) == (403, "token_wrong")
        status, found = platform.do("query", "api", {"number": "S000012000901263000017", "name": "甲某"})
        assert (status, found["outcome"]) == (200, "not_found")
    finally:
        platform.close()


def documented(pages: str, path: str, secret: str) -> list[Callable[[dict[str, str]], Any]]:
    """The examples of an operation in curl and in Python, as programs that run with another body under a key of their own."""
    with urllib.request.urlopen(f"{pages}/api/v1/openapi.json", timeout=30) as answer:
        samples = json.load(answer)["paths"][path]["post"]["x-codeSamples"]
    programs = {"curl": ["sh", "-c"], "python": [sys.executable, "-c"]}

    def runs(lang: str, source: str) -> Callable[[dict[str, str]], Any]:
        def run(body: dict[str, str]) -> Any:
            text = source.replace("order-20260302-0001", f"documented-{lang}")
            for example, value in (("31", body["session_id"]), ("120000199001010015", body["line"])):
                assert text.count(f'"{example}"') == 1, text
                text = text.replace(f'"{example}"', f'"{value}"')
            here = os.environ | {"PLATFORM": pages, "KEY": secret}
            done = subprocess.run([*programs[lang], text], env=here, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout) if lang == "curl" else ast.literal_eval(done.stdout)

        return run

    return [runs(one["lang"], one["source"]) for one in samples]


class Turning(BaseHTTPRequestHandler):
    """Sends everybody away twice, then answers."""

    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.asked.append(self.headers["Idempotency-Key"])
        status = (429, 503, 200)[min(len(self.asked) - 1, 2)]
        body = json.dumps({"status": status}).encode()
        self.send_response(status)
        self.send_header("Retry-After", str(len(self.asked) * 7))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing into the test's output."""


def test_who_is_sent_away_comes_back_when_told_with_the_same_key() -> None:
    server = HTTPServer(("127.0.0.1", 0), Turning)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    waits: list[float] = []
    try:
        address = f"http://127.0.0.1:{server.server_port}/gate/claim"
        assert ask(address, "zlk_key", {}, "one-key-for-all", wait=waits.append) == (200, {"status": 200})
    finally:
        server.shutdown()
        server.server_close()
    assert (waits, set(Turning.asked)) == ([7, 14], {"one-key-for-all"})

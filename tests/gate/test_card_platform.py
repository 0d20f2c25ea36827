"""The simulated card platform, a program of its own, drives API and gate over HTTP: claim, verify, use, and all again."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from factories import registry, vouchers
from factories.classes import draft
from gate.running import RunningGate
from gate.test_other_acts import partner_key
from zhaoliang.kernel.crypto import KeyRing, new_keys
from zhaoliang.registry.services.partners import SCOPES
from zhaoliang.vouchers import qr, selectors
from zhaoliang.vouchers.models import Voucher

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mission("K3", "C2", "C5", "C6")]
PROGRAM = Path(__file__).resolve().parents[1] / "simulator" / "card_platform.py"


def test_claim_verify_and_use_by_the_published_document(
    gate: RunningGate, live_server: LiveServer, now: datetime
) -> None:
    project = vouchers.listed_project(at=now)
    plain, grouped = vouchers.batch(project, at=now), vouchers.batch(project, groups=["06"], at=now)
    people = [registry.person(at=now) for _ in range(2)]
    secret = partner_key(project.provider, now, *SCOPES)
    program = subprocess.Popen(
        [sys.executable, str(PROGRAM), live_server.url, f"http://127.0.0.1:{gate.port}", secret],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdin is not None
    assert program.stdout is not None

    def do(name: str, at: str, body: dict[str, Any] | None, key: str = "", query: str = "") -> tuple[int, Any]:
        errand = {"do": name, "at": at, "body": body, "key": key, "query": query}
        print(json.dumps(errand), file=program.stdin, flush=True)
        reply = json.loads(program.stdout.readline())  # type: ignore[union-attr]  # a pipe, asserted above
        return reply["status"], reply["answer"]

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
        program.stdin.close()
        program.stdout.close()
        program.wait(timeout=30)

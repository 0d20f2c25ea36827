"""The examples of the gate's document run as they are written there, with only their placeholders filled in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from factories import registry, vouchers
from factories.classes import draft
from gate.running import RunningGate
from gate.test_other_acts import partner_key
from zhaoliang.registry.services.partners import SCOPES
from zhaoliang.vouchers import selectors
from zhaoliang.vouchers.models import Voucher

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mission("K3")]
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "operations" / "gate.md"


def block(language: str, holds: str) -> str:
    """The document's one block of the language that holds the text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.M | re.S)
    (found,) = [one for one in blocks if holds in one]
    return found


def filled(text: str, **places: str) -> str:
    """The text with each placeholder, which must be there once, replaced."""
    for old, new in places.items():
        old = PLACEHOLDERS[old]
        assert text.count(old) == 1, f"{old} stands {text.count(old)} times in the example"
        text = text.replace(old, new)
    return text


PLACEHOLDERS = {
    "code": '{"code": "…"}',
    "batch": '"batch_id": "1024"',
    "number": '"document_number": "…"',
    "name": '"name": "甲某"',
    "shown": '"code": "ZLQ1.…"',
    "training": '"class_id": "7"',
}


def test_curl_and_python_as_written(gate: RunningGate, now: datetime) -> None:
    project = vouchers.listed_project(at=now)
    batch, person = vouchers.batch(project, at=now), registry.person(at=now)
    held = vouchers.voucher(vouchers.batch(project, at=now), person=registry.person(at=now), at=now)
    training_class = draft(project, at=now, start=(now + timedelta(days=30)).date(), planned=False)
    here = {"GATE": f"http://127.0.0.1:{gate.port}", "KEY": partner_key(project.provider, now, *SCOPES)}

    asked = filled(block("sh", "curl"), code=f'{{"code": "{held.code}"}}')
    answer = subprocess.run(["sh", "-c", asked], env=os.environ | here, capture_output=True, text=True, check=True)
    assert '"answer":"good"' in answer.stdout, answer.stdout + answer.stderr

    program = filled(
        block("python", "def ask("),
        batch=f'"batch_id": "{batch.pk}"',
        number=f'"document_number": "{person.document_number}"',
        name=f'"name": "{person.name}"',
        shown=f'"code": "{selectors.paper_token(held)}"',
        training=f'"class_id": "{training_class.pk}"',
    )
    told = "".join(f"{name} = {value!r}\n" for name, value in here.items())
    answer = subprocess.run([sys.executable, "-c", told + program], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert project.name in answer.stdout
    states = Voucher.objects.filter(city_code=registry.CITY).values_list("person_id", "state")
    assert dict(states) == {person.pk: "claimed", held.person_id: "used"}

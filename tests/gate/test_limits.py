"""How often one system and one institution may ask the gate: each has a measure of its own, and nobody uses up another's."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from zhaoliang.gate.application import Gate
from zhaoliang.gate.limits import Buckets, TooOften

pytestmark = pytest.mark.mission("K3")


def asked(gate: Gate, system: str) -> int:
    """The seconds after which to come back; 0 for who may ask."""
    try:
        asyncio.run(gate._partner(system, "vouchers.verify", 0.0))
    except TooOften as refused:
        return refused.retry_after
    return 0


def test_a_system_and_its_institution_are_measured_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    gate.systems, gate.institutions = Buckets(rate=0.1, burst=3), Buckets(rate=0.1, burst=5)

    async def of(key: str, scope: str, now: float) -> SimpleNamespace:
        school, number = key.split()
        return SimpleNamespace(user_id=int(school) * 10 + int(number), city_code=120000, organisation_id=int(school))

    monkeypatch.setattr(gate.partners, "of", of)
    # In a thread of its own: a browser test may have left a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        waits = thread.submit(lambda: [asked(gate, one) for one in ["1 1"] * 4 + ["1 2"] * 3 + ["2 1"] * 3]).result()
    # The first system is through after three; its school's other one after two more; another school is not touched.
    assert [wait > 0 for wait in waits] == [False] * 3 + [True] + [False] * 2 + [True] + [False] * 3
    # It says for how long: a tenth of a request a second.
    assert waits[3] in (10, 11)

"""Many random transfers posted in bulk against a plain dictionary of balances, then proved: figures 1 and 14 of the trust list."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime

import pytest

from factories.actors import TIANJIN
from factories.funds import AT, account, budget
from seeds import fresh_seed, size
from zhaoliang.funds.models import Account
from zhaoliang.funds.proof import ledger_findings
from zhaoliang.funds.selectors import verify_books
from zhaoliang.funds.services import Entry, post_transfers
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import Exhausted
from zhaoliang.kernel.roles import Actor, Reach, Role, system_actor

COUNT, AT_ONCE = size(ci=2_000, nightly=1_000_000), 500
WAYS = [
    ("reserve", "budget", "reserved"),
    ("release", "reserved", "budget"),
    ("accrue", "reserved", "payable"),
    ("accrue", "budget", "payable"),
    ("amend", "payable", "reserved"),
    ("pay", "payable", "disbursed"),
    ("recover", "disbursed", "receivable"),
    ("collect", "receivable", "recovered"),
    ("restore", "recovered", "budget"),
    ("write_off", "receivable", "written_off"),
]


@act("tests.post_many", label="记账", grants={Role.SYSTEM: Reach.ANY}, on="debit")
def _post(*, actor: Actor, at: datetime, debit: Account, entries: list[object]) -> list[int]:
    return post_transfers(entries, at=at)  # type: ignore[arg-type]  # entries, not hashed as input


@pytest.mark.django_db
@pytest.mark.sized
@pytest.mark.mission("G2", "G4")
def test_many_random_transfers_balance_and_prove(measured: Callable[[str, str], None]) -> None:
    draw = random.Random(fresh_seed())
    money = 10**12
    accounts = {"budget": budget(money)}
    accounts |= {kind: account(kind) for kind in {way[2] for way in WAYS} - {"budget"}}
    model = dict.fromkeys(accounts, 0) | {"budget": money}
    subject = 0
    for _ in range(COUNT // AT_ONCE):
        entries = []
        for _ in range(AT_ONCE):
            kind, debit, credit = draw.choice([way for way in WAYS if model[way[1]] > 0])
            fen = draw.randint(1, max(1, model[debit] // draw.choice([1, 10, 1000])))
            subject += 1
            entries.append(Entry(kind, accounts[debit], accounts[credit], fen, "many", subject, "模型"))
            model[debit] -= fen
            model[credit] += fen
        assert len(_post(actor=system_actor(), at=AT, debit=accounts["budget"], entries=entries)) == AT_ONCE
    over = Entry("pay", accounts["payable"], accounts["disbursed"], model["payable"] + 1, "many", 0, "")
    fine = Entry("reserve", accounts["budget"], accounts["reserved"], 1, "many", 0, "")
    with pytest.raises(Exhausted):
        _post(actor=system_actor(), at=AT, debit=accounts["budget"], entries=[fine, over])
    stored = {row.pk: row.balance_fen for row in Account.objects.filter(city_code=TIANJIN)}
    assert {kind: stored[one.pk] for kind, one in accounts.items()} == model
    began = time.monotonic()
    assert verify_books(TIANJIN) == []
    measured("14 proof", f"{COUNT} entries in {time.monotonic() - began:.1f} s, 0 differences")
    began = time.perf_counter()
    Account.objects.get(city_code=TIANJIN, pk=accounts["budget"].pk)
    measured("14 balance", f"{(time.perf_counter() - began) * 1000:.1f} ms among {COUNT} entries")
    assert ledger_findings(TIANJIN) == []

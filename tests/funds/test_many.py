"""Many random transfers posted in bulk against a plain dictionary of balances, then proved: figures 1 and 14 of the trust list."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from django.db import transaction

from factories.actors import TIANJIN
from factories.funds import AT, account, budget
from seeds import fresh_seed, size
from zhaoliang.funds.models import Account, Transfer
from zhaoliang.funds.proof import ledger_findings
from zhaoliang.funds.selectors import verify_books
from zhaoliang.funds.services import Entry, post_transfer, post_transfers
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import Exhausted, Refusal
from zhaoliang.kernel.roles import Actor, Reach, Role, system_actor

COUNT, AT_ONCE = size(ci=2_000, nightly=1_000_000), 500
# From written off no way leads back: it takes a fen at a time, so that a long run has money to move until its end.
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
            fen = 1 if kind == "write_off" else draw.randint(1, max(1, model[debit] // draw.choice([1, 10, 1000])))
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


@act("tests.post_singly", label="记账", grants={Role.SYSTEM: Reach.ANY}, on="debit")
def _post_singly(*, actor: Actor, at: datetime, debit: Account, entries: list[Entry]) -> list[int]:
    return [
        post_transfer(
            kind=one.kind,
            debit=one.debit,
            credit=one.credit,
            amount_fen=one.amount_fen,
            at=at,
            subject_type=one.subject_type,
            subject_id=one.subject_id,
            memo=one.memo,
        ).pk
        for one in entries
    ]


FILES, ROWS = size(ci=25, nightly=2_000), 12
# What a file can have wrong in it, seldom enough that half of the files go through.
WRONG = ["too much", "twice", "no way", "one account", "two funds", "nothing", "reverse", "another city"]


def _file(draw: random.Random, accounts: dict[str, Account], model: dict[str, int], number: int) -> list[Entry]:
    """Transfers that fit one after the other, with a wrong one somewhere in half of the files."""
    model, entries = dict(model), list[Entry]()
    for row in range(draw.randint(1, ROWS)):
        kind, debit, credit = draw.choice([way for way in WAYS if model[way[1]] > 0])
        fen = 1 if kind == "write_off" else draw.choice([1, model[debit], draw.randint(1, model[debit])])
        entries.append(Entry(kind, accounts[debit], accounts[credit], fen, "file", number * 100 + row, "文件"))
        model[debit] -= fen
        model[credit] += fen
    for _ in range(draw.choice([0, 0, 1, 2])):
        at, one = draw.randrange(len(entries)), draw.choice(entries)
        entries[at] = {
            "too much": replace(one, amount_fen=one.amount_fen + draw.choice([1, 10**6])),
            "twice": replace(one, kind=draw.choice(WAYS)[0]),
            "no way": replace(one, credit=accounts["disbursed"]),
            "one account": replace(one, credit=one.debit),
            "two funds": replace(one, credit=accounts["foreign"]),
            "nothing": replace(one, amount_fen=0),
            "reverse": replace(one, kind="reverse"),
            "another city": replace(one, debit=accounts["elsewhere"]),
        }[draw.choice(WRONG)]
    return entries


def _answer(post: Callable[..., list[int]], at: datetime, start: Account, entries: list[Entry]) -> tuple[object, ...]:
    """What posting a file leads to: the refusal, or the transfers; with the balances. All undone."""
    before = Transfer.objects.order_by("-id").values_list("id", flat=True).filter(city_code=TIANJIN).first() or 0
    said: tuple[object, ...] = ()
    with transaction.atomic():
        try:
            with transaction.atomic():
                ids = post(actor=system_actor(), at=at, debit=start, entries=entries)
                assert ids == sorted(ids)
        except Refusal as refusal:
            said = (refusal.code, refusal.what, refusal.why, refusal.next_step)
        made = Transfer.objects.filter(city_code=TIANJIN, pk__gt=before).order_by("id")
        rows = list(made.values_list(*[one.attname for one in Transfer._meta.concrete_fields if one.name != "id"]))
        balances = dict(Account.objects.filter(city_code=TIANJIN).values_list("id", "balance_fen"))
        transaction.set_rollback(True)
    return said, rows, balances


@pytest.mark.django_db
@pytest.mark.sized
@pytest.mark.mission("G2")
def test_many_at_once_are_the_same_transfers_and_refusals_as_one_by_one() -> None:
    seed = fresh_seed()
    draw = random.Random(seed)
    kinds = {way[2] for way in WAYS} - {"budget"}
    model = {"budget": 10_000} | dict.fromkeys(sorted(kinds), 0)
    accounts = {"budget": budget(10_000)} | {kind: account(kind) for kind in sorted(kinds)}
    accounts["foreign"] = account("reserved", fund_source="sector")
    accounts["elsewhere"] = account("budget", city_code=370900, region_code=370900)
    start, refused = accounts["budget"], 0
    for number in range(FILES):
        entries = _file(draw, accounts, model, number)
        if any(one.debit.city_code != TIANJIN for one in entries):
            # The service answers before the books are asked; a refusal of its own, for the file as a whole.
            with pytest.raises(Refusal):
                _post(actor=system_actor(), at=AT, debit=start, entries=entries)
            continue
        singly, many = (_answer(post, AT, start, entries) for post in (_post_singly, _post))
        assert many == singly, f"seed {seed}, file {number}"
        refused += bool(many[0])
        if not many[0]:
            # Kept, so that later files meet balances and subjects that are there already.
            _post(actor=system_actor(), at=AT, debit=start, entries=entries)
            for one in entries:
                model[one.debit.kind] -= one.amount_fen
                model[one.credit.kind] += one.amount_fen
    assert 0 < refused < FILES, f"seed {seed}"
    assert ledger_findings(TIANJIN) == []

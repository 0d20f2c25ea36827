"""Many random operations on the books against a plain dictionary of balances, then proved: figures 1 and 14 of the trust list."""

from __future__ import annotations

import random
import time
from calendar import monthrange
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import transaction

from factories.actors import TIANJIN
from factories.funds import AT, account, budget, closed, script_findings
from seeds import fresh_seed, size
from zhaoliang.funds.models import Account, FundSource, Transfer
from zhaoliang.funds.proof import ledger_findings
from zhaoliang.funds.selectors import verify_books
from zhaoliang.funds.services import Entry, NotABooking, PeriodClosed, post_transfer, post_transfers
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import day_start
from zhaoliang.kernel.errors import Exhausted, Refusal
from zhaoliang.kernel.roles import Actor, Reach, Role, system_actor

COUNT, AT_ONCE, FEW, MONTHS = size(ci=20_000, nightly=1_000_000), 500, 20, 3
FUNDS, MONEY = (FundSource.EMPLOYMENT_SUBSIDY.value, FundSource.SECTOR.value), 10**12
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


@act("tests.reverse_many", label="冲正", grants={Role.SYSTEM: Reach.ANY}, on="debit")
def _reverse(*, actor: Actor, at: datetime, debit: Account, wrong: list[Transfer]) -> None:
    for one in wrong:
        post_transfer(
            kind="reverse",
            debit=one.credit,
            credit=one.debit,
            amount_fen=one.amount_fen,
            at=at,
            subject_type="many_undone",
            subject_id=one.pk,
            memo="模型",
            reverses=one,
        )


class Books:
    """Random acts on the books of two funds, and a dictionary of the balances that they must come to."""

    def __init__(self, draw: random.Random) -> None:
        self.draw, self.at = draw, AT
        self.accounts: dict[tuple[str, str], Account] = {}
        for fund in FUNDS:
            self.accounts[fund, "budget"] = budget(MONEY, fund_source=fund)
            for kind in sorted({way[2] for way in WAYS} - {"budget"}):
                self.accounts[fund, kind] = account(kind, fund_source=fund)
        self.names = {one.pk: name for name, one in self.accounts.items()}
        self.model = {name: MONEY if name[1] == "budget" else 0 for name in self.accounts}
        self.start = self.accounts[FUNDS[0], "budget"]
        self.subject = self.months = self.refused = self.reversed = 0
        self.ids: list[int] = []
        self.undone: set[int] = set()

    def entries(self, count: int) -> tuple[list[Entry], dict[tuple[str, str], int]]:
        """Transfers that fit one after the other, and the balances after them."""
        after, made = dict(self.model), list[Entry]()
        for _ in range(count):
            fund = self.draw.choice(FUNDS)
            kind, debit, credit = self.draw.choice([way for way in WAYS if after[fund, way[1]] > 0])
            most = after[fund, debit] // self.draw.choice([1, 10, 1000])
            fen = 1 if kind == "write_off" else self.draw.randint(1, max(1, most))
            self.subject += 1
            pair = self.accounts[fund, debit], self.accounts[fund, credit]
            made.append(Entry(kind, *pair, fen, "many", self.subject, "模型"))
            after[fund, debit] -= fen
            after[fund, credit] += fen
        return made, after

    def post(self) -> int:
        """A file of transfers, all of them."""
        made, self.model = self.entries(AT_ONCE)
        posted = _post(actor=system_actor(), at=self.at, debit=self.start, entries=made)
        assert len(posted) == AT_ONCE
        self.ids += posted
        return AT_ONCE

    def refuse(self) -> int:
        """A file with one transfer that the books do not take, anywhere in it: nothing of it is posted."""
        made, _ = self.entries(FEW)
        place, fund = self.draw.randrange(FEW), self.draw.choice(FUNDS)
        payable, disbursed = self.accounts[fund, "payable"], self.accounts[fund, "disbursed"]
        wrong, expected = self.draw.choice(
            [
                (Entry("pay", payable, disbursed, 2 * MONEY, "many", 0, ""), Exhausted),
                (Entry("pay", disbursed, payable, 1, "many", 0, ""), NotABooking),
                (replace(made[place], amount_fen=0), NotABooking),
                (replace(made[place], credit=self.accounts[other(fund), "payable"], debit=payable), NotABooking),
            ]
        )
        made[place] = wrong
        with pytest.raises(expected):
            _post(actor=system_actor(), at=self.at, debit=self.start, entries=made)
        self.refused += 1
        return FEW

    def reverse(self) -> int:
        """Some earlier transfers mirrored, each once and only where the money is still there."""
        drawn = {self.draw.choice(self.ids) for _ in range(FEW)} - self.undone
        rows = Transfer.objects.filter(city_code=TIANJIN, pk__in=drawn).select_related("debit", "credit").order_by("id")
        wrong = []
        for row in rows:
            debit, credit = self.names[row.credit_id], self.names[row.debit_id]
            if self.model[debit] >= row.amount_fen:
                self.model[debit] -= row.amount_fen
                self.model[credit] += row.amount_fen
                wrong.append(row)
        if wrong:
            _reverse(actor=system_actor(), at=self.at, debit=self.start, wrong=wrong)
            self.undone |= {row.pk for row in wrong}
        self.reversed += len(wrong)
        return len(wrong)

    def next_month(self) -> None:
        """The books are closed through the month: nothing is posted into it any more, what follows is dated in the next."""
        through = date(self.at.year, self.at.month, monthrange(self.at.year, self.at.month)[1])
        later = day_start(through + timedelta(days=2))
        closed(through, later)
        made, _ = self.entries(1)
        with pytest.raises(PeriodClosed):
            _post(actor=system_actor(), at=self.at, debit=self.start, entries=made)
        self.at = later
        self.months += 1

    def check(self) -> None:
        """The stored balances are those of the dictionary, and each fund's sum to what was put into it."""
        stored = {row.pk: row.balance_fen for row in Account.objects.filter(city_code=TIANJIN)}
        assert {name: stored[one.pk] for name, one in self.accounts.items()} == self.model


def other(fund: str) -> str:
    """The other of the two funds."""
    return FUNDS[1 - FUNDS.index(fund)]


# Committed act by act, as a running system does: within one transaction no old version of an account's row could be cleared
# away, and the foreign keys of every transfer would read them all.
@pytest.mark.commits
@pytest.mark.sized
@pytest.mark.mission("G2", "G4")
def test_many_random_operations_balance_and_prove(
    owner: psycopg.Connection[Any], measured: Callable[[str, str], None]
) -> None:
    seed = fresh_seed()
    draw = random.Random(seed)
    books = Books(draw)
    done = books.post() + books.refuse() + books.reverse()
    while done < COUNT:
        done += draw.choices([books.post, books.refuse, books.reverse], [18, 1, 1])[0]()
        books.check()
        if done * (MONTHS + 1) >= COUNT * (books.months + 1) and books.months < MONTHS:
            books.next_month()
    assert Transfer.objects.filter(city_code=TIANJIN, kind="reverse").count() == books.reversed
    # As the autovacuum of a running server does within the minute.
    owner.execute("ANALYZE transfer")
    began = time.monotonic()
    assert ledger_findings(TIANJIN) == []
    measured("14 proof", f"{len(books.ids)} entries in {time.monotonic() - began:.1f} s, 0 differences")
    assert script_findings(owner) == []
    measured(
        "1", f"{done} operations, {books.reversed} reversed, {books.refused} files refused, {books.months} closings"
    )
    began = time.perf_counter()
    Account.objects.get(city_code=TIANJIN, pk=books.start.pk)
    measured("14 balance", f"{(time.perf_counter() - began) * 1000:.1f} ms among {len(books.ids)} entries")
    # Somebody with the rights of the tables' owner makes one of them a fen larger: both proofs name it on both accounts.
    guilty = Transfer.objects.get(city_code=TIANJIN, pk=draw.choice(books.ids))
    owner.execute("UPDATE transfer SET amount_fen = amount_fen + 1 WHERE id = %s", [guilty.pk])
    accounts = {books.accounts[books.names[pk]].code for pk in (guilty.debit_id, guilty.credit_id)}
    assert {one.account_code: one.transfer_id for one in verify_books(TIANJIN)} == dict.fromkeys(accounts, guilty.pk)
    said = [row[:3] for row in script_findings(owner) if row[0] == "balance"]
    assert said == [("balance", code, guilty.pk) for code in sorted(accounts)]


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


@pytest.mark.commits
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

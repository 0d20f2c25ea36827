"""Many vouchers live their random lives beside each other and are compared with a plain model (trust figure 3): what the gate,
claims and payments do to many goes through the functions that take many, everything else through its service."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, cast

import pytest
from django.db import connection

from factories.actors import TIANJIN, actor
from factories.classes import draft
from factories.funds import account, budget
from factories.voucher_model import LIVE, changed, governed, places_taken
from factories.vouchers import AT, batch, crowd, listed_project, worker
from seeds import fresh_seed, size
from zhaoliang.funds.models import Account
from zhaoliang.funds.services import Entry as Booking
from zhaoliang.funds.services import post_transfers
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import Refusal, WrongState
from zhaoliang.kernel.identifiers.voucher_code import new_code
from zhaoliang.kernel.roles import Actor, Place, Reach, Role, system_actor
from zhaoliang.recoveries.proof import prove
from zhaoliang.registry.models import Person
from zhaoliang.vouchers import refusals, selectors, services
from zhaoliang.vouchers.excel import Entry
from zhaoliang.vouchers.models import IssueLine, Voucher, VoucherBatch

LIVES, PEOPLE = size(ci=60, nightly=50_000), size(ci=14, nightly=300)
BATCHES, QUOTA, ROUNDS = size(ci=3, nightly=20), size(ci=9, nightly=200), size(ci=14, nightly=35)
AMOUNT, PART = 100_00, 200
# What a voucher meets next, by its state: mostly what is possible, now and then what is not ("": nothing in this round).
ENDED = {"use": 2, "verify": 2, "return": 1, "undo": 1, "": 94}
NEXT = {
    "claimed": {"use": 40, "return": 6, "verify": 6, "void": 1, "undo": 1, "": 30},
    "used": {"verify": 40, "undo": 6, "use": 4, "void": 1, "return": 1, "": 20},
    "verified": {"enter": 40, "undo": 4, "verify": 4, "use": 2, "void": 1, "": 15},
    "in_claim": {"redeem": 30, "leave": 8, "verify": 4, "void": 1, "undo": 1, "": 15},
    **dict.fromkeys(("returned", "expired", "void", "redeemed"), ENDED),
}
_numbers = count(1)


@act("tests.many_lives", label="申领步骤", grants={Role.SYSTEM: Reach.ANY}, on="payable")
def _claim_steps(*, actor: Actor, at: datetime, payable: Account, step: str, ids: list[int], due: list[object]) -> None:
    """What claims and payments do with many vouchers: enter, leave, or accrue their money and redeem them."""
    if step == "enter":
        services.enter_claim_all(TIANJIN, ids)
    elif step == "leave":
        services.leave_claim_all(TIANJIN, ids)
    else:
        services.redeem_all(TIANJIN, ids, at=at, reason="补贴已拨付")
        post_transfers(cast("list[Booking]", due), at=at)


@dataclass
class Life:
    """A voucher as the model knows it."""

    pk: int
    code: str
    who: int
    state: str = "claimed"


@dataclass
class Source:
    """A batch as the model knows it: what it may still give, its vouchers, its money in fen."""

    batch: VoucherBatch
    quota: int
    use_until: datetime
    state: str = "open"
    lives: list[Life] = field(default_factory=list)
    accrued: int = 0
    released: int = 0
    reserved: int = 0

    def places(self) -> int:
        return places_taken(one.state for one in self.lives)

    def given(self, asking: list[int], people: list[Person]) -> dict[int, str]:
        """What each of these people is answered by an open batch: one each, in the order of their files, while there is room."""
        holders = {one.who for one in self.lives if one.state != "returned"}
        fresh = sorted(set(asking) - holders, key=lambda who: people[who].pk)
        room = self.quota - self.places()
        return dict.fromkeys(asking, "has_one") | {who: "ok" if n < room else "full" for n, who in enumerate(fresh)}


class World:
    """Some batches of one project, with people who hold their vouchers. `acts` counts what was asked of all of them."""

    def __init__(self, chance: random.Random, people: list[Person]) -> None:
        self.chance, self.people, self.at, self.acts = chance, people, AT, 0
        project = listed_project()
        self.provider, self.group = project.provider, draft(project, planned=False)
        self.payable = account("payable", year=2026)
        self.officer, self.approver = actor(Role.FUND_OFFICER), actor(Role.APPROVER)
        self.staff = actor(Role.PROVIDER, organisation_id=self.provider.pk)
        money = budget(4 * BATCHES * QUOTA * AMOUNT, year=2026)
        self.sources = []
        for _ in range(BATCHES):
            claim_until = AT + timedelta(days=chance.randint(15, 40))
            use_until = claim_until + timedelta(days=chance.randint(1, 30))
            made = batch(
                project,
                quota=QUOTA,
                amount_fen=AMOUNT,
                budget_account=money,
                claim_until=claim_until,
                use_until=use_until,
            )
            self.sources.append(Source(made, QUOTA, use_until, reserved=QUOTA * AMOUNT))

    def tried(self, expected: type[Refusal] | None, call: Callable[..., Any], **terms: Any) -> Any:
        """Call; the platform must do or refuse as the model does. Returns None when both refuse."""
        self.acts += 1
        if expected is None:
            return call(at=self.at, **terms)
        with pytest.raises(expected):
            call(at=self.at, **terms)
        return None

    def asked(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Rows of one of the gate's functions, committed."""
        with connection.cursor() as cursor:
            cursor.execute(statement, arguments)
            return cursor.fetchall()

    def round(self) -> None:
        """Time passes, batches are governed, people claim, and every voucher meets its next act."""
        self.at += timedelta(days=self.chance.choice([0, 1, 2, 3]))
        for source in self.sources:
            if self.chance.random() < 0.08:
                self.govern(source, self.chance.choice(["suspend", "resume", "resume", "close", "settle"]))
            if self.chance.random() < 0.1:
                self.change(source, self.chance.choice(["top_up", "shrink", "extend"]), self.chance.randint(1, 3))
            if self.chance.random() < 0.04:
                self.issue(source)
            self.claims(source)
        if self.chance.random() < 0.5:
            self.strike()
        wishes: dict[str, list[tuple[Source, Life]]] = defaultdict(list)
        for source in self.sources:
            for one in source.lives:
                weights = NEXT[one.state]
                wishes[self.chance.choices(list(weights), list(weights.values()))[0]].append((source, one))
        for wish in ("use", "verify"):
            for n in range(0, len(wishes[wish]), PART):
                getattr(self, wish)(wishes[wish][n : n + PART])
        for step, state in (("enter", "verified"), ("leave", "in_claim"), ("redeem", "in_claim")):
            self.step(step, state, wishes[step])
        for wish, call in (("return", self.give_back), ("undo", self.undo), ("void", self.void)):
            for source, one in wishes[wish]:
                call(source, one)
        self.check()

    def claims(self, source: Source) -> None:
        """People claim at the gate, in one group."""
        asking = self.chance.sample(range(len(self.people)), len(self.people) // 6)
        if source.state != "open":
            said = dict.fromkeys(asking, "not_open")
        elif self.at > source.batch.claim_until:
            said = dict.fromkeys(asking, "late")
        else:
            said = source.given(asking, self.people)
        codes = [str(new_code(TIANJIN)) for _ in asking]
        people = [self.people[who] for who in asking]
        rows = self.asked(
            "SELECT place, answer, body FROM claim_through_gate(%s, %s, %s, %s, 'page', %s, %s, %s, %s, %s, %s)",
            *(TIANJIN, source.batch.pk, [one.pk for one in people], codes, [""] * len(people)),
            *self.callers(people),
        )
        self.acts += len(asking)
        assert {asking[place - 1]: answer for place, answer, _ in rows} == said
        for place, answer, body in sorted(rows):
            if answer == "ok":
                who, code = asking[place - 1], codes[place - 1]
                source.lives.append(Life(int(json.loads(body)["id"]), code, who))

    def callers(self, people: list[Person]) -> tuple[Any, ...]:
        """Of a group at the gate: accounts, names, keys never used before, hashes of the inputs, the time."""
        keys = [f"lives-{next(_numbers)}" for _ in people]
        return [one.pk for one in people], ["本人"] * len(people), keys, [bytes(32)] * len(people), self.at

    def use(self, group: list[tuple[Source, Life]]) -> None:
        """Holders use their vouchers at the gate, in one group."""
        people = [self.people[one.who] for _, one in group]
        users, *rest = self.callers(people)
        rows = self.asked(
            "SELECT place, answer FROM use_through_gate(%s, %s, %s, %s, %s, %s, %s, %s, %s, '{}')",
            *(TIANJIN, [one.pk for _, one in group], [self.group.pk] * len(group), users, users, *rest),
        )
        self.acts += len(group)
        for (source, one), (_, answer) in zip(group, sorted(rows), strict=True):
            said = dict.fromkeys(("used", "verified", "in_claim", "redeemed"), "used") | {
                "claimed": "expired" if self.at > source.use_until else "ok"
            }
            assert answer == said.get(one.state, "wrong_state")
            if answer == "ok":
                one.state = "used"

    def verify(self, group: list[tuple[Source, Life]]) -> None:
        """The school asks what a pile of vouchers is worth."""
        codes = [one.code for _, one in group]
        rows = self.asked(
            "SELECT place, answer FROM verify_vouchers(%s, %s, %s, %s, %s, %s::text[], %s, %s)",
            *(TIANJIN, self.provider.pk, self.staff.user_id, self.staff.name, codes, [None] * len(codes)),
            *(["typed"] * len(codes), self.at),
        )
        self.acts += len(group)
        for (source, one), (_, answer) in zip(group, sorted(rows), strict=True):
            said = dict.fromkeys(("used", "in_claim"), "verified") | {
                "claimed": "expired" if self.at > source.use_until else "good"
            }
            assert answer == said.get(one.state, one.state)
            if one.state == "used":
                one.state = "verified"

    def step(self, step: str, state: str, group: list[tuple[Source, Life]]) -> None:
        """Claims and payments move many at once; with one among them that stands elsewhere, none."""
        elsewhere = [one for source in self.sources for one in source.lives if one.state != state]
        tries = [(None, group)] if group else []
        if group and elsewhere:
            wrong = (group[0][0], self.chance.choice(elsewhere))
            tries.insert(0, (WrongState, [*group, wrong]))
        for expected, moved in tries:
            fens = [self.chance.randint(1, AMOUNT) for _ in moved]
            due = [
                Booking("accrue", source.batch.reserved_account, self.payable, fen, "model_line", one.pk, "模型")
                for (source, one), fen in zip(moved, fens, strict=True)
            ]
            terms = {"payable": self.payable, "step": step, "ids": [one.pk for _, one in moved], "due": due}
            self.tried(expected, _claim_steps, actor=system_actor(), **terms)
            self.acts += len(moved) - 1
            if expected is None:
                for (source, one), fen in zip(moved, fens, strict=True):
                    one.state = {"enter": "in_claim", "leave": "verified", "redeem": "redeemed"}[step]
                    source.accrued += fen if step == "redeem" else 0

    def give_back(self, source: Source, one: Life) -> None:
        expected = None if one.state == "claimed" else WrongState
        terms = {"actor": worker(self.people[one.who]), "voucher": self.voucher(one)}
        if self.tried(expected, services.return_voucher, **terms):
            one.state = "returned"

    def undo(self, source: Source, one: Life) -> None:
        expected = None if one.state in ("used", "verified") else WrongState
        if self.tried(expected, services.undo_use, actor=system_actor(), voucher=self.voucher(one)):
            one.state = "claimed"

    def void(self, source: Source, one: Life) -> None:
        expected: type[Refusal] | None = None
        if source.state == "settled" or one.state not in LIVE:
            expected = WrongState
        elif one.state == "in_claim":
            expected = refusals.InClaim
        if self.changed(source, expected, None, services.Wish("void", "冒领", voucher=self.voucher(one))):
            one.state = "void"

    def voucher(self, one: Life) -> Voucher:
        return Voucher.objects.select_related("batch").get(city_code=TIANJIN, pk=one.pk)

    def changed(
        self, source: Source, asked: type[Refusal] | None, decided: type[Refusal] | None, wish: services.Wish
    ) -> bool:
        """One officer asks, another decides. Whether it was done; not when either is refused, as the model expects."""
        made = self.tried(asked, services.propose_change, actor=self.officer, batch=source.batch, wish=wish)
        if made is None:
            return False
        done = self.tried(decided, services.approve_change, actor=self.approver, change=made)
        if done is None:
            # Each request reads anew; what a refused approval had set on this object was rolled back with it.
            made.refresh_from_db()
            services.refuse_change(actor=self.officer, at=self.at, change=made)
        return done is not None

    def change(self, source: Source, kind: str, number: int) -> None:
        asked, decided = changed(kind, number, state=source.state, quota=source.quota, taken=source.places())
        later = source.use_until + timedelta(days=2 * number)
        wish = services.Wish(kind, "模型", **({"use_until": later} if kind == "extend" else {"quantity": number}))
        if not self.changed(source, asked, decided, wish):
            return
        if kind == "extend":
            source.use_until = later
        elif kind == "top_up":
            source.quota += number
            source.reserved += number * AMOUNT
        else:
            source.quota -= number
            source.released += number * AMOUNT

    def issue(self, source: Source) -> None:
        """A list of some people, decided by two."""
        asking = self.chance.sample(range(len(self.people)), 4)
        entries = tuple(
            Entry(row, one.name, one.document_type, one.document_number, "")
            for row, one in enumerate((self.people[who] for who in asking), 2)
        )
        terms = {"file_name": "名单.xlsx", "file_hash": str(next(_numbers)), "entries": entries}
        # A list that could only be refused line by line is not begun.
        issuing = source.state == "open" and self.at <= source.batch.claim_until
        made = self.tried(
            None if issuing else WrongState,
            services.draft_issue,
            actor=self.officer,
            batch=source.batch,
            **terms,
        )
        if made is None:
            return
        made = services.submit_issue(actor=self.officer, at=self.at, issue=made)
        made = services.approve_issue(actor=self.approver, at=self.at, issue=made)
        assert services.issue_part(actor=self.approver, at=self.at, issue=made) == len(asking)
        said = source.given(asking, self.people)
        words = {"ok": "issued", "has_one": "held", "full": "refused"}
        lines = {line.person_id: line for line in IssueLine.objects.filter(city_code=TIANJIN, issue=made)}
        assert {who: lines[self.people[who].pk].state for who in asking} == {who: words[said[who]] for who in asking}
        for who in (who for who in asking if said[who] == "ok"):
            line = lines[self.people[who].pk]
            source.lives.append(Life(line.voucher_id, line.voucher.code, who))

    def strike(self) -> None:
        """The clock ends what nobody used in time, in parts."""
        due = [
            one
            for source in self.sources
            for one in source.lives
            if one.state == "claimed" and self.at > source.use_until
        ]
        ended = 0
        while done := services.expire_due(actor=system_actor(), at=self.at, place=Place(TIANJIN, TIANJIN)):
            ended += done
        assert ended == len(due)
        self.acts += len(due)
        for one in due:
            one.state = "expired"

    def govern(self, source: Source, event: str) -> None:
        target, expected = governed(source.state, event, [one.state for one in source.lives])
        # Each request reads anew.
        source.batch.refresh_from_db()
        if self.tried(expected, getattr(services, f"{event}_batch"), actor=self.officer, batch=source.batch) is None:
            return
        source.state = target
        if event == "settle":
            source.released = source.reserved - source.accrued

    def check(self) -> None:
        """The database says of every voucher, place and fen what the model says."""
        batches = [source.batch.pk for source in self.sources]
        stored = Voucher.objects.filter(city_code=TIANJIN, batch__in=batches).values_list("id", "state")
        assert dict(stored) == {one.pk: one.state for source in self.sources for one in source.lives}
        left = {source.batch.pk: source.quota - source.places() for source in self.sources}
        assert selectors.places_left(TIANJIN, batches) == left
        accounts = Account.objects.filter(city_code=TIANJIN, reserved_batches__in=batches)
        assert dict(accounts.values_list("reserved_batches", "balance_fen")) == {
            source.batch.pk: source.reserved - source.released - source.accrued for source in self.sources
        }

    def finish(self) -> None:
        """Every life comes to its end, every batch is settled: nothing stays reserved."""
        self.at = max(self.at, *(source.use_until for source in self.sources)) + timedelta(days=1)
        self.strike()
        for wish, state in (("verify", "used"), ("enter", "verified"), ("redeem", "in_claim")):
            rest = [(source, one) for source in self.sources for one in source.lives if one.state == state]
            if wish == "verify":
                self.verify(rest)
            else:
                self.step(wish, state, rest)
        for source in self.sources:
            if source.state in ("open", "suspended"):
                self.govern(source, "close")
            if source.state == "closed":
                self.govern(source, "settle")
        self.check()
        for source in self.sources:
            source.batch.refresh_from_db()
            found = selectors.funnel(source.batch)
            assert (found["held_fen"], found["accrued_fen"], found["released_fen"]) == (
                0,
                source.accrued,
                source.reserved - source.accrued,
            )


@pytest.mark.commits
@pytest.mark.sized
@pytest.mark.mission("C4", "C7", "G2")
def test_many_random_lives_equal_a_plain_model(measured: Callable[[str, str], None]) -> None:
    seed = fresh_seed()
    chance = random.Random(seed)
    people = crowd(PEOPLE)
    lives = acts = batches = 0
    while lives < LIVES:
        world = World(chance, people)
        for _ in range(ROUNDS):
            world.round()
        world.finish()
        lives += sum(len(source.lives) for source in world.sources)
        acts, batches = acts + world.acts, batches + len(world.sources)
    assert prove(TIANJIN).findings == ()
    measured("3", f"{lives} lives of vouchers in {batches} batches, {acts} acts, seed {seed}: 0 differences")

"""Whatever the order of events — lost files, crashes, double answers, corrections — each approved line is paid once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import transaction

from factories import registry
from factories.payments import built
from factories.subsidies import APPROVED, CITY, FULL_FEN, Case, approved, case
from seeds import fresh_seed, size
from zhaoliang.demo.bank import MADE, answer_file
from zhaoliang.funds.models import Transfer
from zhaoliang.kernel import faults
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.payments import services
from zhaoliang.payments.excel import bank_file, workbook
from zhaoliang.payments.formats.pain import decimal
from zhaoliang.payments.models import PaymentBatch, PaymentLine, ReconciliationCase
from zhaoliang.payments.selectors import open_cases
from zhaoliang.payments.trace import cent_trace
from zhaoliang.recoveries.proof import prove
from zhaoliang.registry.services import set_card
from zhaoliang.subsidies.models import ClaimLine, PaymentDue

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G2", "G3")]


MOST_RETURNS = 3
GARBLED = str.maketrans("0123456789", "1234567890")


class Bank:
    """What really happened to money: the bank pays a line when it gets a file, once for each batch and line, and may give
    it back later. Its answers are at times wrong about an account."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.bounces, self.slips = chance, 0.4, 0.15
        self.answers: dict[int, bytes] = {}
        # Of each payment line: whether it was paid; whether the answer garbles it; what tells of money given back.
        self.paid: dict[int, bool] = {}
        self.garbled: set[int] = set()
        self.given_back: dict[int, bytes] = {}

    def receive(self, batch: PaymentBatch) -> None:
        """Take a file: some lines bounce, the others are paid."""
        assert batch.pk not in self.answers, "the same batch reached the bank twice"
        lines = list(PaymentLine.objects.filter(city_code=CITY, batch=batch))
        for line in lines:
            self.paid[line.pk] = self.chance.random() >= self.bounces
        self.garbled |= {line.pk for line in lines if self.chance.random() < self.slips}
        self.answers[batch.pk] = answer_file(
            bank_file(batch),
            {line.sequence: "账号有误" for line in lines if not self.paid[line.pk]},
            tails={
                line.sequence: line.account_number[-4:].translate(GARBLED) for line in lines if line.pk in self.garbled
            },
        )

    def give_back(self, line: PaymentLine) -> None:
        """The payee's bank returns money that had arrived; a statement of the account says so."""
        rows = [("2026-09-01", "", decimal(line.amount_fen), f"R{line.pk}", f"AC04 {line.reference}")]
        columns = ("交易日期", "借方金额", "贷方金额", "流水号", "摘要")
        self.given_back[line.pk] = workbook("流水", columns, rows, created=MADE)

    def holds(self, line_id: int) -> bool:
        """Whether the payee has the money of a payment line now."""
        return self.paid[line_id] and line_id not in self.given_back


class Office:
    """People doing the next thing in any order, with crashes between. `books` is what the books must say of each payment
    line that has been at the bank, told in advance from what the office has done and heard."""

    def __init__(self, made: Case, bank: Bank, chance: random.Random) -> None:
        self.made, self.bank, self.chance = made, bank, chance
        self.calm = False
        self.books: dict[int, str] = {}
        self.heard: set[int] = set()
        self.told: set[int] = set()

    def calm_down(self) -> None:
        """The trouble ends: no crashes, no dissolved batches, nothing bounced, garbled or given back. Now money must arrive."""
        self.calm, self.bank.bounces, self.bank.slips = True, 0.0, 0.0

    def step(self) -> None:
        """One random thing, refused or crashed or done."""
        moves = [self.build, self.advance, self.advance, self.lose, self.answer, self.answer, self.mend]
        moves += [self.hear, self.decide, self.decide]
        if not self.calm:
            moves += [self.dissolve, self.late_return]
        self.tried(self.chance.choice(moves))

    def tried(self, move: Callable[[], None]) -> None:
        point = "" if self.calm else self.chance.choice([*faults.points("payments."), "", "", "", "", "", ""])
        before = dict(self.books), set(self.heard), set(self.told)
        try:
            with transaction.atomic():
                if point:
                    with faults.armed(point):
                        move()
                else:
                    move()
        except (Refusal, faults.Crash):
            self.books, self.heard, self.told = before

    def done(self) -> bool:
        """Whether every line has its money for good and nobody waits for anything."""
        lines = ClaimLine.objects.filter(city_code=CITY).exclude(state="paid")
        dues = PaymentDue.objects.filter(city_code=CITY).exclude(state__in=("paid", "returned"))
        return (
            not (lines.exists() or dues.exists() or open_cases(CITY).exists())
            and set(self.bank.given_back) == self.told
        )

    def batches(self, *states: str) -> list[PaymentBatch]:
        return list(PaymentBatch.objects.filter(city_code=CITY, state__in=states).order_by("id"))

    def build(self) -> None:
        built(self.made)

    def advance(self) -> None:
        for batch in self.batches("building", "sealed", "authorised")[:1]:
            if batch.state == "building":
                services.seal_batch(actor=self.made.officer, at=APPROVED, batch=batch)
            elif batch.state == "sealed":
                services.authorise_batch(actor=self.made.finance, at=APPROVED, batch=batch)
            else:
                services.send_batch(actor=self.made.officer, at=APPROVED, batch=batch)
                self.arrives_or_is_lost(batch)

    def arrives_or_is_lost(self, batch: PaymentBatch) -> None:
        batch.refresh_from_db()
        lost = self.chance.random() < 0.3
        if lost:
            services.mark_unknown(actor=self.made.officer, at=APPROVED, batch=batch)
        if not lost or self.chance.random() < 0.5:
            self.bank.receive(batch)
        self.books |= dict.fromkeys(self.lines(batch), "sent")

    def lines(self, batch: PaymentBatch) -> list[int]:
        return list(PaymentLine.objects.filter(city_code=CITY, batch=batch).values_list("id", flat=True))

    def lose(self) -> None:
        for batch in self.batches("unknown")[:1]:
            # The only way out of unknown is the bank's own word.
            known = batch.pk in self.bank.answers
            told = services.confirm_sent if known else services.confirm_not_sent
            told(actor=self.made.officer, at=APPROVED, batch=batch)
            if not known:
                self.books = {pk: state for pk, state in self.books.items() if pk not in self.lines(batch)}

    def answer(self) -> None:
        for batch in self.batches("sent", "answered", "settled", "unknown"):
            if batch.pk in self.bank.answers:
                content = self.bank.answers[batch.pk]
                services.import_return(
                    actor=system_actor(), at=APPROVED, batch=batch, file_name="a.xlsx", content=content
                )
                if batch.pk not in self.heard:
                    self.heard.add(batch.pk)
                    for pk in self.lines(batch):
                        if self.books[pk] == "sent" and pk not in self.bank.garbled:
                            self.books[pk] = "paid" if self.bank.paid[pk] else "failed"

    def late_return(self) -> None:
        """At the bank: money goes back that the office believes to be on its way or there."""
        back = [pk for pk, state in self.books.items() if state in ("sent", "paid") and self.bank.paid.get(pk)]
        rows = PaymentLine.objects.filter(city_code=CITY, pk__in=set(back) - set(self.bank.given_back))
        for line in rows.exclude(batch__state="unknown").order_by("id")[:1]:
            if len(self.bank.given_back) < MOST_RETURNS:
                self.bank.give_back(line)

    def hear(self) -> None:
        for pk in sorted(set(self.bank.given_back) - self.told)[:1]:
            content = self.bank.given_back[pk]
            services.import_statement(
                actor=system_actor(), at=APPROVED, place=self.made.place, file_name="s.xlsx", content=content
            )
            self.told.add(pk)
            # Before anybody heard of its arrival it is a payment that failed; afterwards it wants two people.
            if self.books[pk] == "sent":
                self.books[pk] = "failed"

    def decide(self) -> None:
        for case_ in open_cases(CITY).order_by("id")[:1]:
            answer, pk = self.truth(case_), case_.payment_line_id
            if case_.state == "open":
                services.propose_case(
                    actor=self.made.officer,
                    at=APPROVED,
                    case=case_,
                    answer=answer,
                    text="已与银行核实",
                    evidence="复函",
                )
                continue
            agrees = case_.answer == answer
            services.decide_case(actor=self.made.finance, at=APPROVED, case=case_, agrees=agrees)
            if agrees and pk is not None:
                self.books[pk] = answer

    def truth(self, case_: ReconciliationCase) -> str:
        """What the bank, asked about the payment of a case, has people answer."""
        if case_.payment_line_id is None:
            return "explained"
        arrived, state = self.bank.holds(case_.payment_line_id), self.books[case_.payment_line_id]
        if state == "sent":
            return "paid" if arrived else "failed"
        return "returned" if state == "paid" and not arrived else "explained"

    def dissolve(self) -> None:
        for batch in self.batches("building", "sealed", "authorised", "sent", "unknown")[:1]:
            services.dissolve_batch(actor=self.made.officer, at=APPROVED, batch=batch, reason="重新编制")

    def mend(self) -> None:
        desk = registry.actor_with(Role.REVIEWER)
        for line in ClaimLine.objects.select_related("person").filter(city_code=CITY, state="failed")[:1]:
            set_card(actor=desk, at=APPROVED, person=line.person, card_number=registry.inventor().bank_card())
            services.retry_line(actor=self.made.officer, at=APPROVED, line=line)
        for due in PaymentDue.objects.select_related("claim_line__person").filter(city_code=CITY, state="failed")[:1]:
            person = due.claim_line.person
            set_card(actor=desk, at=APPROVED, person=person, card_number=registry.inventor().bank_card())
            services.retry_payment_due(actor=self.made.officer, at=APPROVED, due=due)

    def check(self, seed: int) -> None:
        """The books say what was told in advance, and book no payment that the bank did not make."""
        rows = PaymentLine.objects.filter(city_code=CITY, pk__in=self.books)
        assert dict(rows.values_list("id", "state")) == self.books, f"seed {seed}"
        assert all(self.bank.paid[pk] for pk, state in self.books.items() if state in ("paid", "returned")), (
            f"seed {seed}"
        )
        booked = Counter(Transfer.objects.filter(city_code=CITY).values_list("kind", flat=True))
        states = Counter(self.books.values())
        assert booked["pay"] == states["paid"] + states["returned"], f"seed {seed}"
        assert booked["reverse"] == states["returned"], f"seed {seed}"


@pytest.mark.sized
@pytest.mark.parametrize("run", range(size(ci=3, nightly=10_000)))
def test_every_approved_line_is_paid_exactly_once(run: int) -> None:
    seed = fresh_seed() + run
    chance = random.Random(seed)
    made = case(2, prepaid_by_person=True)
    claim = approved(made)
    bank = Bank(chance)
    office = Office(made, bank, chance)
    steps = 0
    while not office.done():
        if steps == 160:
            office.calm_down()
        office.step()
        steps += 1
        assert steps < 1_000, f"seed {seed}: money did not arrive"
        office.check(seed)
    lines = PaymentLine.objects.filter(city_code=CITY, pk__in=[pk for pk in bank.paid if bank.holds(pk)])
    assert dict(lines.values_list("claim_line_id", "amount_fen")) == {
        line.pk: FULL_FEN for line in ClaimLine.objects.filter(city_code=CITY, claim=claim)
    }, f"seed {seed}"
    assert lines.count() == len(made.people), f"seed {seed}"
    assert prove(CITY).findings == ()
    assert all(cent_trace(line).breaks == [] for line in ClaimLine.objects.filter(city_code=CITY, claim=claim))

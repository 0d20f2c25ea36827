"""Whatever the order of events — lost files, crashes, double answers, corrections — each approved line is paid once."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from django.db import transaction

from factories import registry
from factories.payments import built
from factories.subsidies import APPROVED, CITY, FULL_FEN, Case, approved, case
from seeds import fresh_seed, size
from zhaoliang.demo.bank import answer_file
from zhaoliang.funds.selectors import transfers_of, verify_books
from zhaoliang.kernel import faults
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.payments import services
from zhaoliang.payments.excel import bank_file
from zhaoliang.payments.models import PaymentBatch, PaymentLine
from zhaoliang.payments.trace import cent_trace
from zhaoliang.registry.services import set_card
from zhaoliang.subsidies.models import ClaimLine

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G2", "G3")]


class Bank:
    """What really happened to money: the bank pays a line when it gets a file, once for each batch and line."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.bounces = chance, 0.4
        self.answers: dict[int, bytes] = {}
        self.paid: dict[int, int] = {}

    def receive(self, batch: PaymentBatch) -> None:
        """Take a file: some lines bounce, the others are paid."""
        assert batch.pk not in self.answers, "the same batch reached the bank twice"
        lines = list(PaymentLine.objects.filter(city_code=CITY, batch=batch))
        bounced = {line.sequence: "账号有误" for line in lines if self.chance.random() < self.bounces}
        self.answers[batch.pk] = answer_file(bank_file(batch), bounced)
        for line in lines:
            if line.sequence not in bounced:
                self.paid[line.claim_line_id] = self.paid.get(line.claim_line_id, 0) + line.amount_fen


class Office:
    """People doing the next thing in any order, with crashes between."""

    def __init__(self, made: Case, bank: Bank, chance: random.Random) -> None:
        self.made, self.bank, self.chance = made, bank, chance
        self.calm = False

    def calm_down(self) -> None:
        """The trouble ends: no crashes, no dissolved batches, no bounced lines. From here on the money must arrive."""
        self.calm, self.bank.bounces = True, 0.0

    def step(self) -> None:
        """One random thing, refused or crashed or done."""
        moves = [self.build, self.advance, self.advance, self.lose, self.answer, self.answer, self.mend]
        if not self.calm:
            moves.append(self.dissolve)
        self.tried(self.chance.choice(moves))

    def tried(self, move: Callable[[], None]) -> None:
        point = "" if self.calm else self.chance.choice([*faults.points("payments."), "", "", "", "", "", ""])
        try:
            with transaction.atomic():
                if point:
                    with faults.armed(point):
                        move()
                else:
                    move()
        except (Refusal, faults.Crash):
            return

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
        if self.chance.random() < 0.3:
            services.mark_unknown(actor=self.made.officer, at=APPROVED, batch=batch)
            if self.chance.random() < 0.5:
                self.bank.receive(batch)
        else:
            self.bank.receive(batch)

    def lose(self) -> None:
        for batch in self.batches("unknown")[:1]:
            # The only way out of unknown is the bank's own word.
            known = batch.pk in self.bank.answers
            told = services.confirm_sent if known else services.confirm_not_sent
            told(actor=self.made.officer, at=APPROVED, batch=batch)

    def answer(self) -> None:
        for batch in self.batches("sent", "answered", "settled", "unknown"):
            if batch.pk in self.bank.answers:
                content = self.bank.answers[batch.pk]
                services.import_return(
                    actor=system_actor(), at=APPROVED, batch=batch, file_name="a.xlsx", content=content
                )

    def dissolve(self) -> None:
        for batch in self.batches("building", "sealed", "authorised", "sent", "unknown")[:1]:
            services.dissolve_batch(actor=self.made.officer, at=APPROVED, batch=batch, reason="重新编制")

    def mend(self) -> None:
        for line in ClaimLine.objects.select_related("person").filter(city_code=CITY, state="failed")[:1]:
            desk = registry.actor_with(Role.REVIEWER)
            set_card(actor=desk, at=APPROVED, person=line.person, card_number=registry.inventor().bank_card())
            services.retry_line(actor=self.made.officer, at=APPROVED, line=line)


@pytest.mark.sized
@pytest.mark.parametrize("run", range(size(ci=3, nightly=10_000)))
def test_every_approved_line_is_paid_exactly_once(run: int) -> None:
    seed = fresh_seed() + run
    chance = random.Random(seed)
    made = case(3, prepaid_by_person=True)
    claim = approved(made)
    bank = Bank(chance)
    office = Office(made, bank, chance)
    steps = 0
    while ClaimLine.objects.filter(city_code=CITY, claim=claim).exclude(state="paid").exists():
        if steps == 200:
            office.calm_down()
        office.step()
        steps += 1
        assert steps < 400, f"seed {seed}: money did not arrive"
        for line in ClaimLine.objects.filter(city_code=CITY, claim=claim):
            booked = sum(t.amount_fen for t in transfers_of(CITY, "claim_line", line.pk) if t.kind == "pay")
            assert booked <= bank.paid.get(line.pk, 0) <= FULL_FEN, f"seed {seed}"
    assert bank.paid == {line.pk: FULL_FEN for line in ClaimLine.objects.filter(city_code=CITY, claim=claim)}
    assert verify_books(CITY) == []
    assert all(cent_trace(line).breaks == [] for line in ClaimLine.objects.filter(city_code=CITY, claim=claim))

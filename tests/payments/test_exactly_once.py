"""Whatever the order of events — lost files, crashes, double answers, corrections — each approved line is paid once."""

from __future__ import annotations

import csv
import io
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial

import pytest
from django.db import connection, transaction

from factories import registry
from factories.payments import built
from factories.subsidies import APPROVED, CITY, FULL_FEN, Case, approved, case
from seeds import fresh_seed, size
from zhaoliang.demo.bank import MADE, answer_file
from zhaoliang.kernel import faults
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.payments import services
from zhaoliang.payments.excel import bank_file, workbook
from zhaoliang.payments.formats.pain import decimal
from zhaoliang.payments.formats.tables import FAILED, PAID, RETURN_COLUMNS
from zhaoliang.payments.models import PaymentBatch, PaymentLine, ReconciliationCase
from zhaoliang.payments.trace import cent_trace
from zhaoliang.recoveries.proof import prove
from zhaoliang.registry.services import set_card
from zhaoliang.subsidies.models import ClaimLine, PaymentDue

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G2", "G3")]


MOST_RETURNS = 3
GARBLED = str.maketrans("0123456789", "1234567890")
# What may be done with a batch by its state, of what `Office.meddle` tries.
MAY: dict[str, set[str]] = {
    "building": {"seal", "dissolve"},
    "sealed": {"dissolve"},
    "authorised": {"send", "lose", "dissolve"},
    "sent": {"lose"},
    "unknown": {"confirm_sent", "confirm_not_sent"},
    "answered": set(),
    "settled": set(),
    "dissolved": set(),
}
# How often the bank writes a workbook, which takes far longer than text.
SHEETS = 0.1


def as_text(rows: Iterable[Sequence[str]]) -> bytes:
    """A table as banks write text."""
    target = io.StringIO()
    csv.writer(target).writerows(rows)
    return target.getvalue().encode("gb18030")


def text_answer(sent: bytes, failures: Mapping[int, str], tails: Mapping[int, str]) -> bytes:
    """What `answer_file` says, of a bank file in text and in text."""
    rows = list(csv.reader(io.StringIO(sent.decode("gb18030"))))[1:]
    answers = []
    for number, sequence, name, account, amount, _purpose in ([cell.strip() for cell in row] for row in rows):
        reason, tail = failures.get(int(sequence), ""), tails.get(int(sequence), account[-4:])
        outcome = FAILED if reason else PAID
        answers.append([number, sequence, name, tail, amount, outcome, f"{number}{int(sequence):06d}", reason])
    return as_text([RETURN_COLUMNS, *answers])


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
        lines = list(PaymentLine.objects.filter(city_code=CITY, batch=batch).order_by("sequence"))
        for line in lines:
            self.paid[line.pk] = self.chance.random() >= self.bounces
        self.garbled |= {line.pk for line in lines if self.chance.random() < self.slips}
        failures = {line.sequence: "账号有误" for line in lines if not self.paid[line.pk]}
        tails = {
            line.sequence: line.account_number[-4:].translate(GARBLED) for line in lines if line.pk in self.garbled
        }
        if self.chance.random() < SHEETS:
            self.answers[batch.pk] = answer_file(bank_file(batch, "xlsx"), failures, tails)
        else:
            self.answers[batch.pk] = text_answer(bank_file(batch, "csv"), failures, tails)

    def give_back(self, line: PaymentLine) -> None:
        """The payee's bank returns money that had arrived; a statement of the account says so."""
        columns = ("交易日期", "借方金额", "贷方金额", "流水号", "摘要")
        row = ("2026-09-01", "", decimal(line.amount_fen), f"R{line.pk}", f"AC04 {line.reference}")
        sheet = self.chance.random() < SHEETS
        self.given_back[line.pk] = workbook("流水", columns, [row], created=MADE) if sheet else as_text([columns, row])

    def holds(self, line_id: int) -> bool:
        """Whether the payee has the money of a payment line now."""
        return self.paid[line_id] and line_id not in self.given_back


class Office:
    """People doing the next thing in any order, with crashes between. `books` is what the books must say of each payment
    line that has been at the bank, told in advance from what the office has done and heard."""

    def __init__(self, made: Case, bank: Bank, chance: random.Random) -> None:
        self.made, self.bank, self.chance = made, bank, chance
        self.calm = self.died = False
        self.books: dict[int, str] = {}
        self.heard: set[int] = set()
        self.told: set[int] = set()

    def calm_down(self) -> None:
        """The trouble ends: no crashes, no dissolved batches, nothing bounced, garbled or given back. Now money must arrive."""
        self.calm, self.bank.bounces, self.bank.slips = True, 0.0, 0.0

    def look(self) -> None:
        """Read how everything stands, in one statement, and hold the books against what was told in advance: no payment is
        booked that the bank did not make."""
        stand: dict[str, dict[int, str]] = {kind: {} for kind in ("batch", "line", "due", "case", "payment")}
        booked = Counter[str]()
        with connection.cursor() as cursor:
            cursor.execute(_STANDING, {"city": CITY})
            for kind, number, word in cursor:
                if kind == "booked":
                    booked[word] = number
                else:
                    stand[kind][number] = word
        self.stand = stand
        assert {pk: stand["payment"].get(pk) for pk in self.books} == self.books
        assert all(self.bank.paid[pk] for pk, state in self.books.items() if state in ("paid", "returned"))
        states = Counter(self.books.values())
        assert booked["pay"] == states["paid"] + states["returned"]
        assert booked["reverse"] == states["returned"]

    def step(self) -> bool:
        """One random thing that somebody finds to do, crashed or done; False when every line has its money for good and
        nobody waits for anything."""
        lines, dues = set(self.stand["line"].values()), set(self.stand["due"].values())
        untold, cases = set(self.bank.given_back) - self.told, self.stand["case"]
        moves = self.with_batches()
        if "approved" in lines or "waiting" in dues:
            moves.append(self.build)
        if "failed" in lines | dues:
            moves.append(self.mend)
        if untold:
            moves.append(self.hear)
        if cases:
            moves += [partial(self.decide, min(cases))] * 2
        if not (untold or cases) and lines <= {"paid"} and dues <= {"paid", "returned"}:
            return False
        if not self.calm:
            moves += [self.late_return, self.meddle]
        self.tried(self.chance.choice(moves))
        self.look()
        return True

    def with_batches(self) -> list[Callable[[], None]]:
        """What may be done with each batch as it stands, the likelier more than once."""
        moves: list[Callable[[], None]] = []
        for pk, state in sorted(self.stand["batch"].items()):
            arrived = pk in self.bank.answers
            if state in ("building", "sealed", "authorised"):
                moves += [partial(self.advance, pk, state)] * 2
                if not self.calm:
                    moves.append(partial(self.dissolve, pk))
            if state == "unknown":
                moves.append(partial(self.lose, pk))
            if state == "sent" and not arrived:
                moves.append(partial(self.doubt, pk))
            if arrived and state in ("sent", "answered", "settled"):
                # Once heard, the same file again.
                moves += [partial(self.answer, pk)] * (3 if pk not in self.heard else not self.calm)
        return moves

    def batch(self, pk: int) -> PaymentBatch:
        return PaymentBatch.objects.get(city_code=CITY, pk=pk)

    def tried(self, move: Callable[[], None]) -> None:
        """Make a move; whoever dies in an act leaves nothing of it, whoever dies after its commit has done it."""
        self.died = False
        if self.calm or self.chance.random() < 0.3:
            move()
            return
        point = self.chance.choice([*faults.points("payments."), *faults.points("act:") * 3])
        with suppress(faults.Crash), faults.armed(point, self.die if point == "act:after_commit" else None):
            move()

    def die(self) -> None:
        self.died = True

    def build(self) -> None:
        built(self.made)

    def advance(self, pk: int, state: str) -> None:
        batch = self.batch(pk)
        if state == "building":
            services.seal_batch(actor=self.made.officer, at=APPROVED, batch=batch)
        elif state == "sealed":
            services.authorise_batch(actor=self.made.finance, at=APPROVED, batch=batch)
        else:
            kind = self.chance.choice(["csv", "csv", "csv", "pain001", "xlsx"])
            batch = services.send_batch(actor=self.made.officer, at=APPROVED, batch=batch, file_kind=kind)
            self.books |= dict.fromkeys(self.lines(pk), "sent")
            # Who dies here has not handed the file over; whoever finds the batch cannot know it.
            if not self.died:
                self.arrives_or_is_lost(batch)

    def arrives_or_is_lost(self, batch: PaymentBatch) -> None:
        lost = self.chance.random() < 0.3
        if not lost or self.chance.random() < 0.5:
            self.bank.receive(batch)
        if lost:
            self.doubt(batch.pk)

    def doubt(self, pk: int) -> None:
        services.mark_unknown(actor=self.made.officer, at=APPROVED, batch=self.batch(pk))

    def lines(self, pk: int) -> list[int]:
        return list(PaymentLine.objects.filter(city_code=CITY, batch_id=pk).values_list("id", flat=True))

    def lose(self, pk: int) -> None:
        # Before the bank's own word nothing is booked of it; the only way out of unknown is that word.
        known = pk in self.bank.answers
        if known and not self.calm and self.chance.random() < 0.3:
            with pytest.raises(Refusal):
                self.answer(pk)
            return
        told = services.confirm_sent if known else services.confirm_not_sent
        told(actor=self.made.officer, at=APPROVED, batch=self.batch(pk))
        if not known:
            for line in self.lines(pk):
                del self.books[line]

    def answer(self, pk: int) -> None:
        content = self.bank.answers[pk]
        services.import_return(
            actor=system_actor(), at=APPROVED, batch=self.batch(pk), file_name="回单", content=content
        )
        if pk not in self.heard:
            self.heard.add(pk)
            for line in self.lines(pk):
                if self.books[line] == "sent" and line not in self.bank.garbled:
                    self.books[line] = "paid" if self.bank.paid[line] else "failed"

    def late_return(self) -> None:
        """At the bank: money goes back that the office believes to be on its way or there."""
        back = [pk for pk, state in self.books.items() if state in ("sent", "paid") and self.bank.paid.get(pk)]
        rows = PaymentLine.objects.filter(city_code=CITY, pk__in=set(back) - set(self.bank.given_back))
        for line in rows.exclude(batch__state="unknown").order_by("id")[:1]:
            if len(self.bank.given_back) < MOST_RETURNS:
                self.bank.give_back(line)

    def hear(self) -> None:
        pk = min(set(self.bank.given_back) - self.told)
        content = self.bank.given_back[pk]
        services.import_statement(
            actor=system_actor(), at=APPROVED, place=self.made.place, file_name="流水", content=content
        )
        self.told.add(pk)
        # Before anybody heard of its arrival it is a payment that failed; afterwards it wants two people.
        if self.books[pk] == "sent":
            self.books[pk] = "failed"

    def decide(self, number: int) -> None:
        case_ = ReconciliationCase.objects.get(city_code=CITY, pk=number)
        answer, pk = self.truth(case_), case_.payment_line_id
        if case_.state == "open":
            services.propose_case(
                actor=self.made.officer, at=APPROVED, case=case_, answer=answer, text="已与银行核实", evidence="复函"
            )
            return
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

    def dissolve(self, pk: int) -> None:
        services.dissolve_batch(actor=self.made.officer, at=APPROVED, batch=self.batch(pk), reason="重新编制")

    def meddle(self) -> None:
        """Somebody presses what the state of a batch does not allow: refused, and nothing has moved."""
        desk = {
            "seal": (services.seal_batch, {}),
            "send": (services.send_batch, {}),
            "lose": (services.mark_unknown, {}),
            "confirm_sent": (services.confirm_sent, {}),
            "confirm_not_sent": (services.confirm_not_sent, {}),
            "dissolve": (services.dissolve_batch, {"reason": "重新编制"}),
        }
        if self.stand["batch"]:
            pk, state = self.chance.choice(sorted(self.stand["batch"].items()))
            event = self.chance.choice(sorted(desk.keys() - MAY[state]))
            call, terms = desk[event]
            with pytest.raises(Refusal):
                call(actor=self.made.officer, at=APPROVED, batch=self.batch(pk), **terms)

    def mend(self) -> None:
        desk = registry.actor_with(Role.REVIEWER)
        for line in ClaimLine.objects.select_related("person").filter(city_code=CITY, state="failed")[:1]:
            set_card(actor=desk, at=APPROVED, person=line.person, card_number=registry.inventor().bank_card())
            if not self.died:
                services.retry_line(actor=self.made.officer, at=APPROVED, line=line)
        for due in PaymentDue.objects.select_related("claim_line__person").filter(city_code=CITY, state="failed")[:1]:
            person = due.claim_line.person
            set_card(actor=desk, at=APPROVED, person=person, card_number=registry.inventor().bank_card())
            if not self.died:
                services.retry_payment_due(actor=self.made.officer, at=APPROVED, due=due)


# How everything about payments stands; of the books how many payments and reversals.
_STANDING = """
SELECT 'batch', id, state FROM payment_batch WHERE city_code = %(city)s
UNION ALL SELECT 'line', id, state FROM claim_line WHERE city_code = %(city)s
UNION ALL SELECT 'due', id, state FROM payment_due WHERE city_code = %(city)s
UNION ALL SELECT 'case', id, state FROM reconciliation_case WHERE city_code = %(city)s AND state <> 'closed'
UNION ALL SELECT 'payment', id, state FROM payment_line WHERE city_code = %(city)s
UNION ALL SELECT 'booked', count(*), kind FROM transfer WHERE city_code = %(city)s GROUP BY kind
"""


def run(seed: int, made: Case) -> int:
    """One run on the approved claim of a case, by its seed; returns how many steps it took."""
    chance = random.Random(seed)
    bank = Bank(chance)
    office = Office(made, bank, chance)
    office.look()
    steps = 0
    while office.step():
        steps += 1
        if steps == 40:
            office.calm_down()
        assert steps < 500, "money did not arrive"
    lines = PaymentLine.objects.filter(city_code=CITY, pk__in=[pk for pk in bank.paid if bank.holds(pk)])
    claimed = list(ClaimLine.objects.filter(city_code=CITY, enrolment__in=made.enrolments).order_by("id"))
    assert dict(lines.values_list("claim_line_id", "amount_fen")) == {line.pk: FULL_FEN for line in claimed}
    assert lines.count() == len(made.people)
    assert prove(CITY).findings == ()
    assert cent_trace(chance.choice(claimed)).breaks == []
    return steps


# Runs of a hundred on one claim, each taken back before the next.
HUNDREDS, RUNS = size(ci=1, nightly=100), size(ci=3, nightly=100)


@pytest.mark.sized
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("hundred", range(HUNDREDS))
def test_every_approved_line_is_paid_exactly_once(hundred: int, measured: Callable[[str, str], None]) -> None:
    first = fresh_seed() + hundred * RUNS
    made = case(2, prepaid_by_person=True)
    approved(made)
    steps = 0
    for seed in range(first, first + RUNS):
        with transaction.atomic():
            try:
                steps += run(seed, made)
            except BaseException:
                sys.stdout.write(f"repeat with ZHAOLIANG_SEED={seed}\n")
                raise
            transaction.set_rollback(True)
    measured("11", f"{RUNS} runs of {steps} steps from seed {first}: each line once")

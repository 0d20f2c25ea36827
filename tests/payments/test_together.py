"""Several people at once, for real: threads with their own connections and commits. Each thing happens once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from concurrency import Outcome, at_once
from factories.payments import authorised, sent
from factories.subsidies import APPROVED, CITY, FULL_FEN, Case, approved, case, published
from zhaoliang.demo.bank import answer_file
from zhaoliang.funds.selectors import transfers_of
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import system_actor
from zhaoliang.payments import services
from zhaoliang.payments.excel import bank_file
from zhaoliang.payments.models import BankReturn, PaidTotal, PaymentBatch, PaymentLine
from zhaoliang.recoveries.proof import prove
from zhaoliang.registry.models import PersonGrant
from zhaoliang.subsidies import services as subsidies
from zhaoliang.subsidies.models import ClaimLine

pytestmark = [pytest.mark.commits, pytest.mark.mission("F4", "G3")]


def counted(outcome: Outcome) -> tuple[int, int]:
    """How many succeeded and how many were refused; anything else fails the test."""
    assert [error for error in outcome.errors if not isinstance(error, Refusal)] == []
    return len(outcome.answers), len(outcome.errors)


def line_of(made: Case) -> ClaimLine:
    return ClaimLine.objects.get(city_code=CITY, enrolment=made.enrolments[0])


def test_two_tabs_approve_once() -> None:
    made = case(1)
    claim = published(made)
    answers = at_once(
        [lambda: subsidies.approve_claim(actor=made.approver, at=APPROVED, claim=claim) for _ in range(4)]
    )
    assert counted(answers) == (1, 3)
    assert [transfer.amount_fen for transfer in transfers_of(CITY, "claim_line", line_of(made).pk)] == [FULL_FEN]
    assert PersonGrant.objects.filter(person_id=made.people[0].pk).count() == 1
    assert prove(CITY).findings == ()


def test_two_officers_building_at_once_take_each_line_once() -> None:
    made = case(6)
    approved(made)
    fund = made.training_class.project.fund_source
    answers = at_once(
        [
            lambda: services.build_batch(actor=made.officer, at=APPROVED, place=made.place, fund_source=fund)
            for _ in range(4)
        ]
    )
    counted(answers)
    taken = PaymentLine.objects.filter(city_code=CITY).values_list("claim_line_id", flat=True)
    assert len(taken) == len(set(taken)) == 6


def test_two_files_of_one_batch_at_once_pay_once() -> None:
    made = case(2)
    approved(made)
    batch = sent(made)
    content = answer_file(bank_file(batch))
    answers = at_once(
        [
            lambda: services.import_return(
                actor=system_actor(), at=APPROVED, batch=batch, file_name="a.xlsx", content=content
            )
            for _ in range(4)
        ]
    )
    assert counted(answers) == (4, 0)
    assert BankReturn.objects.filter(city_code=CITY, batch=batch).count() == 1
    kinds = [transfer.kind for transfer in transfers_of(CITY, "claim_line", line_of(made).pk)]
    assert kinds == ["accrue", "pay"]
    assert prove(CITY).findings == ()


def test_sending_and_dissolving_at_once_do_one_of_both() -> None:
    made = case(1)
    approved(made)
    batch = authorised(made)
    answers = at_once(
        [
            lambda: services.send_batch(actor=made.officer, at=APPROVED, batch=batch),
            lambda: services.dissolve_batch(actor=made.officer, at=APPROVED, batch=batch, reason="账号待核"),
        ]
    )
    assert counted(answers) == (1, 1)
    batch.refresh_from_db()
    line = PaymentLine.objects.get(city_code=CITY, batch=batch)
    assert (batch.state, line.state) in {("sent", "sent"), ("dissolved", "failed")}


def test_two_files_of_one_account_at_once_are_both_counted() -> None:
    batches = []
    for _ in range(2):
        made = case(2)
        approved(made)
        batches.append(sent(made))
    contents = [answer_file(bank_file(batch)) for batch in batches]

    def take(batch: PaymentBatch, content: bytes) -> Callable[[], BankReturn]:
        return lambda: services.import_return(
            actor=system_actor(), at=APPROVED, batch=batch, file_name="a.xlsx", content=content
        )

    answers = at_once([take(batch, content) for batch, content in zip(batches, contents, strict=True)])
    assert counted(answers) == (2, 0)
    assert sum(PaidTotal.objects.filter(city_code=CITY).values_list("payments", flat=True)) == 4
    assert prove(CITY).findings == ()

"""What is owed beside the first subsidy — top-ups, uplifts, advances — goes through the same batches, each paid once."""

from __future__ import annotations

from datetime import datetime

import pytest

from factories.funds import budget
from factories.payments import answered, built, sent
from factories.subsidies import APPROVED, CITY, FULL_FEN, Case, approved, case
from zhaoliang.demo.bank import answer_file
from zhaoliang.funds.models import Account
from zhaoliang.funds.selectors import transfers_of, verify_books
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import Refusal, WrongState
from zhaoliang.kernel.roles import Actor, Reach, Role, system_actor
from zhaoliang.payments import selectors, services
from zhaoliang.payments.excel import bank_file
from zhaoliang.payments.models import PaymentBatch, PaymentLine
from zhaoliang.subsidies.models import ClaimLine, PaymentDue
from zhaoliang.subsidies.selectors import due_payments
from zhaoliang.subsidies.services import drop_payment, queue_payment

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G3", "G5")]


@act("tests.owe", label="测试补差", grants={Role.SYSTEM: Reach.ANY}, on="line")
def owe(*, actor: Actor, at: datetime, line: ClaimLine, purpose: str, amount_fen: int, source: Account) -> PaymentDue:
    """Owe more for a line, as a folder above would."""
    return queue_payment(line=line, purpose=purpose, amount_fen=amount_fen, at=at, reason="标准调整", source=source)


@act("tests.drop", label="测试取消", grants={Role.SYSTEM: Reach.ANY}, on="due")
def drop(*, actor: Actor, at: datetime, due: PaymentDue) -> PaymentDue:
    """Owe it no longer."""
    return drop_payment(due=due, at=at, reason="又改回来了")


def paid_line() -> tuple[Case, ClaimLine]:
    """A line whose first subsidy has arrived."""
    made = case(1)
    approved(made)
    batch = sent(made)
    answered(made, batch, answer_file(bank_file(batch)))
    return made, ClaimLine.objects.get(city_code=CITY, enrolment=made.enrolments[0])


def queued(made: Case, line: ClaimLine, purpose: str = "top_up", fen: int = 20_000) -> PaymentDue:
    source = budget(amount_fen=1_000_000_00)
    return owe(actor=system_actor(), at=APPROVED, line=line, purpose=purpose, amount_fen=fen, source=source)


def payments(batch: PaymentBatch) -> list[tuple[str, int, int, str]]:
    rows = PaymentLine.objects.filter(city_code=CITY, batch=batch).order_by("sequence")
    return [(row.purpose, row.attempt, row.amount_fen, row.state) for row in rows]


def test_top_up_and_uplift_of_one_line_are_paid_after_its_subsidy_each_once() -> None:
    made, line = paid_line()
    top_up, again, uplift = queued(made, line), queued(made, line), queued(made, line, "uplift", 50_000)
    assert [(due.purpose, due.number) for due in due_payments(line)] == [("top_up", 1), ("top_up", 2), ("uplift", 1)]
    batch = sent(made)
    assert payments(batch) == [
        ("top_up", 1, 20_000, "sent"),
        ("top_up", 2, 20_000, "sent"),
        ("uplift", 1, 50_000, "sent"),
    ]
    answered(made, batch, answer_file(bank_file(batch)))
    line.refresh_from_db()
    assert line.state == "paid"
    assert [due.state for due in due_payments(line)] == ["paid"] * 3
    for due in (top_up, again, uplift):
        kinds = [(one.kind, one.amount_fen) for one in transfers_of(CITY, "payment_due", due.pk)]
        assert kinds == [("accrue", due.amount_fen), ("pay", due.amount_fen)]
    assert [one.amount_fen for one in transfers_of(CITY, "claim_line", line.pk)] == [FULL_FEN, FULL_FEN]
    with pytest.raises(Refusal, match="没有等待拨付"):
        built(made)
    assert verify_books(CITY) == []
    assert selectors.cent_trace(line).breaks == []


def test_a_due_sent_back_waits_for_a_corrected_account_and_is_paid_by_the_next_batch() -> None:
    made, line = paid_line()
    due = queued(made, line)
    batch = sent(made)
    answered(made, batch, answer_file(bank_file(batch), {1: "账号已销户"}))
    due.refresh_from_db()
    assert due.state == "failed"
    with pytest.raises(Refusal, match="账号已销户"):
        services.retry_payment_due(actor=made.officer, at=APPROVED, due=due)
    services.retry_payment_due(actor=made.officer, at=APPROVED, due=due, same_account=True)
    assert payments(built(made)) == [("top_up", 2, 20_000, "waiting")]


def test_a_due_can_be_dropped_until_a_batch_holds_it() -> None:
    made, line = paid_line()
    first, second = queued(made, line), queued(made, line)
    drop(actor=system_actor(), at=APPROVED, due=first)
    assert [one.kind for one in transfers_of(CITY, "payment_due", first.pk)] == ["accrue", "reverse"]
    built(made)
    with pytest.raises(WrongState):
        drop(actor=system_actor(), at=APPROVED, due=second)


def test_nothing_is_owed_that_is_no_due() -> None:
    made, line = paid_line()
    for purpose, fen in (("subsidy", 1), ("top_up", 0), ("nonsense", 1)):
        with pytest.raises(Refusal, match="款项种类不对"):
            queued(made, line, purpose, fen)

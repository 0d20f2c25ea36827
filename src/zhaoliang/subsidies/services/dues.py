"""Money owed for a claim line beside its first payment. Whoever owes it queues it here; the next payment batch pays it.

The one way for top-ups (differences), uplifts, advances, settlements and repayments: `queue_payment` books what is owed and
lets it wait; `payments` takes it into a batch, tells the payee, and books the payment when the bank confirms it.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Max

from zhaoliang.funds.models import Account, FundSource
from zhaoliang.funds.selectors import budget_account, transfers_of
from zhaoliang.funds.services import ensure_account, post_transfer
from zhaoliang.kernel.acts import running
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.subsidies.models import ClaimLine, PaymentDue
from zhaoliang.subsidies.states import PAYMENT_DUE

SUBJECT = "payment_due"
_PAYEE = ("claim_line__claim__provider", "claim_line__person", "claim_line__enrolment")


def queue_payment(
    *,
    line: ClaimLine,
    purpose: str,
    amount_fen: int,
    at: datetime,
    reason: str,
    source: Account | None = None,
    payee: str = "",
) -> PaymentDue:
    """Owe `amount_fen` more for a line and let it wait for the next payment batch; inside an act.

    Books accrue `source` → payable under the subject ("payment_due", id). `source` is a budget or reserved account of the
    line's fund, by default the budget of its region and the year of `at`. `payee` is person, provider or enterprise, by
    default the line's. The same purpose may come several times (`number`). The caller's act keeps it from counting twice.
    Raises Refusal for an unknown purpose or an amount that is not positive, NotFound without a budget, Exhausted.
    """
    if source is None:
        source = budget_account(line.city_code, line.claim.region_id, line.claim.fund_source, chinese_day(at).year)
    payable = payable_account(line, source.year)
    due = _enter(line, purpose, amount_fen, payable, at=at, reason=reason, payee=payee)
    post_transfer(
        kind="accrue",
        debit=source,
        credit=payable,
        amount_fen=amount_fen,
        at=at,
        subject_type=SUBJECT,
        subject_id=due.pk,
        memo=f"{dict(PaymentDue.PURPOSES)[purpose]}：{reason.strip()}",
    )
    return due


def queue_repayment(
    *, line: ClaimLine, amount_fen: int, payable: Account, at: datetime, reason: str, payee: str = ""
) -> PaymentDue:
    """Let money that came back after it had arrived wait for a corrected account; inside an act.

    Nothing is booked: reversing the payment has put it back into `payable`. Raises Refusal.
    """
    due = _enter(line, "repayment", amount_fen, payable, at=at, reason=reason, payee=payee)
    PAYMENT_DUE.fire(due, "hold")
    return due


def drop_payment(*, due: PaymentDue, at: datetime, reason: str) -> PaymentDue:
    """Owe a waiting or failed due no longer: its accrual is reversed; inside an act. Raises WrongState once in a batch."""
    due = PaymentDue.objects.select_for_update(no_key=True).get(city_code=due.city_code, pk=due.pk)
    PAYMENT_DUE.fire(due, "drop")
    for owed in transfers_of(due.city_code, SUBJECT, due.pk):
        if owed.kind == "accrue":
            post_transfer(
                kind="reverse",
                debit=owed.credit,
                credit=owed.debit,
                amount_fen=owed.amount_fen,
                at=at,
                subject_type=SUBJECT,
                subject_id=due.pk,
                memo=reason.strip(),
                reverses=owed,
            )
    return due


def payable_account(line: ClaimLine, year: int) -> Account:
    """The account of what is owed for lines of the line's region and fund in a year, opened when missing; inside an act."""
    region, fund = line.claim.region_id, line.claim.fund_source
    return ensure_account(
        city_code=line.city_code,
        region_code=region,
        code=f"payable-{region}-{fund}-{year}",
        name=f"应付补贴（{FundSource(fund).label} {year}）",
        kind="payable",
        fund_source=fund,
        year=year,
    )


def take_due_for_retry(due: PaymentDue) -> PaymentDue:
    """A due as it is now with what finding its payee needs, locked for the rest of the act."""
    rows = PaymentDue.objects.select_for_update(of=("self",), no_key=True).select_related(*_PAYEE)
    return rows.get(city_code=due.city_code, pk=due.pk)


def retry_due(due: PaymentDue) -> None:
    """A failed due waits for the next batch."""
    PAYMENT_DUE.fire(due, "retry")


def bounce_due(due: PaymentDue) -> None:
    """The bank gave the money of a paid due back; a repayment follows as a due of its own."""
    PAYMENT_DUE.fire(due, "bounce")


def _enter(
    line: ClaimLine, purpose: str, amount_fen: int, payable: Account, *, at: datetime, reason: str, payee: str
) -> PaymentDue:
    running()
    if purpose not in dict(PaymentDue.PURPOSES) or purpose == "subsidy" or amount_fen <= 0:
        raise Refusal(
            what="没有列入待拨付。",
            why="款项种类不对，或金额不是正数。",
            next_step="请核对后重新办理；首次补贴由审批列入。",
        )
    # The line's lock keeps two dues of one purpose from taking the same number.
    ClaimLine.objects.select_for_update(of=("self",), no_key=True).get(city_code=line.city_code, pk=line.pk)
    earlier = PaymentDue.objects.filter(city_code=line.city_code, claim_line=line, purpose=purpose)
    return PaymentDue.objects.create(
        city_code=line.city_code,
        claim_line=line,
        purpose=purpose,
        number=(earlier.aggregate(last=Max("number"))["last"] or 0) + 1,
        amount_fen=amount_fen,
        payee=payee or line.payee,
        payable=payable,
        reason=reason.strip()[:200],
        queued_at=at,
    )

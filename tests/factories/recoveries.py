"""Lines at every point where a later change can meet them, made through the services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from factories.payments import answered, sent
from factories.registry import actor_with
from factories.subsidies import APPROVED, CITY, Case, approved, case
from zhaoliang.attendance.models import Attendance
from zhaoliang.certificates.models import Certificate
from zhaoliang.demo.bank import answer_file
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.payments.excel import bank_file
from zhaoliang.recoveries.models import Correction, Difference, RecoveryCase
from zhaoliang.recoveries.services import confirm_correction, propose_correction, receive
from zhaoliang.registry.services import record_status
from zhaoliang.subsidies.models import ClaimLine

LATER = APPROVED + timedelta(days=30)


@dataclass(frozen=True)
class Found:
    """A line with the class it belongs to."""

    made: Case
    line: ClaimLine


def line_of(made: Case, index: int = 0) -> ClaimLine:
    """The line of a trainee as it is now."""
    rows = ClaimLine.objects.select_related("claim", "certificate")
    return rows.get(city_code=CITY, enrolment=made.enrolments[index])


def paid(size: int = 1, failures: dict[int, str] | None = None, **given: object) -> Case:
    """A class whose lines have arrived, but for those the bank sent back (by sequence)."""
    made = case(size, **given)
    approved(made)
    batch = sent(made)
    answered(made, batch, answer_file(bank_file(batch), failures or {}))
    return made


def revoke(line: ClaimLine, state: str = "revoked") -> None:
    """The line's certificate as if it had been revoked."""
    Certificate.objects.filter(city_code=CITY, pk=line.certificate_id).update(state=state)


def attended(line: ClaimLine, minutes: int) -> None:
    """The line's attendance as if it had been corrected."""
    Attendance.objects.filter(city_code=CITY, enrolment_id=line.enrolment_id).update(credited_minutes=minutes)


def draws_pension(line: ClaimLine) -> None:
    """The register says so, since before the class."""
    record_status(
        actor=system_actor(),
        at=LATER,
        person=line.person,
        kind="pension",
        holds=True,
        source="数据比对",
        checked_on=date(2026, 8, 1),
        valid_from=date(2026, 1, 1),
    )


def corrected(line: ClaimLine, amount_fen: int, cause: str = "policy_misread") -> Difference:
    """A correction proposed by one person and confirmed by another."""
    made: Correction = propose_correction(
        actor=actor_with(Role.REVIEWER), at=LATER, line=line, amount_fen=amount_fen, cause=cause, text="核对条款后更正"
    )
    return confirm_correction(actor=actor_with(Role.APPROVER), at=LATER, correction=made)


def case_of(line: ClaimLine) -> RecoveryCase:
    """The line's only case."""
    return RecoveryCase.objects.get(city_code=CITY, claim_line=line)


def paid_back(line: ClaimLine, amount_fen: int, reference: str) -> None:
    """So much of the line's only case came back by the bank."""
    receive(
        actor=actor_with(Role.FUND_OFFICER),
        at=LATER,
        case=case_of(line),
        amount_fen=amount_fen,
        received_on=chinese_day(LATER),
        bank_reference=reference,
    )

"""The facts of claim lines: what classes knows of each trainee, plus attendance, examination and certificate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from zhaoliang.attendance.selectors import class_totals
from zhaoliang.catalogue.models import CertificateKind
from zhaoliang.certificates.models import Certificate
from zhaoliang.certificates.selectors import issued_in_class
from zhaoliang.classes.facts import CERTIFICATE_FACT, FactSheet, base_facts, put_certificate_grants
from zhaoliang.classes.known import Known, known_people
from zhaoliang.evaluation.models import ExamResult
from zhaoliang.evaluation.selectors import published_results
from zhaoliang.registry.models import PersonGrant
from zhaoliang.subsidies.models import Claim, ClaimLine


@dataclass(frozen=True)
class ClassOutcome:
    """What a class came to: by enrolment id the minutes (planned, credited), the published result, the certificates.

    `issued` are all that were ever issued for a result: a certificate given out anew is one with that in whose place it came.
    """

    totals: dict[int, tuple[int, int]]
    results: dict[int, ExamResult]
    issued: Mapping[int, Sequence[Certificate]]

    def certificate(self, enrolment_id: int) -> Certificate | None:
        """The certificate that counts now."""
        return next((one for one in self.issued.get(enrolment_id, ()) if one.state != "replaced"), None)


def class_outcome(claim: Claim) -> ClassOutcome:
    """Attendance, published results and certificates of a claim's class; three queries, whatever its size."""
    training_class = claim.training_class
    return ClassOutcome(
        class_totals(training_class), published_results(training_class), issued_in_class(training_class)
    )


def known_of(claim: Claim, lines: Sequence[ClaimLine]) -> dict[int, Known]:
    """What the registers know of the lines' people as of the class, in a fixed number of queries."""
    training_class = claim.training_class
    return known_people(
        city_code=claim.city_code,
        person_ids=[line.person_id for line in lines],
        start=training_class.starts_on,
        end=training_class.ends_on,
        training_class=training_class,
    )


def claim_facts(line: ClaimLine, outcome: ClassOutcome, known: Known) -> FactSheet:
    """Everything known of a line, with where it is known from. What is not known is left out: it never refuses.

    For whole claims and audits `sql/line_facts.sql` says the same in one statement.
    """
    enrolment, claim = line.enrolment, line.claim
    known = replace(known, grants=grants_before(line, known.grants))
    training_class = claim.training_class
    sheet = base_facts(
        city_code=line.city_code,
        project=training_class.project,
        start=training_class.starts_on,
        person=line.person,
        birth_date=line.person.birth_date,
        voucher=line.voucher,
        group=enrolment.group,
        training_class=training_class,
        known=known,
        employer_uscc=enrolment.employer_uscc,
    )
    if line.voucher is not None and line.state == "paid" and line.voucher.state == "redeemed":
        # It was paid with this very line; when the line was judged it was in the claim.
        sheet.put(line.voucher, "培训券", voucher_state="in_claim")
    sheet.put(enrolment, "考勤", attended_hours=Fraction(line.credited_minutes, training_class.minutes_per_hour))
    result = outcome.results.get(enrolment.pk)
    if result is not None:
        sheet.put(result, "考核成绩", exam_passed=result.passed)
        _put_certificate(sheet, result, outcome, known)
    return sheet


def grants_before(line: ClaimLine, grants: Iterable[PersonGrant]) -> list[PersonGrant]:
    """The grants that were there before this line's own, all of them while it has none."""
    held = list(grants)
    own = next((grant for grant in held if (grant.claim_line_id, grant.city_code) == (line.pk, line.city_code)), None)
    if own is None:
        return held
    return [grant for grant in held if (grant.granted_on, grant.pk) < (own.granted_on, own.pk)]


def _put_certificate(sheet: FactSheet, result: ExamResult, outcome: ClassOutcome, known: Known) -> None:
    """A trainee who failed has none; one who passed and has none yet is simply not known to have one."""
    certificate = outcome.certificate(result.enrolment_id)
    if certificate is None:
        if not result.passed:
            sheet.put(result, "考核成绩", certificate_kind="none")
        return
    if certificate.state == "revoked":
        sheet.put(certificate, "证书", certificate_kind="none")
    elif certificate.state != "suspended":
        sheet.put(
            certificate,
            "证书",
            certificate_kind=CERTIFICATE_FACT[CertificateKind(certificate.kind)],
            certificate_level=certificate.level or 0,
            certificate_occupation=certificate.occupation_id,
            # Issuing enters the number in the national index in the same transaction.
            certificate_registered=True,
        )
        numbers = {one.number for one in outcome.issued[result.enrolment_id]}
        put_certificate_grants(sheet, known.grants, numbers)

"""Certificates, issued through the services."""

from __future__ import annotations

from datetime import date

from factories import evaluation
from factories.evaluation import Taught
from zhaoliang.certificates.models import Certificate
from zhaoliang.certificates.services import issue_for_exam
from zhaoliang.evaluation.models import Exam

ISSUED = date(2026, 3, 25)


def issued(made: Taught, *scores: tuple[int | None, int | None], on: date = ISSUED) -> tuple[Exam, list[Certificate]]:
    """The examination and the certificates of everybody who passed it."""
    exam = evaluation.published(made, *scores)
    return exam, issue_for_exam(actor=made.recorder, at=evaluation.AFTER, exam=exam, issued_on=on)


def certificate(made: Taught | None = None) -> Certificate:
    """One certificate of a new class of one."""
    return issued(made or evaluation.taught(1))[1][0]

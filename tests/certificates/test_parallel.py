"""Numbers under load: many examinations issued at the same moment by the same organisation (trust figure 29)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from factories import evaluation, registry
from factories.certificates import ISSUED
from factories.evaluation import AFTER, Taught
from zhaoliang.certificates.models import Certificate, CertificateIndex
from zhaoliang.certificates.services import issue_for_exam
from zhaoliang.evaluation.models import Exam
from zhaoliang.kernel.identifiers.certificates import parse_training_certificate

pytestmark = [pytest.mark.commits, pytest.mark.mission("E4")]
EXAMS, AT_ONCE = 50, 10


def _issue_all(work: list[tuple[Taught, Exam]]) -> list[list[str]]:
    start = threading.Barrier(AT_ONCE)

    def issue(index: int) -> list[str]:
        made, exam = work[index]
        if index < AT_ONCE:
            start.wait(timeout=60)
        try:
            done = issue_for_exam(actor=made.recorder, at=AFTER, exam=exam, issued_on=ISSUED)
            return [row.number for row in done]
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(issue, range(len(work))))


def test_fifty_parallel_issues_leave_no_gap_and_no_double() -> None:
    evaluator, provider = registry.organisation(evaluator=True), registry.organisation()
    work = []
    for _ in range(EXAMS):
        made = evaluation.taught(2, evaluator=evaluator, provider=provider)
        work.append((made, evaluation.published(made)))
    numbers = [number for done in _issue_all(work) for number in done]
    assert sorted(int(number[16:]) for number in numbers) == list(range(1, 2 * EXAMS + 1))
    assert CertificateIndex.objects.filter(pk__in=numbers).count() == 2 * EXAMS


def test_the_same_examination_issued_ten_times_at_once_yields_one_set() -> None:
    made = evaluation.taught(3)
    exam = evaluation.published(made)
    answers = _issue_all([(made, exam)] * AT_ONCE)
    assert len({tuple(numbers) for numbers in answers}) == 1
    assert Certificate.objects.filter(city_code=exam.city_code, result__exam=exam).count() == 3


def test_ten_providers_of_a_district_get_different_numbers_at_once() -> None:
    work = []
    for _ in range(AT_ONCE):
        made = evaluation.taught(1, own_exam=True)
        work.append((made, evaluation.published(made)))
    numbers = [parse_training_certificate(done[0]) for done in _issue_all(work)]
    assert sorted(number.provider for number in numbers) == list(range(1, AT_ONCE + 1))

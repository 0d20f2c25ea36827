"""The evaluation organisation records and publishes by two people; the provider hands the claim in."""

from __future__ import annotations

import pytest
from django.urls import reverse

from factories import evaluation, subsidies
from zhaoliang.evaluation.models import ExamResult
from zhaoliang.kernel.roles import Role

pytestmark = pytest.mark.django_db


@pytest.mark.mission("D6", "N3")
def test_scores_typed_on_the_page_are_recorded_and_published_by_another(sit, at_time) -> None:
    made = evaluation.taught()
    exam = evaluation.planned(made)
    at_time(evaluation.AFTER)
    recorder = sit(exam.evaluator, Role.EVALUATOR)
    people = [one.pk for one in made.enrolments]
    wrong = {f"theory-{pk}": "八十" for pk in people} | {f"practice-{pk}": "80" for pk in people}
    page = recorder.post(reverse("provider:exam_record", args=[exam.city_code, exam.pk]), wrong)
    assert page.status_code == 422
    assert not ExamResult.objects.filter(city_code=exam.city_code).exists()
    right = {f"{part}-{pk}": "80.5" for pk in people for part in ("theory", "practice")}
    recorder.post(reverse("provider:exam_record", args=[exam.city_code, exam.pk]), right)
    assert set(ExamResult.objects.filter(city_code=exam.city_code).values_list("theory_tenths", flat=True)) == {805}
    publish = reverse("provider:exam_publish", args=[exam.city_code, exam.pk])
    assert recorder.post(publish).status_code == 403
    assert sit(exam.evaluator, Role.EVALUATOR).post(publish).status_code == 302
    exam.refresh_from_db()
    assert exam.state == "published"


@pytest.mark.mission("F2")
def test_the_provider_sees_every_line_with_its_clause_and_hands_the_claim_in(sit, at_time) -> None:
    made = subsidies.case()
    claim = subsidies.assembled(made)
    at_time(subsidies.ASSESSED)
    client = sit(claim.provider)
    page = client.get(reverse("provider:claim", args=[claim.city_code, claim.pk]))
    assert "第九条" in page.content.decode()
    client.post(reverse("provider:claim_confirm", args=[claim.city_code, claim.pk]))
    claim.refresh_from_db()
    assert claim.state == "first_review"

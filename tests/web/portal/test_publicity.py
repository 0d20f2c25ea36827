"""Publicity: masked, dated, and anybody may object."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from factories import subsidies
from zhaoliang.subsidies.models import Claim, Objection

pytestmark = [pytest.mark.django_db, pytest.mark.mission("N1", "F4")]


@pytest.fixture
def claim(at_time: Callable[[datetime], None]) -> Claim:
    at_time(subsidies.PUBLISHED + timedelta(hours=1))
    return subsidies.published(subsidies.case(2))


def test_names_and_numbers_are_masked(client: Client, claim: Claim) -> None:
    text = client.get("/publicity/").content.decode()
    assert claim.training_class.name in text
    for line in claim.lines.filter(city_code=claim.city_code).select_related("person"):
        assert line.person.name not in text
        assert line.person.document_number not in text
        assert line.person.name[0] + "*" in text
    assert "¥3,780.00" in text


def test_anybody_may_object_once_per_click(client: Client, claim: Claim) -> None:
    url = f"/publicity/{claim.city_code}/{claim.pk}/objection/"
    assert client.get(url).status_code == 200
    form = {"text": "名单里有人没有来上过课。", "contact": "", "key": "one"}
    first, again = client.post(url, form), client.post(url, form)
    assert (first.status_code, again.status_code) == (302, 302)
    assert Objection.objects.filter(city_code=claim.city_code, claim=claim).count() == 1


def test_an_empty_objection_keeps_what_was_typed(client: Client, claim: Claim) -> None:
    url = f"/publicity/{claim.city_code}/{claim.pk}/objection/"
    response = client.post(url, {"text": "不", "contact": "联系人甲", "key": "two"})
    assert response.status_code == 422
    text = response.content.decode()
    assert "4 到 1000 个字" in text
    assert "联系人甲" in text


def test_after_the_last_day_it_is_gone(client: Client, claim: Claim, at_time: Callable[[datetime], None]) -> None:
    at_time(subsidies.APPROVED)
    assert "今天没有公示" in client.get("/publicity/").content.decode()
    assert client.get(f"/publicity/{claim.city_code}/{claim.pk}/objection/").status_code == 404

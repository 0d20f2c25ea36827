"""People's applications on the bureau's desk: in the reviewer's queue while they are collected, taken up with one button."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from factories import registry
from factories.identity import sign_in
from factories.people import APPLIED, holder, worker
from factories.subsidies import CITY, HEPING
from zhaoliang.kernel.roles import Role
from zhaoliang.subsidies import services

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F4", "N4")]


def test_a_reviewer_takes_up_what_was_collected(client: Client) -> None:
    person, certificate = holder()
    line = services.apply_for(
        actor=worker(person), at=APPLIED, person=person, kind="skill_upgrade", certificate=certificate
    )
    desk = sign_in(client, registry.user(Role.REVIEWER, region_code=HEPING))
    home = desk.get(reverse("bureau:home")).content.decode()
    assert "技能提升补贴（2025年12月起申领）" in home
    assert "可以开始审核" in home
    url = reverse("bureau:claim", args=[CITY, line.claim_id])
    text = desk.get(url).content.decode()
    assert "还在收集个人申请，已有 1 条" in text
    assert desk.post(reverse("bureau:claim_take_up", args=[CITY, line.claim_id]), {"key": "t"}).status_code == 302
    text = desk.get(url).content.decode()
    assert "待初审" in text
    assert "还在收集" not in text
    assert "本人" in desk.get(reverse("bureau:claims")).content.decode()

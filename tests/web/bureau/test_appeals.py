"""An appeal through the pages: the school files it with a paper, an outsider decides it, the school reads the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from factories.identity import sign_in
from factories.subsidies import APPROVED, ASSESSED, CITY, HEPING, Case, case, confirmed
from zhaoliang.kernel.roles import Role
from zhaoliang.registry.models import User
from zhaoliang.subsidies import services
from zhaoliang.subsidies.models import Appeal, ClaimLine

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F4")]


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content.decode()[:2000]
    return answer.content.decode()


def refused_line(made: Case) -> ClaimLine:
    claim = services.pass_first(actor=made.reviewer, at=ASSESSED, claim=confirmed(made))
    claim = services.pass_second(actor=made.second, at=ASSESSED, claim=claim)
    services.approve_claim(actor=made.approver, at=APPROVED, claim=claim)
    return ClaimLine.objects.select_related("claim").get(city_code=CITY, claim=claim, state="refused")


def test_a_school_appeals_and_reads_why_it_lost(
    desk: Callable[..., Client], at_time: Callable[[datetime], None]
) -> None:
    made = case(2, attended={0: 4000})
    line = refused_line(made)
    at_time(APPROVED + timedelta(days=1))
    school = sign_in(Client(), User.objects.get(pk=made.staff.user_id))
    claim_page = reverse("provider:claim", args=[CITY, line.claim_id])
    form = reverse("provider:line_appeal", args=[CITY, line.pk])
    assert form in text(school.get(claim_page))
    assert "8月3日" in text(school.get(form))
    assert "请填写申诉理由" in text(school.post(form, {"text": ""}), 422)
    paper = SimpleUploadedFile("签到.pdf", b"%PDF-1.7")
    assert school.post(form, {"text": "6月8日系统故障，签到没有记上", "file": paper}).status_code == 302
    appeal = Appeal.objects.get(city_code=CITY, claim_line=line)
    shown = text(school.get(claim_page))
    assert "待决定" in shown
    bystander = desk(Role.APPROVER, region_code=HEPING)
    home = text(bystander.get(reverse("bureau:home")))
    assert "核实并决定申诉" in home
    listed = text(bystander.get(reverse("bureau:appeals")))
    url = reverse("bureau:appeal", args=[CITY, appeal.pk])
    assert url in listed
    page = text(bystander.get(url))
    assert all(word in page for word in ("系统故障", "签到.pdf", "还剩", "申诉成立，重新办理"))
    assert bystander.get(reverse("bureau:appeal_file", args=[CITY, appeal.pk])).content == b"%PDF-1.7"
    decide = reverse("bureau:appeal_decide", args=[CITY, appeal.pk])
    refusal = text(bystander.post(decide, {"grants": "yes", "text": "同意"}), 422)
    assert "4 到 500" in refusal
    assert (
        bystander.post(decide, {"grants": "no", "text": "设备日志没有故障记录", "clause": "津20号第九条"}).status_code
        == 302
    )
    lost = text(school.get(claim_page))
    assert all(word in lost for word in ("维持原结论", "设备日志没有故障记录", "津20号第九条", "行政复议"))
    assert "申诉" in text(school.get(form))
    assert text(bystander.get(reverse("bureau:appeals"))).count(url) == 0

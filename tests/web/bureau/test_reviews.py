"""Filing review and claim review as the officers do them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from factories import classes, subsidies
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.kernel.roles import Role
from zhaoliang.subsidies import services
from zhaoliang.subsidies.models import ClaimLine

pytestmark = [pytest.mark.django_db, pytest.mark.mission("N4")]

Clock = Callable[[datetime], None]
Desk = Callable[..., Client]


def _url(name: str, of: object) -> str:
    return reverse(f"bureau:{name}", args=[of.city_code, of.pk])  # type: ignore[attr-defined]  # any city row


@pytest.mark.mission("D1")
def test_a_filing_shows_its_plan_and_is_accepted_once(
    desk: Desk, at_time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = classes.filed(people=2)
    at_time(classes.AT + timedelta(hours=1))
    client = desk(Role.REVIEWER, region_code=made.project.region_id)
    assert made.name in client.get(reverse("bureau:home")).content.decode()
    # More than fit: said, and not counted as if these were all.
    with monkeypatch.context() as patch:
        patch.setattr("zhaoliang.web.bureau.work.MOST_SHOWN", 1)
        home = client.get(reverse("bureau:home")).content.decode()
    assert "您有 1 件以上的事要办" in home
    assert "开班备案只列出最急的 1 件" in home
    text = client.get(_url("class", made)).content.decode()
    for part in ("规则逐条", "课程表", "教师", "教材", "名册", "同意备案", "还剩"):
        assert part in text
    for _ in range(2):
        answer = client.post(_url("class_accept", made), {"key": "once"}, follow=True)
        assert "已同意备案" in answer.content.decode()
    made.refresh_from_db()
    assert made.state == "accepted"
    assert made.name not in client.get(reverse("bureau:home")).content.decode()


@pytest.mark.mission("D1")
def test_a_filing_goes_back_only_with_a_reason(desk: Desk) -> None:
    made = classes.filed()
    client = desk(Role.REVIEWER, region_code=made.project.region_id)
    answer = client.post(_url("class_return", made), {"key": "a", "reason": "  "})
    assert answer.status_code == 422
    assert _url("class", made) in answer.content.decode()
    client.post(_url("class_return", made), {"key": "b", "reason": "课程表第三天没有教师"})
    made.refresh_from_db()
    assert (made.state, made.return_reason) == ("draft", "课程表第三天没有教师")


@pytest.mark.mission("F3")
def test_each_line_shows_rules_clauses_amount_and_hides_the_number(desk: Desk) -> None:
    made = subsidies.case(2)
    claim = subsidies.confirmed(made)
    client = desk(made.reviewer)
    text = client.get(_url("claim", claim)).content.decode()
    assert "条规则全部通过" in text
    assert "¥3,780.00" in text
    assert "津人社局发" in text
    for person in made.people:
        assert person.document_number not in text
        assert person.name not in text


def test_opening_a_line_is_recorded_under_the_person(desk: Desk) -> None:
    made = subsidies.case(2)
    claim = subsidies.confirmed(made)
    line = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim).latest("id")
    desk(made.reviewer).get(_url("claim", claim), {"line": line.pk})
    look = AuditEvent.objects.filter(city_code=claim.city_code, act="look").latest("id")
    assert (look.person_id, look.detail) == (line.person_id, {"why": "审核补贴申领"})


@pytest.mark.mission("F4")
def test_a_doubted_line_stops_the_claim_until_somebody_judges_it(desk: Desk, at_time: Clock) -> None:
    made = subsidies.case(2)
    claim = subsidies.confirmed(made)
    at_time(subsidies.PUBLISHED)
    client = desk(made.reviewer)
    line = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim).earliest("id")
    client.post(_url("line_question", line), {"key": "q", "text": "签到时间集中，请核对监控"})
    assert "要先判断" in client.get(_url("claim", claim)).content.decode()
    assert client.post(_url("claim_pass_first", claim), {"key": "p"}).status_code == 409
    # The browser asks for a reason of the length that the rules want, before the page is left.
    assert re.search(
        r'id="judgement"[^>]* minlength="4"[^>]* required', client.get(_url("claim", claim)).content.decode()
    )
    assert client.post(_url("line_judge", line), {"key": "j", "decision": "pass", "text": ""}).status_code == 422
    judged = {"key": "j2", "decision": "pass", "text": "已看监控，本人到课"}
    answer = client.post(_url("line_judge", line), judged, follow=True)
    assert "已判断为符合" in answer.content.decode()
    line.refresh_from_db()
    assert (line.state, line.judgement, line.amount_fen) == ("passed", "已看监控，本人到课", subsidies.FULL_FEN)
    client.post(_url("claim_pass_first", claim), {"key": "p2"})
    claim.refresh_from_db()
    assert claim.state == "second_review"


@pytest.mark.mission("F4")
def test_two_people_publicity_objection_and_approval(desk: Desk, at_time: Clock) -> None:
    made = subsidies.case(1)
    claim = subsidies.confirmed(made)
    at_time(subsidies.PUBLISHED)
    desk(made.reviewer).post(_url("claim_pass_first", claim), {"key": "1"})
    assert desk(made.reviewer).post(_url("claim_pass_second", claim), {"key": "2"}).status_code == 403
    second, approver = desk(made.second), desk(made.approver)
    assert "复核通过并公示 5 个工作日" in second.get(_url("claim", claim)).content.decode()
    second.post(_url("claim_pass_second", claim), {"key": "3"})
    said = {"key": "4", "text": "听说有人没有上课", "contact": ""}
    approver.post(_url("claim_object", claim), said)
    at_time(subsidies.APPROVED)
    assert "公示异议" in approver.get(reverse("bureau:home")).content.decode()
    assert approver.post(_url("claim_approve", claim), {"key": "5"}).status_code == 409
    found = claim.objections.get()
    approver.post(_url("objection_answer", found), {"key": "6", "answer": "核对考勤，均到课", "upheld": "no"})
    approver.post(_url("claim_approve", claim), {"key": "7"})
    claim.refresh_from_db()
    assert claim.state == "approved"


def test_a_return_reaches_the_provider_with_its_reason(desk: Desk) -> None:
    made = subsidies.case(1)
    claim = subsidies.confirmed(made)
    client = desk(made.reviewer)
    client.post(_url("claim_return", claim), {"key": "r", "reason": "证书编号与登记不符"})
    claim.refresh_from_db()
    assert (claim.state, claim.return_reason) == ("returned", "证书编号与登记不符")
    assert "证书编号与登记不符" in client.get(_url("claim", claim)).content.decode()


def test_the_review_costs_the_same_queries_for_one_line_and_for_four(desk: Desk) -> None:
    counts = []
    for size in (1, 4):
        made = subsidies.case(size)
        claim = subsidies.confirmed(made)
        client = desk(made.reviewer)
        client.get(_url("claim", claim))
        with CaptureQueriesContext(connection) as seen:
            client.get(_url("claim", claim))
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_the_list_is_narrowed_by_state(desk: Desk) -> None:
    made = subsidies.case(1)
    claim = subsidies.confirmed(made)
    services.pass_first(actor=made.reviewer, at=subsidies.PUBLISHED, claim=claim)
    client = desk(made.reviewer)
    listed = client.get(reverse("bureau:claims"), {"state": "second_review"}).content.decode()
    empty = client.get(reverse("bureau:claims"), {"state": "publicity"}).content.decode()
    assert made.training_class.name in listed
    assert made.training_class.name not in empty

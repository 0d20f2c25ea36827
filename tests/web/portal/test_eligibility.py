"""我能享受什么: answers in, subsidies with reasons out, nothing kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client

from factories import catalogue, vouchers
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.web.portal import eligibility
from zhaoliang.web.portal.eligibility import FIRST, answers, still_asked

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F1", "N1", "N2")]

TIANJIN, JIANGSU, ON = 120000, 320000, date(2026, 3, 2)
WORKER = {"person_age_at_start": "30", "group": "05", "student_status": "none", "pension_drawn": "no"}
HISTORY = {
    "establishment_staff": "no",
    "trainings_paid_lifetime": "0",
    "trainings_paid_this_year": "0",
    "same_occupation_level_paid": "no",
    "highest_level_paid": "none",
    "fund_double_paid": "no",
}


@pytest.fixture(autouse=True)
def today(at_time: Callable[[datetime], None]) -> None:
    at_time(vouchers.AT)


def ask(client: Client, project: int | None = None, **given: str) -> str:
    address = f"/eligibility/?region={TIANJIN}" + (f"&project={project}" if project else "")
    return client.post(address, given).content.decode()


def test_a_worker_with_a_project_in_mind_reads_the_amount_and_its_clauses(client: Client) -> None:
    project = catalogue.project()
    text = ask(client, project.pk, **WORKER, **HISTORY)
    assert project.name in text
    assert "这个金额怎么来的" in text
    assert "津人社局发〔2022〕20号" in text
    assert "发给培训机构" in text or "发给本人" in text


def test_nothing_answered_refuses_nothing(client: Client) -> None:
    text = ask(client, catalogue.project().pk, group="")
    assert "不能享受" not in text
    assert "再答几个，结果更准" in text


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"pension_drawn": "yes"}, "已按月领取养老保险待遇的人员不能享受补贴"),
        ({"person_age_at_start": "15"}, "开班时未满16周岁的不能享受补贴"),
        ({"establishment_staff": "yes"}, "机关事业单位人员不能享受补贴"),
    ],
)
def test_a_refusal_says_why_by_which_clause_and_what_to_do(client: Client, answer: dict[str, str], says: str) -> None:
    text = ask(client, catalogue.project().pk, **{**WORKER, **answer})
    assert says in text
    assert "第四条" in text


def test_what_is_missing_is_asked_next_and_only_that(client: Client) -> None:
    catalogue.project()
    first = client.get(f"/eligibility/?region={TIANJIN}").content.decode()
    assert all(f'name="{name}"' in first for name in FIRST)
    assert 'name="trainings_paid_this_year"' not in first
    assert 'name="trainings_paid_this_year"' in ask(client, **WORKER)


def test_more_answers_only_ever_settle_what_was_open() -> None:
    given = {"person_age_at_start": 30, "group": "05"}
    before = {one.scheme: one.decision.outcome for one in answers(TIANJIN, given, ON)}
    after = {one.scheme: one.decision.outcome for one in answers(TIANJIN, {**given, "pension_drawn": True}, ON)}
    assert all(after[scheme] == outcome for scheme, outcome in before.items() if outcome != "cannot_tell")
    assert "fail" in after.values()


def test_only_what_a_person_can_know_is_asked() -> None:
    asked = set(still_asked(answers(TIANJIN, {}, ON), ()))
    assert asked
    assert not asked & {
        "voucher_state",
        "attended_hours",
        "certificate_registered",
        "filing_lead_days",
        *eligibility.ASSUMED,
    }


def test_nobody_is_asked_which_funds_pay_and_each_is_told(client: Client) -> None:
    ready = {
        "person_age_at_start": 30,
        "group": "05",
        "student_status": "none",
        "pension_drawn": False,
        "establishment_staff": False,
        "trainings_paid_lifetime": 0,
        "trainings_paid_this_year": 0,
        "same_occupation_level_paid": False,
        "highest_level_paid": "none",
        "fund_double_paid": False,
        "level": "intermediate",
        "kind": "skill_level",
    }
    found = answers(JIANGSU, ready, ON)
    assert eligibility.BY_BUREAU not in still_asked(found, ())
    assert not any(eligibility.BY_BUREAU in one.missing for one in found)
    (hanging,) = (one for one in found if one.scheme == "evaluation")
    assert {len(one.funds) for one in hanging.by_fund} == {1, 3}, "alike sources are told together"
    assert "由人社部门办班时定" in render_to_string("portal/_answer.html", {"one": hanging})
    assert 'name="fund_source"' not in ask(client, **WORKER)


def test_an_amount_that_hangs_on_one_answer_is_told_from_to() -> None:
    (grant,) = (one for one in answers(TIANJIN, {}, ON) if one.scheme == "school_grant")
    assert grant.fen is None
    assert grant.spread is not None
    assert 0 < grant.spread.least < grant.spread.most
    shown = render_to_string("portal/_answer.html", {"one": grant})
    assert "最多" in shown
    assert "金额还算不出来" not in shown


def test_what_most_subsidies_wait_for_is_asked_first_and_what_was_left_open_again_later(client: Client) -> None:
    catalogue.project()
    found = answers(TIANJIN, {}, ON)
    waiting = [sum(name in one.missing for one in found) for name in still_asked(found, FIRST)]
    assert waiting == sorted(waiting, reverse=True)
    place = f"/eligibility/?region={TIANJIN}"
    first = client.post(place, WORKER).context
    shown = [field.name for field in first["more"]]
    assert len(shown) == eligibility.ASKED_AT_ONCE
    second = client.post(place, {**WORKER, **dict.fromkeys(shown, "")}).context
    assert not {field.name for field in second["more"]} & set(shown)
    assert {field.name for field in second["later"]} >= set(shown)


def test_a_wrong_answer_is_named_and_the_others_stay(client: Client) -> None:
    catalogue.project()
    text = ask(client, **{**WORKER, "person_age_at_start": "三十"})
    assert "开班时周岁要填整数" in text
    assert '<option value="05" selected' in text


def test_answers_are_stored_nowhere(client: Client, django_assert_num_queries: object) -> None:
    catalogue.project()
    events = AuditEvent.objects.filter(city_code=TIANJIN).count()
    with connection.execute_wrapper(_only_reading):
        ask(client, **WORKER)
    assert AuditEvent.objects.filter(city_code=TIANJIN).count() == events


def _only_reading(execute: Callable[..., object], sql: str, *rest: object) -> object:
    assert sql.lstrip().upper().startswith(("SELECT", "SAVEPOINT", "RELEASE")), sql
    return execute(sql, *rest)

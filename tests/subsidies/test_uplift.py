"""The uplift for a job after training: set by a local text, claimed once by itself when the job is proved in time.

No text of the library sets one (人社部发〔2025〕10号 四（六） leaves it to the place), so the test has a text of its own invention.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from factories import registry
from factories.identity import sign_in
from factories.lawbook import in_force
from factories.people import Bureau, paid, to_approval, worker
from factories.subsidies import CITY, FULL_FEN, Case, approved, case
from factories.uplift import UPLIFT
from zhaoliang import policy
from zhaoliang.careers.services import record_job
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.policy import Outcome
from zhaoliang.registry.models import Notice
from zhaoliang.subsidies.entitlements import entitlements
from zhaoliang.subsidies.models import CheckResult, ClaimLine
from zhaoliang.subsidies.services import apply_for
from zhaoliang.subsidies.tasks import uplifts

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F5")]


@pytest.fixture(autouse=True)
def text() -> None:
    in_force("cn-12/jiuye-qingxie/2026-01-01.yaml", UPLIFT)


def day(year: int, month: int, number: int) -> datetime:
    return datetime(year, month, number, 2, 0, tzinfo=UTC)


def job(made: Case, place: int, from_on: date, at: datetime, **more: Any) -> None:
    given: dict[str, Any] = {"actor": system_actor(), "proof": "insurance", "insured": True} | more
    record_job(**given, at=at, person=made.people[place], employer_name="测试公司", from_on=from_on)


def raised() -> list[ClaimLine]:
    return list(ClaimLine.objects.filter(city_code=CITY, kind="uplift").select_related("decision").order_by("id"))


def test_a_job_in_time_brings_the_uplift_once_when_it_has_lasted() -> None:
    made = case(3)
    claim = approved(made)
    desk = Bureau(made.reviewer, made.approver, made.officer, made.finance)
    paid(claim, desk, day(2026, 7, 14))
    assert uplifts(CITY, day(2026, 9, 30)) == 0
    # The last day of the six months, a day later, and in time by the worker's own word only.
    job(made, 0, date(2026, 12, 19), day(2026, 12, 20))
    job(made, 1, date(2026, 12, 20), day(2026, 12, 21))
    job(made, 2, date(2026, 9, 1), day(2026, 9, 30), actor=worker(made.people[2]), proof="contract", insured=False)
    assert uplifts(CITY, day(2026, 11, 30)) == 0
    assert uplifts(CITY, day(2026, 12, 21)) == 1
    [asked] = raised()
    assert asked.decision is not None
    assert (asked.person_id, asked.state) == (made.people[2].pk, "to_person")
    doubts = policy.Decision.from_json(asked.decision.record).with_outcome(Outcome.CANNOT_TELL)
    assert [one.rule_id for one in doubts] == ["job_shown"]
    # Three full months to the day, not a day before; then never again.
    assert uplifts(CITY, day(2027, 3, 18)) == 0
    assert uplifts(CITY, day(2027, 3, 19)) == 1
    assert uplifts(CITY, day(2027, 3, 20)) == 0
    line = raised()[1]
    assert line.decision is not None
    assert (line.person_id, line.amount_fen, line.payee) == (made.people[0].pk, FULL_FEN // 5, "provider")
    assert policy.Decision.from_json(line.decision.record).steps[0].citation.number == "测人社〔2026〕2号"
    assert Notice.objects.filter(city_code=CITY, kind="uplift", person=made.people[0]).count() == 1
    late = next(one for one in entitlements(made.people[1], on=date(2027, 6, 1)) if one.kind == "uplift")
    assert [one.rule_id for one in late.answer.made.refusals] == ["job_in_time"]
    with pytest.raises(Refusal, match="结业后超过6个月才就业"):
        apply_for(
            actor=worker(made.people[1]),
            at=day(2027, 6, 1),
            person=made.people[1],
            kind="uplift",
            training=late.training,
        )


def test_the_uplift_is_reviewed_published_and_paid_like_any_line() -> None:
    made = case(1)
    claim = approved(made)
    desk = Bureau(made.reviewer, made.approver, made.officer, made.finance)
    paid(claim, desk, day(2026, 7, 14))
    job(made, 0, date(2026, 7, 1), day(2026, 7, 20))
    assert uplifts(CITY, day(2026, 10, 9)) == 1
    [line] = raised()
    assert line.claim.provider == made.provider
    desk_user = registry.user(Role.PROVIDER, organisation=made.provider)
    page = sign_in(Client(), desk_user).get(reverse("provider:claim", args=[CITY, line.claim_id])).content.decode()
    assert "训后就业倾斜补贴" in page
    result = CheckResult.objects.get(city_code=CITY, pk=line.check_result_id)
    assert (line.state, line.question, result.findings) == ("passed", "", {})
    to_approval(line.claim, desk, day(2026, 10, 12))
    paid(line.claim, desk, day(2026, 11, 2))
    line.refresh_from_db()
    assert (line.state, line.amount_fen) == ("paid", FULL_FEN // 5)

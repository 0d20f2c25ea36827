"""A case that is handed over a second time: its document is a draft until another person approves this hand-over too."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from factories.recoveries import LATER, case_of, corrected, line_of, paid
from factories.registry import actor_with
from factories.subsidies import CITY
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import SamePerson
from zhaoliang.kernel.roles import Actor, Role, system_actor
from zhaoliang.recoveries import selectors, services
from zhaoliang.recoveries.models import RecoveryCase
from zhaoliang.web.bureau import handover

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G5")]
TO = {"to": "测试公安机关", "note": "涉嫌骗取补贴"}


def document(case: RecoveryCase) -> dict[str, Any]:
    return handover.document(selectors.case_page(CITY, case.pk))


def given_up(first: Actor, approver: Actor) -> RecoveryCase:
    """A case that was handed over, then agreed on after all, and not paid by the day agreed on."""
    line = line_of(paid(1))
    corrected(line, 0)
    case = case_of(line)
    services.refuse(actor=first, at=LATER, case=case, note="不再退还")
    services.propose_hand_over(actor=first, at=LATER, case=case, **TO)
    services.hand_over(actor=approver, at=LATER, case=case)
    services.agree(actor=first, at=LATER, case=case, way="once", first_on=chinese_day(LATER), note="愿意退还")
    return services.overdue(actor=system_actor(), at=LATER + timedelta(days=2), case=case)


def test_a_second_hand_over_is_signed_anew_by_two_people() -> None:
    first, approver = actor_with(Role.FUND_OFFICER), actor_with(Role.APPROVER)
    case = given_up(first, approver)
    assert [who.rsplit(" ")[0] for _, who in document(case)["signed"]] == [first.name, approver.name]
    # Who approved the first one may propose the second: they are two decisions, each by two people.
    both = replace(actor_with(Role.FUND_OFFICER), user_id=approver.user_id, person_id=approver.person_id)
    at = LATER + timedelta(days=3)
    case = services.propose_hand_over(actor=both, at=at, case=case, **TO)
    made = document(case)
    assert (made["draft"], [step for step, _ in made["signed"]]) == (True, ["提请移送"])
    # The earlier hand-over is among what happened, not among the signatures.
    assert any(text.startswith("移送（") for _, text in made["notices"])
    with pytest.raises(SamePerson):
        services.hand_over(actor=approver, at=at, case=case)
    case = services.hand_over(actor=actor_with(Role.APPROVER), at=at, case=case)
    made = document(case)
    assert (made["draft"], [step for step, _ in made["signed"]]) == (False, ["提请移送", "移送"])
    assert case.handed_at == at


def test_a_second_proposal_that_is_turned_down_leaves_no_document() -> None:
    officer, approver = actor_with(Role.FUND_OFFICER), actor_with(Role.APPROVER)
    case = given_up(officer, approver)
    case = services.propose_hand_over(actor=officer, at=LATER + timedelta(days=3), case=case, **TO)
    case = services.keep_here(actor=approver, at=LATER + timedelta(days=3), case=case, note="先催收")
    case.refresh_from_db()
    assert (case.state, case.handed_to, case.hand_over_reason) == ("refused", "", "")
    assert (case.handed_at, case.handed_by_user, case.handed_by_person) == (None, None, None)

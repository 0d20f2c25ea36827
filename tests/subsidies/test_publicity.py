"""Publicity by the calendar as it is when it ends, objections against one line, and a list of any length."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from factories.subsidies import APPROVED, CITY, FULL_FEN, PUBLISHED, case, published
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.masking import mask_id, mask_name
from zhaoliang.kernel.models import CalendarOverride
from zhaoliang.kernel.roles import Place, system_actor
from zhaoliang.subsidies import selectors, services
from zhaoliang.subsidies.models import ClaimLine

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F4")]


def test_a_holiday_entered_during_publicity_moves_its_end() -> None:
    made = case(1)
    claim = published(made)
    assert claim.publicity_until == date(2026, 7, 10)
    CalendarOverride.objects.create(day=date(2026, 7, 8), is_workday=False, source="测试：临时放假")
    with pytest.raises(Refusal, match="公示到2026年7月13日"):
        services.approve_claim(actor=made.approver, at=APPROVED, claim=claim)
    here = {"actor": system_actor(), "at": PUBLISHED, "place": Place(CITY, CITY)}
    assert [services.recount_publicity(**here) for _ in range(2)] == [1, 0]
    claim.refresh_from_db()
    assert claim.publicity_until == date(2026, 7, 13)
    # A day that becomes a working day takes nothing away from those who may object.
    CalendarOverride.objects.update(is_workday=True)
    CalendarOverride.objects.create(day=date(2026, 7, 11), is_workday=True, source="测试：调休上班")
    assert services.recount_publicity(**here) == 0
    at = APPROVED + timedelta(days=1)
    assert services.approve_claim(actor=made.approver, at=at, claim=claim).state == "approved"


def test_an_objection_upheld_against_one_line_lets_the_others_go_on() -> None:
    made, other = case(2), case(1)
    claim, foreign = published(made), published(other)
    objection = services.raise_objection(
        actor=system_actor("公众"), at=PUBLISHED, claim=claim, text="第一名学员没有上课"
    )
    # Five working days from 3 July 2026.
    assert objection.due_on == date(2026, 7, 10)
    first, second = ClaimLine.objects.filter(city_code=CITY, claim=claim).order_by("id")
    answer = {
        "actor": made.reviewer,
        "at": PUBLISHED,
        "objection": objection,
        "upheld": True,
        "answer": "录像里没有本人",
    }
    with pytest.raises(BadInput):
        services.answer_objection(**answer, line=ClaimLine.objects.get(city_code=CITY, claim=foreign))
    services.answer_objection(**answer, line=first)
    claim.refresh_from_db()
    assert claim.state == "publicity"
    services.approve_claim(actor=made.approver, at=APPROVED, claim=claim)
    first.refresh_from_db()
    second.refresh_from_db()
    assert [(one.state, one.amount_fen) for one in (first, second)] == [("refused", 0), ("approved", FULL_FEN)]
    assert "录像里没有本人" in first.refusal


def test_a_long_public_list_is_shown_by_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "PAGE", 2)
    claim = published(case(3))
    day = claim.publicity_until
    assert day is not None
    (shown,) = [
        one for one in selectors.publicity_list(CITY, selectors.in_publicity(CITY, day)) if one.claim.pk == claim.pk
    ]
    assert (len(shown.lines), shown.size, shown.total_fen) == (2, 3, 3 * FULL_FEN)
    (rest,) = selectors.publicity_list(CITY, [claim], start=shown.later or 0)
    assert (len(rest.lines), rest.size, rest.later) == (1, 3, None)
    people = [row.person for row in ClaimLine.objects.filter(city_code=CITY, claim=claim).select_related("person")]
    names = [line.name for line in (*shown.lines, *rest.lines)]
    assert sorted(names) == sorted(mask_name(person.name) for person in people)


def test_the_public_list_does_not_tell_which_line_is_whose() -> None:
    claim = published(case(6))
    day = claim.publicity_until
    assert day is not None
    rows = ClaimLine.objects.filter(city_code=CITY, claim=claim).select_related("person").order_by("id")
    by_line = [mask_id(row.person.document_number) for row in rows]
    (shown,) = selectors.publicity_list(CITY, selectors.in_publicity(CITY, day).filter(pk=claim.pk))
    # By a keyed hash of the documents, whichever way the lines were made.
    by_hash = sorted(rows, key=lambda row: bytes(row.person.id_hash))
    told = [line.masked_number for line in shown.lines]
    assert told == [mask_id(row.person.document_number) for row in by_hash]
    assert sorted(told) == sorted(by_line)

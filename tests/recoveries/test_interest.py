"""How long wrongly paid money was kept: recorded with every return and hand-over, by the rate in force, never booked."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction

import pytest

from factories.recoveries import LATER, case_of, corrected, line_of, paid
from factories.registry import actor_with
from factories.subsidies import APPROVED, CITY, FULL_FEN
from zhaoliang.funds.selectors import verify_books
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import SamePerson, WrongState
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.recoveries import services
from zhaoliang.recoveries.interest import daily_rate, interest_fen
from zhaoliang.recoveries.models import RecoveryCase, RecoveryInterest

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G5")]
TEN_LATER = LATER + timedelta(days=10)


def wanted() -> RecoveryCase:
    line = line_of(paid(1))
    corrected(line, 0)
    return case_of(line)


def back(case: RecoveryCase, fen: int, reference: str, at: datetime = LATER) -> None:
    services.receive(
        actor=actor_with(Role.FUND_OFFICER),
        at=at,
        case=case,
        amount_fen=fen,
        received_on=chinese_day(at),
        bank_reference=reference,
    )


def records() -> list[tuple[int, int, int]]:
    rows = RecoveryInterest.objects.filter(city_code=CITY).order_by("id")
    return [(one.base_fen, one.days, one.amount_fen) for one in rows]


def test_no_text_gives_a_rate_so_days_and_money_are_kept_and_no_interest() -> None:
    rate, clause = daily_rate(CITY, chinese_day(APPROVED))
    assert rate == 0
    assert "未核实" in clause
    case = wanted()
    back(case, 1_000_00, "HK1")
    assert records() == [(1_000_00, 30, 0)]


def test_a_rate_of_a_local_text_is_reckoned_and_stays_out_of_the_books(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zhaoliang.recoveries.interest.daily_rate", lambda *_: (Fraction(1, 10_000), "当地办法 第九条"))
    case = wanted()
    back(case, 1_000_00, "HK1")
    officer, approver = actor_with(Role.FUND_OFFICER), actor_with(Role.APPROVER)
    services.refuse(actor=officer, at=LATER, case=case, note="不再退还")
    with pytest.raises(WrongState):
        services.hand_over(actor=approver, at=TEN_LATER, case=case)
    services.propose_hand_over(actor=officer, at=LATER, case=case, to="测试公安机关", note="涉嫌骗取补贴")
    both = actor_with(Role.APPROVER)
    RecoveryCase.objects.filter(city_code=CITY, pk=case.pk).update(hand_over_by_user=both.user_id)
    with pytest.raises(SamePerson):
        services.hand_over(actor=both, at=TEN_LATER, case=case)
    services.hand_over(actor=approver, at=TEN_LATER, case=case)
    owed = FULL_FEN - 1_000_00
    assert records() == [(1_000_00, 30, 3_00), (owed, 40, interest_fen(owed, 40, Fraction(1, 10_000)))]
    assert RecoveryInterest.objects.filter(city_code=CITY, clause="当地办法 第九条").count() == 2
    case.refresh_from_db()
    assert (case.amount_fen, case.owed_fen) == (FULL_FEN, owed)
    assert verify_books(CITY) == []


def test_what_comes_back_after_a_hand_over_counts_no_day_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zhaoliang.recoveries.interest.daily_rate", lambda *_: (Fraction(1, 10_000), "当地办法 第九条"))
    case, officer = wanted(), actor_with(Role.FUND_OFFICER)
    back(case, 1_000_00, "HK1")
    # A return says nothing of the days of the rest.
    back(case, 500_00, "HK2", LATER + timedelta(days=4))
    at = TEN_LATER
    services.refuse(actor=officer, at=at, case=case, note="不再退还")
    services.propose_hand_over(actor=officer, at=at, case=case, to="测试公安机关", note="涉嫌骗取补贴")
    services.hand_over(actor=actor_with(Role.APPROVER), at=at, case=case)
    back(case, 780_00, "HK3", at + timedelta(days=5))
    services.agree(actor=officer, at=at, case=case, way="once", first_on=chinese_day(at), note="愿意退还")
    services.overdue(actor=system_actor(), at=at + timedelta(days=6), case=case)
    at += timedelta(days=7)
    services.propose_hand_over(actor=officer, at=at, case=case, to="测试公安机关", note="涉嫌骗取补贴")
    services.hand_over(actor=actor_with(Role.APPROVER), at=at, case=case)
    rest = FULL_FEN - 2_280_00
    back(case, rest, "HK4", at + timedelta(days=1))
    assert [(fen, days) for fen, days, _ in records()] == [
        (1_000_00, 30),
        (500_00, 34),
        (rest + 780_00, 40),
        (780_00, 5),
        (rest, 7),
        (rest, 1),
    ]
    # Altogether what each part was away for, from its payment to its return.
    away = [(1_000_00, 30), (500_00, 34), (780_00, 45), (rest, 48)]
    assert sum(fen for _, _, fen in records()) == sum(fen * days for fen, days in away) // 10_000


def test_half_a_fen_is_rounded_up() -> None:
    assert [interest_fen(100, days, Fraction(1, 1000)) for days in (4, 5, 14, 15)] == [0, 1, 1, 2]

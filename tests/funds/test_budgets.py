"""Budgets: added to, returned, carried over, moved between regions; and the closing of the books."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from factories.actors import HEPING, TIANJIN, actor
from factories.funds import AT, budget, script_findings
from zhaoliang.funds import proof, selectors
from zhaoliang.funds.models import Account, BookClosing, BudgetOrder, Transfer
from zhaoliang.funds.services import (
    PeriodClosed,
    allocate,
    carry_over,
    close_books,
    propose_closing,
    receive_budget,
    return_budget,
    send_budget,
)
from zhaoliang.kernel.errors import BadInput, Exhausted, NotFound, Refusal, SamePerson
from zhaoliang.kernel.roles import Actor, Place, Role

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G1", "G2")]
TAIAN = 370900
CITY = Place(TIANJIN, TIANJIN)
LATER = AT + timedelta(days=60)


def officer(region_code: int = TIANJIN, city_code: int = TIANJIN, number: int = 1) -> Actor:
    made = actor(Role.FUND_OFFICER, region_code=region_code, city_code=city_code)
    return replace(made, user_id=number, person_id=number)


def finance(number: int = 2) -> Actor:
    return replace(actor(Role.FINANCE), user_id=number, person_id=number)


def balance(found: Account) -> int:
    return Account.objects.get(city_code=found.city_code, pk=found.pk).balance_fen


def test_each_movement_of_budget_leaves_its_document() -> None:
    opened = budget(1000)
    allocate(actor=officer(), at=AT, account=opened, amount_fen=300, memo="奖补文件", nature="bonus")
    return_budget(actor=officer(), at=AT, account=opened, amount_fen=200, memo="收回文件")
    carry_over(actor=officer(), at=AT, account=opened, amount_fen=400, memo="结转文件")
    assert balance(opened) == 700
    assert selectors.budget_account(TIANJIN, TIANJIN, opened.fund_source, 2026).balance_fen == 400
    orders = BudgetOrder.objects.filter(city_code=TIANJIN).order_by("id")
    assert list(orders.values_list("nature", "amount_fen")) == [
        ("allocate", 1000),
        ("bonus", 300),
        ("return", 200),
        ("carry", 400),
    ]
    assert proof.ledger_findings(TIANJIN) == []


@pytest.mark.parametrize("service", [return_budget, carry_over])
def test_no_more_goes_back_or_on_than_is_there(service: Any) -> None:
    with pytest.raises(Exhausted):
        service(actor=officer(), at=AT, account=budget(100), amount_fen=101, memo="依据")
    with pytest.raises(BadInput):
        service(actor=officer(), at=AT, account=budget(100), amount_fen=0, memo="依据")


@pytest.mark.parametrize(("city", "to_region"), [(TIANJIN, HEPING), (TAIAN, TAIAN)])
def test_money_between_regions_goes_through_clearing_in_two_halves(city: int, to_region: int) -> None:
    source, target = budget(1000), budget(0, region_code=to_region, city_code=city)
    sent = send_budget(actor=officer(), at=AT, account=source, amount_fen=600, memo="调剂文件", to_region=to_region)
    assert (balance(source), balance(target)) == (400, 0)
    assert [half.reference for half in proof.halves(TIANJIN)] == [sent.reference]
    there = officer(to_region, city, number=9)
    with pytest.raises(NotFound):
        receive_budget(actor=there, at=AT, account=target, reference="TJ1-000000")
    receive_budget(actor=there, at=AT, account=target, reference=sent.reference)
    assert (balance(target), proof.halves(TIANJIN)) == (600, [])
    with pytest.raises(Refusal, match="已经调入过"):
        receive_budget(actor=there, at=AT, account=target, reference=sent.reference)
    clearing = [row.balance_fen for one in {TIANJIN, city} for row in selectors.accounts_of(one, kind="clearing")]
    assert sum(clearing) == 0
    for one in {TIANJIN, city}:
        assert proof.ledger_findings(one) == []
        assert sum(row.balance_fen for row in selectors.trial_balance(one)) == 0
        debits = Transfer.objects.filter(city_code=one).select_related("debit", "credit")
        assert all(row.debit.city_code == row.credit.city_code == one for row in debits)


def test_who_sent_does_not_receive_and_the_fund_stays_the_same() -> None:
    source = budget(1000)
    sent = send_budget(actor=officer(), at=AT, account=source, amount_fen=600, memo="文件", to_region=HEPING)
    target = budget(0, region_code=HEPING)
    with pytest.raises(SamePerson):
        receive_budget(actor=officer(), at=AT, account=target, reference=sent.reference)
    wrong = budget(0, region_code=HEPING, fund_source="sector")
    with pytest.raises(BadInput, match="资金渠道和年度"):
        receive_budget(actor=officer(number=3), at=AT, account=wrong, reference=sent.reference)
    with pytest.raises(Refusal, match="另一个地区"):
        receive_budget(actor=officer(number=3), at=AT, account=budget(0), reference=sent.reference)
    with pytest.raises(BadInput):
        send_budget(actor=officer(), at=AT, account=source, amount_fen=1, memo="文件", to_region=TIANJIN)


@pytest.mark.commits
def test_both_proofs_see_that_budget_was_meant_for_another_region_or_another_amount(
    owner: psycopg.Connection[Any],
) -> None:
    source, target = budget(1000), budget(0, region_code=HEPING)
    sent = send_budget(actor=officer(), at=AT, account=source, amount_fen=600, memo="调剂文件", to_region=HEPING)
    receive_budget(actor=officer(HEPING, number=9), at=AT, account=target, reference=sent.reference)
    assert (proof.ledger_findings(TIANJIN), script_findings(owner)) == ([], [])
    owner.autocommit = True
    for damage, checks in (
        ("other_region = other_region + 1", {"pair"}),
        ("amount_fen = amount_fen + 1", {"pair", "order"}),
    ):
        owner.execute(f"UPDATE budget_order SET {damage} WHERE id = {sent.pk}".encode())
        assert {one.check for one in proof.ledger_findings(TIANJIN)} == checks
        assert {row[0] for row in script_findings(owner)} == checks
        undone = damage.replace("+ 1", "- 1")
        owner.execute(f"UPDATE budget_order SET {undone} WHERE id = {sent.pk}".encode())


def test_a_month_is_closed_by_two_people_and_takes_nothing_any_more() -> None:
    opened = budget(1000)
    proposed = propose_closing(actor=officer(), at=LATER, place=CITY, through=date(2025, 7, 31))
    with pytest.raises(SamePerson):
        close_books(actor=finance(1), at=LATER, closing=proposed)
    closed = close_books(actor=finance(), at=LATER, closing=proposed)
    assert (closed.transfers, closed.total_fen) == (1, 1000)
    with pytest.raises(PeriodClosed, match="2025年7月31日"):
        allocate(actor=officer(), at=AT, account=opened, amount_fen=1, memo="补记")
    # The last microsecond of the closed month in China, and the first of the next.
    last = AT.replace(month=7, day=31, hour=15, minute=59, second=59, microsecond=999_999)
    with pytest.raises(PeriodClosed):
        allocate(actor=officer(), at=last, account=opened, amount_fen=1, memo="补记")
    allocate(actor=officer(), at=last + timedelta(microseconds=1), account=opened, amount_fen=1, memo="更正记在次月")
    assert proof.ledger_findings(TIANJIN) == []


@pytest.mark.parametrize(
    ("through", "says"),
    [(date(2025, 7, 30), "最后一天"), (date(2025, 8, 31), "没有过完"), (date(2025, 5, 31), "已经结到")],
)
def test_only_whole_past_months_are_closed_one_after_the_other(through: date, says: str) -> None:
    earlier = propose_closing(actor=officer(), at=LATER, place=CITY, through=date(2025, 6, 30))
    close_books(actor=finance(), at=LATER, closing=earlier)
    with pytest.raises(BadInput, match=says):
        propose_closing(actor=officer(), at=LATER, place=CITY, through=through)
    with pytest.raises(BadInput, match="已经结到"):
        close_books(actor=finance(), at=LATER, closing=earlier)
    with pytest.raises(Refusal, match="全市"):
        propose_closing(actor=officer(), at=LATER, place=Place(TIANJIN, HEPING), through=date(2025, 7, 31))


@pytest.mark.commits
def test_books_that_do_not_agree_are_not_closed_and_what_slips_in_later_is_found(
    owner: psycopg.Connection[Any],
) -> None:
    opened = budget(1000)
    proposed = propose_closing(actor=officer(), at=LATER, place=CITY, through=date(2025, 7, 31))
    owner.execute(f"UPDATE account SET balance_fen = 999 WHERE id = {opened.pk}".encode())
    with pytest.raises(Refusal, match="不符"):
        close_books(actor=finance(), at=LATER, closing=proposed)
    owner.execute(f"UPDATE account SET balance_fen = 1000 WHERE id = {opened.pk}".encode())
    closed = close_books(actor=finance(), at=LATER, closing=proposed)
    owner.execute(b"UPDATE transfer SET at = at + interval '60 days'")
    [found] = proof.closing_findings(TIANJIN)
    assert "2025年7月31日" in found.what
    assert BookClosing.objects.get(city_code=TIANJIN, pk=closed.pk).transfers == 1

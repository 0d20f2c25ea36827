"""Accounts, transfers and the proof of the books, through the services."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from factories.actors import HEPING, TIANJIN, actor
from factories.funds import AT, account, budget, script_findings
from zhaoliang.funds import perms, selectors
from zhaoliang.funds.models import Account, FundSource, Transfer
from zhaoliang.funds.services import AlreadyPosted, NotABooking, allocate, ensure_account, open_account, post_transfer
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import BadInput, Exhausted, Forbidden, NotFound
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.kernel.roles import Actor, Place, Reach, Role, system_actor

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G2")]


@act("tests.post", label="记账", grants={Role.SYSTEM: Reach.ANY}, on="debit")
def _post(*, actor: Actor, at: Any, debit: Account, **terms: Any) -> Transfer:
    return post_transfer(debit=debit, at=at, **terms)


def post(kind: str, debit: Account, credit: Account, amount_fen: int, **terms: Any) -> Transfer:
    terms = {"subject_type": "test", "subject_id": 1, "memo": "测试"} | terms
    return _post(actor=system_actor(), at=AT, kind=kind, debit=debit, credit=credit, amount_fen=amount_fen, **terms)


def chain(fen: int = 1000) -> tuple[Account, Account, Account, Account]:
    """Budget (with money), reserved, payable, disbursed."""
    return budget(fen), account("reserved"), account("payable"), account("disbursed")


@pytest.mark.mission("G1")
def test_a_budget_is_allocated_from_the_appropriation_of_its_fund_and_year() -> None:
    opened = budget(500_00, fund_source=FundSource.UNEMPLOYMENT_INSURANCE)
    source = selectors.account_by_code(TIANJIN, f"appropriation-{TIANJIN}-unemployment_insurance-2025")
    assert source is not None
    assert (opened.balance_fen, source.balance_fen) == (500_00, -500_00)
    assert selectors.budget_account(TIANJIN, TIANJIN, "unemployment_insurance", 2025) == opened
    assert AuditEvent.objects.filter(city_code=TIANJIN, act="funds.allocate").count() == 1


def test_money_runs_from_source_to_card_and_the_trial_balance_is_zero() -> None:
    opened, reserved, payable, disbursed = chain(1000)
    post("reserve", opened, reserved, 900)
    post("accrue", reserved, payable, 300)
    post("pay", payable, disbursed, 300)
    post("release", reserved, opened, 600)
    balances = {row.kind: row.balance_fen for row in selectors.trial_balance(TIANJIN)}
    assert balances == {"appropriation": -1000, "budget": 700, "reserved": 0, "payable": 0, "disbursed": 300}
    assert selectors.verify_books(TIANJIN) == []


def test_a_statement_shows_each_change_and_the_balance_after_it() -> None:
    opened, reserved, *_ = chain(1000)
    post("reserve", opened, reserved, 900)
    post("release", reserved, opened, 100)
    lines = selectors.statement(opened)
    assert [(line.change_fen, line.balance_fen) for line in lines] == [(100, 200), (-900, 100), (1000, 1000)]
    assert [line.other.kind for line in lines] == ["reserved", "reserved", "appropriation"]
    assert selectors.statement(opened, since=AT + timedelta(seconds=1)) == []
    assert len(selectors.statement(opened, until=AT + timedelta(seconds=1), limit=2)) == 2


def test_an_empty_account_refuses_and_says_how_much_is_missing() -> None:
    opened, reserved, *_ = chain(1000)
    with pytest.raises(Exhausted) as refused:
        post("reserve", opened, reserved, 123_45)
    assert "需要 ¥123.45，现有 ¥10.00，差 ¥113.45" in refused.value.why
    assert refused.value.next_step
    opened.refresh_from_db()
    assert opened.balance_fen == 1000


def test_one_step_of_a_subject_is_posted_once() -> None:
    opened, reserved, payable, _ = chain(1000)
    post("reserve", opened, reserved, 500)
    post("reserve", opened, reserved, 100)
    post("accrue", reserved, payable, 100, subject_type="claim_line", subject_id=7)
    with pytest.raises(AlreadyPosted):
        post("accrue", reserved, payable, 100, subject_type="claim_line", subject_id=7)
    assert len(selectors.transfers_of(TIANJIN, "claim_line", 7)) == 1


def test_a_reversal_is_the_exact_mirror_and_happens_once() -> None:
    opened, reserved, *_ = chain(1000)
    wrong = post("reserve", opened, reserved, 400)
    with pytest.raises(NotABooking):
        post("reverse", reserved, opened, 399, reverses=wrong)
    with pytest.raises(NotABooking):
        post("reverse", opened, reserved, 400, reverses=wrong)
    undone = post("reverse", reserved, opened, 400, reverses=wrong)
    assert undone.reverses_id == wrong.pk
    post("reserve", opened, reserved, 400)
    with pytest.raises(AlreadyPosted):
        post("reverse", reserved, opened, 400, reverses=wrong, subject_id=2)


@pytest.mark.parametrize(
    ("kind", "debit", "credit"),
    [("pay", "budget", "disbursed"), ("release", "payable", "budget"), ("accrue", "budget", "disbursed")],
)
def test_money_takes_only_the_known_ways(kind: str, debit: str, credit: str) -> None:
    source = budget(1000) if debit == "budget" else account(debit)
    with pytest.raises(NotABooking, match="没有这种资金走向"):
        post(kind, source, account(credit), 1)


@pytest.mark.mission("G1")
def test_fund_sources_are_never_mixed() -> None:
    with pytest.raises(NotABooking, match="资金不能混用"):
        post("reserve", budget(1000), account("reserved", fund_source=FundSource.SECTOR), 1)


def test_a_transfer_stays_inside_its_city() -> None:
    elsewhere = account("reserved", city_code=370900, region_code=370900)
    with pytest.raises(NotABooking, match="同一城市"):
        post("reserve", budget(1000), elsewhere, 1)


@pytest.mark.parametrize("amount", [0, -1])
def test_amounts_are_positive(amount: int) -> None:
    with pytest.raises(NotABooking, match="大于零"):
        post("reserve", budget(1000), account("reserved"), amount)


@pytest.mark.parametrize("amount", [1.0, True, "1"])
def test_amounts_are_whole_fen(amount: Any) -> None:
    with pytest.raises(TypeError):
        post("reserve", budget(1000), account("reserved"), amount)


def test_nothing_is_posted_outside_an_act() -> None:
    opened, reserved, *_ = chain()
    with pytest.raises(RuntimeError):
        post_transfer(
            kind="reserve",
            debit=opened,
            credit=reserved,
            amount_fen=1,
            at=AT,
            subject_type="test",
            subject_id=1,
            memo="",
        )
    with pytest.raises(RuntimeError):
        ensure_account(
            city_code=TIANJIN, region_code=TIANJIN, code="x", name="x", kind="budget", fund_source="sector", year=2025
        )


def test_opening_twice_gives_the_same_account_and_another_of_its_code_is_refused() -> None:
    first = account("budget", code="b-1")
    assert account("budget", code="b-1") == first
    with pytest.raises(BadInput, match="编码"):
        account("reserved", code="b-1")


def test_a_wrong_form_names_each_field() -> None:
    with pytest.raises(BadInput) as refused:
        open_account(
            actor=actor(Role.FUND_OFFICER),
            at=AT,
            place=Place(TIANJIN, TIANJIN),
            code=" ",
            name="",
            kind="purse",
            fund_source="lottery",
            year=25,
        )
    assert set(refused.value.fields) == {"code", "name", "kind", "fund_source", "year"}


@pytest.mark.parametrize(
    ("kind", "amount", "memo"), [("reserved", 1, "依据"), ("budget", 0, "依据"), ("budget", 1, " ")]
)
def test_an_allocation_needs_a_budget_account_an_amount_and_a_reason(kind: str, amount: int, memo: str) -> None:
    with pytest.raises(BadInput):
        allocate(actor=actor(Role.FUND_OFFICER), at=AT, account=account(kind), amount_fen=amount, memo=memo)


def test_no_budget_account_says_what_to_open() -> None:
    with pytest.raises(NotFound, match="行业发展资金"):
        selectors.budget_account(TIANJIN, TIANJIN, "sector", 2031)


@pytest.mark.parametrize("role", [role for role in Role if role not in {Role.FUND_OFFICER, Role.FINANCE, Role.SYSTEM}])
def test_other_roles_neither_open_nor_allocate(role: Role) -> None:
    opened = account()
    someone = actor(role, organisation_id=1)
    with pytest.raises(Forbidden):
        allocate(actor=someone, at=AT, account=opened, amount_fen=1, memo="依据")
    terms = {"code": "c", "name": "n", "kind": "budget", "fund_source": "sector", "year": 2025}
    with pytest.raises(Forbidden):
        open_account(actor=someone, at=AT, place=Place(TIANJIN, TIANJIN), **terms)


def test_a_district_officer_does_not_touch_the_citys_budget() -> None:
    opened = account()
    district = actor(Role.FUND_OFFICER, region_code=HEPING)
    with pytest.raises(Forbidden):
        allocate(actor=district, at=AT, account=opened, amount_fen=1, memo="依据")
    assert not perms.BOOKS.allows(district, opened.access())
    assert perms.BOOKS.allows(actor(Role.AUDITOR), opened.access())
    assert not perms.BOOKS.allows(actor(Role.PROVIDER, organisation_id=1), opened.access())


@pytest.mark.commits
@pytest.mark.mission("G4")
@pytest.mark.parametrize(
    ("damage", "first_wrong"),
    [
        ("UPDATE account SET balance_fen = balance_fen + 1 WHERE id = {account}", "after third"),
        ("DELETE FROM transfer WHERE id = {third}", "after second"),
        ("UPDATE transfer SET amount_fen = amount_fen + 1 WHERE id = {second}", "second"),
        ("DELETE FROM transfer WHERE id = {second}", "third"),
        ("UPDATE transfer SET debit_after_fen = debit_after_fen - 5 WHERE id = {third}", "third"),
        (
            "INSERT INTO transfer (city_code, kind, debit_id, credit_id, amount_fen, at, subject_type, subject_id, memo,"
            " debit_after_fen, credit_after_fen) SELECT city_code, 'release', credit_id, debit_id, 5, at, 'x', 1, '',"
            " credit_after_fen, debit_after_fen FROM transfer WHERE id = {third}",
            "new",
        ),
    ],
)
def test_the_proof_names_the_first_wrong_entry(owner: psycopg.Connection[Any], damage: str, first_wrong: str) -> None:
    opened, reserved, *_ = chain(1000)
    first = post("reserve", opened, reserved, 100)
    second = post("reserve", opened, reserved, 200)
    third = post("reserve", opened, reserved, 300)
    assert selectors.verify_books(TIANJIN) == []
    assert script_findings(owner) == []
    owner.execute(damage.format(account=opened.pk, second=second.pk, third=third.pk).encode())
    newest = Transfer.objects.filter(city_code=TIANJIN).latest("id").pk
    entries = {"second": second.pk, "third": third.pk, "new": newest}
    found = {finding.account_code: finding for finding in selectors.verify_books(TIANJIN)}
    named = entries[first_wrong.removeprefix("after ")]
    after = first_wrong.startswith("after ")
    assert (found[opened.code].transfer_id, found[opened.code].after_id) == ((None, named) if after else (named, None))
    assert f"编号 {named}" in found[opened.code].what
    assert first.pk not in {finding.transfer_id for finding in found.values()}
    assert opened.code in found[opened.code].what
    assert {row[1]: row[2] for row in script_findings(owner) if row[0] == "balance"} == {
        code if finding.after_id is None else f"{code} after entry {finding.after_id}": finding.transfer_id
        for code, finding in found.items()
    }


@pytest.mark.commits
@pytest.mark.mission("G4")
def test_a_balance_without_any_entry_is_named_by_its_account(owner: psycopg.Connection[Any]) -> None:
    _, _, payable, *_ = chain(1000)
    owner.execute("UPDATE account SET balance_fen = 7 WHERE id = %s", [payable.pk])
    [found] = selectors.verify_books(TIANJIN)
    assert (found.account_code, found.transfer_id, found.after_id) == (payable.code, None, None)
    assert "没有分录，账户余额对不上" in found.what
    assert [row[:3] for row in script_findings(owner) if row[0] == "balance"] == [("balance", payable.code, None)]


def test_selectors_ask_a_fixed_number_of_questions(django_assert_num_queries: Any) -> None:
    opened, reserved, *_ = chain(1000)
    for _ in range(5):
        post("reserve", opened, reserved, 10)
    with django_assert_num_queries(1):
        assert len([line.other.name for line in selectors.statement(opened)]) == 6
    with django_assert_num_queries(1):
        assert len([row.debit.name for row in selectors.transfers_of(TIANJIN, "test", 1)]) == 5
    with django_assert_num_queries(1):
        assert {row.kind for row in selectors.accounts_of(TIANJIN, kind="reserved", year=2025)} == {"reserved"}
    assert connection.vendor == "postgresql"

"""Raw SQL against the books, as the role of the running system: every attack is refused by the database itself."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, connection, transaction

from factories.actors import TIANJIN
from factories.funds import AT, account, budget
from zhaoliang.funds import selectors
from zhaoliang.funds.models import Account, BookClosing, FundSource, Transfer
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.roles import Actor, Reach, Role, system_actor

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G2")]

DENIED = "42501"
POST = "SELECT ledger_post({city}, '{kind}', {debit}, {credit}, {amount}, {at}, '{subject}', {number}, '', {undone})"

ATTACKS = {
    "money from nowhere": ("UPDATE account SET balance_fen = balance_fen + 1 WHERE city_code = {city}", DENIED),
    "one leg only": ("UPDATE account SET balance_fen = 0 WHERE id = {budget} AND city_code = {city}", DENIED),
    "an account born rich": (
        "INSERT INTO account (city_code, code, name, kind, fund_source, year, region_code, balance_fen)"
        " VALUES ({city}, 'rich', 'rich', 'budget', 'sector', 2025, {city}, 100)",
        DENIED,
    ),
    "an account renamed to another fund": ("UPDATE account SET fund_source = 'sector' WHERE id = {budget}", DENIED),
    "an account removed": ("DELETE FROM account WHERE id = {spare}", DENIED),
    "a transfer without its balances": (
        "INSERT INTO transfer (city_code, kind, debit_id, credit_id, amount_fen, at, subject_type, subject_id, memo,"
        " debit_after_fen, credit_after_fen) VALUES ({city}, 'reserve', {budget}, {reserved}, 5, now(), 'x', 1, '', 0, 0)",
        DENIED,
    ),
    "a posted amount edited": ("UPDATE transfer SET amount_fen = 1 WHERE id = {posted}", DENIED),
    "a posted transfer back-dated": ("UPDATE transfer SET at = at - interval '1 year' WHERE id = {posted}", DENIED),
    "a posted transfer deleted": ("DELETE FROM transfer WHERE id = {posted}", DENIED),
    "all transfers gone": ("TRUNCATE transfer", DENIED),
    "a closing undone": ("DELETE FROM book_closing", DENIED),
    "a closing moved to an earlier day": ("UPDATE book_closing SET through = through - 31", DENIED),
    "a closing by one person alone": (
        "INSERT INTO book_closing (city_code, through, step, transfers, total_fen, at, by_user, by_name, proposed_by_user)"
        " VALUES ({city}, '2025-06-30', 'closed', 0, 0, now(), 7, 'x', 7)",
        "23514",
    ),
    "a budget order edited": ("UPDATE budget_order SET amount_fen = 1", DENIED),
    "a check of the books taken back": ("DELETE FROM book_check", DENIED),
    "the ledger function replaced": ("DROP FUNCTION ledger_account", DENIED),
    "the balance check dropped": ("ALTER TABLE account DROP CONSTRAINT account_never_negative", DENIED),
    "zero": (POST, "ZL002", {"amount": "0"}),
    "a negative amount": (POST, "ZL002", {"amount": "-1"}),
    "no amount": (POST, "ZL002", {"amount": "NULL"}),
    "the same account twice": (POST, "ZL002", {"credit": "{budget}"}),
    "an account of another city": (POST, "ZL002", {"credit": "{elsewhere}"}),
    "the wrong city named": (POST, "ZL002", {"city": "370900"}),
    "another fund source": (POST, "ZL002", {"credit": "{other_fund}"}),
    "straight from budget to card": (POST, "ZL002", {"kind": "pay"}),
    "an unknown kind": (POST, "ZL002", {"kind": "gift"}),
    "more than there is": (POST, "ZL001", {"amount": "99999999"}),
    "more than a number holds": (POST, "42883", {"amount": "9223372036854775808"}),
    "the same subject twice": (
        POST,
        "23505",
        {"kind": "accrue", "debit": "{reserved}", "credit": "{payable}", "subject": "line"},
    ),
    "into a closed period": (POST, "ZL004", {"at": "'2025-05-31 15:59:59+00'"}),
    "among many, one wrong": (
        "SELECT count(*) FROM ledger_post_many({city}, ARRAY['reserve', 'pay'], ARRAY[{budget}, {budget}]::bigint[],"
        " ARRAY[{reserved}, {reserved}]::bigint[], ARRAY[1, 1]::bigint[], now(), ARRAY['x', 'x'],"
        " ARRAY[1, 2]::bigint[], ARRAY['', ''])",
        "ZL002",
    ),
    "paid money made budget again": (POST, "ZL002", {"kind": "restore", "debit": "{payable}", "credit": "{budget}"}),
    "a debt forgiven that nobody owes": (
        POST,
        "ZL001",
        {"kind": "write_off", "debit": "{receivable}", "credit": "{written_off}"},
    ),
    "a reversal of nothing": (POST, "ZL002", {"kind": "reverse", "debit": "{reserved}", "credit": "{budget}"}),
    "a reversal of another amount": (
        POST,
        "ZL002",
        {"kind": "reverse", "debit": "{reserved}", "credit": "{budget}", "undone": "{posted}", "amount": "3"},
    ),
}


@act("tests.attacked", label="记账", grants={Role.SYSTEM: Reach.ANY}, on="opened")
def _books(*, actor: Actor, at: object, opened: Account) -> dict[str, int]:
    reserved, payable = account("reserved"), account("payable")
    names = {"city": TIANJIN, "budget": opened.pk, "reserved": reserved.pk, "payable": payable.pk}
    names["spare"] = account("recovered").pk
    names["elsewhere"] = account("reserved", city_code=370900, region_code=370900).pk
    names["other_fund"] = account("reserved", fund_source=FundSource.SECTOR).pk
    names["receivable"], names["written_off"] = account("receivable").pk, account("written_off").pk
    BookClosing.objects.create(
        city_code=TIANJIN,
        through=date(2025, 5, 31),
        step="closed",
        transfers=0,
        total_fen=0,
        at=AT,
        by_user=1,
        by_name="结账人",
        proposed_by_user=2,
    )
    with connection.cursor() as cursor:
        cursor.execute(POST.format(**_terms({}, names, amount="50", number="1")))
        names["posted"] = cursor.fetchone()[0]
        line = {"kind": "accrue", "debit": "{reserved}", "credit": "{payable}", "subject": "line"}
        cursor.execute(POST.format(**_terms(line, names)))
    return names


def _terms(given: dict[str, str], names: dict[str, int], **more: str) -> dict[str, str]:
    usual = {"city": "{city}", "kind": "reserve", "debit": "{budget}", "credit": "{reserved}", "amount": "1"}
    usual |= {"subject": "test", "number": "7", "undone": "NULL", "at": "now()"} | more | given
    return {name: value.format(**names) for name, value in usual.items()}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_database_refuses(attack: str) -> None:
    statement, state, *given = ATTACKS[attack]
    names = _books(actor=system_actor(), at=AT, opened=budget(1000))
    before = sorted(Account.objects.filter(city_code=TIANJIN).values_list("id", "balance_fen"))
    text = statement.format(**_terms(given[0], names)) if given else statement.format(**names)
    with pytest.raises(DatabaseError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(text)
    assert getattr(refused.value.__cause__, "sqlstate", None) == state
    assert sorted(Account.objects.filter(city_code=TIANJIN).values_list("id", "balance_fen")) == before
    assert Transfer.objects.filter(city_code=TIANJIN).count() == 3
    assert selectors.verify_books(TIANJIN) == []


def test_the_function_itself_cannot_be_turned_on_another_schema() -> None:
    """A SECURITY DEFINER function must not look up tables where its caller says."""
    opened = budget(1000)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE account (LIKE public.account)")
        cursor.execute("SET LOCAL search_path = pg_temp, public")
        cursor.execute(
            "SELECT ledger_account(%s, 'mine', 'mine', 'reserved', %s, 2025, %s)",
            [TIANJIN, opened.fund_source, TIANJIN],
        )
        cursor.execute("SELECT count(*) FROM pg_temp.account")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM public.account WHERE code = 'mine'")
        assert cursor.fetchone() == (1,)

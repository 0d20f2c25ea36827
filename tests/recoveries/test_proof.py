"""The proof of everything that has to do with money: nothing to find when it is right, the thing named when it is not."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from factories.funds import script_findings
from factories.recoveries import LATER, corrected, line_of, paid, paid_back
from factories.subsidies import CITY
from zhaoliang.cli.prove import rendered
from zhaoliang.funds.models import BookCheck, Transfer
from zhaoliang.funds.selectors import latest_check
from zhaoliang.kernel.roles import Place, system_actor
from zhaoliang.recoveries.proof import CHECKS, prove
from zhaoliang.recoveries.services import check_books
from zhaoliang.subsidies.models import ClaimLine

# What somebody does to the tables with the rights of their owner, and which checks must tell.
DAMAGES = {
    "a balance": ("UPDATE account SET balance_fen = balance_fen + 1 WHERE kind = 'disbursed'", {"balance", "fund"}),
    "an amount": (
        "UPDATE transfer SET amount_fen = amount_fen + 1 WHERE kind = 'pay'",
        {"balance", "payment", "total"},
    ),
    "an accrual": (
        "UPDATE transfer SET amount_fen = amount_fen - 1 WHERE kind = 'accrue'",
        {"balance", "line", "reserve"},
    ),
    "a payment that never was": ("DELETE FROM transfer WHERE kind = 'pay'", {"balance", "payment", "total"}),
    "a line made dearer": ("UPDATE claim_line SET amount_fen = amount_fen + 1 WHERE state = 'paid'", {"line"}),
    "a bank answer made up": ("UPDATE payment_line SET amount_fen = amount_fen - 1", {"payment"}),
    "money reserved for nobody, booked as it should be": (
        "SELECT ledger_post(city_code, 'reserve', budget_account_id, reserved_account_id, 1, now(), 'voucher_batch', id, '', NULL)"
        " FROM voucher_batch",
        {"reserve"},
    ),
    "a top-up taken back a fen short": (
        "SELECT ledger_post(city_code, 'reserve', budget_account_id, reserved_account_id, amount_fen, now(), 'voucher_batch',"
        " id, '', NULL) FROM voucher_batch;"
        "SELECT ledger_post(city_code, 'release', reserved_account_id, budget_account_id, amount_fen - 1, now(),"
        " 'voucher_batch', id, '', NULL) FROM voucher_batch",
        {"reserve"},
    ),
    "a quota raised": ("UPDATE voucher_batch SET quota = quota + 1", {"reserve"}),
    "a case made smaller": ("UPDATE recovery_case SET amount_fen = amount_fen - 1", {"case"}),
    "a receipt nobody got": ("UPDATE recovery_case SET collected_fen = collected_fen + 1", {"case"}),
    "a month's total": ("UPDATE paid_total SET amount_fen = amount_fen + 1", {"total"}),
    "a row of a bank file": ("UPDATE bank_return_line SET amount_fen = amount_fen + 1", {"bank"}),
    "the total of a bank file": ("DELETE FROM bank_total", {"bank"}),
}


def script_checks(owner: psycopg.Connection[Any]) -> dict[str, int | None]:
    """Which checks of the independent script tell something, with the first wrong entry each."""
    found: dict[str, int | None] = {}
    for check, _, entry, *_ in script_findings(owner):
        found.setdefault(check, entry)
    return found


@pytest.mark.commits
@pytest.mark.mission("G4", "G5")
def test_each_damage_is_found_by_us_and_by_the_independent_script(owner: psycopg.Connection[Any]) -> None:
    line = line_of(paid())
    corrected(line, 100_000)
    paid_back(line, 50_000, "HK7")
    assert prove(CITY).findings == ()
    assert script_checks(owner) == {}
    owner.autocommit = True
    for name, (damage, checks) in DAMAGES.items():
        with owner.transaction(force_rollback=True):
            owner.execute(damage.encode())
            told = script_checks(owner)
        assert set(told) == checks, name
    _filled_by_the_migrations(owner)
    owner.execute(DAMAGES["an amount"][0].encode())
    wrong = Transfer.objects.get(city_code=CITY, kind="pay")
    proof = prove(CITY)
    assert {one.check for one in proof.findings} == {"balance", "payment", "total"}
    assert f"  ✗ 第一笔对不上的分录编号 {wrong.pk}" in rendered(CITY, proof, 0.1)
    check = check_books(actor=system_actor(), at=LATER, place=Place(CITY, CITY))
    assert (check.findings, str(wrong.pk) in check.first) == (len(proof.findings), True)
    assert latest_check(CITY) == check


def _filled_by_the_migrations(owner: psycopg.Connection[Any]) -> None:
    """An installation that was paid from before its totals were kept gets the same ones."""
    kept = [
        'SELECT account_id, month, project_id, claim_kind, "group", set_off, payments, amount_fen FROM paid_total ORDER BY 1, 2',
        "SELECT bank_return_id, batch_id, month, amount_fen, booked_fen FROM bank_total ORDER BY 1, 2",
    ]
    before = [owner.execute(one.encode()).fetchall() for one in kept]
    fill = import_module("zhaoliang.payments.migrations.0008_totals")
    more = import_module("zhaoliang.payments.migrations.0010_fill_booked")
    with owner.transaction(force_rollback=True):
        for statement in ("DELETE FROM paid_total", "DELETE FROM bank_total", fill.PAID, fill.BANK):
            owner.execute(statement.encode())
        more.fill(None, SimpleNamespace(connection=owner))
        assert [owner.execute(one.encode()).fetchall() for one in kept] == before
        # Run again, as on a database that was filled before, it writes no row.
        written = [
            owner.execute(more.BOOKED.encode(), {"city": city}).rowcount for (city,) in owner.execute(more.CITIES)
        ]
        assert set(written) == {0}


@pytest.mark.django_db
@pytest.mark.mission("G4")
def test_a_city_without_money_proves_and_every_check_has_a_line() -> None:
    proof = prove(370900)
    assert (proof.accounts, proof.transfers, proof.findings) == (0, 0, ())
    rows = rendered(370900, proof, 0.1)
    assert len(rows) == 1 + len(CHECKS)
    assert all(says in row for says, row in zip(CHECKS.values(), rows[1:], strict=True))
    assert BookCheck.objects.filter(city_code=370900).count() == 0


@pytest.mark.django_db
def test_each_damage_is_named_in_words() -> None:
    line = line_of(paid())
    ClaimLine.objects.filter(city_code=CITY, pk=line.pk).update(amount_fen=line.amount_fen + 1)
    [found] = prove(CITY).findings
    assert (found.check, f"申领明细 {line.pk}" in found.what) == ("line", True)


def test_the_command_is_there() -> None:
    from zhaoliang.cli.main import app

    assert "重新推算全部账目" in CliRunner().invoke(app, ["prove", "--help"]).output

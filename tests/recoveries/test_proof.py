"""The proof of everything that has to do with money: nothing to find when it is right, the thing named when it is not."""

from __future__ import annotations

from datetime import date, timedelta
from importlib import import_module
from string import Template
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from factories.funds import budget, closed, script_findings
from factories.recoveries import LATER, corrected, line_of, paid, paid_back
from factories.subsidies import CITY, approved, case
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
        {"act", "reserve"},
    ),
    "a top-up taken back a fen short": (
        "SELECT ledger_post(city_code, 'reserve', budget_account_id, reserved_account_id, amount_fen, now(), 'voucher_batch',"
        " id, '', NULL) FROM voucher_batch;"
        "SELECT ledger_post(city_code, 'release', reserved_account_id, budget_account_id, amount_fen - 1, now(),"
        " 'voucher_batch', id, '', NULL) FROM voucher_batch",
        {"act", "reserve"},
    ),
    "a quota raised": ("UPDATE voucher_batch SET quota = quota + 1", {"reserve"}),
    "a case made smaller": ("UPDATE recovery_case SET amount_fen = amount_fen - 1", {"case"}),
    "a receipt nobody got": ("UPDATE recovery_case SET collected_fen = collected_fen + 1", {"case"}),
    "a month's total": ("UPDATE paid_total SET amount_fen = amount_fen + 1", {"total"}),
    "a row of a bank file": ("UPDATE bank_return_line SET amount_fen = amount_fen + 1", {"bank"}),
    "the total of a bank file": ("DELETE FROM bank_total", {"bank"}),
}

# What an attacker does who owns the tables and keeps the balances right, or hides behind the date: the checks that tell, and
# the entry that both proofs name first. `$pay` and its like are entries, `$now` is the one that came last.
FORGED = """
INSERT INTO transfer (city_code, kind, debit_id, credit_id, amount_fen, at, subject_type, subject_id, memo, debit_after_fen,
    credit_after_fen)
SELECT t.city_code, t.kind, t.debit_id, t.credit_id, 7, {at}, '{subject}', 999999, '', d.balance_fen - 7, c.balance_fen + 7
FROM transfer t JOIN account d ON d.id = t.debit_id JOIN account c ON c.id = t.credit_id
WHERE t.kind = '{kind}' ORDER BY t.id LIMIT 1;
UPDATE account SET balance_fen = balance_fen - 7 WHERE id = (SELECT debit_id FROM transfer ORDER BY id DESC LIMIT 1);
UPDATE account SET balance_fen = balance_fen + 7 WHERE id = (SELECT credit_id FROM transfer ORDER BY id DESC LIMIT 1);
"""
ATTACKS = {
    "an amount": ("UPDATE transfer SET amount_fen = amount_fen + 1 WHERE id = $accrue", {"balance", "line"}, "accrue"),
    "an entry removed": ("DELETE FROM transfer WHERE id = $allocate", {"balance", "order"}, "after"),
    "two accounts changed about": (
        "UPDATE transfer SET debit_id = credit_id, credit_id = debit_id WHERE id = $accrue",
        {"balance"},
        "accrue",
    ),
    "another account": ("UPDATE transfer SET debit_id = $budget WHERE id = $accrue", {"balance"}, "accrue"),
    "a balance on the way": (
        "UPDATE transfer SET credit_after_fen = credit_after_fen + 1 WHERE id = $pay",
        {"balance"},
        "pay",
    ),
    "a date of a closed month moved out of it": (
        "UPDATE transfer SET at = at + interval '93 days' WHERE id = $accrue",
        {"act", "closing"},
        "accrue",
    ),
    "a date of a closed month moved to the moment of a later act": (
        "UPDATE transfer SET at = (SELECT max(at) FROM audit_event) WHERE id = $accrue",
        {"closing"},
        "accrue",
    ),
    "a date within its month": (
        "UPDATE transfer SET at = at + interval '1 hour' WHERE id = $accrue",
        {"act"},
        "accrue",
    ),
    "put in with its balances, by nobody's act": (
        FORGED.format(kind="reserve", at="now()", subject="x"),
        {"act", "reserve"},
        "now",
    ),
    "put in with its balances, at the moment of another": (
        FORGED.format(kind="allocate", at="t.at", subject="account"),
        {"order"},
        "now",
    ),
    "a payment put in with its balances": (
        FORGED.format(kind="pay", at="t.at", subject="claim_line"),
        {"payment"},
        "now",
    ),
    "a balance": ("UPDATE account SET balance_fen = balance_fen + 1 WHERE id = $budget", {"balance"}, None),
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


@pytest.mark.commits
@pytest.mark.mission("G2", "G4")
def test_both_proofs_name_the_entry_that_an_owner_of_the_tables_altered(owner: psycopg.Connection[Any]) -> None:
    """Whoever owns the tables switches off what would refuse him: no trigger and no grant stands in the way."""
    paid()
    approved(case(1))
    closed(date(2026, 7, 31), LATER + timedelta(days=60))
    for year in (2025, 2026):
        budget(1000, year=year, at=LATER + timedelta(days=61))
    assert (prove(CITY).findings, script_findings(owner)) == ((), [])
    owner.autocommit = True
    entries: dict[str, int] = dict(owner.execute("SELECT kind, min(id) FROM transfer GROUP BY kind").fetchall())
    [account] = owner.execute("SELECT credit_id FROM transfer WHERE id = %s", [entries["allocate"]]).fetchone() or []
    entries["after"] = Transfer.objects.filter(city_code=CITY, debit_id=account).earliest("id").pk
    owner.execute("SET session_replication_role = replica")
    for table in ("transfer", "account"):
        owner.execute(f"CREATE TEMPORARY TABLE kept_{table} AS TABLE {table}".encode())
    for name, (damage, checks, first) in ATTACKS.items():
        owner.execute(Template(damage).substitute(entries, budget=account).encode())
        entries["now"] = Transfer.objects.filter(city_code=CITY).latest("id").pk
        proof, script = prove(CITY), script_findings(owner)
        told = {one.check for one in proof.findings}
        assert (told >= checks, {row[0] for row in script} - {"fund"} == told) == (True, True), (name, told, script)
        wanted = None if first is None else entries[first]
        ours = min((one.transfer_id for one in proof.findings if one.transfer_id is not None), default=None)
        theirs = min((row[2] for row in script if row[2] is not None), default=None)
        assert (ours, theirs) == (wanted, wanted), name
        shown = "\n".join(rendered(CITY, proof, 0.1))
        assert f"第一笔对不上的分录编号 {wanted}" in shown if wanted else "账户余额对不上" in shown, name
        for table in ("transfer", "account"):
            owner.execute(f"DELETE FROM {table}".encode())
            owner.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}".encode())
    owner.execute("SET session_replication_role = origin")
    assert (prove(CITY).findings, script_findings(owner)) == ((), [])

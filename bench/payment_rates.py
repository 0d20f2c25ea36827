"""A claim of so many lines assembled, checked and paid into a batch, and the bank's statement of it reconciled, in each format.

`python bench/payment_rates.py 19980 99990` measures the size of the goal beside a fifth of it, each in a process of its own: the
claim in under 60 s, a statement in under 60 s, and the most memory of both, which is to be about the same.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import audit_fill
import bank_rates
import figures

CITY, FEN = audit_fill.CITY, 378_000
SIZE, FULL = 3_000, 99_990
AT = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)
HANDED_IN = "claim checked again and handed in"
TOGETHER = "claim assembled, checked, handed in and paid into a batch, together"
ACCRUED = """
INSERT INTO transfer (city_code, kind, debit_id, credit_id, amount_fen, at, subject_type, subject_id, memo,
                      debit_after_fen, credit_after_fen)
SELECT city_code, 'accrue', {budget}, {payable}, {fen}, now(), 'claim_line', id, '', 0, 0 FROM claim_line
"""


def measure(progress: Callable[[str], None], *, full: bool = False, size: int = 0) -> None:
    """Print the figures, one JSON line each."""
    from django.db import connection

    from zhaoliang.kernel.db.migrate import as_owner

    size = size or (FULL if full else SIZE)
    progress(f"bench: payments, filling the tables with {size:,} trainees of one class")
    with as_owner():
        audit_fill.fill(connection, size, people=size)
        _one_class(connection)
    steps = _claim()
    with as_owner():
        _approve(connection)
    batch, seconds = _batch()
    steps["payment batch built, sealed, authorised and sent"] = seconds
    for name, took in steps.items():
        _print(name, size, took)
    _print(TOGETHER, size, sum(steps.values()))
    if size >= FULL:
        seconds = sum(steps.values()) - steps[HANDED_IN]
        figures.reach(f"claim of {size:,} lines assembled, audited and batched", seconds, "s", "≤ 60")
    from zhaoliang.payments.models import PaymentLine

    lines = PaymentLine.objects.filter(city_code=CITY, batch=batch).order_by("sequence")
    bank_rates.statements(progress, list(lines.values_list("id", flat=True)))


# All trainees in the first class, whose project pays from the fund of the vouchers; no claim yet.
ONE_CLASS = """
TRUNCATE claim, claim_line, attendance, certificate_index, state_change, check_result CASCADE;
UPDATE project SET fund_source = 'employment_subsidy';
UPDATE training_class SET state = 'assessed' WHERE id = 1;
UPDATE enrolment SET training_class_id = 1;
UPDATE exam_result SET exam_id = 1;
UPDATE voucher SET state = 'verified', class_id = 1, provider_id = k.provider_id, batch_id = k.project_id
FROM training_class k WHERE k.id = 1;
UPDATE certificate SET occupation_id = p.occupation_id, level = p.level
FROM training_class k JOIN project p ON p.id = k.project_id WHERE k.id = 1;
INSERT INTO certificate_index (number, city_code, certificate_id) SELECT number, city_code, id FROM certificate
"""
ATTENDANCE = """
SELECT n.city_code, n.id, n.id AS enrolment_id, 1 AS session_id, n.person_id, s.period, k.hours * 45 AS planned_minutes,
       CASE WHEN bench_r(n.id, 45, 12) = 0 THEN k.hours * 45 * 7 / 10 ELSE k.hours * 45 END AS credited_minutes,
       'present' AS state
FROM enrolment n JOIN class_session s ON s.id = 1 JOIN training_class k ON k.id = 1
"""


def _one_class(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for statement in ONE_CLASS.split(";"):
            cursor.execute(statement)
        audit_fill.put(cursor, "attendance", ATTENDANCE)
        cursor.execute("SET session_replication_role = DEFAULT")
        _accounts()
        for table in ("enrolment", "exam_result", "voucher", "certificate", "attendance"):
            cursor.execute(f"VACUUM (ANALYZE) {table}")


def _accounts() -> None:
    from zhaoliang.registry.models import Organisation

    for row in Organisation.objects.filter(city_code=CITY):
        row.account_number = f"6222{row.pk:012d}"
        row.save(update_fields=["account_number", "account_hash"])


def _claim() -> dict[str, float]:
    """Seconds of each step of a claim on its way to the bureau."""
    from zhaoliang.classes.models import TrainingClass
    from zhaoliang.kernel.roles import Actor, Assignment, Role, system_actor
    from zhaoliang.subsidies import services
    from zhaoliang.subsidies.models import ClaimLine

    held = TrainingClass.objects.select_related("project", "provider").get(city_code=CITY, pk=1)
    staff = Actor(3, 3, "机构", (Assignment(Role.PROVIDER, 0, CITY, held.provider_id),))
    begin = time.perf_counter()
    claim = services.assemble_claim(actor=system_actor(), at=AT, training_class=held)
    assembled = time.perf_counter()
    services.confirm_claim(actor=staff, at=AT, claim=claim)
    handed = time.perf_counter()
    services.run_checks(actor=system_actor(), at=AT, claim=claim)
    checked = time.perf_counter()
    states = ClaimLine.objects.filter(city_code=CITY, claim=claim).values_list("state", flat=True).distinct()
    if "passed" not in states or "due" in states:
        raise SystemExit(f"bench: the lines of the claim are {sorted(states)}")
    return {
        "claim assembled and every line decided": assembled - begin,
        HANDED_IN: handed - assembled,
        "claim audited once more by the bureau": checked - handed,
    }


def _approve(connection: Any) -> None:
    """Every line approved and owed in the books, every organisation with an account."""
    from zhaoliang.funds.models import Account
    from zhaoliang.payments.models import PayingAccount

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE claim_line DROP CONSTRAINT IF EXISTS claim_line_money_needs_decision")
        cursor.execute("TRUNCATE transfer, payment_batch, bank_upload, payment_due, notice CASCADE")
        cursor.execute("UPDATE claim SET state = 'approved'")
        cursor.execute("UPDATE claim_line SET state = 'approved', amount_fen = %s", [FEN])
        cursor.execute("UPDATE training_class SET state = 'in_claim'")
        lines = _count(cursor, "claim_line")
        cursor.execute("SELECT setval(pg_get_serial_sequence('account', 'id'), 1000)")
        ids = {}
        for kind, fen in (("budget", 0), ("payable", lines * FEN)):
            cursor.execute(
                "INSERT INTO account (city_code, code, name, kind, fund_source, year, region_code, balance_fen)"
                " VALUES (%s, %s, %s, %s, 'employment_subsidy', 2026, %s, %s) RETURNING id",
                [CITY, f"bench-{kind}", kind, kind, CITY, fen],
            )
            ids[kind] = cursor.fetchone()[0]
        cursor.execute(ACCRUED.format(fen=FEN, **ids))
    assert Account.objects.filter(city_code=CITY, pk=ids["payable"]).exists()
    PayingAccount.objects.create(
        city_code=CITY,
        region_code=CITY,
        fund_source="employment_subsidy",
        account_number="6222000000000000",
        at=AT,
        state="confirmed",
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _count(cursor: Any, table: str) -> int:
    cursor.execute(f"SELECT count(*) FROM {table}")
    return cursor.fetchone()[0]


def _actor(user: int, role: Any) -> Any:
    from zhaoliang.kernel.roles import Actor, Assignment

    return Actor(user, user, f"经办{user}", (Assignment(role, CITY, CITY),))


def _batch() -> tuple[Any, float]:
    from zhaoliang.kernel.roles import Place, Role
    from zhaoliang.payments import services

    officer, finance = _actor(1, Role.FUND_OFFICER), _actor(2, Role.FINANCE)
    place, fund = Place(CITY, CITY), "employment_subsidy"
    account = services.set_paying_account(
        actor=officer,
        at=AT,
        place=place,
        fund_source=fund,
        bank_name="银行",
        bank_code="",
        account_name="专户",
        account_number="12345678",
    )
    services.confirm_paying_account(actor=finance, at=AT, account=account, account_number="12345678")
    begin = time.perf_counter()
    batch = services.build_batch(actor=officer, at=AT, place=place, fund_source=fund)
    batch = services.seal_batch(actor=officer, at=AT, batch=batch)
    batch = services.authorise_batch(actor=finance, at=AT, batch=batch)
    batch = services.send_batch(actor=officer, at=AT, batch=batch, file_kind="csv")
    return batch, time.perf_counter() - begin


def _print(name: str, lines: int, seconds: float) -> None:
    record = {
        "bench": name,
        "lines": lines,
        "seconds": round(seconds, 2),
        "lines/s": round(lines / seconds),
        "most memory MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(record, ensure_ascii=False), flush=True)


def _compared(sizes: list[str]) -> None:
    """Measure each size in a process of its own, and say how the most memory over the claim grew from the first to the last."""
    most: list[int] = []
    for size in sizes:
        answered = subprocess.run([sys.executable, __file__, size], stdout=subprocess.PIPE, text=True, check=True)
        print(answered.stdout, end="", flush=True)
        records = [json.loads(line) for line in answered.stdout.splitlines()]
        most += [record["most memory MB"] for record in records if record["bench"] == TOGETHER]
    record = {"bench": f"most memory over the claim, {sizes[-1]} lines to {sizes[0]}", "MB": most}
    print(json.dumps(record | {"ratio": round(most[-1] / most[0], 2)}, ensure_ascii=False), flush=True)


def main() -> None:
    """Measure on a throw-away database; the numbers of lines (multiples of 30) may be given, each gets a database of its own."""
    import run

    if len(sys.argv) > 2:
        _compared(sys.argv[1:])
        return
    with tempfile.TemporaryDirectory(prefix="zhaoliang-bench-") as name:
        server = run.prepare(Path(name))
        try:
            measure(run.progress, size=int(sys.argv[1]) if len(sys.argv) > 1 else 0)
        finally:
            from django.db import connections

            connections.close_all()
            server.destroy()


if __name__ == "__main__":
    main()

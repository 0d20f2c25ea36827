"""What the reports of money read in a city with a million payments: rows by the plans of their statements, and server time.

`python bench/report_rates.py [--full]`: 100,000 payments, with `--full` a million, each with its claim line, entry, payment line and
row of a bank file; every hundredth is wanted back. Also how long both kept totals take to be derived again, as every night.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import audit_fill
import figures
import run

CITY = audit_fill.CITY
ROUNDS = 9
# So many rows a payment a report may read: less than each once. It reads totals of projects, groups and months, and of every
# hundredth payment the case, its entries and receipts.
MOST_A_PAYMENT = 0.6
FUNDS = ("employment_subsidy", "unemployment_insurance")
ACCOUNTS = (
    f"SELECT {CITY} AS city_code, 1000 + row_number() OVER () AS id, kind || code || fund AS code, kind AS name, kind,"
    " fund AS fund_source, 2025 AS year, code AS region_code, 0 AS balance_fen FROM region"
    " CROSS JOIN unnest(ARRAY['payable', 'disbursed', 'receivable', 'recovered']) kind"
    f" CROSS JOIN unnest(ARRAY{list(FUNDS)}) fund WHERE region.code BETWEEN {CITY} AND {CITY} + 9999"
)
# A line and the accounts of its region and fund.
LINES = (
    "claim_line l JOIN claim c ON c.city_code = l.city_code AND c.id = l.claim_id"
    " JOIN LATERAL (SELECT max(id) FILTER (WHERE kind = 'payable') AS payable, max(id) FILTER (WHERE kind = 'disbursed') AS disbursed,"
    " max(id) FILTER (WHERE kind = 'receivable') AS receivable, max(id) FILTER (WHERE kind = 'recovered') AS recovered FROM account"
    " WHERE region_code = c.region_id AND fund_source = c.fund_source) a ON TRUE"
)
AT = "timestamptz '2025-03-01 01:00Z' + l.id * interval '600 days' / {lines}"
TRANSFER = (
    f"SELECT {CITY} AS city_code, {{lines}}::bigint * {{part}} + l.id AS id, '{{kind}}' AS kind, a.{{debit}} AS debit_id,"
    f" a.{{credit}} AS credit_id, 378000 AS amount_fen, {AT} AS at, '{{subject}}' AS subject_type, l.id AS subject_id,"
    f" '' AS memo FROM {LINES} WHERE {{which}}"
)
TABLES: tuple[tuple[str, str], ...] = (
    (
        "payment_batch",
        f"SELECT {CITY} AS city_code, n AS id, 'B' || n AS number, 120101 AS region_code, 'employment_subsidy' AS fund_source,"
        " 'settled' AS state FROM generate_series(1, {lines} / 1000) n",
    ),
    (
        "payment_line",
        f"SELECT {CITY} AS city_code, l.id, 1 + (l.id - 1) / 1000 AS batch_id, l.id AS claim_line_id, 'subsidy' AS purpose,"
        " l.id AS sequence, 1 AS attempt, 378000 AS amount_fen, 'paid' AS state FROM claim_line l",
    ),
    (
        "bank_return",
        f"SELECT {CITY} AS city_code, n AS id, n AS batch_id, 120101 AS region_code, int8send(n) AS sha256,"
        " timestamptz '2025-03-01 01:00Z' + n * interval '600 days' / ({lines} / 1000) AS at FROM generate_series(1, {lines} / 1000) n",
    ),
    (
        "bank_return_line",
        f"SELECT {CITY} AS city_code, l.id, 1 + (l.id - 1) / 1000 AS bank_return_id, l.id AS row, l.id AS payment_line_id,"
        " '{{}}'::bigint[] AS line_ids, 'out' AS event, 378000 AS amount_fen, TRUE AS paid, 'paid' AS outcome FROM claim_line l",
    ),
    (
        "recovery_case",
        f"SELECT {CITY} AS city_code, l.id, l.id AS claim_line_id, l.id AS difference_id, c.region_id AS region_code,"
        " 378000 AS amount_fen, CASE WHEN l.id % 200 = 0 THEN 378000 ELSE 0 END AS collected_fen,"
        " CASE WHEN l.id % 200 = 0 THEN 'recovered' ELSE 'noticed' END AS state"
        " FROM claim_line l JOIN claim c ON c.city_code = l.city_code AND c.id = l.claim_id WHERE l.id % 100 = 0",
    ),
)
MOVES = (
    ("pay", "payable", "disbursed", "claim_line", "TRUE"),
    ("recover", "disbursed", "receivable", "recovery_case", "l.id % 100 = 0"),
    ("collect", "receivable", "recovered", "recovery_receipt", "l.id % 200 = 0"),
)


def fill(cursor: Any, lines: int) -> None:
    """Everything that was paid, by the owner of the tables; of the ledger only what the reports ask."""
    cursor.execute("SET session_replication_role = replica; SET synchronous_commit = off")
    cursor.execute("DELETE FROM account")
    audit_fill.put(cursor, "account", ACCOUNTS)
    for table, select in TABLES:
        audit_fill.put(cursor, table, select.format(lines=lines))
    for part, (kind, debit, credit, subject, which) in enumerate(MOVES):
        given = {"lines": lines, "part": part, "kind": kind, "debit": debit, "credit": credit, "subject": subject}
        audit_fill.put(cursor, "transfer", TRANSFER.format(**given, which=which))


def measure(progress: Callable[[str], None], *, full: bool = False) -> None:
    """Print the figures, and keep for the table what has a goal."""
    from django.db import connection

    from zhaoliang.kernel.db.migrate import as_owner
    from zhaoliang.payments.agreement import agreements
    from zhaoliang.payments.total_sql import AGAIN, WRONG_BANK, WRONG_PAID
    from zhaoliang.recoveries.reporting import fund_use

    lines = 999_990 if full else 99_990
    progress(f"bench: reports, filling the tables with {lines:,} payments")
    with as_owner():
        audit_fill.fill(connection, lines)
        with connection.cursor() as cursor:
            fill(cursor, lines)
            cursor.execute("SET session_replication_role = DEFAULT")
            cursor.execute("VACUUM (ANALYZE)")
            progress("bench: reports, deriving the totals")
            _timed(cursor, "totals derived from entries and bank rows", AGAIN)
            cursor.execute("VACUUM (ANALYZE) paid_total, bank_total")
            _timed(cursor, "totals proved", (WRONG_PAID, WRONG_BANK))
    since, until = date(2025, 1, 1), date(2026, 12, 1)
    asks: dict[str, Callable[[], list[Any]]] = {
        **{
            f"fund use by {by}": lambda by=by: fund_use(CITY, CITY, by=by)
            for by in ("source", "region", "group", "project")
        },
        "agreement of two years by month": lambda: agreements(CITY, CITY, since, until),
    }
    for name, ask in asks.items():
        figure = _figures(ask)
        print(json.dumps({"bench": f"reports: {name}", "payments": lines, **figure}), flush=True)
        read = figure["rows read"] / lines
        figures.reach(f"{name} among {lines:,} payments, rows read a payment", read, "", f"≤ {MOST_A_PAYMENT}")


def _timed(cursor: Any, name: str, statements: tuple[str, ...]) -> None:
    began = time.monotonic()
    for statement in statements:
        cursor.execute(statement, {"city": CITY})
    print(json.dumps({"bench": f"reports: {name}", "s": round(time.monotonic() - began, 1)}), flush=True)


def _figures(ask: Callable[[], list[Any]]) -> dict[str, Any]:
    """Rows a report answers, rows its statements read, and the median of its time in ms."""
    from django.db import connection

    asked: list[tuple[str, Any]] = []

    def noted(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(noted):
        answered = len(ask())
    read = 0
    with connection.cursor() as cursor:
        for sql, params in asked:
            cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params)
            said = cursor.fetchone()[0]
            read += _read((json.loads(said) if isinstance(said, str) else said)[0]["Plan"])
    runs = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ask()
        runs.append((time.perf_counter() - began) * 1000)
    return {
        "rows": answered,
        "rows read": read,
        "ms": round(statistics.median(runs), 1),
        "slowest": round(max(runs), 1),
    }


def _read(plan: dict[str, Any]) -> int:
    """Rows that the scans of a plan read, those they threw away included."""
    inner = sum(_read(one) for one in plan.get("Plans", ()))
    if "Relation Name" not in plan:
        return inner
    thrown = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    return inner + round((plan["Actual Rows"] + thrown) * plan["Actual Loops"])


if __name__ == "__main__":
    run.alone(measure)

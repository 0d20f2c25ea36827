"""A played demo made crowded, to look at its pages: of everything that a list shows so many rows more, made inside the database.

    DATABASE_URL=… .venv/bin/python bench/crowd.py --rows 100000      (0, 1, 60, 100000)

Only for a database that can be thrown away: the copies point at what they were made from, and the ledger and the audit log no
longer prove. Every constraint but the foreign keys holds, so that the crowded pages can be worked with too. It also adds the
accounts `demo-empty` (an office of a city where nothing is) and `demo-empty-school`, so that empty lists can be looked at beside
full ones. Then `scripts/screenshots.py --crowded`.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

import psycopg

from audit_fill import DEFAULTS
from zhaoliang.payments.total_sql import AGAIN

CITY, EMPTY_CITY = 120000, 370900
BASE = 1_000_000
# A class of people, a plan of instalments, a year of closings: what nobody ever has a hundred thousand of.
FEW = 60
OFFICES = ("reviewer", "approver", "fund_officer", "finance", "auditor", "administrator", "inspector")
WORKER, EMPTY_SCHOOL = "demo-worker-2", 2


def fill(connection: psycopg.Connection[Any], rows: int) -> None:
    """Add the rows and gather statistics. The connection is the tables' owner's."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET synchronous_commit = off")
        for table, changes, source in _copies(rows):
            copy(cursor, table, changes, source)
        for statement in AGAIN:
            cursor.execute(statement.encode(), {"city": CITY})
        _accounts(cursor)
    connection.commit()
    connection.autocommit = True
    connection.execute("ANALYZE")


def copy(cursor: psycopg.Cursor[Any], table: str, changes: dict[str, str], source: str) -> None:
    """INSERT … SELECT of `source`, whose row of the table is `t` and whose number is `n`, with some columns replaced.

    Without a `t` in the source the other columns are empty.
    """
    cursor.execute(
        "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = %s", [table]
    )
    base = ") t ON" in source
    changes = {"city_code": str(CITY), "id": f"{BASE} + n", **changes}
    picked = [
        (name, changes.get(name) or (f't."{name}"' if base else "NULL" if null == "YES" else DEFAULTS.get(kind, "''")))
        for name, kind, null in cursor.fetchall()
    ]
    # What an earlier run added.
    run(cursor, f"DELETE FROM {table} WHERE city_code = {CITY} AND id >= {BASE}")
    into, values = ", ".join(f'"{name}"' for name, _ in picked), ", ".join(value for _, value in picked)
    run(cursor, f"INSERT INTO {table} ({into}) SELECT {values} FROM {source}")


def run(cursor: psycopg.Cursor[Any], statement: str) -> None:
    """A statement put together here, from this file and the catalogue of the database."""
    cursor.execute(statement.encode())


def one_of(*words: str) -> str:
    """The words in turn, by the row's number."""
    listed = ", ".join(f"'{word}'" for word in words)
    return f"(ARRAY[{listed}])[1 + n % {len(words)}]"


def rows_of(table: str, count: int, which: str = "TRUE") -> str:
    """The city's rows of a table in turn, so many of them, numbered from nought."""
    return (
        f"generate_series(0, {count - 1}) n JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS size"
        f" FROM {table} WHERE city_code = {CITY} AND id < {BASE} AND {which}) t ON t.place = n % t.size"
    )


def numbers(count: int) -> str:
    """So many numbers from nought, for what the demo has nothing of."""
    return f"generate_series(0, {count - 1}) n"


# The row of another table that was made for the same number, and who it is about: the first sixty are one worker's.
LINE = f"{BASE} + n"
WHO = f"CASE WHEN n < {FEW} THEN (SELECT person_id FROM user_account WHERE username = '{WORKER}') ELSE {LINE} END"
NAME = f"(SELECT name FROM person WHERE city_code = {CITY} AND id = 1 + n % {FEW})"


def _copies(rows: int) -> list[tuple[str, dict[str, str], str]]:
    few, some = min(rows, FEW), min(rows, max(rows // 20, FEW))
    day = "DATE '2026-03-02' + (n % 250)::int"
    at = "timestamptz '2026-03-02 01:00Z' + n * interval '3 minutes'"
    amount = "100000 + n % 3000 * 100"
    claims = ("first_review", "second_review", "approved", "paying", "settled", "returned")
    return [
        (
            "organisation",
            {
                "name": "t.name || n",
                "short_name": "t.short_name || n",
                "uscc": "'91120000MA' || lpad(n::text, 8, '0')",
                "account_hash": "NULL",
            },
            rows_of("organisation", some),
        ),
        (
            "person",
            {"id_hash": "sha256(n::text::bytea)", "phone_hash": "NULL", "account_hash": "NULL"},
            rows_of("person", rows),
        ),
        ("project", {"name": "t.name || n", "state": "'listed'"}, rows_of("project", some)),
        ("training_class", {"name": "t.name || '-' || n"}, rows_of("training_class", some, "provider_id = 1")),
        ("voucher_batch", {"name": "t.name || '（' || n || '）'"}, rows_of("voucher_batch", few)),
        (
            "voucher",
            {
                "code": "'B' || n",
                "person_id": WHO,
                "batch_id": f"CASE WHEN n < {FEW} THEN {LINE} ELSE 1 END",
                "amount_fen": amount,
            },
            rows_of("voucher", rows),
        ),
        (
            "enrolment",
            {
                "person_id": WHO,
                "voucher_id": LINE,
                "training_class_id": f"{BASE} + CASE WHEN n < {FEW} THEN n ELSE n / {FEW} END",
            },
            rows_of("enrolment", rows),
        ),
        # The first of them holds every second line and is published; the others have sixty each.
        (
            "claim",
            {
                "title": "t.title || '-' || n",
                "training_class_id": LINE,
                "state": f"CASE n WHEN 0 THEN 'publicity' ELSE {one_of(*claims)} END",
                "publicity_from": "current_date - 1",
                "publicity_until": "current_date + 3",
            },
            rows_of("claim", rows and rows // FEW + 1, "kind = 'training'"),
        ),
        ("decision", {"claim_line_id": LINE}, _lines(rows, "decision")),
        (
            "claim_line",
            {
                "claim_id": f"CASE WHEN n % 2 = 0 THEN {BASE} ELSE {BASE} + n / {FEW} END",
                "state": "CASE WHEN n % 2 = 0 AND t.state NOT IN ('refused') THEN 'passed' ELSE t.state END",
                "decision_id": LINE,
                "person_id": WHO,
                "enrolment_id": LINE,
                "voucher_id": LINE,
                "amount_fen": amount,
            },
            _lines(rows, "claim_line"),
        ),
        (
            "difference",
            {"claim_line_id": LINE, "action": "CASE WHEN n % 20 = 0 THEN 'ask' ELSE 'recovery' END", "at": at},
            rows_of("difference", rows),
        ),
        (
            "recovery_case",
            {
                "claim_line_id": LINE,
                "difference_id": LINE,
                "payee_name": NAME,
                "amount_fen": amount,
                "collected_fen": "CASE WHEN n % 3 = 0 THEN 50000 ELSE 0 END",
                "state": one_of("noticed", "agreed", "refused", "to_hand_over", "recovered", "written_off"),
                "due_on": f"CASE WHEN n % 6 < 2 THEN {day} END",
                "organisation_id": "CASE WHEN n % 2 = 0 THEN 1 END",
                "person_id": "CASE WHEN n % 2 = 1 THEN t.person_id END",
            },
            rows_of("recovery_case", rows),
        ),
        ("instalment", {"case_id": "1", "plan": "9", "number": "n + 1", "due_on": day}, rows_of("instalment", few)),
        ("recovery_receipt", {"bank_reference": "'HK' || n", "received_on": day}, rows_of("recovery_receipt", few)),
        ("recovery_interest", {"amount_fen": "n * 10", "until": "t.until + n::int"}, rows_of("recovery_interest", few)),
        (
            "correction",
            {
                "claim_line_id": LINE,
                "cause": one_of("policy_misread", "identity", "inspection"),
                "amount_fen": amount,
                "text": "'抽查发现课时多计，按实际课时重算；依据见检查记录第' || n || '号。'",
                "state": "'proposed'",
                "at": at,
            },
            numbers(few),
        ),
        (
            "appeal",
            {
                "claim_line_id": LINE,
                "side": one_of("provider", "worker"),
                "refused_change": "n",
                "reason": "'当天的签到设备坏了，教师手写了签到表，学员全程在场，请核对现场照片和签到表原件后重新认定。'",
                "state": one_of("filed", "granted", "rejected"),
                "decision": "'已核对。'",
                "clause": "'第九条'",
                "filed_at": at,
                "due_on": day,
            },
            numbers(rows),
        ),
        (
            "objection",
            {"claim_id": str(BASE), "text": "'名单里有人没有来上课。'", "raised_at": at, "due_on": day},
            numbers(few),
        ),
        (
            "sanction",
            {
                "organisation_id": "1",
                "region_code": "120101",
                "step": one_of("interview", "rectification", "notice", "blacklist"),
                "violation": "'false_roster'",
                "facts": "'抽查两个班次，名单中第' || n || '号等学员当天没有到课，签到由他人代签，机构未能说明原因。'",
                "citation": "'《职业技能培训补贴管理办法》第十九条'",
                "verified": "n % 3 > 0",
                "state": one_of("noticed", "replied", "in_force", "lift_asked", "lifted", "dropped"),
                "proposed_at": at,
                "reply": "CASE WHEN n % 6 > 0 THEN '当天有两名学员因病请假，已补交假条，请核实。' ELSE '' END",
                "reply_until": day,
                "decide_by": f"{day} + 15",
                "reasons": "CASE WHEN n % 6 > 1 THEN '事实清楚，陈述的理由不足以免责。' ELSE '' END",
                "from_day": f"CASE WHEN n % 6 BETWEEN 2 AND 4 THEN {day} + 16 END",
                "rectify_by": f"CASE WHEN n % 6 = 2 THEN {day} + 46 END",
            },
            numbers(few),
        ),
        (
            "payment_batch",
            {
                "number": "'BF' || (12000020260000000000 + n)",
                "state": one_of("settled", "answered", "sent", "unknown", "authorised", "sealed"),
                "created_at": at,
            },
            rows_of("payment_batch", some),
        ),
        (
            "payment_line",
            {"claim_line_id": LINE, "batch_id": "1", "sequence": "1000 + n", "amount_fen": amount},
            rows_of("payment_line", rows),
        ),
        (
            "bank_return",
            {
                "batch_id": "NULL",
                "file_name": "'对账单-' || n || '.sta'",
                "form": "'mt940'",
                "sha256": "sha256(n::text::bytea)",
                "at": at,
            },
            rows_of("bank_return", few),
        ),
        (
            "bank_return_line",
            {
                "bank_return_id": str(BASE),
                "payment_line_id": LINE,
                "row": "n + 2",
                "outcome": one_of("unknown_debit", "paid", "amount_differs"),
                "amount_fen": amount,
            },
            rows_of("bank_return_line", rows),
        ),
        (
            "reconciliation_case",
            {
                "region_code": str(CITY),
                "kind": f"CASE WHEN n % 3 = 2 AND n < {some} THEN 'missing' ELSE {one_of('unknown_debit', 'amount_differs')} END",
                "amount_fen": amount,
                "says": "'银行文件里有一笔付出，平台上没有对应的拨付明细。'",
                "state": one_of("open", "proposed"),
                "bank_line_id": LINE,
                "batch_id": f"CASE WHEN n < {some} THEN {LINE} ELSE 1 END",
                "opened_at": at,
            },
            numbers(rows),
        ),
        (
            "account",
            {"code": "t.code || n", "name": "t.name || '（' || n || '）'", "year": "2026 - (n % 10)"},
            rows_of("account", some),
        ),
        (
            "transfer",
            {"kind": "'pay'", "subject_type": "'claim_line'", "subject_id": LINE, "at": at, "amount_fen": amount},
            rows_of("transfer", rows, "kind = 'pay'"),
        ),
        (
            "education_spending",
            {
                "organisation_id": f"{BASE} + n",
                "region_code": str(CITY),
                "year": "2025",
                "provided_fen": "5000000 + n * 100",
                "spent_fen": "4000000",
                "front_line_fen": "1000000 + n % 3000000",
            },
            numbers(some),
        ),
        (
            "apprentice_agreement",
            {
                "enrolment_id": "enrolment",
                "months": "12 + n % 12",
                "signed_on": day,
                "enterprise_mentor": NAME,
                "school_mentor": NAME,
            },
            f"(SELECT id AS enrolment, row_number() OVER () - 1 AS n FROM enrolment WHERE city_code = {CITY}"
            f" AND training_class_id = 2 LIMIT {few}) seats",
        ),
        ("audit_event", {"at": at, "object_id": "n"}, rows_of("audit_event", rows)),
        ("notice", {"once": "''", "at": at}, rows_of("notice", rows)),
    ]


def _lines(rows: int, table: str) -> str:
    """The rows of one of both tables, in turn: lines that rest on a decision, and these decisions in the lines' order."""
    made = (
        "claim_line c JOIN decision d ON d.city_code = c.city_code AND d.id = c.decision_id"
        f" WHERE c.city_code = {CITY} AND c.kind = 'training'"
    )
    return (
        f"generate_series(0, {rows - 1}) n JOIN (SELECT {table[0]}.*,"
        " row_number() OVER (ORDER BY c.id) - 1 AS place, count(*) OVER () AS size"
        f" FROM {made} AND c.id < {BASE}) t ON t.place = n % t.size"
    )


def _accounts(cursor: psycopg.Cursor[Any]) -> None:
    """An officer of everything in a city without anything, and somebody of a school that has no class."""
    for username, name in (("demo-empty", "测试空城"), ("demo-empty-school", "测试空校")):
        cursor.execute(
            "INSERT INTO user_account (id, password, username, name, email, city_code, is_active, date_joined)"
            " SELECT (SELECT max(id) + 1 FROM user_account), '', %s, %s, '', %s, TRUE, now()"
            " WHERE NOT EXISTS (SELECT FROM user_account WHERE username = %s)",
            [username, name, EMPTY_CITY if username == "demo-empty" else CITY, username],
        )
    roles = [(role, EMPTY_CITY, None, "demo-empty") for role in OFFICES]
    for role, region, organisation, username in [*roles, ("provider", CITY, EMPTY_SCHOOL, "demo-empty-school")]:
        cursor.execute(
            "INSERT INTO role_assignment (id, role, city_code, organisation_id, valid_from, region_id, user_id)"
            " SELECT (SELECT max(id) + 1 FROM role_assignment), %s, %s, %s, DATE '2026-01-05', %s, u.id FROM user_account u"
            " WHERE u.username = %s AND NOT EXISTS (SELECT FROM role_assignment r WHERE r.user_id = u.id AND r.role = %s)",
            [role, region, organisation, region, username, role],
        )


def main() -> None:
    """Fill the database of DATABASE_URL."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        fill(connection, parser.parse_args().rows)


if __name__ == "__main__":
    main()

"""The platform's own tables filled with so many claim lines: classes of 30 in 16 districts over 500 days, some faults.

Rows are made inside the database from their numbers alone (a hash decides what is out of the ordinary), so that two runs
measure the same and a million lines take a minute or two. Foreign keys are not checked while filling.
"""

from __future__ import annotations

from typing import Any

CITY = 120000
SEATS = 30
DAYS = 500
PROVIDERS, PROJECTS = 200, 640
DEFAULTS = {
    "integer": "0",
    "bigint": "0",
    "smallint": "0",
    "numeric": "0",
    "boolean": "FALSE",
    "bytea": "''::bytea",
    "jsonb": "'[]'::jsonb",
    "timestamp with time zone": "'2025-01-01+00'::timestamptz",
    "date": "'2025-01-01'::date",
}
# What a line costs to check is not what its words are: constant texts are short.
OCCUPATIONS = ["6-18-02-04", "6-18-01-11", "6-18-02-02"]


def fill(connection: Any, lines: int, *, people: int = 0) -> None:
    """Empty the business tables and fill them with `lines` claim lines (a multiple of 30), as the tables' owner.

    A fifth of the people come twice, unless their number is given.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute(
            "CREATE OR REPLACE FUNCTION bench_r(n bigint, salt bigint, m bigint) RETURNS bigint LANGUAGE sql IMMUTABLE"
            " AS 'SELECT (hashint8extended(n, salt) & 9223372036854775807) % m'"
        )
        tables = [name for name, _ in SELECTS]
        cursor.execute(f"TRUNCATE {', '.join(tables)}, decision, decision_basis CASCADE")
        values = {"lines": lines, "classes": lines // SEATS, "people": people or max(lines * 4 // 5, SEATS)}
        for table, select in SELECTS:
            put(cursor, table, select.format(**values))
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("SET synchronous_commit = on")
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"VACUUM (ANALYZE) {table}")


def put(cursor: Any, table: str, select: str) -> None:
    """Insert a select by the names of its columns; what it leaves out and may not be null gets its type's zero."""
    cursor.execute(f"SELECT * FROM ({select}) given LIMIT 0")
    given = [column[0] for column in cursor.description]
    cursor.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s AND is_nullable = 'NO'"
        " AND NOT column_name = ANY(%s)",
        [table, given],
    )
    rest = {name: _blank(table, name, kind) for name, kind in cursor.fetchall()}
    columns = ", ".join(f'"{name}"' for name in [*given, *rest])
    cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s", [table])
    indexes = [(name, text) for name, text in cursor.fetchall() if " UNIQUE " not in text and " gist " not in text]
    for name, _ in indexes:
        cursor.execute(f'DROP INDEX IF EXISTS "{name}"')
    cursor.execute(
        f"INSERT INTO {table} ({columns}) SELECT {', '.join(['given.*', *rest.values()])} FROM ({select}) given"
    )
    for _, text in indexes:
        cursor.execute(text)


def _blank(table: str, column: str, kind: str) -> str:
    """The zero of a column's type; of an encrypted column, nothing encrypted."""
    from django.apps import apps

    from zhaoliang.kernel.fields import EncryptedTextField

    model = next(model for model in apps.get_models() if model._meta.db_table == table)
    field = next(field for field in model._meta.concrete_fields if field.column == column)
    if isinstance(field, EncryptedTextField):
        return f"'\\x{(field.get_prep_value('') or b'').hex()}'::bytea"
    return DEFAULTS.get(kind, "''")


def _numbers(count: str) -> str:
    return f"generate_series(1, {count}) n"


# Classes are numbered roughly as they begin: claims of one time lie together, as they do in life.
DAY = f"DATE '2025-01-06' + (({{k}} * {DAYS} / {{{{classes}}}})::int + bench_r({{k}}, 1, 30)::int)"
SELECTS: list[tuple[str, str]] = [
    (
        "organisation",
        f"SELECT {CITY} AS city_code, n AS id, '机构' || n AS name, 'U' || n AS uscc, 'private_provider' AS kind,"
        " bench_r(n, 2, 50) > 0 AS in_provider_directory,"
        " CASE WHEN bench_r(n, 3, 60) = 0 THEN 'suspended' ELSE 'listed' END AS state, 120101 AS region_id"
        f" FROM {_numbers(str(PROVIDERS))}",
    ),
    (
        "site",
        f"SELECT {CITY} AS city_code, n AS id, n AS organisation_id, 120101 AS region_id, 117 AS longitude, 39 AS latitude,"
        " 300 AS radius_m, CASE WHEN bench_r(n, 4, 10) = 0 THEN 'school' ELSE 'own' END AS kind"
        f" FROM {_numbers(str(PROVIDERS))}",
    ),
    (
        "catalogue",
        f"SELECT {CITY} AS city_code, 1 AS id, '目录' AS name, 1 AS version, 120000 AS region_id, 'published' AS state",
    ),
    (
        "catalogue_entry",
        f"SELECT {CITY} AS city_code, n AS id, 1 AS catalogue_id, 2 + n % 5 AS level, 80 + n % 2 * 40 + n AS hours,"
        " (ARRAY['A', 'B', 'C', ''])[1 + bench_r(n, 5, 4)] AS category, 'offline' AS mode,"
        " (ARRAY['very_scarce', 'scarce', 'common'])[1 + bench_r(n, 6, 3)] AS scarcity, 'skill_level' AS certificate_kind,"
        f" (ARRAY{OCCUPATIONS})[1 + n % 3] AS occupation_id FROM {_numbers('60')}",
    ),
    (
        "project",
        f"SELECT {CITY} AS city_code, n AS id, '项目' || n AS name, 1 + n % {PROVIDERS} AS provider_id, e.id AS entry_id,"
        " (SELECT array_agg(code ORDER BY code) FROM region WHERE parent_code = 120100 OR parent_code = 120000 AND level = 3"
        "  )[1 + n % 16] AS region_id, 'employment' AS kind, e.level, 'skill_level' AS certificate_kind,"
        " CASE WHEN bench_r(n, 7, 8) = 0 THEN 'blended' ELSE 'offline' END AS mode, 80 + n % 2 * 40 AS hours,"
        " 40 AS theory_hours, 40 + n % 2 * 40 AS practice_hours, 8 AS safety_hours,"
        " (ARRAY['employment_subsidy', 'employment_subsidy', 'unemployment_insurance'])[1 + bench_r(n, 8, 3)] AS fund_source,"
        f" 'listed' AS state, e.occupation_id FROM {_numbers(str(PROJECTS))} JOIN catalogue_entry e ON e.id = 1 + n % 60",
    ),
    (
        "account",
        f"SELECT {CITY} AS city_code, 1 AS id, 'budget' AS code, 'budget' AS kind, 'employment_subsidy' AS fund_source",
    ),
    (
        "voucher_batch",
        f"SELECT {CITY} AS city_code, n AS id, '批次' || n AS name, 'general' AS kind, n AS project_id, 120101 AS region_id,"
        " 1000000 AS quota, 378000 AS amount_fen, 'employment_subsidy' AS fund_source, 1 AS budget_account_id,"
        " '2025-01-01+00'::timestamptz AS claim_from, '2026-11-01+00'::timestamptz AS claim_until,"
        f" '2026-12-01+00'::timestamptz AS use_until, 'open' AS state FROM {_numbers(str(PROJECTS))}",
    ),
    (
        "training_class",
        f"SELECT {CITY} AS city_code, n AS id, '班级' || n AS name, p.id AS project_id, p.provider_id, p.provider_id AS site_id,"
        f" {DAY.format(k='n')} AS starts_on, {DAY.format(k='n')} + 18 AS ends_on, {DAY.format(k='n')} + 20 AS exam_on,"
        " 30 AS capacity, p.hours, 45 AS minutes_per_hour, 60 AS exam_pass_score, 'in_claim' AS state"
        f" FROM {_numbers('{classes}')} JOIN project p ON p.id = 1 + bench_r(n, 9, {PROJECTS})",
    ),
    (
        "teacher",
        f"SELECT {CITY} AS city_code, n AS id, '教师' AS name, 1 + n % {PROVIDERS} AS organisation_id"
        f" FROM {_numbers('{classes}')}",
    ),
    (
        "class_session",
        f"SELECT {CITY} AS city_code, n AS id, k.id AS training_class_id, k.id AS teacher_id, 'practice' AS kind, 8 AS hours,"
        " tstzrange(k.starts_on + (n % 6 * 3)::int + TIME '01:00' + bench_r(k.id, 10, 5) * INTERVAL '1 hour',"
        "  k.starts_on + (n % 6 * 3)::int + TIME '05:00' + bench_r(k.id, 10, 5) * INTERVAL '1 hour') AS period"
        f" FROM {_numbers('{classes} * 6')} JOIN training_class k ON k.id = 1 + (n - 1) / 6",
    ),
    (
        "person",
        f"SELECT {CITY} AS city_code, n AS id, int8send(n) AS id_hash, '测试' AS name, 120101 AS region_id,"
        " 'resident_id' AS document_type, DATE '1965-01-01' + bench_r(n, 11, 16200)::int AS birth_date, '9' AS sex"
        f" FROM {_numbers('{people}')}",
    ),
    (
        "person_status",
        f"SELECT {CITY} AS city_code, row_number() OVER () AS id, n AS person_id, kind, bench_r(n, 12 + place, 60) = 0 AS holds,"
        " '数据比对' AS source, DATE '2025-01-05' AS checked_on"
        f" FROM {_numbers('{people}')}"
        " CROSS JOIN (VALUES ('pension', 1), ('establishment', 2), ('student', 3)) AS kinds (kind, place)"
        " WHERE bench_r(n, 20 + place, 40) > 0",
    ),
    (
        "group_membership",
        f"SELECT {CITY} AS city_code, n AS id, n AS person_id,"
        " (ARRAY['06', '06', '12', '05', '14'])[1 + bench_r(n, 30, 5)] AS \"group\","
        " (ARRAY['register', 'register', 'document', 'declared'])[1 + bench_r(n, 31, 4)] AS evidence, '比对' AS source,"
        f" DATE '2024-12-01' AS valid_from FROM {_numbers('{people}')}",
    ),
    (
        "person_grant",
        f"SELECT n AS id, n * 3 AS person_id, 'training' AS scheme, (ARRAY{OCCUPATIONS})[1 + bench_r(n, 32, 3)]"
        f" AS occupation_code, 2 + bench_r(n, 33, 3) AS level, {CITY} AS city_code, 'employment_subsidy' AS fund_source,"
        " DATE '2024-02-01' + bench_r(n, 34, 600)::int AS granted_on, '本平台审批' AS source, '' AS certificate_number"
        f" FROM {_numbers('{people} / 3')}",
    ),
    (
        "voucher",
        f"SELECT {CITY} AS city_code, n AS id, k.project_id AS batch_id, 1 + (n - 1) % {{people}} AS person_id,"
        " '120000' || n AS code, 378000 AS amount_fen, 'in_claim' AS state, k.id AS class_id, k.provider_id,"
        " '2025-01-05+00'::timestamptz AS used_at"
        f" FROM {_numbers('{lines}')} JOIN training_class k ON k.id = 1 + (n - 1) / {SEATS}"
        " WHERE n <= {people} AND bench_r(n, 40, 10) < 7",
    ),
    (
        "enrolment",
        f"SELECT {CITY} AS city_code, n AS id, 1 + (n - 1) / {SEATS} AS training_class_id, 1 + (n - 1) % {{people}} AS person_id,"
        f" m.\"group\", 'completed' AS state, bench_r(n, 41, 50) = 0 AS prepaid_by_person,"
        " CASE WHEN n <= {people} AND bench_r(n, 40, 10) < 7 THEN n END AS voucher_id"
        f" FROM {_numbers('{lines}')} JOIN group_membership m ON m.id = 1 + (n - 1) % {{people}}",
    ),
    (
        "exam",
        f"SELECT {CITY} AS city_code, n AS id, n AS training_class_id, 1 AS evaluator_id, 'published' AS state,"
        f" '2026-07-01+00'::timestamptz AS published_at FROM {_numbers('{classes}')}",
    ),
    (
        "exam_result",
        f"SELECT {CITY} AS city_code, n AS id, 1 + (n - 1) / {SEATS} AS exam_id, n AS enrolment_id,"
        f" 1 + (n - 1) % {{people}} AS person_id, 800 AS theory_tenths, 800 AS practice_tenths, bench_r(n, 42, 25) > 0 AS passed"
        f" FROM {_numbers('{lines}')}",
    ),
    (
        "certificate",
        f"SELECT {CITY} AS city_code, n AS id, 'S' || n AS number, 'skill_level' AS kind, r.person_id, '测试' AS name,"
        " p.occupation_id, p.level, 120 AS hours, 1 AS issuer_id, n AS result_id,"
        " CASE WHEN bench_r(n, 43, 500) = 0 THEN 'suspended' ELSE 'issued' END AS state"
        f" FROM {_numbers('{lines}')} JOIN exam_result r ON r.id = n AND r.passed"
        f" JOIN training_class k ON k.id = 1 + (n - 1) / {SEATS} JOIN project p ON p.id = k.project_id"
        " WHERE bench_r(n, 44, 100) > 0",
    ),
    (
        "claim",
        f"SELECT {CITY} AS city_code, n AS id, n AS training_class_id, k.provider_id, 'training' AS kind,"
        " p.region_id, k.name AS title, k.starts_on AS rules_on,"
        f" 'employment_subsidy' AS fund_source, 'assembled' AS state FROM {_numbers('{classes}')}"
        " JOIN training_class k ON k.id = n JOIN project p ON p.id = k.project_id",
    ),
    (
        "claim_line",
        f"SELECT {CITY} AS city_code, n AS id, 1 + (n - 1) / {SEATS} AS claim_id, n AS enrolment_id,"
        f" 1 + (n - 1) % {{people}} AS person_id, 'training' AS kind, p.occupation_id, p.level, 'provider' AS payee,"
        " 'due' AS state, k.hours * 45 AS planned_minutes,"
        " CASE WHEN bench_r(n, 45, 12) = 0 THEN k.hours * 45 * 7 / 10 ELSE k.hours * 45 - bench_r(n, 46, 8)::int * 45 END"
        " AS credited_minutes, CASE WHEN n <= {people} AND bench_r(n, 40, 10) < 7 THEN n END AS voucher_id, t.id AS certificate_id"
        f" FROM {_numbers('{lines}')} JOIN training_class k ON k.id = 1 + (n - 1) / {SEATS}"
        " JOIN project p ON p.id = k.project_id LEFT JOIN certificate t ON t.id = n",
    ),
]

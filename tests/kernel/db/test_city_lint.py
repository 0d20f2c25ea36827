"""The lint over the suite's SQL: which statements it lets pass."""

from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from plugins import city_sql
from plugins.city_lint import findings, normalised
from zhaoliang.kernel.db.national import is_national, national

TABLES = {"voucher", "batch"}

GOOD = [
    "SELECT * FROM voucher WHERE city_code = %s",
    "SELECT * FROM voucher WHERE city_code IN (%s, %s) AND id = %s",
    "SELECT * FROM voucher WHERE city_code = ANY(%s)",
    "SELECT * FROM voucher WHERE city_code = left(%s, 6)::int AND code = %s",
    "SELECT * FROM voucher WHERE (city_code = 1 AND x = 1) OR (city_code = 2 AND x = 2)",
    'SELECT * FROM "voucher" JOIN "batch" ON ("voucher"."batch_id" = "batch"."id" AND ("batch"."city_code" = '
    '("voucher"."city_code"))) WHERE "voucher"."city_code" = %s',
    "SELECT * FROM voucher, batch WHERE voucher.city_code = batch.city_code AND batch.city_code = 1",
    "SELECT * FROM batch WHERE city_code = 1 AND EXISTS "
    "(SELECT 1 FROM voucher U0 WHERE U0.batch_id = batch.id AND U0.city_code = batch.city_code)",
    "SELECT (SELECT count(*) FROM voucher U0 WHERE U0.city_code = batch.city_code) FROM batch WHERE city_code = 1",
    "WITH q AS (SELECT * FROM batch WHERE city_code = %s) SELECT * FROM q JOIN voucher ON voucher.city_code = "
    "q.city_code",
    "UPDATE voucher SET x = batch.x FROM batch WHERE batch.city_code = voucher.city_code AND voucher.city_code = %s",
    "DELETE FROM voucher USING batch WHERE batch.city_code = voucher.city_code AND voucher.city_code = 3",
    "INSERT INTO voucher (city_code, a) VALUES (%s, %s) ON CONFLICT (city_code, id) DO UPDATE SET a = 1 RETURNING id",
    'INSERT INTO "voucher" ("city_code", "a") SELECT * FROM UNNEST((%s)::integer[], (%s)::text[])',
    "SELECT * FROM voucher WHERE city_code = %s FOR UPDATE OF voucher SKIP LOCKED",
    "SELECT * FROM region WHERE code LIKE %s",
    "SELECT claim_voucher(%s, %s)",
    "SAVEPOINT x",
]

BAD = [
    "SELECT * FROM voucher WHERE id = %s",
    "SELECT city_code, count(*) FROM voucher GROUP BY city_code",
    "SELECT * FROM voucher WHERE city_code = %s OR x = 2",
    "SELECT * FROM voucher WHERE NOT (city_code = %s)",
    "SELECT * FROM voucher WHERE city_code > %s",
    'SELECT * FROM "voucher" JOIN "batch" ON ("voucher"."batch_id" = "batch"."id") WHERE "voucher"."city_code" = %s',
    "SELECT * FROM voucher JOIN region ON region.city_code = voucher.city_code WHERE region.code = %s",
    "SELECT * FROM voucher WHERE city_code = %s UNION SELECT * FROM voucher",
    "SELECT * FROM batch WHERE city_code = 1 AND EXISTS (SELECT 1 FROM voucher U0 WHERE U0.batch_id = batch.id)",
    "SELECT count(*) FROM (SELECT x FROM voucher) s",
    "WITH q AS (SELECT * FROM batch) SELECT * FROM q",
    "UPDATE voucher SET x = 1 WHERE id = 2",
    "UPDATE voucher SET x = batch.x FROM batch WHERE batch.id = voucher.batch_id AND voucher.city_code = %s",
    "DELETE FROM voucher WHERE id IN (SELECT u.id FROM voucher u WHERE u.city_code = %s)",
    "INSERT INTO voucher (a) VALUES (%s)",
    "INSERT INTO voucher (city_code, a) SELECT city_code, a FROM batch",
    "MERGE INTO voucher USING batch ON voucher.id = batch.id WHEN MATCHED THEN DELETE",
    "SELECT * FROM voucher WHERE ((city_code = 1",
]


@pytest.mark.parametrize("statement", GOOD)
def test_lets_pass(statement: str) -> None:
    assert findings(statement, TABLES) == []


@pytest.mark.parametrize("statement", BAD)
def test_finds(statement: str) -> None:
    assert findings(statement, TABLES)


def test_lists_of_any_length_are_one_statement() -> None:
    assert normalised("SELECT 1 WHERE a  IN (%s, %s,%s)") == normalised("SELECT 1\nWHERE a IN (%s, %s)")


@pytest.mark.django_db
def test_statements_of_the_platform_are_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(city_sql, "captured", {})
    # The test's own statement is let pass, as is a national one; the platform's own is kept.
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert city_sql.captured == {}
    monkeypatch.setattr(city_sql, "_issued_by_test", lambda: False)
    with national(), connection.cursor() as cursor:
        assert is_national()
        cursor.execute("SELECT 2")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 3")
    assert list(city_sql.captured) == ["SELECT 3"]
    assert "test_statements_of_the_platform_are_captured" in city_sql.captured["SELECT 3"]


def test_all_business_tables_are_watched() -> None:
    assert {"voucher", "claim_line"} <= city_sql.city_tables()
    assert "region" not in city_sql.city_tables()


def test_what_was_in_order_is_remembered_and_what_was_not_is_told_again(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VAR = tmp_path
    held = [*GOOD, *BAD]
    for backwards in (False, True):
        assert {one for one, _ in city_sql.judged(held, TABLES, backwards=backwards)} == set(BAD)
    asked: list[str] = []
    monkeypatch.setattr(city_sql, "findings", lambda one, tables: asked.append(one) or ["wrong"])
    assert {one for one, _ in city_sql.judged(held, TABLES)} == set(BAD) == set(asked)
    # Other city tables make it another question.
    assert {one for one, _ in city_sql.judged(GOOD, {*TABLES, "region"})} >= {GOOD[0]}

"""A database of an older release takes the newest functions, whichever migration it stopped at."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from zhaoliang.kernel.db.sqlfiles import SqlFile

pytestmark = [pytest.mark.commits, pytest.mark.mission("C6")]
ASKED = "int, bigint, bigint, text, text[], text[], text[], timestamptz, timestamptz[]"


def test_the_verification_of_a_release_that_answered_less_is_replaced(owner: psycopg.Connection[Any]) -> None:
    with owner.transaction(force_rollback=True):
        owner.execute(f"DROP FUNCTION verify_vouchers({ASKED})")
        owner.execute(
            f"CREATE FUNCTION verify_vouchers({ASKED}) RETURNS TABLE (place int, answer text)"
            " LANGUAGE sql AS 'SELECT 1, NULL::text'"
        )
        # As migrations 0003 to 0007 run it, long before the one that added what it answers now.
        for _ in range(2):
            owner.execute(SqlFile("zhaoliang.vouchers", "sql/verify_vouchers.sql").text().encode())
        (answer,) = owner.execute(
            f"SELECT pg_get_function_result('verify_vouchers({ASKED})'::regprocedure)"
        ).fetchone() or ("",)
    assert "used_where" in answer

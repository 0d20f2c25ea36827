"""The first claims after an installation: a group reads its own people's vouchers and its own keys, and nobody else's.

PostgreSQL has no statistics of the tables then, and to its planner every index that begins with the city looks alike.
"""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection

from factories import vouchers
from factories.vouchers import AT, TIANJIN
from zhaoliang.registry.models import Person
from zhaoliang.vouchers.models import VoucherBatch

pytestmark = [pytest.mark.django_db, pytest.mark.mission("C2")]
GROUP, BEFORE = 8, 49
NEW = ("voucher", "idempotency_key")


def as_after_an_installation() -> None:
    """Empty tables of which nothing is known, and a connection that plans as the gate's (gate/store.py)."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute(f"TRUNCATE {', '.join(NEW)} CASCADE")
        cursor.execute("DELETE FROM pg_statistic WHERE starelid::regclass::text = ANY(%s)", [list(NEW)])
        for setting in ("jit", "enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
            cursor.execute(f"SET LOCAL {setting} = off")
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")


def claim(batch: VoucherBatch, first: int) -> list[str]:
    """A group of people from the number `first` on; what each is answered, as the gate asks it."""
    people = list(range(first, first + GROUP))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT answer FROM claim_through_gate(%s, %s, %s::bigint[], %s::text[], 'page', %s::text[], %s::bigint[],"
            " %s::text[], %s::text[], %s::bytea[], %s) ORDER BY place",
            [TIANJIN, batch.pk, people, [f"code-{one}" for one in people], [""] * GROUP, people, ["测试"] * GROUP,
             [f"key-of-{one}" for one in people], [b"input"] * GROUP, AT + timedelta(seconds=1)],
        )  # fmt: skip
        return [answer for (answer,) in cursor.fetchall()]


def rows_read() -> dict[str, int]:
    """The rows of the tables that this transaction has read until now, by whatever way."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables"
            " WHERE relname = ANY(%s)",
            [list(NEW)],
        )
        return dict(cursor.fetchall())


def test_a_group_reads_only_its_own_rows() -> None:
    batch = vouchers.batch(quota=10_000, amount_fen=1)
    people = GROUP * (BEFORE + 1)
    Person.objects.bulk_create(
        Person(
            city_code=TIANJIN,
            id=number,
            id_hash=number.to_bytes(8, "big"),
            name="测试",
            pinyin_key="ceshi",
            document_number="",
            birth_date=AT.date().replace(year=1990),
            region_id=vouchers.HEPING,
            created_at=AT,
        )
        for number in range(6_000_000, 6_000_000 + people)
    )
    as_after_an_installation()
    for number in range(BEFORE):
        assert claim(batch, 6_000_000 + number * GROUP) == ["ok"] * GROUP
    before = rows_read()
    assert claim(batch, 6_000_000 + BEFORE * GROUP) == ["ok"] * GROUP
    read = {table: count - before[table] for table, count in rows_read().items()}
    # A few times its own rows: looked for, kept, and the neighbour that the search ends at. There are 392 others.
    assert max(read.values()) <= 4 * GROUP, json.dumps(read)

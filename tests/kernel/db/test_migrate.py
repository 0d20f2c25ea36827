"""An upgrade beside a running system: no step makes everybody wait behind a long report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.db.migrations import Migration, RunSQL
from django.db.migrations.loader import MigrationLoader

from zhaoliang.kernel.db.indexes import keep_reference_indexes
from zhaoliang.kernel.db.migrate import TablesInUse, as_owner, migrate, unapplied

STEP = ("vouchers", "9999_wider")
# The index that leads from a project to its batches: Django's own, behind the reference.
INDEXES_OF_REFERENCES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE schemaname = current_schema() AND tablename = 'voucher_batch' AND indexdef LIKE '%(city_code, project_id)'
"""


@pytest.fixture
def another_step(monkeypatch: pytest.MonkeyPatch, owner: psycopg.Connection[Any]) -> Iterator[None]:
    """One more migration, which needs `voucher_batch` for itself; no trace of it is left behind."""
    found = MigrationLoader.load_disk

    def load_disk(loader: MigrationLoader) -> None:
        found(loader)
        last = max(name for app, name in loader.disk_migrations if app == STEP[0])
        step = Migration(STEP[1], STEP[0])
        step.dependencies = [(STEP[0], last)]
        step.operations = [RunSQL("ALTER TABLE voucher_batch ADD COLUMN wider integer")]
        loader.disk_migrations[STEP] = step

    monkeypatch.setattr(MigrationLoader, "load_disk", load_disk)
    yield
    owner.execute("ALTER TABLE voucher_batch DROP COLUMN IF EXISTS wider")
    owner.execute("DELETE FROM django_migrations WHERE app = %s AND name = %s", STEP)


def test_a_step_that_does_not_get_its_table_says_so_lets_everybody_by_and_is_done_later(
    another_step: None, owner: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with owner.transaction():
        owner.execute("SELECT count(*) FROM voucher_batch")
        with pytest.raises(TablesInUse) as refused:
            migrate(lock_seconds=0.1, attempts=1)
        assert "停在 vouchers.9999_wider" in refused.value.what
        assert f"{owner.info.backend_pid}（" in refused.value.why
        assert "voucher_batch" in refused.value.why
        assert "zhaoliang migrate" in refused.value.next_step
        # Nothing of it waits on, nobody waits behind it.
        assert unapplied() == ["vouchers.9999_wider"]
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1s'")
            cursor.execute("SELECT count(*) FROM voucher_batch WHERE city_code = 120000")
        connection.close()
    # The report ends while it pauses: the next try is the one.
    owner.execute("BEGIN")
    owner.execute("SELECT count(*) FROM voucher_batch")
    monkeypatch.setattr("zhaoliang.kernel.db.migrate.sleep", lambda seconds: owner.execute("COMMIT"))
    migrate(lock_seconds=2, attempts=2)
    assert unapplied() == []
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT wider FROM voucher_batch WHERE city_code = 120000")


def test_a_start_makes_the_index_that_an_upgrade_ended_before(owner: psycopg.Connection[Any]) -> None:
    with as_owner():
        keep_reference_indexes()
    [before] = owner.execute(INDEXES_OF_REFERENCES).fetchall()
    owner.execute(f'DROP INDEX "{before[0]}"')
    migrate(steps=False)
    assert owner.execute(INDEXES_OF_REFERENCES).fetchall() == [before]

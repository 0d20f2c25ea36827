"""The light executor makes, of all migrations together, the very schema that Django's own makes."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.migrations import operations
from django.db.migrations.state import ModelState, ProjectState
from django.db.models import BigIntegerField, CharField

from plugins.database import _cluster
from world import pointed
from zhaoliang.kernel.db.executor import _ordinary
from zhaoliang.kernel.db.migrate import migrate
from zhaoliang.kernel.db.national import national

CATALOGUE = (
    "SELECT table_name, column_name, data_type, is_nullable, column_default, character_maximum_length, is_generated,"
    " is_identity FROM information_schema.columns WHERE table_schema = 'public'",
    "SELECT conrelid::regclass::text, conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint",
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT proname, pg_get_functiondef(p.oid) FROM pg_proc p WHERE pronamespace = 'public'::regnamespace"
    " AND prokind = 'f'",
    "SELECT relname, relacl::text FROM pg_class WHERE relnamespace = 'public'::regnamespace",
)


def schema() -> dict[str, list[Any]]:
    with national(), connection.cursor() as cursor:
        found = {}
        for question in CATALOGUE:
            cursor.execute(question)
            found[question] = sorted(cursor.fetchall(), key=str)
        return found


@pytest.mark.nightly
def test_the_light_executor_makes_the_schema_that_django_makes(
    request: pytest.FixtureRequest,
    django_db_setup: None,
    django_db_blocker: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("zhaoliang.kernel.db.migrate.light_executor", nullcontext)
    cluster = _cluster(request.config)
    name = f"{cluster.prefix}_whole"
    cluster.execute("CREATE DATABASE {} TEMPLATE template0", name)
    try:
        with django_db_blocker.unblock():
            light = schema()
            with pointed(cluster, name, tmp_path), national():
                migrate()
                whole = schema()
    finally:
        cluster.execute("DROP DATABASE {} WITH (FORCE)", name)
    assert light == whole


def test_what_needs_references_of_others_is_left_to_django() -> None:
    state = ProjectState()
    fields = [("id", BigIntegerField(primary_key=True)), ("note", CharField()), ("code", CharField(unique=True))]
    state.add_model(ModelState("registry", "person", fields))

    def ordinary(*steps: Any) -> bool:
        return _ordinary(steps, state, "registry")

    name = operations.AddField("person", "remark", CharField(max_length=10))
    longer = operations.AlterField("person", "note", CharField(max_length=20))
    key = operations.AlterField("person", "note", CharField(max_length=10, unique=True))
    no_key = operations.AlterField("person", "code", CharField(max_length=10))
    unseen = operations.AlterField("person", "remark", CharField(max_length=20))
    code = operations.RunPython(operations.RunPython.noop)
    assert ordinary(name, longer, operations.SeparateDatabaseAndState([longer], [name]))
    for step in (
        key,
        no_key,
        unseen,
        code,
        operations.DeleteModel("person"),
        operations.RenameField("person", "note", "x"),
    ):
        assert not ordinary(name, step)
        assert not ordinary(operations.SeparateDatabaseAndState([step]))

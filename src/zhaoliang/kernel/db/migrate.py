"""Bring the database to the present schema, as its owner: migrations, the indexes of references, the grants."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from zhaoliang.kernel.db.executor import light_executor
from zhaoliang.kernel.db.grants import apply_grants
from zhaoliang.kernel.db.indexes import keep_reference_indexes


@contextmanager
def as_owner() -> Iterator[None]:
    """Use the default connection as the tables' owner inside the block, not as the role of the running system."""
    options = connection.settings_dict["OPTIONS"]
    saved = dict(options)
    connection.close()
    options.pop("assume_role", None)
    options.pop("pool", None)
    try:
        yield
    finally:
        connection.close()
        options.clear()
        options.update(saved)


def migrate(verbosity: int = 0) -> None:
    """Run all migrations, then see to the indexes of references and to the grants.

    Raises GrantsError when the server's user may not make the app role.
    """
    with as_owner(), light_executor():
        call_command("migrate", interactive=False, verbosity=verbosity)
        keep_reference_indexes()
        apply_grants()


def unapplied() -> list[str]:
    """Return the names of the migrations that this database lacks, in their order."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def schema_is_current() -> bool:
    """Tell whether nothing is left to migrate and the app role can be taken (a restart then needs no migration)."""
    try:
        return not unapplied()
    except DatabaseError:
        return False

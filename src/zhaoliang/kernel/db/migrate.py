"""Bring the database to the present schema, as its owner, and renew the grants of the running system."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connection

from zhaoliang.kernel.db.grants import apply_grants


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
    """Run all migrations and then the grants. Raises GrantsError when the server's user may not make the app role."""
    with as_owner():
        call_command("migrate", interactive=False, verbosity=verbosity)
        apply_grants()

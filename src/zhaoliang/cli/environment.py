"""What the commands share: Django's set-up, the database running, and plain failures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from zhaoliang.kernel.db.embedded import EmbeddedServer


def fail(message: str) -> NoReturn:
    """End the program with a message for people and exit code 1."""
    typer.echo(message, err=True)
    raise typer.Exit(1)


def setup_django() -> None:
    """Load the settings and all apps; further calls do nothing."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zhaoliang.settings")
    django.setup()


@contextmanager
def database() -> Iterator[None]:
    """Run the embedded server while the block runs, unless DATABASE_URL names another; sets Django up first.

    Ends the program with a plain message when no database can be had.
    """
    from zhaoliang.kernel.db.binaries import DatabaseUnavailable

    setup_django()
    with ExitStack() as stack:
        try:
            if server := embedded():
                stack.enter_context(server.running())
            _connect()
        except DatabaseUnavailable as error:
            fail(f"数据库无法使用：{error}")
        yield


def embedded() -> EmbeddedServer | None:
    """Return the server under `var/`, or None where DATABASE_URL names another one."""
    from django.conf import settings

    from zhaoliang.kernel.db.embedded import EmbeddedServer

    return None if os.environ.get("DATABASE_URL") else EmbeddedServer(settings.VAR / "postgres")


def _connect() -> None:
    from django.db import OperationalError, connection

    from zhaoliang.kernel.db.binaries import DatabaseUnavailable
    from zhaoliang.kernel.db.migrate import as_owner

    try:
        # As owner: before the first migration the role of the running system does not exist.
        with as_owner():
            connection.ensure_connection()
            with connection.cursor() as cursor:
                cursor.execute("SHOW server_version_num")
                version = int(cursor.fetchone()[0])
    except OperationalError as error:
        raise DatabaseUnavailable(f"{error}。请检查 DATABASE_URL。") from error
    if version < 150000:
        raise DatabaseUnavailable(f"需要 PostgreSQL 15 或更新，服务器是 {version // 10000}。")

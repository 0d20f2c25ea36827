"""The gate's own connections: asyncpg in the role of the running system, statements prepared once."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
from django.conf import settings

from zhaoliang.kernel.db.config import APP_ROLE, database_url, parse_url

CONNECTIONS = 6
STATEMENT_SECONDS = 20


def address() -> dict[str, Any]:
    """asyncpg's connection arguments for the configured database."""
    entry = parse_url(database_url(settings.VAR))
    given = {
        "host": entry["HOST"],
        "port": int(entry["PORT"]) if entry["PORT"] else None,
        "user": entry["USER"],
        "password": entry["PASSWORD"],
        "database": entry["NAME"],
    }
    return {name: value for name, value in given.items() if value}


async def open_pool(size: int = CONNECTIONS) -> asyncpg.Pool:
    """A pool whose connections act as `zhaoliang_app`; opened even while the database is still starting."""
    return await asyncpg.create_pool(
        **address(),
        min_size=0,
        max_size=size,
        init=_prepare,
        reset=_keep,
        command_timeout=STATEMENT_SECONDS,
        timeout=5,
        max_inactive_connection_lifetime=0,
    )


async def _prepare(connection: Any) -> None:
    await connection.execute(f'SET ROLE "{APP_ROLE}"')
    # An array of 128 needs no parallel workers and no just-in-time compiler.
    await connection.execute("SET jit = off")
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def _keep(connection: Any) -> None:
    """Nothing to reset: every statement stands alone, in its own transaction."""

"""The gate's own connections: asyncpg in the role of the running system, statements prepared once."""

from __future__ import annotations

from typing import Any

import asyncpg
import msgspec
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
        connection_class=Connection,
        init=_prepare,
        reset=_keep,
        command_timeout=STATEMENT_SECONDS,
        timeout=5,
        max_inactive_connection_lifetime=0,
    )


class Connection(asyncpg.Connection):
    """A connection that makes its plans anew while the tables grow under it."""

    groups, replanned = 0, 4

    async def count_group(self) -> None:
        """Before each group. Plans are kept for good, and those of the first minutes were made for nearly empty tables: they are
        dropped after 16, 64, 256, … groups, so that no rush is answered by reading whole tables until statistics come."""
        self.groups += 1
        if self.groups == self.replanned * 4:
            self.replanned = self.groups
            await self.execute("DISCARD PLANS")


async def _prepare(connection: Any) -> None:
    await connection.execute(f'SET ROLE "{APP_ROLE}"')
    # An array of 128 needs no parallel workers, no just-in-time compiler, and each row of it is found by an index.
    for setting in ("jit", "enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
        await connection.execute(f"SET {setting} = off")
    # Arrays of any length are planned alike.
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.set_type_codec("jsonb", encoder=_json, decoder=msgspec.json.decode, schema="pg_catalog")


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


async def _keep(connection: Any) -> None:
    """Nothing to reset: every statement stands alone, in its own transaction."""

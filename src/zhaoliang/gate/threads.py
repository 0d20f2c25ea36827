"""What needs Django runs in a thread, with database connections that are given back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections

T = TypeVar("T")


class DatabaseAway(OSError):
    """The database did not answer, or ended a transaction that may be tried again: nothing is known to have been done."""


async def in_thread(work: Callable[..., T], *given: object) -> T:
    """The answer of `work`, or what it raises. Raises DatabaseAway."""

    def run() -> T:
        close_old_connections()
        try:
            return work(*given)
        except (InterfaceError, OperationalError) as error:
            raise DatabaseAway from error
        finally:
            close_old_connections()

    return await asyncio.to_thread(run)

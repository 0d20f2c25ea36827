"""What needs Django runs in a thread, with database connections that are given back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from django.db import close_old_connections

T = TypeVar("T")


async def in_thread(work: Callable[..., T], *given: object) -> T:
    """The answer of `work`, or what it raises."""

    def run() -> T:
        close_old_connections()
        try:
            return work(*given)
        finally:
            close_old_connections()

    return await asyncio.to_thread(run)

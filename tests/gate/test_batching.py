"""A group whose answer broke off is asked again, whatever the driver calls it; nobody gets a 500 for a database that died."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import pytest
from django.db import InterfaceError, OperationalError

from zhaoliang.gate.batching import Batcher
from zhaoliang.gate.threads import DatabaseAway, in_thread

pytestmark = pytest.mark.mission("C2", "B6")


@pytest.mark.parametrize(
    "broke",
    [
        asyncpg.InternalClientError("got result for unknown protocol state"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        ConnectionResetError(),
        DatabaseAway(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_group_that_broke_off_is_asked_again(broke: Exception) -> None:
    asked: list[list[str]] = []

    async def run(lane: Any, items: Sequence[str]) -> list[str]:
        asked.append(list(items))
        if len(asked) == 1:
            raise broke
        return [f"{item} done" for item in items]

    async def both() -> list[str]:
        batcher = Batcher(run, waiting=10)
        return await asyncio.gather(batcher.ask("lane", "one"), batcher.ask("lane", "two"))

    # In a thread of its own: a browser test may have left a loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(lambda: asyncio.run(both())).result()
    assert answers == ["one done", "two done"]
    assert asked[0] == asked[1]


@pytest.mark.parametrize("broke", [OperationalError, InterfaceError])
def test_what_needs_django_says_so_when_the_database_is_away(broke: type[Exception]) -> None:
    def work() -> None:
        raise broke

    with ThreadPoolExecutor(1) as pool, pytest.raises(DatabaseAway):
        pool.submit(lambda: asyncio.run(in_thread(work))).result()

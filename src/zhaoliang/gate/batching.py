"""Requests that arrive while a statement is under way become the next statement together.

Under light load a group is one request and waits for nothing; under a rush a group is up to 128, so that the commit, the
round trip and the locks are shared. What has been accepted is answered: a broken connection or a deadlock is tried again (the
idempotency keys make that safe), one bad request is separated from its group.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, ClassVar

import asyncpg
import structlog

from zhaoliang.kernel.errors import Busy

GROUP = 128
IN_FLIGHT = 2
TRIES = 6
RETRY_SECONDS = 2
# Nothing was decided: serialization failure, deadlock, a batch closed just now, the server stopping or starting.
PASSING = {"40001", "40P01", "ZL011", "57P01", "57P02", "57P03", "53300", "55P03"}

Run = Callable[[Hashable, list[Any]], Awaitable[list[Any]]]
log = structlog.get_logger("gate")


@dataclass(eq=False)
class QueueFull(Busy):
    """More requests wait than the queue holds; `retry_after` in seconds."""

    retry_after: int = RETRY_SECONDS
    code: ClassVar[str] = "queue_full"


# What a database that dies in the middle of a group raises: besides its own errors, asyncpg's complaint that the answer broke off.
TROUBLE = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresError, TimeoutError)


def busy() -> QueueFull:
    """The 503 of a full queue, a stopping gate or a database that does not answer."""
    return QueueFull(
        "系统繁忙，没有执行。", "同时办理的人很多。", f"请 {RETRY_SECONDS} 秒后用同一个提交码重试，不会重复办理。"
    )


class Again(Exception):
    """Raised by a run for a request that its group could not decide: it goes into the next group."""


class Batcher:
    """Groups requests by lane; `run(lane, items)` answers a group, one answer (or exception) for each item in order."""

    def __init__(self, run: Run, *, waiting: int, group: int = GROUP, in_flight: int = IN_FLIGHT) -> None:
        self.run, self.limit, self.group, self.in_flight = run, waiting, group, in_flight
        self.lanes: dict[Hashable, deque[tuple[Any, asyncio.Future[Any]]]] = {}
        self.running: dict[Hashable, int] = {}
        self.waiting = 0
        self.groups = 0
        self.tasks: set[asyncio.Task[None]] = set()

    async def ask(self, lane: Hashable, item: Any) -> Any:
        """The answer for one request. Raises QueueFull at once when too many wait."""
        if self.waiting >= self.limit:
            raise busy()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        self.waiting += 1
        self.lanes.setdefault(lane, deque()).append((item, done))
        if self.running.get(lane, 0) < self.in_flight:
            self.running[lane] = self.running.get(lane, 0) + 1
            task = loop.create_task(self._drain(lane))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        # A client that hangs up cancels its own wait only; what was accepted is done all the same.
        return await done

    async def idle(self) -> None:
        """Wait until everything accepted is answered."""
        while self.tasks:
            await asyncio.wait(set(self.tasks))

    async def _drain(self, lane: Hashable) -> None:
        queue = self.lanes[lane]
        try:
            # Those that arrive in the same turn of the loop belong together.
            await asyncio.sleep(0)
            while queue:
                group = [queue.popleft() for _ in range(min(self.group, len(queue)))]
                self.waiting -= len(group)
                self.groups += 1
                await self._answer(lane, group)
        finally:
            self.running[lane] -= 1
            if not self.running[lane] and not queue:
                self.running.pop(lane, None)
                self.lanes.pop(lane, None)

    async def _answer(self, lane: Hashable, group: list[tuple[Any, asyncio.Future[Any]]]) -> None:
        for attempt in range(TRIES):
            try:
                answers = await self.run(lane, [item for item, _ in group])
            except TROUBLE as error:
                state = getattr(error, "sqlstate", "") or ""
                passing = state in PASSING or state.startswith("08") or not isinstance(error, asyncpg.PostgresError)
                if passing:
                    await asyncio.sleep(min(0.05 * 2**attempt, 1))
                    continue
                if len(group) > 1:
                    for one in group:
                        await self._answer(lane, [one])
                    return
                log.error("gate_fault", sqlstate=state, kind=type(error).__name__)
                _settle(group[0][1], error)
                return
            except Exception as error:
                log.error("gate_fault", kind=type(error).__name__)
                for _, done in group:
                    _settle(done, error)
                return
            again = []
            for (item, done), answer in zip(group, answers, strict=True):
                if isinstance(answer, Again):
                    again.append((item, done))
                else:
                    _settle(done, answer)
            if not again:
                return
            group = again
        for _, done in group:
            _settle(done, busy())


def _settle(done: asyncio.Future[Any], answer: Any) -> None:
    if done.done():
        return
    if isinstance(answer, BaseException):
        done.set_exception(answer)
    else:
        done.set_result(answer)

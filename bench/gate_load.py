"""A load generator in a process of its own: `python gate_load.py PORT CONNECTIONS RATE < requests`.

Standard input holds JSON `{"warm": [text…], "requests": [text…]}`. Prints JSON `{"rate", "p50", "p99", "statuses", "resent"}`:
requests a second, milliseconds, how many of each status, and how many were sent twice. RATE 0: as fast as the answers come; else so
many a second, evenly, and the time counts from when a request was due.

A request is sent again, with its own idempotency key, where this process was stopped meanwhile (a debugger, another measurement)
and the server therefore answered 408 or closed the line. Any other closed line ends the run.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter, deque
from typing import cast

import uvloop

TICK = 0.25
# A loop that did not turn for so long was stopped; for so long afterwards its lines may show it.
STOPPED, GRACE = 2.0, 15.0


class Line(asyncio.Protocol):
    """One kept connection, one request at a time."""

    def __init__(self, load: Load) -> None:
        self.load, self.buffer, self.due, self.request = load, b"", 0.0, b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes, due: float) -> None:
        self.due, self.request = due, request
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self.buffer = b""
            self.load.answered(self, int(head[9:12]), time.perf_counter() - self.due)

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.lost(self)


class Load:
    """Sends the requests over the lines and keeps the times."""

    def __init__(self, requests: list[bytes], rate: float) -> None:
        self.waiting, self.rate = deque(requests), rate
        self.left = len(requests)
        self.times: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.free: deque[Line] = deque()
        self.late: deque[tuple[bytes, float]] = deque()
        self.done = asyncio.Event()
        self.resent, self.port = 0, 0
        self.seen = self.stopped = -GRACE
        self.opening: set[asyncio.Task[None]] = set()

    async def run(self, port: int, connections: int) -> float:
        self.port = port
        for _ in range(connections):
            self.free.append(await self._open())
        self.seen = time.perf_counter()
        asyncio.get_running_loop().call_later(TICK, self._tick)
        began = time.perf_counter()
        if self.rate:
            await self._paced(began)
        else:
            for line in list(self.free):
                self._next(line)
        await self.done.wait()
        return len(self.times) / (time.perf_counter() - began)

    async def _paced(self, began: float) -> None:
        sent = 0
        while self.waiting:
            wanted = int((time.perf_counter() - began) * self.rate)
            while sent <= wanted and self.waiting:
                due = began + sent / self.rate
                request = self.waiting.popleft()
                sent += 1
                if self.free:
                    self.free.popleft().send(request, due)
                else:
                    self.late.append((request, due))
            await asyncio.sleep(0.001)

    def _next(self, line: Line) -> None:
        if self.late:
            line.send(*self.late.popleft())
        elif self.waiting and not self.rate:
            line.send(self.waiting.popleft(), time.perf_counter())
        else:
            self.free.append(line)

    async def _open(self) -> Line:
        _, line = await asyncio.get_running_loop().create_connection(lambda: Line(self), "127.0.0.1", self.port)
        return line

    async def _reopen(self, request: bytes, due: float) -> None:
        try:
            line = await self._open()
        except OSError:
            raise SystemExit("the server is gone") from None
        if request:
            line.send(request, due)
        else:
            self._next(line)

    def _tick(self) -> None:
        self._was_stopped()
        if self.left:
            asyncio.get_running_loop().call_later(TICK, self._tick)

    def _was_stopped(self) -> bool:
        """Whether this process itself was stopped a moment ago. Whatever wakes it first asks, a timer or a line."""
        now = time.perf_counter()
        if now - self.seen > STOPPED:
            self.stopped = now
        self.seen = now
        return now - self.stopped < GRACE

    def answered(self, line: Line, status: int, seconds: float) -> None:
        if self._was_stopped() and status == 408:
            self.resent += 1
            line.send(line.request, line.due)
            return
        line.request = b""
        self.times.append(seconds)
        self.statuses[status] += 1
        self.left -= 1
        self._next(line)
        if not self.left:
            self.done.set()

    def lost(self, line: Line) -> None:
        if not self.left:
            return
        if not self._was_stopped():
            raise SystemExit("the server closed a connection")
        self.resent += bool(line.request)
        if line in self.free:
            self.free.remove(line)
        task = asyncio.get_running_loop().create_task(self._reopen(line.request, line.due))
        self.opening.add(task)
        task.add_done_callback(self.opening.discard)


async def main() -> None:
    """Warm up, measure, print."""
    port, connections, rate = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    given = json.load(sys.stdin)
    if given["warm"]:
        await Load([text.encode() for text in given["warm"]], 0).run(port, connections)
    load = Load([text.encode() for text in given["requests"]], rate)
    reached = await load.run(port, connections)
    times = sorted(load.times)
    print(
        json.dumps(
            {
                "rate": reached,
                "p50": times[len(times) // 2] * 1000,
                "p99": times[len(times) * 99 // 100] * 1000,
                "statuses": load.statuses,
                "resent": load.resent,
            }
        )
    )


uvloop.run(main())

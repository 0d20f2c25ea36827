"""A load generator in a process of its own: `python gate_load.py PORT CONNECTIONS RATE < requests`.

Standard input holds JSON `{"warm": [text…], "requests": [text…]}`. Prints JSON `{"rate", "p50", "p99", "statuses"}`: requests
a second, milliseconds, and how many of each status. RATE 0: as fast as the answers come; else so many a second, evenly, and the
time counts from when a request was due.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter, deque
from typing import cast

import uvloop


class Line(asyncio.Protocol):
    """One kept connection, one request at a time."""

    def __init__(self, load: Load) -> None:
        self.load, self.buffer, self.due = load, b"", 0.0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes, due: float) -> None:
        self.due = due
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

    def connection_lost(self, error: Exception | None) -> None:
        self.load.lost()


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

    async def run(self, port: int, connections: int) -> float:
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, line = await loop.create_connection(lambda: Line(self), "127.0.0.1", port)
            self.free.append(line)
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

    def answered(self, line: Line, status: int, seconds: float) -> None:
        self.times.append(seconds)
        self.statuses[status] += 1
        self.left -= 1
        self._next(line)
        if not self.left:
            self.done.set()

    def lost(self) -> None:
        if self.left:
            raise SystemExit("the server closed a connection")


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
            }
        )
    )


uvloop.run(main())

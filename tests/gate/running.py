"""Starting, killing and asking a gate."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from zhaoliang.cli.gate import command, environment

READY_SECONDS = 150


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run to the end in a thread of its own: a browser test of the same process leaves its loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@dataclass(frozen=True)
class Call:
    """One POST."""

    path: str
    token: str
    body: dict[str, Any]
    key: str = ""

    def encoded(self) -> bytes:
        body = json.dumps(self.body).encode()
        head = f"POST {self.path} HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\n"
        head += f"Authorization: Bearer {self.token}\r\nContent-Length: {len(body)}\r\n"
        head += f"Idempotency-Key: {self.key}\r\n" if self.key else ""
        return head.encode() + b"\r\n" + body


@dataclass(frozen=True)
class Reply:
    """What came back; status 0 when the connection broke."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


BROKEN = Reply(0, {}, b"")


class RunningGate:
    """The gate's process and how to ask it."""

    def __init__(self, database_url: str, **extra: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.environment = {
            **environment(),
            "DATABASE_URL": database_url,
            "PYTHONPATH": os.pathsep.join(sys.path),
            **extra,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(command(self.port), env=self.environment, start_new_session=True)
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            reply = self.get("/gate/readyz")
            if reply.status == 200:
                return
            assert self.process.poll() is None, "the gate ended while starting"
            time.sleep(0.05)
        raise AssertionError("the gate did not become ready")

    def kill(self) -> None:
        """End every process of the gate without warning."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def terminate(self) -> None:
        """Ask it to end in order; does not wait."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.terminate()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise

    def get(self, path: str) -> Reply:
        return _run(self._one(f"GET {path} HTTP/1.1\r\nHost: gate\r\n\r\n".encode()))

    def post(self, call: Call) -> Reply:
        return self.post_all([call])[0]

    def post_all(self, calls: Sequence[Call]) -> list[Reply]:
        """All at once, each on a connection of its own."""

        async def go() -> list[Reply]:
            return await asyncio.gather(*(self._one(call.encoded()) for call in calls))

        return _run(go())

    async def _one(self, request: bytes) -> Reply:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return BROKEN
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            return Reply(int(head[0].split()[1]), headers, body)
        except (OSError, asyncio.IncompleteReadError):
            return BROKEN
        finally:
            writer.close()

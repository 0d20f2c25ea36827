"""A gate of its own for a test: the real process, over real HTTP, on the test database."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from django.db import connection

from factories import faces
from gate.running import RunningGate
from plugins import database, kept
from zhaoliang.kernel.db.embedded import DATABASE, EmbeddedServer


@pytest.fixture
def gate(transactional_db: None, database_url: str) -> Iterator[RunningGate]:
    """A started gate, in an installation that takes face results."""
    running = RunningGate(database_url, ZHAOLIANG_FACE_SERVICES=json.dumps(faces.SERVICES))
    try:
        running.start()
        yield running
    finally:
        running.stop()


class OwnDatabase:
    """A durable server of this test's own, which may be killed, with a gate on it; Django means it meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.server = EmbeddedServer(folder)
        self.gate = RunningGate(self.server.url(), DATABASE_URL=self.server.url())

    def kill(self) -> None:
        """As a power cut does: no goodbye to anybody."""
        number = int((self.server.data_folder() / "postmaster.pid").read_text().splitlines()[0])
        os.kill(number, signal.SIGKILL)

    def start(self) -> None:
        self.server.start()


@pytest.fixture
def own_database(transactional_db: None) -> Iterator[OwnDatabase]:
    """The schema as every test has it, on a server that only this test uses."""
    before = dict(connection.settings_dict)
    # Not in pytest's own folder: the server's user could not enter it.
    own = OwnDatabase(Path(tempfile.mkdtemp(prefix="zhaoliang-test-")))
    kept.fill(own.server, own.server.requested, partial(database.fill_embedded, own.server))
    database.point_django(own.server.url(), DATABASE)
    try:
        own.gate.start()
        yield own
    finally:
        own.gate.stop()
        connection.close()
        connection.settings_dict.update(before)
        own.server.destroy()


@pytest.fixture
def now() -> datetime:
    """The gate's clock is the real one."""
    return datetime.now(UTC)

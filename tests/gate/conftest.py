"""A gate of its own for a test: the real process, over real HTTP, on the test database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from gate.running import RunningGate


@pytest.fixture
def gate(transactional_db: None, database_url: str) -> Iterator[RunningGate]:
    """A started gate."""
    running = RunningGate(database_url)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def now() -> datetime:
    """The gate's clock is the real one."""
    return datetime.now(UTC)

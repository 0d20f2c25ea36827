"""The phone pages at a moment of the test's choosing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace

import pytest


@pytest.fixture
def at_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Let every request happen at this moment: the middleware's is the only clock of the pages."""

    def go(at: datetime) -> None:
        monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: at))

    return go

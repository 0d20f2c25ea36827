"""The API at a moment of the test's choosing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from factories import vouchers


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request happens when the factories' batches are open."""
    monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: vouchers.AT))

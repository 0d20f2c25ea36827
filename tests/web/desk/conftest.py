"""The desk of an organisation at a moment of the test's choosing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace

import pytest
from django.test import Client

from factories import registry
from factories.identity import sign_in
from zhaoliang.kernel.roles import Role
from zhaoliang.registry.models import Organisation

Clock = Callable[[datetime], None]
Sit = Callable[..., Client]


@pytest.fixture
def at_time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let every request happen at this moment: the middleware's is the only clock of the pages."""

    def go(at: datetime) -> None:
        monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: at))

    return go


@pytest.fixture
def sit() -> Sit:
    """A signed-in member of an organisation's staff."""

    def down(organisation: Organisation, role: Role = Role.PROVIDER) -> Client:
        return sign_in(Client(), registry.user(role, organisation=organisation, city_code=organisation.city_code))

    return down

"""The bureau desk at a moment of the test's choosing, opened by officers with a second factor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace

import pytest
from django.test import Client

from factories import registry
from factories.identity import sign_in
from zhaoliang.kernel.roles import Actor, Role
from zhaoliang.registry.models import User

Clock = Callable[[datetime], None]
Desk = Callable[..., Client]


@pytest.fixture
def at_time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let every request happen at this moment: the middleware's is the only clock of the pages."""

    def go(at: datetime) -> None:
        monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: at))

    return go


@pytest.fixture
def desk() -> Desk:
    """A signed-in officer: of a role (with what `registry.user` takes), or the account behind an actor."""

    def sit(who: Role | Actor, **given: object) -> Client:
        user = User.objects.get(pk=who.user_id) if isinstance(who, Actor) else registry.user(who, **given)
        return sign_in(Client(), user)

    return sit

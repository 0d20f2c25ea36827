"""The lawbook of the tests: the files of `policies/`, read once a process, and none of the texts that a test enacted.

A process looks for enacted texts every half minute; here only a test that calls `forget()` makes it look, so that no
counted statement depends on the clock.
"""

from collections.abc import Iterator

import pytest
from django.conf import settings

from zhaoliang.policy import PolicyStore

_base: list[object] = []


@pytest.fixture(autouse=True)
def lawbook_of_the_files() -> Iterator[None]:
    """Before and after each test: no enacted text is known."""
    from zhaoliang.registry import lawbook

    if not _base:
        lawbook.LOOK_EVERY = float("inf")
        _base.append(lawbook._Held(PolicyStore.load(settings.POLICIES), 0, 0.0))
    held = _base[0]
    assert isinstance(held, lawbook._Held)
    lawbook._held = held
    yield
    lawbook._held = held

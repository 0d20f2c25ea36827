"""A text of the test's own invention over the library of `policies/`, forgotten after the test (plugins/lawbook.py)."""

from __future__ import annotations

from zhaoliang.registry import lawbook


def in_force(path: str, content: str) -> None:
    """Let the text be law for the rest of the test. Raises PolicyError where it does not hold."""
    store = lawbook.library_with({path: content.encode()}, before=lawbook.lawbook())
    held = lawbook._held
    assert held is not None
    lawbook._held = lawbook._Held(store, held.texts, held.looked)

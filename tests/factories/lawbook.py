"""A text of the test's own invention over the library of `policies/`, forgotten after the test (plugins/lawbook.py)."""

from __future__ import annotations

from collections.abc import Mapping

from zhaoliang.registry import lawbook


def in_force(path: str, content: str) -> None:
    """Let the text be law for the rest of the test, in place of what was said before. Raises PolicyError where it does not hold."""
    all_in_force({path: content})


def all_in_force(texts: Mapping[str, str]) -> None:
    """The same of several texts, by their paths."""
    store = lawbook.library_with({path: text.encode() for path, text in texts.items()}, before=lawbook.lawbook())
    held = lawbook._held
    assert held is not None
    lawbook._held = lawbook._Held(store, held.texts, held.looked)

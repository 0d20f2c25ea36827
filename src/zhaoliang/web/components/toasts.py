"""One line at the bottom of the next page, with an undo where the law allows one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest

UNDO_PREFIX = "undo:"


def say(request: HttpRequest, text: str) -> None:
    """Shows `text` on the next page."""
    messages.success(request, text)


def say_with_undo(request: HttpRequest, text: str, undo_url: str) -> None:
    """Shows `text` with 撤销, a POST to `undo_url` (its own act, refused like any other when it comes too late)."""
    messages.success(request, text, extra_tags=UNDO_PREFIX + undo_url)

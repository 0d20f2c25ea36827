"""The public check answers thirty times a minute, for every client by itself (trust figure 27)."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from zhaoliang.certificates.models import CheckWindow
from zhaoliang.certificates.throttle import PER_MINUTE, TooMany, admit

pytestmark = [pytest.mark.django_db, pytest.mark.mission("E5")]
AT = datetime(2026, 3, 25, 1, 0, 59, tzinfo=UTC)


def _ask(client: str, times: int, at: datetime = AT) -> int:
    """How many of these questions are admitted."""
    admitted = 0
    for _ in range(times):
        with suppress(TooMany):
            admit(client=client, at=at)
            admitted += 1
    return admitted


def test_the_thirty_first_question_is_refused_and_nobody_else_suffers() -> None:
    assert _ask("192.0.2.1", PER_MINUTE + 5) == PER_MINUTE
    with pytest.raises(TooMany) as refused:
        admit(client="192.0.2.1", at=AT)
    assert (refused.value.status, refused.value.retry_after) == (429, 60)
    assert _ask("192.0.2.2", 1) == 1


def test_the_turn_of_a_minute_opens_no_second_quota() -> None:
    _ask("192.0.2.1", PER_MINUTE)
    assert _ask("192.0.2.1", PER_MINUTE, AT + timedelta(seconds=2)) <= 1
    assert _ask("192.0.2.1", PER_MINUTE + 5, AT + timedelta(minutes=2)) == PER_MINUTE


def test_addresses_are_not_kept_openly_and_not_for_long() -> None:
    _ask("192.0.2.1", 1)
    assert b"192.0.2.1" not in bytes(CheckWindow.objects.get().client)
    _ask("192.0.2.2", 1, AT + timedelta(hours=2))
    assert CheckWindow.objects.count() == 1

"""Groups of sign-ins as the gate sends them: known and repeated keys among new ones, and an attendance that changes meanwhile."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from django.db import OperationalError, connection

from factories.attendance import running
from zhaoliang.attendance.models import Attendance, SignIn
from zhaoliang.kernel.models import AuditEvent, IdempotencyKey

pytestmark = [pytest.mark.mission("D4", "C8")]
Row = tuple[Attendance, str, bytes]


def _expected(people: int) -> list[Attendance]:
    """The trainees of one session."""
    training_class = running(people=people)
    first = Attendance.objects.filter(city_code=training_class.city_code).order_by("period", "id").first()
    assert first is not None
    return list(Attendance.objects.filter(city_code=first.city_code, session=first.session).order_by("id"))


def _ask(rows: list[Row]) -> list[tuple[str, str | None, str | None]]:
    """State, answer and body of each, in the order of the group."""
    begins: datetime = rows[0][0].session.starts_at
    start = begins.timestamp()
    given = [
        value
        for row, key, hashed in rows
        for value in (row.pk, start, start - 1800, start + 600, start + 1800, row.person_id, row.city_code, key, hashed)
    ]
    one = "ROW(%s, 'location', %s, %s, %s, %s, NULL, NULL, 20, 300, NULL, %s, '测试', '', NULL, %s, %s, %s)::sign_in_asked"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT state, answer, body FROM sign_in_group(%s, ARRAY[{', '.join([one] * len(rows))}], %s) ORDER BY place",
            [rows[0][0].city_code, *given, begins],
        )
        return cursor.fetchall()


def _counts(city_code: int) -> tuple[int, int]:
    signed = SignIn.objects.filter(city_code=city_code).count()
    return signed, AuditEvent.objects.filter(city_code=city_code, act="attendance.sign_in").count()


@pytest.mark.django_db
def test_known_and_repeated_keys_in_a_group_change_nothing_and_new_ones_count() -> None:
    one, other, third = _expected(3)
    assert [row[:2] for row in _ask([(one, "key-one", b"1")])] == [("new", "ok")]
    group = [(other, "key-two", b"2"), (one, "key-one", b"1"), (one, "key-one", b"0"), (other, "key-two", b"2")]
    answers = _ask([*group, (third, "key-three", b"3")])
    assert [row[:2] for row in answers] == [
        ("new", "ok"),
        ("replay", None),
        ("reused", None),
        # The gate asks once more, and finds the answer of the first.
        ("new", "again"),
        ("new", "ok"),
    ]
    assert _counts(one.city_code) == (3, 3)
    kept = IdempotencyKey.objects.get(city_code=other.city_code, key="key-two").answer
    assert (kept["pk"], kept["body"]) == (other.pk, answers[0][2])
    assert _ask([(other, "key-two", b"2")])[0][0] == "replay"
    # Another key for who is signed in: the same answer, and no second sign-in.
    assert _ask([(one, "key-four", b"4"), (one, "key-five", b"5")])[0][:2] == ("new", "already")
    assert _counts(one.city_code)[0] == 3


@pytest.mark.commits
def test_an_attendance_that_changed_after_it_was_judged_takes_back_the_whole_group() -> None:
    one, other = _expected(2)
    group: list[Row] = [(one, "key-one", b"1"), (other, "key-two", b"2")]
    theirs, ours = connection.copy(), ThreadPoolExecutor(1)
    try:
        theirs.set_autocommit(False)
        with theirs.cursor() as cursor:
            cursor.execute(
                "UPDATE attendance SET state = 'leave' WHERE city_code = %s AND id = %s", [other.city_code, other.pk]
            )
        asked = ours.submit(_asked_apart, group)
        # It has judged both as expected, written its keys and signed the first in when it meets the other's lock.
        deadline = time.monotonic() + 60
        while not asked.done() and not _somebody_waits():
            assert time.monotonic() < deadline, "the group waits for nobody"
        theirs.commit()
        with pytest.raises(OperationalError, match="changed"):
            asked.result()
    finally:
        theirs.close()
        ours.shutdown()
    assert _counts(one.city_code) == (0, 0)
    assert not IdempotencyKey.objects.filter(city_code=one.city_code, act="attendance.sign_in").exists()
    states = Attendance.objects.filter(city_code=one.city_code, session=one.session).values_list("pk", "state")
    assert dict(states) == {one.pk: "expected", other.pk: "leave"}
    # Asked anew, as the gate does: who took leave meanwhile is told so, the other is signed in.
    assert [row[:2] for row in _ask(group)] == [("new", "ok"), ("new", "wrong_state")]


def _asked_apart(group: list[Row]) -> list[tuple[str, str | None, str | None]]:
    try:
        return _ask(group)
    finally:
        connection.close()


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        # Other processes of the run share the server, each with a database of its own.
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE NOT granted AND datname = current_database())"
        )
        return cursor.fetchone()[0]

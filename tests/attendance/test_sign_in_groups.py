"""Groups of sign-ins as the gate sends them: known and repeated keys among new ones, and an attendance that changes meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from factories.attendance import running
from zhaoliang.attendance.models import Attendance, SignIn
from zhaoliang.kernel.models import AuditEvent, IdempotencyKey

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D4", "C8")]
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
    marks = (
        "bigint text timestamptz timestamptz timestamptz timestamptz numeric numeric int int bytea bigint text text jsonb"
        " bigint int text bytea"
    )
    opens, late, closes = (begins + timedelta(minutes=minutes) for minutes in (-30, 10, 30))
    given: list[list[Any]] = [
        [
            row.pk,
            "location",
            begins,
            opens,
            late,
            closes,
            None,
            None,
            20,
            300,
            None,
            row.person_id,
            "测试",
            "",
            None,
            row.person_id,
            row.city_code,
            key,
            hashed,
        ]
        for row, key, hashed in rows
    ]
    places = ", ".join(f"%s::{kind}[]" for kind in marks.split())
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT state, answer, body FROM sign_in_through_gate(%s, {places}, %s) ORDER BY place",
            [rows[0][0].city_code, *(list(column) for column in zip(*given, strict=True)), begins],
        )
        return cursor.fetchall()


def _counts(city_code: int) -> tuple[int, int]:
    signed = SignIn.objects.filter(city_code=city_code).count()
    return signed, AuditEvent.objects.filter(city_code=city_code, act="attendance.sign_in").count()


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


def test_an_attendance_that_changed_after_it_was_judged_takes_back_the_whole_group() -> None:
    one, other = _expected(2)
    moment = one.session.starts_at
    given: list[Any] = [["ok", "ok"], [one.pk, other.pk], ["expected", "leave"], [None, None], ["present", "present"]]
    given += [
        ["[]", "[]"],
        [moment] * 2,
        ["location"] * 2,
        *[[None, None]] * 5,
        ["测试"] * 2,
        [""] * 2,
        [None, None],
        moment,
    ]
    marks = "text bigint text timestamptz text jsonb timestamptz text numeric numeric int bytea bigint text text jsonb"
    places = ", ".join(f"%s::{kind}[]" for kind in marks.split())
    with pytest.raises(OperationalError, match="changed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT write_sign_ins(%s, {places}, %s)", [one.city_code, *given])
    assert _counts(one.city_code)[0] == 0
    assert set(Attendance.objects.filter(city_code=one.city_code).values_list("state", flat=True)) == {"expected"}

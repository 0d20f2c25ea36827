"""Rows a part at a time: all of them once, in order, and nothing open on the server when the reader stops."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection

from factories.actors import TIANJIN
from zhaoliang.kernel.db.parts import in_parts
from zhaoliang.kernel.models import StateChange

AT = datetime(2026, 11, 30, tzinfo=UTC)
ROWS = StateChange.objects.filter(city_code=TIANJIN, machine="parts")


def made(count: int) -> None:
    common = {"city_code": TIANJIN, "machine": "parts", "event": "go", "source": "a", "target": "b", "at": AT}
    StateChange.objects.bulk_create(StateChange(**common, object_id=-number) for number in range(count))


@pytest.mark.django_db
@pytest.mark.parametrize("part", [1, 3, 7, 10_000])
def test_every_row_comes_once_and_in_order(part: int) -> None:
    made(14)
    wanted = list(ROWS.order_by("id").values_list("object_id", "id"))
    assert len(wanted) == 14
    assert list(in_parts(ROWS, "object_id", "id", key="id", part=part)) == wanted
    assert list(in_parts(ROWS.none(), "id", key="id", part=part)) == []


@pytest.mark.django_db
def test_who_stops_half_way_leaves_no_cursor() -> None:
    made(5)
    next(in_parts(ROWS, "id", key="id", part=2))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_cursors")
        assert cursor.fetchone() == (0,)

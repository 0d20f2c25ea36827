"""The bureau's list of doubtful sign-ins goes by the begin of the session, a page at a time."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from factories.attendance import running
from zhaoliang.attendance import selectors
from zhaoliang.attendance.models import Attendance, AttendanceDoubt
from zhaoliang.kernel.days import chinese_day
from zhaoliang.web.bureau.views.doubts import COLUMNS
from zhaoliang.web.paging import part

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D4")]


@pytest.mark.parametrize("order", [column.order for column in COLUMNS if column.order])
def test_the_list_of_doubts_goes_on_in_every_order(order: str) -> None:
    made = running()
    rows = Attendance.objects.filter(city_code=made.city_code, session__training_class=made)[:5]
    for row in rows:
        AttendanceDoubt.objects.create(
            city_code=row.city_code,
            attendance=row,
            score=60,
            signals=[],
            opened_at=row.period.lower,
            answer_due_on=chinese_day(row.period.lower),
        )
    source = selectors.doubts_in(made.city_code, made.city_code).order_by(order)
    seen, after = [], ""
    while True:
        page = part(RequestFactory().get("/", {"after": after} if after else {}), source, 2)
        seen += [doubt.pk for doubt in page]
        after = page.after
        if not after:
            break
    assert len(seen) == len(set(seen)) == len(rows)

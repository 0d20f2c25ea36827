"""Lists a page at a time by key: the whole list in its order, no row twice and none left out, also while rows are added."""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import QuerySet
from django.test import RequestFactory

from factories import registry
from seeds import fresh_seed
from zhaoliang.registry.models import Notice
from zhaoliang.web import paging
from zhaoliang.web.paging import END, Part, part

pytestmark = [pytest.mark.django_db, pytest.mark.mission("N2")]

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
ORDERS = (
    ("-id",),
    ("read_at", "-id"),
    ("-read_at", "id"),
    ("title", "-read_at"),
    ("-at", "person__name", "-title"),
    ("subject_id",),
)
SIZE = 7


@pytest.fixture
def told() -> QuerySet[Notice]:
    """Forty notices of one person with few different values, nothing among them."""
    seed = random.Random(fresh_seed())
    person = registry.person()
    _tell(person, seed, 40)
    return Notice.objects.filter(city_code=person.city_code, person=person).select_related("person")


def _tell(person, seed: random.Random, number: int) -> None:
    rows = [
        Notice(
            city_code=person.city_code,
            person=person,
            kind="test",
            title=seed.choice(["测试甲", "测试乙", "Test", "test"]),
            text="",
            at=AT + timedelta(microseconds=seed.randrange(5)),
            read_at=seed.choice([None, AT, AT + timedelta(days=1)]),
            subject_id=seed.choice([None, 1, 2]),
        )
        for _ in range(number)
    ]
    Notice.objects.bulk_create(rows)


def look(source, **place: str) -> Part:
    return part(RequestFactory().get("/", place), source, SIZE)


@pytest.mark.parametrize("order", ORDERS, ids=",".join)
def test_the_pages_make_up_the_list_forwards_and_backwards(told: QuerySet[Notice], order: tuple[str, ...]) -> None:
    source = told.order_by(*order)
    whole = list(source.order_by(*order, "pk"))
    pages = [look(source)]
    while pages[-1].after:
        pages.append(look(source, after=pages[-1].after))
    assert [row for page in pages for row in page] == whole
    assert {page.count for page in pages} == {40}
    back = [look(source, before=END)]
    while back[-1].before:
        back.append(look(source, before=back[-1].before))
    # The first page is shown whole, so it may hold rows of the second.
    assert [row for page in reversed(back[:-1]) for row in page] == whole[-SIZE * (len(back) - 1) :]
    assert list(back[-1]) == whole[:SIZE]


def test_rows_that_come_and_go_meanwhile_neither_repeat_nor_hide_the_others(told: QuerySet[Notice]) -> None:
    seed, source = random.Random(fresh_seed()), told.order_by("title", "-at", "id")
    person = told[0].person
    here = [row.pk for row in source]
    seen: list[int] = []
    page = look(source)
    while True:
        seen += [row.pk for row in page]
        if not page.after:
            break
        _tell(person, seed, 3)
        # The row that the next page begins behind leaves the list, as one does that is dealt with.
        leaving = source.exclude(pk=seen[-1]) if len(seen) == SIZE else source
        page = look(leaving, after=page.after)
    assert [pk for pk in seen if pk in set(here)] == here
    assert len(seen) == len(set(seen))


def test_a_place_that_is_no_more_shows_the_nearest_page(told: QuerySet[Notice]) -> None:
    source = told.order_by("id")
    last = look(source, before=look(source, before=END).before)
    assert list(look(source.filter(pk__lte=last[-1].pk), after=last.after)) == list(last)
    for wrong in ("%%", "abc", look(told.order_by("-id")).after):
        assert list(look(source, after=wrong)) == list(source[:SIZE])
        assert list(look(source, before=wrong)) == list(source[:SIZE])
    empty = look(source.none())
    assert (list(empty), empty.count, empty.has_others) == ([], 0, False)


def test_a_mark_tells_nothing_of_the_row_it_stands_for(told: QuerySet[Notice]) -> None:
    page = look(told.order_by("title", "id"))
    held = base64.urlsafe_b64decode(page.after + "=" * (-len(page.after) % 4))
    assert page[-1].title.encode() not in held
    assert look(told.order_by("title", "id")).after != page.after


def test_counting_stops_at_the_limit(told: QuerySet[Notice], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST_COUNTED", 39)
    assert (look(told.order_by("id")).counted) == "多于 39"
    monkeypatch.setattr(paging, "MOST_COUNTED", 40)
    assert (look(told.order_by("id")).counted) == "40"


def test_what_is_in_memory_anyway_goes_by_number() -> None:
    rows = list(range(3 * SIZE + 1))
    first = look(rows)
    assert (list(first), first.before, first.count) == (rows[:SIZE], "", 22)
    assert list(look(rows, after=first.after)) == rows[SIZE : 2 * SIZE]
    assert list(look(rows, before=END)) == rows[-1:]
    assert list(look(rows, before=look(rows, before=END).before)) == rows[2 * SIZE : -1]
    assert list(look(rows, after="99999999999")) == rows[-1:]
    assert list(look([], before=END)) == []

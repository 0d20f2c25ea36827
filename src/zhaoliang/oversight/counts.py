"""Kept counts of the voucher funnel: what a page shows where the vouchers are too many to be counted while it waits.

A count is made anew from the vouchers, whole and at one moment, by the clock and whenever an officer asks; nothing is ever added
to it, so that it can grow old (pages say of when it is) but never wrong. A batch, a district or a city with few vouchers is read
as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from zhaoliang.oversight.funnel import DIMENSIONS, Filter, Row, filled, funnel, held, parameters, statement
from zhaoliang.oversight.models import FunnelCell, FunnelCount
from zhaoliang.oversight.stops import Stop, in_words, stops

# So many vouchers are counted within a tenth of a second, their reasons within three.
READ_AT_ONCE = 10_000
# The one before the last stays for pages that are just reading it.
KEPT = 2


@dataclass(frozen=True)
class Figures:
    """The funnel broken down by one of DIMENSIONS, and its reasons, each read when it is asked for."""

    wanted: Filter
    by: str
    count: FunnelCount | None

    @property
    def as_of(self) -> datetime | None:
        """The moment of the kept count they are from; None where they are as everything stands now."""
        return self.count.counted_at if self.count else None

    def rows(self) -> list[Row]:
        """The lines of the funnel."""
        return kept_funnel(self.count, self.wanted, self.by) if self.count else funnel(self.wanted, self.by)

    def stops(self) -> list[Stop]:
        """Why vouchers went no further."""
        return kept_stops(self.count, self.wanted) if self.count else stops(self.wanted)


def figures(wanted: Filter, by: str) -> Figures | None:
    """What a page shows of what is asked for; None where the vouchers are many and must be counted first."""
    if not is_large(wanted):
        return Figures(wanted, by, None)
    count = latest(wanted.city_code)
    if count is None or not _knows(count, wanted.batch_id):
        return None
    return Figures(wanted, by, count)


def _knows(count: FunnelCount, batch_id: int | None) -> bool:
    """Whether the batch asked for, if any, was given out when the count was made: each has a cell of its quota."""
    cells = FunnelCell.objects.filter(city_code=count.city_code, count=count, stage="issued")
    return batch_id is None or cells.filter(batch_id=batch_id).exists()


def is_large(wanted: Filter) -> bool:
    """Whether more vouchers are asked for than a page reads as they stand; days and provider narrow nothing here."""
    with connection.cursor() as cursor:
        cursor.execute(statement("voucher_many"), parameters(wanted) | {"most": READ_AT_ONCE})
        (count,) = cursor.fetchone() or (0,)
    return count > READ_AT_ONCE


def latest(city_code: int) -> FunnelCount | None:
    """The last count of a city."""
    return FunnelCount.objects.filter(city_code=city_code).order_by("-id").first()


def count_city(city_code: int, at: datetime) -> FunnelCount:
    """Count all vouchers of a city into the cells of a new count, and drop counts nobody reads any more; inside an act."""
    made = FunnelCount.objects.create(city_code=city_code, counted_at=at)
    group = DIMENSIONS["group"]
    text = filled(statement("voucher_cells"), group=group.key, join=group.join)
    wanted = Filter(city_code, city_code)
    with connection.cursor() as cursor:
        cursor.execute(held(whole=True) + statement("voucher_told") + text, parameters(wanted) | {"count": made.pk})
    older = FunnelCount.objects.filter(city_code=city_code).order_by("-id").values_list("id", flat=True)[KEPT:]
    FunnelCount.objects.filter(city_code=city_code, pk__in=list(older))._raw_delete(connection.alias)
    return made


def kept_funnel(count: FunnelCount, wanted: Filter, by: str) -> list[Row]:
    """`funnel` from a count: the same lines but for the people, of whom cells do not know whether they are the same."""
    dimension = DIMENSIONS[by]
    text = filled(
        statement("voucher_kept"),
        key=dimension.kept or dimension.key,
        label=dimension.kept or dimension.name,
        join="" if dimension.kept else dimension.join,
        order=dimension.order,
    )
    quotas = bool(dimension.issued) and wanted.provider_id is None
    return [Row(*row) for row in _asked(count, wanted, text, quotas=quotas)]


def kept_stops(count: FunnelCount, wanted: Filter) -> list[Stop]:
    """`stops` from a count."""
    text = (
        "SELECT stage, reason, decision_id, sum(claimed)::bigint FROM cells WHERE stage NOT IN ('', 'issued')"
        " GROUP BY stage, reason, decision_id"
    )
    return in_words(wanted.city_code, _asked(count, wanted, text))


def _asked(count: FunnelCount, wanted: Filter, text: str, **more: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement("voucher_kept_cells") + text, parameters(wanted) | {"count": count.pk} | more)
        return cursor.fetchall()

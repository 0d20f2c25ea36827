"""Questions about agreements."""

from __future__ import annotations

from collections.abc import Collection

from zhaoliang.apprenticeships.models import Agreement


def agreements_of(city_code: int, enrolment_ids: Collection[int]) -> dict[int, Agreement]:
    """The agreements of these apprentices by enrolment id; one query."""
    rows = Agreement.objects.filter(city_code=city_code, enrolment_id__in=list(enrolment_ids))
    return {row.enrolment_id: row for row in rows}

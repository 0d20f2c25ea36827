"""The clock of classes: a refused roster is kept for mending a week, no longer."""

from __future__ import annotations

from datetime import UTC, datetime

from procrastinate.contrib.django import app

from zhaoliang.classes.models import RefusedRoster
from zhaoliang.classes.services import forget_rosters
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.roles import Place, system_actor


@app.periodic(cron="20 3 * * *")
@app.task(queueing_lock="classes.forget_rosters", pass_context=False)
def forget_old_rosters(timestamp: int) -> None:
    """Clear every city's rosters that nobody mended in time; `timestamp` is when the clock struck (unix seconds)."""
    at = datetime.fromtimestamp(timestamp, UTC)
    with national():
        cities = sorted(RefusedRoster.objects.values_list("city_code", flat=True).distinct())
    for city_code in cities:
        forget_rosters(actor=system_actor(), at=at, place=Place(city_code, city_code))

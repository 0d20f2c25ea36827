"""The clock of publicity: where a holiday was entered after it began, its last day moves."""

from __future__ import annotations

from datetime import UTC, datetime

from procrastinate.contrib.django import app

from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.roles import Place, system_actor
from zhaoliang.subsidies.models import Claim
from zhaoliang.subsidies.services import recount_publicity


@app.periodic(cron="5 * * * *")
@app.task(queueing_lock="subsidies.recount_publicity", pass_context=False)
def recount_all_publicity(timestamp: int) -> None:
    """Every hour, in every city with something published; `timestamp` is the moment the clock struck (unix seconds)."""
    at = datetime.fromtimestamp(timestamp, UTC)
    with national():
        published = Claim.objects.filter(state="publicity")
        cities = sorted(published.values_list("city_code", flat=True).distinct())
    for city_code in cities:
        recount_publicity(actor=system_actor(), at=at, place=Place(city_code, city_code))

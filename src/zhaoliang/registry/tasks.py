"""The clock of the registry: a sanction that the office did not decide in time is not imposed."""

from __future__ import annotations

from datetime import UTC, datetime

from procrastinate.contrib.django import app

from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.roles import Place, system_actor
from zhaoliang.registry.models import Sanction
from zhaoliang.registry.services.sanctions import lapse_sanctions


@app.periodic(cron="15 16 * * *")
@app.task(queueing_lock="registry.lapse_sanctions", pass_context=False)
def lapse_late_sanctions(timestamp: int) -> None:
    """Just after midnight in China, in every city; `timestamp` is the moment the clock struck (unix seconds)."""
    at = datetime.fromtimestamp(timestamp, UTC)
    with national():
        late = Sanction.objects.filter(state__in=("noticed", "replied"), decide_by__lt=chinese_day(at))
        cities = sorted(late.values_list("city_code", flat=True).distinct())
    for city_code in cities:
        lapse_sanctions(actor=system_actor(), at=at, place=Place(city_code, city_code))

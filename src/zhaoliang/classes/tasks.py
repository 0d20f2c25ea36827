"""The clock of classes: refused rosters are kept a week; holders are told of a provider that may not train any more."""

from __future__ import annotations

from datetime import UTC, datetime

from procrastinate.contrib.django import app

from zhaoliang.classes.models import RefusedRoster, TrainingClass
from zhaoliang.classes.services import BEFORE, forget_rosters, warn_holders
from zhaoliang.kernel.days import chinese_day
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


# At 09:10 Chinese time: nobody is woken up by a warning.
@app.periodic(cron="10 1 * * *")
@app.task(queueing_lock="classes.warn_holders", pass_context=False)
def warn_of_barred_providers(timestamp: int) -> None:
    """Tell holders in every city; `timestamp` is the moment the clock struck (unix seconds)."""
    at = datetime.fromtimestamp(timestamp, UTC)
    with national():
        waiting = TrainingClass.objects.filter(state__in=BEFORE, starts_on__gt=chinese_day(at))
        cities = sorted(set(waiting.values_list("city_code", flat=True)))
    for city_code in cities:
        warn_holders(actor=system_actor(), at=at, place=Place(city_code, city_code))

"""The clocks of claims: a holiday entered after publicity began moves its last day; a job proved brings the uplift."""

from __future__ import annotations

from datetime import UTC, datetime

from procrastinate.contrib.django import app

from zhaoliang.funds.selectors import cities_with_books
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.roles import Place, system_actor
from zhaoliang.subsidies.entitlements import people_to_uplift
from zhaoliang.subsidies.models import Claim
from zhaoliang.subsidies.services import raise_uplifts, recount_publicity


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


def uplifts(city_code: int, at: datetime) -> int:
    """Claim the uplift of everybody in a city whose job after a training has come to it; returns how many lines came to be."""
    found = people_to_uplift(city_code)
    return sum(raise_uplifts(actor=system_actor(), at=at, person=person) for person in found)


@app.periodic(cron="50 18 * * *")
@app.task(queueing_lock="subsidies.nightly_uplifts", pass_context=False)
def nightly_uplifts(timestamp: int) -> None:
    """Ten to three in the morning in China, every city in turn; `timestamp` is the moment the clock struck (unix seconds)."""
    at = datetime.fromtimestamp(timestamp, UTC)
    for city_code in cities_with_books():
        uplifts(city_code, at)

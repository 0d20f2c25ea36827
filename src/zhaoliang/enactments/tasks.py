"""The clock of policy texts: what was approved takes effect on its day."""

from __future__ import annotations

from datetime import UTC, datetime

from procrastinate.contrib.django import app

from zhaoliang.enactments.models import PolicyDraft
from zhaoliang.enactments.services import advance
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.roles import Place, system_actor


@app.periodic(cron="1,16,31,46 * * * *")
@app.task(queueing_lock="enactments.advance", pass_context=False)
def advance_texts(timestamp: int) -> None:
    """Move what began to bind, in every city; `timestamp` is the moment the clock struck (unix seconds)."""
    at = datetime.fromtimestamp(timestamp, UTC)
    with national():
        due = PolicyDraft.objects.filter(state="scheduled", valid_from__lte=chinese_day(at))
        cities = sorted(set(due.values_list("city_code", flat=True)))
    for city_code in cities:
        advance(actor=system_actor(), at=at, place=Place(city_code, city_code))

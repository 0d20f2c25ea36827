"""The clock of oversight: the vouchers of large cities are counted when few people claim."""

from __future__ import annotations

from datetime import UTC, datetime

from procrastinate.contrib.django import app

from zhaoliang.kernel.jobs.declaring import job
from zhaoliang.kernel.jobs.reporting import Run
from zhaoliang.kernel.roles import Place, system_actor
from zhaoliang.oversight.counts import is_large
from zhaoliang.oversight.funnel import Filter
from zhaoliang.oversight.services import COUNTERS, count_vouchers
from zhaoliang.vouchers.selectors import cities_with_batches


@job("oversight.count_now", label="统计用券情况", grants=COUNTERS)
def count_now(run: Run) -> None:
    """What the clock does, for a desk that asks now."""
    count_vouchers(actor=run.actor, at=run.at, place=Place(run.subject.city_code, run.subject.region_code), key=run.key)


# At 05:40, 12:40 and 17:40 Chinese time: batches open on the hour in the morning.
@app.periodic(cron="40 21,4,9 * * *")
@app.task(queueing_lock="oversight.count", pass_context=False)
def count_by_the_clock(timestamp: int) -> None:
    """Count every city whose pages read kept counts; `timestamp` is the moment the clock struck (unix seconds)."""
    at = datetime.fromtimestamp(timestamp, UTC)
    for city_code in cities_with_batches():
        if is_large(Filter(city_code, city_code)):
            count_vouchers(actor=system_actor(), at=at, place=Place(city_code, city_code))

"""The clocks of money: every night changed facts are looked for, overdue cases noted, and every city's books proved."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from procrastinate.contrib.django import app

from zhaoliang.funds.selectors import cities_with_books
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import Place, system_actor
from zhaoliang.recoveries.finding import lines_with_changed_facts
from zhaoliang.recoveries.selectors import overdue_cases
from zhaoliang.recoveries.services import check_books, overdue, reassess
from zhaoliang.subsidies.selectors import claim_line

log = structlog.get_logger("recoveries")


def look_again(city_code: int, region_code: int, at: datetime) -> int:
    """Decide every line of a region again whose facts changed; returns for how many something followed."""
    followed = 0
    for line_id in lines_with_changed_facts(city_code, region_code):
        try:
            made = reassess(actor=system_actor(), at=at, line=claim_line(city_code, line_id))
        except Refusal as refusal:
            log.warning("line_not_reassessed", line_id=line_id, code=refusal.code)
            continue
        followed += made is not None
    return followed


@app.task(queueing_lock="recoveries.look_again", pass_context=False)
def look_again_soon(city_code: int, region_code: int, at: str) -> None:
    """`look_again` in the background, for a desk that asked; `at` is ISO text."""
    look_again(city_code, region_code, datetime.fromisoformat(at))


@app.periodic(cron="30 18 * * *")
@app.task(queueing_lock="recoveries.nightly", pass_context=False)
def nightly(timestamp: int) -> None:
    """Half past two in the morning in China, every city in turn; `timestamp` is the moment the clock struck (unix seconds)."""
    at = datetime.fromtimestamp(timestamp, UTC)
    for case in overdue_cases(chinese_day(at)):
        overdue(actor=system_actor(), at=at, case=case)
    for city_code in cities_with_books():
        look_again(city_code, city_code, at)
        check = check_books(actor=system_actor(), at=at, place=Place(city_code, city_code))
        if check.findings:
            log.error("books_do_not_agree", city_code=city_code, findings=check.findings)

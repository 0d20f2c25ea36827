"""The clocks of money: every night changed facts are looked for, overdue cases noted, and every city's books proved."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import structlog
from procrastinate.contrib.django import app

from zhaoliang.funds.selectors import cities_with_books
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.jobs.declaring import job
from zhaoliang.kernel.jobs.reporting import Run, report
from zhaoliang.kernel.roles import Place, Reach, Role, system_actor
from zhaoliang.policy import PolicyError
from zhaoliang.recoveries.finding import lines_with_changed_facts
from zhaoliang.recoveries.selectors import overdue_cases
from zhaoliang.recoveries.services import check_books, overdue, reassess
from zhaoliang.recoveries.services.proving import PROVERS
from zhaoliang.subsidies.selectors import claim_line

log = structlog.get_logger("recoveries")


def look_again(city_code: int, region_code: int, at: datetime) -> int:
    """Decide every line of a region again whose facts changed; returns for how many something followed.

    A line that cannot be decided now is logged and left to the next night; the others do not wait for it.
    """
    followed = 0
    found = lines_with_changed_facts(city_code, region_code)
    for done, line_id in enumerate(found):
        report(done, len(found), "正在逐条重新核定")
        try:
            made = reassess(actor=system_actor(), at=at, line=claim_line(city_code, line_id))
        except Refusal as refusal:
            log.warning("line_not_reassessed", line_id=line_id, code=refusal.code)
            continue
        except PolicyError as problem:
            log.error("line_not_reassessed", line_id=line_id, error=type(problem).__name__)
            continue
        followed += made is not None
    return followed


@job(
    "recoveries.find_changes",
    label="查找事实变化",
    grants={Role.REVIEWER: Reach.REGION, Role.FUND_OFFICER: Reach.REGION},
)
def find_changes(run: Run) -> dict[str, Any]:
    """What the clock does every night, for a desk that asks now."""
    return {"found": look_again(run.subject.city_code, run.subject.region_code, run.at)}


@job("recoveries.prove_books", label="核验全部账目", grants=PROVERS)
def prove_books(run: Run) -> dict[str, Any]:
    """The nightly proof of a city's books, for a desk that asks now; kept as that one is."""
    city = run.subject.city_code
    check = check_books(actor=run.actor, at=run.at, place=Place(city, run.subject.region_code), key=run.key)
    return {"findings": check.findings, "transfers": check.transfers}


@app.periodic(cron="30 18 * * *")
@app.task(queueing_lock="recoveries.nightly", pass_context=False)
def nightly(timestamp: int) -> None:
    """Half past two in the morning in China, every city in turn; `timestamp` is the moment the clock struck (unix seconds)."""
    at = datetime.fromtimestamp(timestamp, UTC)
    for case in overdue_cases(chinese_day(at)):
        overdue(actor=system_actor(), at=at, case=case)
    for city_code in cities_with_books():
        try:
            look_again(city_code, city_code, at)
        except PolicyError:
            # Its texts cannot be asked: its books are proved all the same, and the other cities do not wait.
            log.exception("city_not_looked_at", city_code=city_code)
        check = check_books(actor=system_actor(), at=at, place=Place(city_code, city_code))
        if check.findings:
            log.error("books_do_not_agree", city_code=city_code, findings=check.findings)

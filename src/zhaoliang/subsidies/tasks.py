"""The clocks of claims: a holiday entered after publicity began moves its last day; a job proved brings the uplift.

And the seed of a month's draws is committed to before anything is drawn.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from procrastinate.contrib.django import app

from zhaoliang.funds.selectors import cities_with_books
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.jobs.declaring import job
from zhaoliang.kernel.jobs.reporting import Run
from zhaoliang.kernel.roles import Place, Reach, Role, system_actor
from zhaoliang.subsidies.draws import month
from zhaoliang.subsidies.entitlements import people_to_uplift
from zhaoliang.subsidies.models import Claim
from zhaoliang.subsidies.sampling import month_of
from zhaoliang.subsidies.services import (
    approve_claim,
    assemble_claim,
    commit_seed,
    confirm_claim,
    raise_uplifts,
    recount_publicity,
    run_checks,
)


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


@app.periodic(cron="5 16 * * *")
@app.task(queueing_lock="subsidies.commit_seeds", pass_context=False)
def commit_seeds(timestamp: int) -> None:
    """Five past midnight in China: every city's seed of the month stands committed to, in public, before the first draw."""
    at = datetime.fromtimestamp(timestamp, UTC)
    for city_code in cities_with_books():
        if month(city_code, month_of(at)) is None:
            commit_seed(actor=system_actor(), at=at, place=Place(city_code, city_code))


OF_PROVIDER = {Role.PROVIDER: Reach.ORGANISATION}


@job("subsidies.assemble_many", label="生成大型补贴申领", grants=OF_PROVIDER)
def assemble_many(run: Run) -> dict[str, Any]:
    """The claim of a large class in one transaction: all of it or, where the worker died or was stopped, nothing."""
    claim = assemble_claim(actor=run.actor, at=run.at, key=run.key, training_class=run.subject)
    return {"claim": claim.pk}


@job("subsidies.confirm_many", label="提交大型补贴申领", grants=OF_PROVIDER, private=("disputes", "reply"))
def confirm_many(run: Run) -> dict[str, Any]:
    """A large claim handed in; `disputes` are line ids (as text) with the reason, `reply` answers why it was returned."""
    disputes = {int(line): text for line, text in run.parameters["disputes"].items()}
    confirm_claim(
        actor=run.actor,
        at=run.at,
        key=run.key,
        claim=run.subject,
        disputes=disputes,
        reply=run.parameters.get("reply", ""),
    )
    return {}


@job("subsidies.check_many", label="重新核验大型申领", grants={Role.REVIEWER: Reach.REGION})
def check_many(run: Run) -> dict[str, Any]:
    """Every line of a large claim decided again by the facts of now."""
    run_checks(actor=run.actor, at=run.at, key=run.key, claim=run.subject)
    return {}


@job("subsidies.recheck_many", label="按补交的材料重新核对", grants=OF_PROVIDER)
def recheck_many(run: Run) -> dict[str, Any]:
    """The rules over a large claim once more after a file was handed in: the platform's own check, as for a small one."""
    run_checks(actor=system_actor(), at=run.at, key=run.key, claim=run.subject)
    return {}


@job("subsidies.approve_many", label="审批大型申领", grants={Role.APPROVER: Reach.REGION})
def approve_many(run: Run) -> dict[str, Any]:
    """A large claim approved: every passed line granted and owed, or none."""
    approve_claim(actor=run.actor, at=run.at, key=run.key, claim=run.subject)
    return {}

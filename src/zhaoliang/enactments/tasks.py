"""Policy texts in the background: what was approved takes effect on its day; a draft is tried on every past line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from procrastinate.contrib.django import app

from zhaoliang.enactments.models import PolicyDraft
from zhaoliang.enactments.services import advance, simulate_draft
from zhaoliang.enactments.services.common import DRAFTERS
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.jobs.declaring import job
from zhaoliang.kernel.jobs.reporting import Run
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


@job("enactments.what_if", label="用历史申领试算", grants=DRAFTERS)
def what_if(run: Run) -> dict[str, Any]:
    """Try a draft on past claims. Raises Refusal where the text changed meanwhile."""
    tried = simulate_draft(actor=run.actor, at=run.at, key=run.key, draft=run.subject)
    return {"lines": tried.simulated["total"]["lines"]}

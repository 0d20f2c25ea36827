"""The clock of the audit log: what happened in the last hour is sealed into the chain."""

from __future__ import annotations

from datetime import UTC, datetime

from procrastinate.contrib.django import app

from zhaoliang.kernel import audit


@app.periodic(cron="5 * * * *")
@app.task(queueing_lock="kernel.seal_audit_log", pass_context=False)
def seal_audit_log(timestamp: int) -> None:
    """Seal every city's unsealed events; `timestamp` is the moment the clock struck (unix seconds)."""
    for city_code in audit.cities():
        audit.seal(city_code=city_code, at=datetime.fromtimestamp(timestamp, UTC))

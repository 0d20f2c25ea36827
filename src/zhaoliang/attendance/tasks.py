"""The clock of classes: a class starts on its day, a session ends with its sign-in window, its sign-ins are
weighed after it, a class ends after its last day.

The provider may do each earlier by hand; the clock does what nobody did, so that no trainee stays unexpected or a missed
session open. A class that cannot start (a trainee expected elsewhere) stays accepted: its desk and the bureau see it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import structlog
from procrastinate.contrib.django import app

from zhaoliang.attendance.selectors import sessions_to_close, sessions_to_weigh
from zhaoliang.attendance.services import close_session, end_class, start_class, weigh_session
from zhaoliang.classes.selectors import classes_to_end, classes_to_start
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import system_actor

log = structlog.get_logger("attendance")


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="attendance.run_classes", pass_context=False)
def run_classes(timestamp: int) -> None:
    """Start, close and end what is due everywhere; `timestamp` is the moment the clock struck (unix seconds)."""
    at = datetime.fromtimestamp(timestamp, UTC)
    for training_class in classes_to_start(chinese_day(at)):
        try:
            start_class(actor=system_actor(), at=at, training_class=training_class)
        except Refusal as refusal:
            log.warning("class_not_started", class_id=training_class.pk, code=refusal.code)
    for session in sessions_to_close(at):
        close_session(actor=system_actor(), at=at, session=session)
    for session in sessions_to_weigh(at):
        weigh_session(actor=system_actor(), at=at, session=session)
    # Not before midnight: roll calls and uploads of phones without network still come in on the last evening.
    for training_class in classes_to_end(chinese_day(at) - timedelta(days=1)):
        end_class(actor=system_actor(), at=at, training_class=training_class)

"""The clock of classes: a class starts on its day, a session ends with its sign-in window, its sign-ins are
weighed after it, a class ends after its last day.

The provider may do each earlier by hand; the clock does what nobody did, so that no trainee stays unexpected or a missed
session open. A class that cannot start (a trainee expected elsewhere) stays accepted: its desk and the bureau see it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import structlog
from procrastinate.contrib.django import app

from zhaoliang.attendance.selectors import sessions_to_close, sessions_to_weigh
from zhaoliang.attendance.services import NotYet, close_session, end_class, start_class, weigh_session
from zhaoliang.classes.models import ClassSession, TrainingClass
from zhaoliang.classes.selectors import classes_to_end, classes_to_start
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import system_actor

T = TypeVar("T", ClassSession, TrainingClass)
log = structlog.get_logger("attendance")


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="attendance.run_classes", pass_context=False)
def run_classes(timestamp: int) -> None:
    """Start, close and end what is due everywhere; `timestamp` is the moment the clock struck (unix seconds)."""
    at, clock = datetime.fromtimestamp(timestamp, UTC), system_actor()
    for training_class in classes_to_start(chinese_day(at)):
        _strike("start_class", training_class, lambda one: start_class(actor=clock, at=at, training_class=one))
    for session in sessions_to_close(at):
        _strike("close_session", session, lambda one: close_session(actor=clock, at=at, session=one))
    for session in sessions_to_weigh(at):
        _strike("weigh_session", session, lambda one: weigh_session(actor=clock, at=at, session=one))
    # Not before midnight: roll calls and uploads of phones without network still come in on the last evening.
    for training_class in classes_to_end(chinese_day(at) - timedelta(days=1)):
        _strike("end_class", training_class, lambda one: end_class(actor=clock, at=at, training_class=one))


def _strike(act: str, one: T, work: Callable[[T], object]) -> None:
    """What is refused keeps nothing else waiting."""
    try:
        work(one)
    except NotYet:
        # A site may keep its sign-in open for longer than a short lesson lasts.
        return
    except Refusal as refusal:
        log.warning("clock_refused", act=act, id=one.pk, code=refusal.code)

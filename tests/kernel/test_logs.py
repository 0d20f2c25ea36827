"""Logs go where standard error is now, not where it was when they were set up."""

from __future__ import annotations

import json
import logging
from contextlib import redirect_stderr
from io import StringIO

import structlog
from django.conf import settings

from zhaoliang.kernel import logs


def test_a_stream_that_was_lent_during_the_set_up_and_closed_since_is_not_written_to() -> None:
    with redirect_stderr(StringIO()) as lent:
        logs.configure(settings.LOGGING)
        log = structlog.get_logger("lent")
        log.error("first")
    assert "first" in lent.getvalue()
    lent.close()
    with redirect_stderr(StringIO()) as now:
        log.error("second", job_id=7)
        logging.getLogger("lent").error("third")
    second, third = [json.loads(line) for line in now.getvalue().splitlines()]
    assert (second["event"], second["job_id"], third["event"]) == ("second", 7, "third")

"""All that is on file of a single claim line, asked for in one statement; of a whole class see `subsidies.facts`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db import connection

from zhaoliang.certificates.models import Certificate
from zhaoliang.classes.known import Clash, Known
from zhaoliang.employment.models import JobRecord
from zhaoliang.evaluation.models import ExamResult
from zhaoliang.kernel.db.rows import from_row
from zhaoliang.registry.models import GroupMembership, PersonGrant, PersonStatus
from zhaoliang.registry.selectors import known_statuses, weakest_first
from zhaoliang.subsidies.facts import ClassOutcome
from zhaoliang.subsidies.models import ClaimLine


def line_on_file(line: ClaimLine) -> tuple[Known, ClassOutcome]:
    """What the registers know of the line's person as of the class, and result and certificate; one query.

    The outcome comes without totals: a line keeps its own minutes.
    """
    with connection.cursor() as cursor:
        # The city is named for the lint of statements; the function reads nothing outside it but the national grants.
        cursor.execute("SELECT line_on_file(%s, %s)", [line.city_code, line.pk])
        found: dict[str, Any] = json.loads(cursor.fetchone()[0])
    known = Known(
        statuses=known_statuses(
            (from_row(PersonStatus, row) for row in found["statuses"] or ()), line.claim.training_class.starts_on
        ),
        # The strongest evidence comes last and stays.
        groups={
            held.group: held for held in weakest_first(from_row(GroupMembership, row) for row in found["groups"] or ())
        },
        grants=[from_row(PersonGrant, row) for row in found["grants"] or ()],
        clashes=[
            Clash(**clash | {"starts_at": datetime.fromisoformat(clash["starts_at"])})
            for clash in found["clashes"] or ()
        ],
        jobs=[from_row(JobRecord, row) for row in found["jobs"] or ()],
    )
    of_trainee = line.enrolment_id or 0
    result, issued = found["result"], [*filter(None, [found["certificate"]]), *(found["replaced"] or ())]
    return known, ClassOutcome(
        totals={},
        results={of_trainee: from_row(ExamResult, result)} if result else {},
        issued={of_trainee: [from_row(Certificate, certificate) for certificate in issued]} if issued else {},
    )

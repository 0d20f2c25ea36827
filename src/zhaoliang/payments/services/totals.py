"""The kept totals of a city derived again: after an upgrade beside running processes, or when the proof found one wrong."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from zhaoliang.kernel.acts import act
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.payments.totals import derive_again


@act("payments.derive_totals", label="重新汇总拨付", grants={Role.SYSTEM: Reach.ANY}, on="place")
def derive_totals(*, actor: Actor, at: datetime, place: Place) -> Place:
    """Let the totals of what was paid and of what the bank said follow from entries and bank rows again; books nothing."""
    with connection.cursor() as cursor:
        # Alone: postings hold this lock shared until they are committed (funds/sql/ledger.sql).
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('books', %s))", [place.city_code])
    derive_again(place.city_code)
    return place

"""The daily proof of a city's money, kept so that the finance desk sees the last one."""

from __future__ import annotations

import time
from datetime import datetime

from zhaoliang.funds.models import BookCheck
from zhaoliang.funds.services import keep_check
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.recoveries.proof import prove

PROVERS = {
    Role.FUND_OFFICER: Reach.REGION,
    Role.FINANCE: Reach.REGION,
    Role.AUDITOR: Reach.REGION,
    Role.SYSTEM: Reach.ANY,
}


@act("recoveries.check_books", label="核验账目", grants=PROVERS, on="place")
def check_books(*, actor: Actor, at: datetime, place: Place) -> BookCheck:
    """Prove the city's books from every entry and keep what came out; the finance desk shows the last one."""
    began = time.monotonic()
    proof = prove(place.city_code)
    return keep_check(
        city_code=place.city_code,
        at=at,
        accounts=proof.accounts,
        transfers=proof.transfers,
        findings=[one.what for one in proof.findings],
        milliseconds=int((time.monotonic() - began) * 1000),
    )

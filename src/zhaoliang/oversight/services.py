"""The act of oversight: counting a city's vouchers for the pages that cannot wait for it."""

from __future__ import annotations

from datetime import datetime

from zhaoliang.kernel.acts import act
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.oversight.counts import count_city
from zhaoliang.oversight.models import FunnelCount

# Who looks at the figures may have them counted anew.
COUNTERS = {
    **dict.fromkeys(
        (Role.REVIEWER, Role.APPROVER, Role.FUND_OFFICER, Role.INSPECTOR, Role.FINANCE, Role.AUDITOR), Reach.REGION
    ),
    Role.SYSTEM: Reach.ANY,
}


@act("oversight.count_vouchers", label="统计用券情况", grants=COUNTERS, on="place")
def count_vouchers(*, actor: Actor, at: datetime, place: Place) -> FunnelCount:
    """Count all vouchers of the place's city anew, whole and as of now; changes no voucher."""
    return count_city(place.city_code, at)

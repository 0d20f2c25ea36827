"""Who may see how the cost of a class is shared and what was paid."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import Reach, Role

SHARES = question(
    "sharing.shares",
    "查看费用分担和缴费",
    {
        Role.PROVIDER: Reach.ORGANISATION,
        Role.REVIEWER: Reach.REGION,
        Role.APPROVER: Reach.REGION,
        Role.FUND_OFFICER: Reach.REGION,
        Role.INSPECTOR: Reach.REGION,
        Role.AUDITOR: Reach.REGION,
    },
)

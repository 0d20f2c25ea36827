"""What may be looked at in recoveries."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import Reach, Role

CASE = question(
    "recoveries.case",
    "看追回事项",
    {
        Role.FUND_OFFICER: Reach.REGION,
        Role.FINANCE: Reach.REGION,
        Role.REVIEWER: Reach.REGION,
        Role.APPROVER: Reach.REGION,
        Role.INSPECTOR: Reach.REGION,
        Role.AUDITOR: Reach.REGION,
        Role.PROVIDER: Reach.ORGANISATION,
        Role.WORKER: Reach.SELF,
    },
)
# The document that leaves the house names a person in full: who proposes, who approves, who audits.
DOCUMENT = question(
    "recoveries.document",
    "下载移送书",
    {Role.FUND_OFFICER: Reach.REGION, Role.APPROVER: Reach.REGION, Role.AUDITOR: Reach.REGION},
)

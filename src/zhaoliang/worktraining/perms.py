"""Who may see the history of 以工代训."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import Reach, Role

HISTORY = question(
    "work_training.history",
    "查看以工代训历史",
    {
        Role.REVIEWER: Reach.REGION,
        Role.APPROVER: Reach.REGION,
        Role.FUND_OFFICER: Reach.REGION,
        Role.INSPECTOR: Reach.REGION,
        Role.AUDITOR: Reach.REGION,
    },
)

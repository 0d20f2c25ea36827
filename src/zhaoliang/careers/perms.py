"""What may be seen of a person's record."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import Reach, Role

RECORD = question(
    "careers.record",
    "查看终身培训档案",
    {
        Role.WORKER: Reach.SELF,
        Role.REVIEWER: Reach.REGION,
        Role.APPROVER: Reach.REGION,
        Role.INSPECTOR: Reach.REGION,
        Role.AUDITOR: Reach.REGION,
    },
)

"""What may be seen of the bureau desk itself, where no business folder declares it."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import BUREAU_ROLES, Reach, Role

HOME = question("bureau.home", "进入人社工作台", dict.fromkeys(sorted(BUREAU_ROLES), Reach.REGION))
HOLDERS = question(
    "bureau.holders",
    "查看持券人名单",
    {Role.REVIEWER: Reach.REGION, Role.INSPECTOR: Reach.REGION, Role.AUDITOR: Reach.REGION},
)
AUDIT = question("bureau.audit", "查看审计日志", {Role.AUDITOR: Reach.REGION})
ISSUES = question(
    "bureau.issues",
    "查看发券名单",
    {
        Role.REVIEWER: Reach.REGION,
        Role.APPROVER: Reach.REGION,
        Role.FUND_OFFICER: Reach.REGION,
        Role.INSPECTOR: Reach.REGION,
        Role.AUDITOR: Reach.REGION,
    },
)

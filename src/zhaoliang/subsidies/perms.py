"""What pages may show of claims."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import Reach, Role

_BUREAU = {
    Role.REVIEWER: Reach.REGION,
    Role.APPROVER: Reach.REGION,
    Role.FUND_OFFICER: Reach.REGION,
    Role.INSPECTOR: Reach.REGION,
    Role.FINANCE: Reach.REGION,
    Role.AUDITOR: Reach.REGION,
}

CLAIM = question("subsidies.claim", "查看补贴申领", {Role.PROVIDER: Reach.ORGANISATION, **_BUREAU})
LINE = question(
    "subsidies.line", "查看申领明细", {Role.WORKER: Reach.SELF, Role.PROVIDER: Reach.ORGANISATION, **_BUREAU}
)
QUEUE = question(
    "subsidies.queue",
    "查看待办申领",
    {Role.PROVIDER: Reach.ORGANISATION, Role.REVIEWER: Reach.REGION, Role.APPROVER: Reach.REGION},
)
APPEAL = question(
    "subsidies.appeal",
    "查看申诉",
    {Role.WORKER: Reach.SELF, Role.PROVIDER: Reach.ORGANISATION, **_BUREAU},
)
PUBLICITY = question("subsidies.publicity", "查看补贴公示", public=True)

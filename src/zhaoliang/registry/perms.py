"""What pages may show of the registry."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import Reach, Role

FILE = question(
    "registry.file",
    "查看个人档案",
    {
        Role.WORKER: Reach.SELF,
        Role.REVIEWER: Reach.REGION,
        Role.APPROVER: Reach.REGION,
        Role.INSPECTOR: Reach.REGION,
        Role.AUDITOR: Reach.REGION,
    },
)
ORGANISATION = question(
    "registry.organisation",
    "查看机构档案",
    {
        Role.PROVIDER: Reach.ORGANISATION,
        Role.EVALUATOR: Reach.ORGANISATION,
        Role.REVIEWER: Reach.REGION,
        Role.APPROVER: Reach.REGION,
        Role.FUND_OFFICER: Reach.REGION,
        Role.INSPECTOR: Reach.REGION,
        Role.ADMINISTRATOR: Reach.REGION,
        Role.FINANCE: Reach.REGION,
        Role.AUDITOR: Reach.REGION,
    },
)
USERS = question("registry.users", "查看账号和角色", {Role.ADMINISTRATOR: Reach.REGION, Role.AUDITOR: Reach.REGION})
NOTICES = question(
    "registry.notices",
    "看消息",
    {Role.WORKER: Reach.SELF, Role.PROVIDER: Reach.ORGANISATION, Role.EVALUATOR: Reach.ORGANISATION},
)
SANCTIONS = question(
    "registry.sanctions",
    "查看对本机构的处理",
    {Role.PROVIDER: Reach.ORGANISATION, Role.EVALUATOR: Reach.ORGANISATION},
)

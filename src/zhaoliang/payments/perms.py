"""What pages may show of payments."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import Reach, Role

_MONEY = {Role.FUND_OFFICER: Reach.REGION, Role.FINANCE: Reach.REGION, Role.AUDITOR: Reach.REGION}

BATCH = question("payments.batch", "查看拨付批次", _MONEY)
# The file holds whole account numbers: only who sends it may have it.
BANK_FILE = question("payments.bank_file", "下载银行拨付文件", {Role.FUND_OFFICER: Reach.REGION})
TRACE = question(
    "payments.trace",
    "查看一分钱的来龙去脉",
    {
        **_MONEY,
        Role.PROVIDER: Reach.ORGANISATION,
        Role.REVIEWER: Reach.REGION,
        Role.APPROVER: Reach.REGION,
        Role.INSPECTOR: Reach.REGION,
        Role.WORKER: Reach.SELF,
    },
)

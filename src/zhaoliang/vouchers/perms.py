"""What may be looked at of vouchers and batches."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import Reach, Role

_BUREAU = dict.fromkeys(
    (Role.REVIEWER, Role.APPROVER, Role.FUND_OFFICER, Role.INSPECTOR, Role.FINANCE, Role.AUDITOR), Reach.REGION
)

OPEN = question("vouchers.open", "看正在发放的培训券", public=True)
MINE = question("vouchers.mine", "看我的培训券", {Role.WORKER: Reach.SELF})
_PARTIES: dict[Role, Reach] = {Role.WORKER: Reach.SELF, Role.PROVIDER: Reach.ORGANISATION}
VOUCHER = question("vouchers.voucher", "看一张培训券", {**_PARTIES, **_BUREAU})
BATCH = question("vouchers.batch", "看培训券批次和领用情况", {**_BUREAU})

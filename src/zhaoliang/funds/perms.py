"""What may be looked at in the books."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import Reach, Role

BOOKS = question(
    "funds.books",
    "看资金账户和分录",
    {
        Role.FUND_OFFICER: Reach.REGION,
        Role.APPROVER: Reach.REGION,
        Role.FINANCE: Reach.REGION,
        Role.AUDITOR: Reach.REGION,
        Role.INSPECTOR: Reach.REGION,
    },
)

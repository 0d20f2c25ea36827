"""What may be seen of needs."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import BUREAU_ROLES, Reach, Role

DEMANDS = question(
    "needs.demands",
    "查看用工需求",
    {Role.PROVIDER: Reach.REGION, **dict.fromkeys(sorted(BUREAU_ROLES), Reach.REGION)},
)
OWN_DEMANDS = question("needs.own", "查看本单位发布的用工需求", {Role.PROVIDER: Reach.ORGANISATION})

"""What may be seen of attendance."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import BUREAU_ROLES, Reach, Role

MINE = question("attendance.mine", "查看我的考勤", {Role.WORKER: Reach.SELF})
BOARD = question(
    "attendance.board",
    "查看班级考勤",
    {Role.PROVIDER: Reach.ORGANISATION, **dict.fromkeys(sorted(BUREAU_ROLES), Reach.REGION)},
)

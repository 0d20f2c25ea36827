"""What may be seen of attendance."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import BUREAU_ROLES, Reach, Role

MINE = question("attendance.mine", "查看我的考勤", {Role.WORKER: Reach.SELF})
BOARD = question(
    "attendance.board",
    "查看班级考勤",
    {Role.PROVIDER: Reach.ORGANISATION, **dict.fromkeys(sorted(BUREAU_ROLES), Reach.REGION)},
)
# A scan opens before its trainee has signed in to the platform: it tells nothing but whether the code is fresh.
SCAN = question("attendance.scan", "扫课堂码", public=True)
CLASS_CODE = question("attendance.class_code", "出示课堂码", {Role.PROVIDER: Reach.ORGANISATION})
DOUBTS = question(
    "attendance.doubts",
    "查看可疑签到和考勤更正",
    {Role.REVIEWER: Reach.REGION, Role.INSPECTOR: Reach.REGION, Role.AUDITOR: Reach.REGION},
)
ROLL = question(
    "attendance.roll",
    "查看和导出考勤表",
    {Role.PROVIDER: Reach.ORGANISATION, **dict.fromkeys((Role.REVIEWER, Role.INSPECTOR, Role.AUDITOR), Reach.REGION)},
)

"""What may be seen of classes."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import BUREAU_ROLES, Reach, Role

_BUREAU = dict.fromkeys(sorted(BUREAU_ROLES), Reach.REGION)

PAGE = question(
    "classes.page",
    "查看班级",
    {Role.PROVIDER: Reach.ORGANISATION, Role.EVALUATOR: Reach.ORGANISATION, **_BUREAU},
)
ROSTER = question("classes.roster", "查看学员名册", {Role.PROVIDER: Reach.ORGANISATION, **_BUREAU})
QUEUE = question("classes.queue", "查看待审班级", _BUREAU)
MINE = question("classes.mine", "查看我参加的班级", {Role.WORKER: Reach.SELF})

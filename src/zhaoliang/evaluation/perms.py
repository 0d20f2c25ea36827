"""What may be seen of examinations."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import BUREAU_ROLES, Reach, Role

EXAM = question(
    "evaluation.exam",
    "查看考核和成绩",
    {
        Role.EVALUATOR: Reach.ORGANISATION,
        Role.PROVIDER: Reach.ORGANISATION,
        **dict.fromkeys(sorted(BUREAU_ROLES - {Role.ADMINISTRATOR, Role.FINANCE}), Reach.REGION),
    },
)
OWN_RESULT = question("evaluation.own_result", "查看我的考核成绩", {Role.WORKER: Reach.SELF})
OPINIONS = question(
    "evaluation.opinions",
    "查看学员评价",
    {Role.PROVIDER: Reach.ORGANISATION, **dict.fromkeys(sorted(BUREAU_ROLES - {Role.FINANCE}), Reach.REGION)},
)

"""What may be seen of policy texts in the making."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import Reach, Role

DRAFTS = question(
    "enactments.drafts",
    "查看政策文本的起草、检查和试算",
    dict.fromkeys((Role.ADMINISTRATOR, Role.APPROVER, Role.REVIEWER, Role.AUDITOR), Reach.REGION),
)

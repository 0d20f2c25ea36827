"""What the desk of training and evaluation organisations shows."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import Reach, Role

HOME = question("desk.home", "打开机构工作台", {Role.PROVIDER: Reach.ORGANISATION, Role.EVALUATOR: Reach.ORGANISATION})
PROVIDER = question("desk.provider", "办理开班培训", {Role.PROVIDER: Reach.ORGANISATION})
PAYMENTS = question("desk.payments", "查看本机构补贴的拨付", {Role.PROVIDER: Reach.ORGANISATION})
EXAMS = question("desk.exams", "办理考核发证", {Role.EVALUATOR: Reach.ORGANISATION, Role.PROVIDER: Reach.ORGANISATION})

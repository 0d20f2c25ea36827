"""What may be seen of certificates."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import Reach, Role

CERTIFICATE = question(
    "certificates.certificate",
    "查看证书",
    {
        Role.WORKER: Reach.SELF,
        Role.EVALUATOR: Reach.ORGANISATION,
        Role.PROVIDER: Reach.ORGANISATION,
        Role.REVIEWER: Reach.REGION,
        Role.APPROVER: Reach.REGION,
        Role.INSPECTOR: Reach.REGION,
        Role.AUDITOR: Reach.REGION,
    },
)

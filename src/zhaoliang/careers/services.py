"""Acts on jobs after training."""

from __future__ import annotations

from datetime import date, datetime

from zhaoliang.employment.models import JobRecord
from zhaoliang.employment.services import note_job
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.registry.models import Person


@act(
    "careers.record_job",
    label="登记就业记录",
    grants={Role.WORKER: Reach.SELF, Role.REVIEWER: Reach.REGION, Role.SYSTEM: Reach.ANY},
    on="person",
)
def record_job(
    *,
    actor: Actor,
    at: datetime,
    person: Person,
    employer_name: str,
    from_on: date,
    proof: str,
    employer_uscc: str = "",
    post: str = "",
    to_on: date | None = None,
    insured: bool = False,
) -> JobRecord:
    """Record a job with its proof (人社部发〔2025〕10号 三（四）).

    That somebody is insured is known from the insurance register, so workers cannot state it of themselves. Raises
    BadInput, InvalidIdentifier.
    """
    if not actor.has(Role.REVIEWER, Role.SYSTEM) and (insured or proof == "insurance"):
        told = "参保情况由社保数据比对得出，不能自己填写；请选择劳动合同、工资流水或平台证明。"
        raise BadInput(
            what="就业记录没有登记。", why=told, next_step="请按提示修改后重新提交。", fields={"proof": told}
        )
    return note_job(
        person=person,
        employer_name=employer_name,
        employer_uscc=employer_uscc,
        post=post,
        from_on=from_on,
        to_on=to_on,
        insured=insured,
        proof=proof,
        at=at,
    )

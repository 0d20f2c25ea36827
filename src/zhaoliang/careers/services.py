"""Acts on jobs after training."""

from __future__ import annotations

from datetime import date, datetime

from zhaoliang.careers.models import JobRecord
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.identifiers.uscc import parse_uscc
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.registry.models import Person

_PROOFS = {value for value, _ in JobRecord.PROOFS}


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
    fields: dict[str, str] = {}
    if not employer_name.strip():
        fields["employer_name"] = "请填写单位名称。"
    if proof not in _PROOFS:
        fields["proof"] = "请从列表里选择证明种类。"
    elif not actor.has(Role.REVIEWER, Role.SYSTEM) and (insured or proof == "insurance"):
        fields["proof"] = "参保情况由社保数据比对得出，不能自己填写；请选择劳动合同、工资流水或平台证明。"
    if from_on > chinese_day(at):
        fields["from_on"] = "开始日期不能晚于今天。"
    if to_on is not None and to_on < from_on:
        fields["to_on"] = "结束日期不能早于开始日期。"
    if fields:
        raise BadInput(
            what="就业记录没有登记。", why="有内容需要更正。", next_step="请按提示修改后重新提交。", fields=fields
        )
    return JobRecord.objects.create(
        city_code=person.city_code,
        person=person,
        employer_name=employer_name.strip(),
        employer_uscc=parse_uscc(employer_uscc).number if employer_uscc else "",
        post=post.strip(),
        from_on=from_on,
        to_on=to_on,
        insured=insured,
        proof=proof,
        recorded_at=at,
    )

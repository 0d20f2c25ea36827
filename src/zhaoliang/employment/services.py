"""Acts that note jobs and insurance."""

from __future__ import annotations

from datetime import date, datetime

from zhaoliang.employment.models import JobRecord, UnemploymentInsurance
from zhaoliang.kernel.acts import act, running
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.identifiers.uscc import parse_uscc
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.registry.models import Person

PROOFS = {value for value, _ in JobRecord.PROOFS}


def note_job(
    *,
    person: Person,
    employer_name: str,
    from_on: date,
    proof: str,
    at: datetime,
    employer_uscc: str = "",
    post: str = "",
    to_on: date | None = None,
    insured: bool = False,
    contract_until: date | None = None,
    open_ended: bool = False,
    evidence_sha256: str = "",
) -> JobRecord:
    """Note a job inside an act. Raises BadInput by field, InvalidIdentifier, RuntimeError outside an act."""
    running()
    fields: dict[str, str] = {}
    if not employer_name.strip():
        fields["employer_name"] = "请填写单位名称。"
    if proof not in PROOFS:
        fields["proof"] = "请从列表里选择证明种类。"
    if from_on > chinese_day(at):
        fields["from_on"] = "开始日期不能晚于今天。"
    if to_on is not None and to_on < from_on:
        fields["to_on"] = "结束日期不能早于开始日期。"
    if contract_until is not None and (open_ended or contract_until < from_on):
        fields["contract_until"] = "合同到期日不能早于开始日期；无固定期限合同不填到期日。"
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
        contract_until=contract_until,
        open_ended=open_ended,
        insured=insured,
        proof=proof,
        evidence_sha256=evidence_sha256,
        recorded_at=at,
    )


@act(
    "employment.record_insurance",
    label="登记失业保险缴费月数",
    grants={Role.REVIEWER: Reach.REGION, Role.SYSTEM: Reach.ANY},
    on="person",
)
def record_insurance(
    *, actor: Actor, at: datetime, person: Person, months: int, as_of: date, source: str
) -> UnemploymentInsurance:
    """Keep what the insurance register says of a person. Raises BadInput for negative months or a day to come."""
    if months < 0 or as_of > chinese_day(at) or not source.strip():
        raise BadInput(
            what="缴费月数没有登记。",
            why="月数不能为负，截至日期不能晚于今天，来源要写明。",
            next_step="请核对比对结果后重新登记。",
            fields={"months": "请核对月数、截至日期和来源。"},
        )
    return UnemploymentInsurance.objects.create(
        city_code=person.city_code,
        person=person,
        months=months,
        as_of=as_of,
        source=source.strip(),
        recorded_at=at,
    )

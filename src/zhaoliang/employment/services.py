"""Acts that note jobs and insurance, and that find a job or an identity to be untrue."""

from __future__ import annotations

from datetime import date, datetime

from zhaoliang.employment.models import FactFinding, JobRecord, UnemploymentInsurance
from zhaoliang.employment.states import FINDING
from zhaoliang.kernel.acts import act, require_other_person, running
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.identifiers.uscc import parse_uscc
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.registry.models import Person
from zhaoliang.registry.selectors import locked_person
from zhaoliang.registry.services.people import note_identity

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


@act(
    "employment.propose_finding",
    label="提请认定事实不实",
    grants={Role.REVIEWER: Reach.REGION, Role.INSPECTOR: Reach.REGION},
    on="person",
)
def propose_finding(
    *, actor: Actor, at: datetime, person: Person, kind: str, text: str, job: JobRecord | None = None
) -> FactFinding:
    """Say with the evidence that a person's identity (`kind` identity) or one of his jobs (job) is untrue; another decides.

    Nothing changes before. Raises BadInput without evidence or for a job that is not the person's; Refusal where it is
    proposed or found already.
    """
    what = "没有提请认定。"
    if kind not in dict(FactFinding.KINDS) or (kind == "job") is not (job is not None and job.person_id == person.pk):
        raise BadInput(what, "没有选对认定的事项。", "请从列表里选择。", fields={"about": "请从列表里选择。"})
    person = locked_person(person)
    if FactFinding.objects.filter(
        city_code=person.city_code, person=person, kind=kind, job=job, state__in=("proposed", "confirmed")
    ).exists():
        raise Refusal(what, "这一事项已经提请或认定。", "请看这份档案里的事实认定。")
    return FactFinding.objects.create(
        city_code=person.city_code,
        person=person,
        kind=kind,
        job=job,
        text=_evidence_said(text, "text", what),
        proposed_at=at,
        proposed_by_user=actor.user_id,
        proposed_by_person=actor.person_id,
    )


@act("employment.decide_finding", label="认定事实不实", grants={Role.APPROVER: Reach.REGION}, on="finding")
def decide_finding(*, actor: Actor, at: datetime, finding: FactFinding, confirms: bool, text: str) -> FactFinding:
    """Decide a proposed finding, by another person than who proposed it, with the reasons.

    Confirmed, the job counts for nothing or the identity as wrong from now on; the clock decides anew what rests on it, and
    settles every difference. Raises SamePerson, WrongState, BadInput without reasons.
    """
    finding = _locked(finding)
    event = "confirm" if confirms else "drop"
    if not FINDING.allows(finding.state, event):
        raise FINDING.refusal(finding.state, event)
    require_other_person(actor, person_id=finding.proposed_by_person, user_id=finding.proposed_by_user, step="提请认定")
    decided = {"decided_by_user": actor.user_id, "decided_by_person": actor.person_id}
    said = _evidence_said(text, "text", "没有作出认定。")
    FINDING.fire(finding, event, reason=said, **decided, **({"changed_at": at} if confirms else {}))
    if confirms:
        _count(finding, chinese_day(at))
    return finding


@act("employment.lift_finding", label="撤销事实认定", grants={Role.APPROVER: Reach.REGION}, on="finding")
def lift_finding(*, actor: Actor, at: datetime, finding: FactFinding, text: str) -> FactFinding:
    """Undo a finding that proved wrong, by another person than who confirmed it; what was taken for it is due again.

    Raises SamePerson, WrongState, BadInput without reasons.
    """
    finding = _locked(finding)
    if not FINDING.allows(finding.state, "lift"):
        raise FINDING.refusal(finding.state, "lift")
    require_other_person(actor, person_id=finding.decided_by_person, user_id=finding.decided_by_user, step="认定")
    FINDING.fire(finding, "lift", reason=_evidence_said(text, "text", "没有撤销认定。"), changed_at=at)
    _count(finding, None)
    return finding


def _count(finding: FactFinding, wrong_on: date | None) -> None:
    """The finding counts from a day on, or (None) no longer."""
    if finding.job is None:
        note_identity(locked_person(finding.person), wrong_on)
        return
    job = JobRecord.objects.select_for_update(of=("self",), no_key=True).get(
        city_code=finding.city_code, pk=finding.job_id
    )
    job.voided_on = wrong_on
    job.save(update_fields=["voided_on"])


def _locked(finding: FactFinding) -> FactFinding:
    rows = FactFinding.objects.select_for_update(of=("self",), no_key=True).select_related("person", "job")
    return rows.get(city_code=finding.city_code, pk=finding.pk)


def _evidence_said(text: str, field: str, what: str) -> str:
    plain = text.strip()
    if not 4 <= len(plain) <= 500:
        told = "请写明查明的情况、证据和理由，4 到 500 个字。"
        raise BadInput(what, "要写明情况、证据和理由。", "请补写后再提交。", fields={field: told})
    return plain

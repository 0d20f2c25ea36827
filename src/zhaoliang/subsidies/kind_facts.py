"""The facts of lines of the kinds beside training: what registers, class, job records and handed-in files say of each.

Read for a whole claim in a fixed number of queries (`gathered`), then put together line by line (`facts_of`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Protocol, TypeVar

from zhaoliang.apprenticeships.models import Agreement
from zhaoliang.apprenticeships.selectors import agreements_of
from zhaoliang.attendance.selectors import days_attended
from zhaoliang.catalogue.models import CertificateKind, PurchaseContract
from zhaoliang.catalogue.selectors import contract_on, scarce_pairs
from zhaoliang.certificates.models import Certificate
from zhaoliang.certificates.selectors import issued_for
from zhaoliang.classes.facts import CERTIFICATE_FACT, FactSheet, put_certificate_grants, put_grant_counts, put_job
from zhaoliang.classes.selectors import class_ended_on
from zhaoliang.employment.models import JobRecord, UnemploymentInsurance
from zhaoliang.employment.selectors import insurance_of_people, jobs_of_people
from zhaoliang.kernel.days import age_on, full_months, months_begun
from zhaoliang.policy.model import Phase
from zhaoliang.registry.models import GroupMembership, PersonGrant, PersonStatus
from zhaoliang.registry.selectors import grants_of_people, groups_of_people, known_statuses, statuses_of_people
from zhaoliang.subsidies.facts import claim_facts, class_outcome, grants_before, known_of
from zhaoliang.subsidies.facts_sql import NATIONAL
from zhaoliang.subsidies.kinds import KINDS, MAIN
from zhaoliang.subsidies.models import Claim, ClaimLine, Evidence

NAMED_FUNDS = ("employment_subsidy", "unemployment_insurance", "special_account")
LIVING_GROUPS = ("07", "08", "09")
# States of a line whose subsidy is due.
GRANTED = ("approved", "in_batch", "failed", "paid")
# Those of which the rules or a person said yes, however far the money has come.
FITTING = ("passed", *GRANTED)


class Dated(Protocol):
    """Rows that hold from a day to a day."""

    valid_from: Any
    valid_to: Any


R = TypeVar("R", bound=Dated)


@dataclass(frozen=True)
class Gathered:
    """What is on file of the people of a claim, by national number or enrolment id."""

    statuses: Mapping[int, Sequence[PersonStatus]]
    groups: Mapping[int, Sequence[GroupMembership]]
    grants: Mapping[int, Sequence[PersonGrant]]
    jobs: Mapping[int, Sequence[JobRecord]]
    insurance: Mapping[int, UnemploymentInsurance]
    days: Mapping[int, int]
    trained: Mapping[int, ClaimLine]
    scarce: frozenset[tuple[str, int]] | None
    agreements: Mapping[int, Agreement]
    advanced: Mapping[int, int]
    issued: Mapping[int, Sequence[Certificate]]
    files: frozenset[str]
    contract: PurchaseContract | None = None
    ended_on: date | None = None
    sheets: Mapping[int, FactSheet] = field(default_factory=dict)


def gathered(claim: Claim, lines: Sequence[ClaimLine], on: date) -> Gathered:
    """Everything the facts of these lines need, in a fixed number of queries. `on` is the day asked."""
    city, people = claim.city_code, sorted({line.person_id for line in lines})
    enrolments = [line.enrolment_id for line in lines if line.enrolment_id is not None]
    others = ClaimLine.objects.select_related("claim").filter(
        city_code=city, enrolment_id__in=enrolments, kind__in=MAIN, state__in=GRANTED
    )
    upgraded = [line.certificate for line in lines if line.kind == "skill_upgrade"]
    trained = {other.enrolment_id: other for other in others if other.enrolment_id is not None}
    return Gathered(
        statuses=_by_person(statuses_of_people(city_code=city, person_ids=people)),
        groups=_by_person(groups_of_people(city_code=city, person_ids=people)),
        grants=_by_person(grants_of_people(people)),
        jobs=jobs_of_people(city, people),
        insurance=insurance_of_people(city, people),
        days=days_attended(city, enrolments),
        trained=trained,
        scarce=scarce_pairs(city, claim.region_id, on),
        agreements=agreements_of(city, enrolments),
        advanced=_advanced(city, enrolments),
        issued=issued_for(city, {one.result_id for one in upgraded if one is not None}),
        files=frozenset(
            Evidence.objects.filter(city_code=city, claim_id=claim.pk or 0).values_list("kind", flat=True).distinct()
        ),
        contract=_contract(claim),
        ended_on=_ended_on(claim),
        sheets=_class_sheets(claim, lines),
    )


def _contract(claim: Claim) -> PurchaseContract | None:
    if claim.kind != "project" or claim.training_class is None:
        return None
    return contract_on(claim.training_class.project, claim.training_class.starts_on)


def _ended_on(claim: Claim) -> date | None:
    if claim.kind not in ("apprentice_advance", "apprenticeship") or claim.training_class is None:
        return None
    return class_ended_on(claim.training_class)


def _advanced(city_code: int, enrolment_ids: Collection[int]) -> dict[int, int]:
    """What was paid ahead for each of these apprentices, in fen."""
    rows = ClaimLine.objects.filter(
        city_code=city_code, enrolment_id__in=list(enrolment_ids), kind="apprentice_advance", state__in=GRANTED
    )
    return dict(rows.values_list("enrolment_id", "amount_fen"))


def _class_sheets(claim: Claim, lines: Sequence[ClaimLine]) -> dict[int, FactSheet]:
    """What the class says of each line, by enrolment id; nothing for claims without a class."""
    if claim.training_class is None or not lines:
        return {}
    outcome, known = class_outcome(claim), known_of(claim, lines)
    return {
        line.enrolment_id: claim_facts(line, outcome, known[line.person_id])
        for line in lines
        if line.enrolment_id is not None
    }


def _by_person(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.person_id].append(row)
    return found


def rules_day(line: ClaimLine) -> date:
    """The day whose texts bind the line: the class's start, or the day a person applied for what rests on no class."""
    if line.claim.training_class_id is None and line.kind != "skill_upgrade" and line.enrolment is not None:
        return line.enrolment.training_class.starts_on
    return line.applied_on or line.claim.rules_on


def facts_of(line: ClaimLine, on_file: Gathered) -> tuple[FactSheet, list[dict[str, Any]]]:
    """Everything known of a line of any kind but training, with where it is known from, and the earlier grants."""
    day = rules_day(line)
    grants = grants_before(line, on_file.grants.get(line.person_id, ()))
    sheet = FactSheet({}, {})
    if line.enrolment_id in on_file.sheets and line.enrolment_id is not None:
        held = on_file.sheets[line.enrolment_id]
        sheet = FactSheet(dict(held.facts), dict(held.evidence))
    else:
        _put_person(sheet, line, on_file, day)
    fund = line.claim.fund_source
    sheet.put(None, "资金渠道", fund_source=fund if fund in NAMED_FUNDS else "other")
    match line.kind:
        case "skill_upgrade":
            _put_upgrade(sheet, line, on_file, grants, day)
        case "living":
            _put_living(sheet, line, on_file)
        case "project":
            _put_contract(sheet, on_file)
        case "uplift":
            _put_uplift(sheet, line, on_file)
        case "evaluation":
            _put_evaluation(sheet, line, grants)
        case "apprentice_advance" | "apprenticeship":
            _put_apprenticeship(sheet, line, on_file)
        case _:
            pass
    employer = line.enrolment.employer_uscc if line.enrolment is not None else ""
    put_job(sheet, on_file.jobs.get(line.person_id, ()), employer, day)
    return sheet, [_history(grant) for grant in grants]


def _put_person(sheet: FactSheet, line: ClaimLine, on_file: Gathered, day: date) -> None:
    """Age, statuses and groups of a person on a day, for lines without a class of their own claim."""
    person = line.person
    sheet.put(person, "证件", person_age_at_start=age_on(person.birth_date, day))
    sheet.put(person, "实名档案", name_matches_id=person.identity_wrong_on is None)
    statuses = known_statuses(_holding(on_file.statuses.get(line.person_id, ()), day), day)
    for kind, name in (("pension", "pension_drawn"), ("establishment", "establishment_staff")):
        if kind in statuses:
            sheet.put(statuses[kind], statuses[kind].source, **{name: statuses[kind].holds})
    groups = {row.group: row for row in _holding(on_file.groups.get(line.person_id, ()), day)}
    if "14" in groups:
        sheet.put(groups["14"], groups["14"].source, student_status="graduating_year")
    elif "student" in statuses:
        held = statuses["student"]
        sheet.put(held, held.source, student_status="full_time" if held.holds else "none")
    group = _group(line, groups)
    if group is None:
        return
    membership = groups.get(group)
    sheet.put(membership, membership.source if membership else "名册人员类别", group=group)
    if membership is not None and membership.evidence != "declared":
        sheet.put(membership, membership.source, group_proved=True)


def _group(line: ClaimLine, groups: Mapping[str, GroupMembership]) -> str | None:
    """The group that counts: the one a kind is for where the person is in it, else that of the roster."""
    wanted = {"living": LIVING_GROUPS, "skill_upgrade": ("15",)}.get(line.kind, ())
    found = next((group for group in wanted if group in groups), None)
    if found is not None:
        return found
    return line.enrolment.group if line.enrolment is not None else next(iter(groups), None)


def _holding(rows: Iterable[R], day: date) -> list[R]:
    return [
        row
        for row in rows
        if (row.valid_from is None or row.valid_from <= day) and (row.valid_to is None or row.valid_to >= day)
    ]


def _put_upgrade(
    sheet: FactSheet, line: ClaimLine, on_file: Gathered, grants: Collection[PersonGrant], day: date
) -> None:
    certificate = line.certificate
    paid = on_file.insurance.get(line.person_id)
    # Contributions are booked by month; an answer older than last month's may have grown since, and so is not known.
    if paid is not None and full_months(paid.as_of.replace(day=1), day) <= 1:
        sheet.put(paid, f"{paid.source}（截至{paid.as_of.isoformat()}）", insured_months=paid.months)
    put_grant_counts(sheet, grants, day)
    if certificate is None:
        return
    # A new number or a corrected name takes nothing from who passed, and makes no new certificate of it.
    issued = on_file.issued[certificate.result_id]
    last = issued[-1] if certificate.state == "replaced" else certificate
    standing = last.state == "issued"
    sheet.put(
        certificate,
        "证书",
        certificate_kind=CERTIFICATE_FACT[CertificateKind(certificate.kind)] if standing else "none",
        certificate_level=certificate.level or 0,
        certificate_occupation=certificate.occupation_id,
        certificate_registered=standing,
        months_since_certificate=months_begun(issued[0].issued_on, day),
    )
    put_certificate_grants(sheet, grants, {one.number for one in issued})
    if on_file.scarce is not None:
        scarce = (certificate.occupation_id, certificate.level or 0) in on_file.scarce
        sheet.put(None, "需求指导目录", certificate_scarce=scarce)
    here = [
        grant
        for grant in grants
        if grant.scheme == "skill_upgrade" and grant.occupation_code == certificate.occupation_id
    ]
    highest = max(here, key=lambda grant: grant.level, default=None)
    sheet.put(highest, NATIONAL, highest_skill_upgrade_paid=highest.level if highest else 0)


def _put_living(sheet: FactSheet, line: ClaimLine, on_file: Gathered) -> None:
    if line.enrolment is None:
        return
    training_class = line.enrolment.training_class
    sheet.put(training_class.project, "项目库", mode=training_class.project.mode)
    sheet.put(
        line.enrolment,
        "考勤",
        attended_hours=Fraction(line.credited_minutes, training_class.minutes_per_hour),
        training_days=on_file.days.get(line.enrolment_id or 0, 0),
    )
    trained = on_file.trained.get(line.enrolment_id or 0)
    if trained is not None and trained.claim.publicity_until is not None and line.applied_on is not None:
        months = months_begun(trained.claim.publicity_until, line.applied_on)
        sheet.put(trained.claim, "公示记录", months_since_publicity=months)


def _put_contract(sheet: FactSheet, on_file: Gathered) -> None:
    """What the project was bought for, by the contract in force when the class began."""
    contract = on_file.contract
    if contract is not None:
        source = f"项目制合同 {contract.number}"
        sheet.put(contract, source, contract_hour_price=contract.hour_fen, contract_person_cap=contract.person_cap_fen)


def _put_uplift(sheet: FactSheet, line: ClaimLine, on_file: Gathered) -> None:
    """The first job after the training, how soon it came, how long it lasts, and how it is proved (人社部发〔2025〕10号 四（六）)."""
    trained = on_file.trained.get(line.enrolment_id or 0)
    if line.enrolment is None or trained is None:
        return
    sheet.put(trained, "培训补贴申领", training_subsidy=trained.amount_fen)
    ended = line.enrolment.training_class.ends_on
    jobs = [one for one in on_file.jobs.get(line.person_id, ()) if one.from_on >= ended]
    job = next((one for one in jobs if one.voided_on is None), None)
    if job is None and jobs:
        # Two people found that there was none: that is known, and not merely unproved.
        sheet.put(jobs[0], "事实认定", job_proved=False)
    if job is None or line.applied_on is None:
        return
    # A day in work counts to its end, and nothing counts beyond the day asked.
    until = min(job.to_on + timedelta(days=1) if job.to_on else line.applied_on, line.applied_on)
    shown = job.insured or job.proof == "insurance" or bool(job.evidence_sha256)
    sheet.put(
        job,
        "就业记录",
        months_to_job=months_begun(ended, job.from_on),
        job_months=full_months(job.from_on, until) if until >= job.from_on else 0,
        job_proved=True if shown else None,
    )


def phase_of(line: ClaimLine) -> Phase:
    """When the rules are asked of a line.

    An advance that was given is read as a settlement once its apprentice dropped out, or once the settlement was approved
    and came out below what had been paid ahead.
    """
    given = line.kind == "apprentice_advance" and line.state in GRANTED
    if given and line.enrolment is not None and (line.enrolment.state == "dropped" or _settled_below(line)):
        return "claim"
    return KINDS[line.kind].phase


def _settled_below(advance: ClaimLine) -> bool:
    return ClaimLine.objects.filter(
        city_code=advance.city_code,
        enrolment_id=advance.enrolment_id,
        kind="apprenticeship",
        state="refused",
        claim__state__in=("approved", "paying", "settled"),
        decision__amount_fen__lt=0,
    ).exists()


def _put_apprenticeship(sheet: FactSheet, line: ClaimLine, on_file: Gathered) -> None:
    """Filed and actual months, what was paid ahead, what was handed in (人社部发〔2021〕39号 五（一）)."""
    enrolment = line.enrolment
    if enrolment is None or line.claim.training_class is None:
        return
    agreement = on_file.agreements.get(enrolment.pk)
    if agreement is not None:
        sheet.put(agreement, "培养协议", apprentice_months_planned=agreement.months, apprentice_agreement=True)
    if phase_of(line) == "advance":
        return
    training_class = line.claim.training_class
    # 补贴期限按照实际培训期限: a class that was ended before its filed last day lasted until then.
    last = min(training_class.ends_on, on_file.ended_on or training_class.ends_on)
    months = months_lasted(training_class.starts_on, last + timedelta(days=1), agreement.months if agreement else 0)
    dropped = enrolment.state == "dropped"
    sheet.put(enrolment, "名册", apprentice_finished=not dropped, apprentice_months_done=None if dropped else months)
    own = line.amount_fen if line.kind == "apprentice_advance" else on_file.advanced.get(enrolment.pk, 0)
    sheet.put(None, "预支记录", advance_paid=own)
    if dropped:
        sheet.put(enrolment, "名册", certificate_kind="none")
    given = dict.fromkeys(on_file.files, True)
    sheet.put(None, "申领材料", video_given=given.get("video"), receipt_given=given.get("receipt"))


def months_lasted(first: date, after: date, agreed: int) -> int:
    """Whole months, except that a class of the agreed length that is some days short at its ends is as long as agreed.

    No text says what a part of a month counts: 一年期 from a Monday in September to a Friday in August is a year.
    """
    full = full_months(first, after)
    return max(agreed, full) if agreed <= months_begun(first, after) else full


def _put_evaluation(sheet: FactSheet, line: ClaimLine, grants: Collection[PersonGrant]) -> None:
    """An evaluation is compared with earlier evaluations; the training subsidy of the same class is due beside it."""
    earlier = [grant for grant in grants if grant.scheme == "evaluation"]
    here = [grant for grant in earlier if grant.occupation_code == line.occupation_id]
    same = next((grant for grant in here if line.level and grant.level == line.level), None)
    sheet.put(None, NATIONAL, evaluations_paid_lifetime=len(earlier))
    sheet.put(here[0] if here else None, NATIONAL, occupation_evaluation_paid=bool(here))
    sheet.put(same, NATIONAL, same_occupation_level_paid=same is not None)
    highest = max(here, key=lambda grant: grant.level, default=None)
    sheet.put(highest, NATIONAL, highest_level_paid=highest.level if highest else 0)
    double = next(
        (
            grant
            for grant in grants
            if grant.fund_source == "unemployment_insurance"
            and (grant.occupation_code, grant.level) == (line.occupation_id, line.level or 0)
        ),
        None,
    )
    sheet.put(double, NATIONAL, fund_double_paid=double is not None)


def _history(grant: PersonGrant) -> dict[str, Any]:
    held = {
        "scheme": grant.scheme,
        "on": grant.granted_on,
        "fund_source": grant.fund_source if grant.fund_source in NAMED_FUNDS else "other",
        "occupation": grant.occupation_code,
        "level": grant.level,
    }
    return held | ({"certificate": grant.certificate_number} if grant.certificate_number else {})

"""Facts for the rules: what is known of a person, a project and a voucher, named as `policies/facts.yaml` names them.

A fact that is not known is left out: the rules then cannot tell, and a person decides. Nothing is ever guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import TypeAlias

from django.db import models

from zhaoliang.catalogue.models import CertificateKind, Project, ProjectKind
from zhaoliang.classes.known import Known, known_people
from zhaoliang.classes.models import TrainingClass
from zhaoliang.employment.models import JobRecord
from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.days import age_on, day_start, full_months, months_begun
from zhaoliang.policy import PolicySet
from zhaoliang.policy.counts import Grant, count_grants
from zhaoliang.registry.models import Person, PersonGrant
from zhaoliang.vouchers.models import Voucher
from zhaoliang.vouchers.selectors import covers

FactValue: TypeAlias = bool | int | str | date | Fraction

CERTIFICATE_FACT = {
    CertificateKind.QUALIFICATION: "vocational_qualification",
    CertificateKind.SKILL_LEVEL: "skill_level",
    CertificateKind.SPECIAL_ABILITY: "special_skill",
    CertificateKind.SPECIAL_OPERATION: "special_operation",
    CertificateKind.COMPLETION: "training_completion",
}
_KIND_BY_PROJECT = {
    ProjectKind.APPRENTICESHIP: "apprenticeship",
    ProjectKind.ORDER: "targeted",
    ProjectKind.PACKAGE: "project_based",
    ProjectKind.SPECIAL_ABILITY: "special_skill",
}
_KIND_BY_CERTIFICATE = {
    CertificateKind.QUALIFICATION: "skill_level",
    CertificateKind.SKILL_LEVEL: "skill_level",
    CertificateKind.SPECIAL_ABILITY: "special_skill",
    CertificateKind.SPECIAL_OPERATION: "safety",
    CertificateKind.COMPLETION: "no_certificate",
}
_SITE_FACT = {"own": "ordinary", "school": "school", "enterprise": "ordinary", "public_training_base": None}
_GRANTS = "全国补贴记录"
JOBS = "就业记录"
# A contract without end is longer than any text asks for.
OPEN_ENDED_MONTHS = 1200
_NAMED_FUNDS = {FundSource.EMPLOYMENT_SUBSIDY, FundSource.UNEMPLOYMENT_INSURANCE, FundSource.SPECIAL_ACCOUNT}


@dataclass(frozen=True)
class FactSheet:
    """Facts by name and, for each, where it comes from: {"type": table, "id": row, "source": in words}."""

    facts: dict[str, FactValue]
    evidence: dict[str, dict[str, str | int | None]]

    def put(self, row: models.Model | None, source: str, **facts: FactValue | None) -> None:
        """Add known facts with their common source; None is left out."""
        for name, value in facts.items():
            if value is not None:
                self.facts[name] = value
                self.evidence[name] = {
                    "type": row._meta.label_lower if row is not None else "",
                    "id": row.pk if row is not None else None,
                    "source": source,
                }


def base_facts(
    *,
    city_code: int,
    project: Project,
    start: date,
    person: Person | None,
    birth_date: date | None,
    voucher: Voucher | None,
    group: str | None,
    training_class: TrainingClass | None = None,
    known: Known | None = None,
    employer_uscc: str = "",
) -> FactSheet:
    """Everything known before teaching begins, as of the day the class starts.

    `known` spares the queries when many people are asked about at once (`classes.known.known_people`); without it the
    person's registers are read here.
    """
    sheet = FactSheet({}, {})
    put_project(sheet, project, start, training_class)
    if birth_date is not None:
        sheet.put(person, "证件", person_age_at_start=age_on(birth_date, start))
    if group is not None:
        sheet.put(None, "名册人员类别", group=group)
    if known is None and person is not None:
        end = training_class.ends_on if training_class is not None else start
        known = known_people(
            city_code=city_code, person_ids=[person.pk], start=start, end=end, training_class=training_class
        )[person.pk]
    if person is not None:
        sheet.put(person, "实名档案", name_matches_id=person.identity_wrong_on is None)
    if known is not None:
        put_registers(sheet, known, group)
        put_grants(sheet, known.grants, project, start)
        put_job(sheet, known.jobs, employer_uscc, start)
    put_voucher(sheet, voucher, project, start)
    return sheet


def put_project(sheet: FactSheet, project: Project, start: date, training_class: TrainingClass | None = None) -> None:
    """What project, catalogue entry, provider and class say. Reads no database when they are loaded."""
    certificate_kind = CertificateKind(project.certificate_kind)
    kind = _KIND_BY_PROJECT.get(ProjectKind(project.kind), _KIND_BY_CERTIFICATE[certificate_kind])
    # 创业意识 and 创业能力 are different rates, and the project does not say which it is.
    known_kind = None if project.kind == ProjectKind.STARTUP else kind
    fund = project.fund_source if project.fund_source in _NAMED_FUNDS else "other"
    sheet.put(
        project,
        "项目库",
        occupation=project.occupation_id,
        level=project.level or 0,
        kind=known_kind,
        mode=project.mode,
        planned_hours=project.hours,
        theory_hours=project.theory_hours,
        practice_hours=project.practice_hours,
        safety_hours=project.safety_hours,
        fund_source=fund,
    )
    entry = project.entry
    sheet.put(entry, "需求指导目录", category=entry.category or None, scarcity=entry.scarcity)
    provider = project.provider
    sheet.put(
        provider,
        "机构目录",
        provider_in_directory=provider.in_provider_directory and provider.state == "listed",
        provider_sanctioned=provider.state in ("suspended", "removed"),
    )
    sheet.put(training_class, "开班备案", class_start=start)
    if training_class is not None:
        site = training_class.site
        sheet.put(training_class, "开班备案", planned_hours=training_class.hours)
        sheet.put(site, "教学点", site_kind=_SITE_FACT[site.kind] or site.kind)


def put_registers(sheet: FactSheet, known: Known, group: str | None) -> None:
    """Statuses, membership of the group and clashes of times."""
    pension, establishment = known.statuses.get("pension"), known.statuses.get("establishment")
    student = known.statuses.get("student")
    if pension is not None:
        sheet.put(pension, pension.source, pension_drawn=pension.holds)
    if establishment is not None:
        sheet.put(establishment, establishment.source, establishment_staff=establishment.holds)
    graduating = known.groups.get("14")
    if graduating is not None:
        sheet.put(graduating, graduating.source, student_status="graduating_year")
    elif student is not None:
        sheet.put(student, student.source, student_status="full_time" if student.holds else "none")
    membership = known.groups.get(group) if group is not None else None
    # Self-declared membership (本人承诺) is neither proved nor disproved: a person looks at it.
    if membership is not None and membership.evidence != "declared":
        sheet.put(membership, membership.source, group_proved=True)
    certain = [clash for clash in known.clashes if clash.certain]
    if certain or not known.clashes:
        sheet.put(None, "课程表比对", time_clash=bool(certain))


def put_job(sheet: FactSheet, jobs: Iterable[JobRecord], employer_uscc: str, day: date) -> None:
    """The job a person had on a day: term of the contract, months since it was signed, insurance by the employer.

    A job that was found to be untrue counts for nothing. Of several the one with the employer named on the roster, then the latest.
    """
    standing = [job for job in jobs if job.voided_on is None]
    held = [job for job in standing if job.from_on <= day and (job.to_on is None or job.to_on >= day)]
    ranked = sorted(
        held, key=lambda job: (bool(employer_uscc) and job.employer_uscc == employer_uscc, job.from_on, job.pk)
    )
    if not ranked:
        return
    job = ranked[-1]
    sheet.put(
        job,
        JOBS,
        contract_months=contract_length(job),
        months_since_hired=months_begun(job.from_on, day),
        employer_insured=True if job.insured else None,
    )


def contract_length(job: JobRecord) -> int | None:
    """The term of a contract in whole months; None where it is not known."""
    if job.open_ended:
        return OPEN_ENDED_MONTHS
    return full_months(job.from_on, job.contract_until + timedelta(days=1)) if job.contract_until else None


def put_grant_counts(sheet: FactSheet, grants: Collection[PersonGrant], on: date) -> None:
    """How often the person was granted before that day, whatever the occupation."""
    trainings = [grant for grant in grants if grant.scheme == "training"]
    upgrades = [grant for grant in grants if grant.scheme == "skill_upgrade"]
    sheet.put(
        None,
        _GRANTS,
        trainings_paid_lifetime=len(trainings),
        trainings_paid_this_year=sum(grant.granted_on.year == on.year for grant in trainings),
        skill_upgrades_paid_this_year=sum(grant.granted_on.year == on.year for grant in upgrades),
    )


def put_counts(sheet: FactSheet, grants: Iterable[PersonGrant], policies: PolicySet) -> None:
    """What the limits of a policy set count of the earlier grants (`limits` with `count: {of, within, …}`).

    A count that the line or a grant does not say enough for is left out: a person then decides.
    """
    if not policies.counts:
        return
    known = policies.facts.normalise(dict(sheet.facts))
    history = [
        Grant(
            grant.scheme,
            grant.granted_on,
            policies.facts.normalise(
                {
                    "occupation": grant.occupation_code,
                    "level": grant.level,
                    "fund_source": grant.fund_source if grant.fund_source in _NAMED_FUNDS else "other",
                }
            ),
        )
        for grant in grants
    ]
    counted = {count.column: count_grants(count, history, known, policies.on) for count in policies.counts}
    sheet.put(None, _GRANTS, **counted)


def put_grants(sheet: FactSheet, grants: Iterable[PersonGrant], project: Project, start: date) -> None:
    """What the person was granted before, anywhere in the country (national register)."""
    all_grants = list(grants)
    put_grant_counts(sheet, all_grants, start)
    here = [
        grant for grant in all_grants if grant.scheme == "training" and grant.occupation_code == project.occupation_id
    ]
    level = project.level or 0
    same = next((grant for grant in here if level and grant.level == level), None)
    highest = max(here, key=lambda grant: grant.level, default=None)
    source = _GRANTS
    sheet.put(highest, highest.source if highest else source, highest_level_paid=highest.level if highest else 0)
    sheet.put(same, same.source if same else source, same_occupation_level_paid=same is not None)
    insured = next(
        (
            grant
            for grant in all_grants
            if grant.fund_source == FundSource.UNEMPLOYMENT_INSURANCE
            and (grant.occupation_code, grant.level) == (project.occupation_id, level)
        ),
        None,
    )
    sheet.put(insured, insured.source if insured else source, fund_double_paid=insured is not None)


def put_certificate_grants(sheet: FactSheet, grants: Iterable[PersonGrant], numbers: Collection[str]) -> None:
    """Whether this very certificate was subsidised before, by either scheme and under any of its numbers."""
    rows = [grant for grant in grants if grant.certificate_number in numbers]
    schemes = {grant.scheme for grant in rows}
    sheet.put(
        rows[0] if rows else None,
        _GRANTS,
        training_paid_for_certificate="training" in schemes,
        skill_upgrade_paid_for_certificate="skill_upgrade" in schemes,
    )


def put_voucher(sheet: FactSheet, voucher: Voucher | None, project: Project, start: date) -> None:
    """State and fit of the voucher. A used voucher counts by the time of its use, not by the start of the class."""
    if voucher is None:
        return
    batch = voucher.batch
    fits_provider = voucher.provider_id is None or voucher.provider_id == project.provider_id
    sheet.put(
        voucher,
        "培训券",
        voucher_state=voucher.state,
        voucher_fits_project=fits_provider and covers(batch, project),
        voucher_valid_on_start=_valid(voucher, day_start(start)),
    )


def _valid(voucher: Voucher, start: datetime) -> bool:
    moment = voucher.used_at or start
    return voucher.state != "expired" and moment <= voucher.batch.use_until

"""The lifelong record of a person: trainings, certificates, subsidies, vouchers and jobs on one line of time.

Each table of the folders below is read once, however long the record is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from zhaoliang.attendance.selectors import minutes_of
from zhaoliang.catalogue.models import CertificateKind
from zhaoliang.certificates.models import Certificate
from zhaoliang.certificates.selectors import certificates_of
from zhaoliang.certificates.states import CERTIFICATE
from zhaoliang.classes.selectors import every_enrolment_of
from zhaoliang.classes.states import ENROLMENT
from zhaoliang.employment.models import JobRecord
from zhaoliang.employment.selectors import jobs_of
from zhaoliang.evaluation.selectors import outcomes_of
from zhaoliang.kernel.days import chinese_day, format_cn_date
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.payments.selectors import paid_lines_of
from zhaoliang.registry.models import Person, PersonGrant
from zhaoliang.registry.selectors import MaskedPerson, grants_of, masked
from zhaoliang.vouchers.models import Voucher
from zhaoliang.vouchers.selectors import vouchers_of
from zhaoliang.vouchers.states import VOUCHER
from zhaoliang.worktraining.models import WorkTrainingGrant
from zhaoliang.worktraining.selectors import past_grants_of


@dataclass(frozen=True)
class Training:
    """One class of a person; minutes as planned and as credited by attendance. Scores in tenths, once published."""

    enrolment_id: int
    city_code: int
    class_id: int
    class_name: str
    project: str
    provider: str
    occupation: str
    starts_on: date
    ends_on: date
    hours: int
    planned_minutes: int
    credited_minutes: int
    state: str
    state_label: str
    passed: bool | None

    @property
    def attendance_percent(self) -> int | None:
        """Credited of planned time in whole per cent, rounded down; None before the class started."""
        return self.credited_minutes * 100 // self.planned_minutes if self.planned_minutes else None


@dataclass(frozen=True)
class Subsidy:
    """A subsidy that reached an account: to whom, how much (fen), when."""

    claim_line_id: int
    city_code: int
    label: str
    class_name: str
    payee_label: str
    amount_fen: int
    paid_on: date


@dataclass(frozen=True)
class Entry:
    """One line of the timeline. `kind`: training, certificate, subsidy, voucher or job; `source` says who states it."""

    on: date
    kind: str
    title: str
    detail: str
    source: str
    tone: str = ""
    amount_fen: int | None = None
    city_code: int = 0
    object_id: int = 0


@dataclass(frozen=True)
class Record:
    """Everything the platform knows of a person's learning and work; `timeline` holds the same, latest first."""

    person: MaskedPerson
    trainings: list[Training] = field(default_factory=list)
    certificates: list[Certificate] = field(default_factory=list)
    subsidies: list[Subsidy] = field(default_factory=list)
    vouchers: list[Voucher] = field(default_factory=list)
    jobs: list[JobRecord] = field(default_factory=list)
    grants: list[PersonGrant] = field(default_factory=list)
    timeline: list[Entry] = field(default_factory=list)


def lifelong_record(person: Person, *, everywhere: bool = False) -> Record:
    """The record in the city of this file; with `everywhere` of all cities, which is for the person's own eyes.

    Nine queries, whatever the record's length. Grants are national in either case: they are what a second city asks.
    """
    trainings = _trainings(person, everywhere)
    subsidies = _subsidies(person, everywhere)
    vouchers = vouchers_of(person, everywhere=everywhere)
    jobs = jobs_of(person, everywhere=everywhere)
    certificates = certificates_of(person, everywhere=everywhere)
    past = past_grants_of(person, everywhere=everywhere)
    timeline = [
        *map(_past_entry, past),
        *map(_training_entry, trainings),
        *map(_certificate_entry, certificates),
        *map(_subsidy_entry, subsidies),
        *map(_voucher_entry, vouchers),
        *map(_job_entry, jobs),
    ]
    timeline.sort(key=lambda entry: (entry.on, entry.object_id), reverse=True)
    return Record(masked(person), trainings, certificates, subsidies, vouchers, jobs, grants_of(person.pk), timeline)


def _past_entry(row: WorkTrainingGrant) -> Entry:
    """以工代训 of before 2022: a subsidy to the enterprise, which counts to no limit of trainings."""
    since = f"{row.first_month.year}年{row.first_month.month}月"
    detail = f"{row.employer_name} · {since}起 {row.months} 个月 · 历史记录，不计入每年培训补贴次数"
    source = f"历史导入 {row.source_id} 第 {row.row} 行"
    return Entry(row.granted_on, "subsidy", "以工代训补贴", detail, source, "", row.amount_fen, row.city_code, row.pk)


def _trainings(person: Person, everywhere: bool) -> list[Training]:
    minutes = minutes_of(person, everywhere=everywhere)
    outcomes = outcomes_of(person, everywhere=everywhere)
    trainings = []
    for enrolment in every_enrolment_of(person, everywhere=everywhere):
        training_class = enrolment.training_class
        planned, credited = minutes.get(enrolment.pk, (0, 0))
        trainings.append(
            Training(
                enrolment_id=enrolment.pk,
                city_code=enrolment.city_code,
                class_id=training_class.pk,
                class_name=training_class.name,
                project=training_class.project.name,
                provider=training_class.provider.name,
                occupation=training_class.project.occupation.name,
                starts_on=training_class.starts_on,
                ends_on=training_class.ends_on,
                hours=training_class.hours,
                planned_minutes=planned,
                credited_minutes=credited,
                state=enrolment.state,
                state_label=ENROLMENT.states[enrolment.state],
                passed=outcomes.get(enrolment.pk),
            )
        )
    return trainings


def _subsidies(person: Person, everywhere: bool) -> list[Subsidy]:
    return [
        Subsidy(
            claim_line_id=row.claim_line.pk,
            city_code=row.city_code,
            label=row.claim_line.get_kind_display(),
            class_name=row.claim_line.claim.title,
            payee_label=row.claim_line.get_payee_display(),
            amount_fen=row.amount_fen,
            paid_on=chinese_day(row.settled_at),
        )
        for row in paid_lines_of(person, everywhere=everywhere)
    ]


def _training_entry(training: Training) -> Entry:
    detail = f"{training.provider} · {training.hours} 课时"
    if training.attendance_percent is not None:
        detail += f" · 出勤 {training.attendance_percent}%"
    if training.passed is not None:
        detail += " · 考核合格" if training.passed else " · 考核未合格"
    return Entry(
        training.starts_on,
        "training",
        f"{training.project}（{training.state_label}）",
        detail,
        training.provider,
        ENROLMENT.tones.get(training.state, ""),
        city_code=training.city_code,
        object_id=training.enrolment_id,
    )


def _certificate_entry(certificate: Certificate) -> Entry:
    level = f" · {SkillLevel(certificate.level).label}" if certificate.level else ""
    return Entry(
        certificate.issued_on,
        "certificate",
        f"{CertificateKind(certificate.kind).label}（{CERTIFICATE.states[certificate.state]}）",
        f"{certificate.occupation.name}{level} · 编号 {certificate.number}",
        certificate.issuer.name,
        CERTIFICATE.tones.get(certificate.state, ""),
        city_code=certificate.city_code,
        object_id=certificate.pk,
    )


def _subsidy_entry(subsidy: Subsidy) -> Entry:
    return Entry(
        subsidy.paid_on,
        "subsidy",
        f"{subsidy.label}已到账",
        f"{subsidy.class_name} · 收款方：{subsidy.payee_label}",
        "银行回单",
        "ok",
        subsidy.amount_fen,
        subsidy.city_code,
        subsidy.claim_line_id,
    )


def _voucher_entry(voucher: Voucher) -> Entry:
    return Entry(
        chinese_day(voucher.claimed_at),
        "voucher",
        f"培训券（{VOUCHER.states[voucher.state]}）",
        voucher.batch.name,
        "电子培训券",
        VOUCHER.tones.get(voucher.state, ""),
        city_code=voucher.city_code,
        object_id=voucher.pk,
    )


def _job_entry(job: JobRecord) -> Entry:
    until = f" 至{format_cn_date(job.to_on)}" if job.to_on else ""
    return Entry(
        job.from_on,
        "job",
        f"在{job.employer_name}就业",
        "".join((job.post, until, " · 已参保" if job.insured else "")).strip(" ·"),
        dict(JobRecord.PROOFS)[job.proof],
        "ok" if job.insured else "",
        city_code=job.city_code,
        object_id=job.pk,
    )

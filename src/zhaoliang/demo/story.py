"""The demo's story: one project from need to paid subsidy, and two more classes on their way for the desks to work on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings

from zhaoliang.careers import services as careers
from zhaoliang.classes.models import TrainingClass
from zhaoliang.demo import calendar, correction, lawmaking, market, money, people, roster, teaching
from zhaoliang.demo.cast import CITY, Cast, Trainee, assemble
from zhaoliang.demo.market import Market
from zhaoliang.demo.roster import Row
from zhaoliang.demo.stage import Stage, moment, was_done
from zhaoliang.demo.teaching import ClassPlan
from zhaoliang.kernel.audit import seal
from zhaoliang.kernel.roles import Role
from zhaoliang.registry import services as registry
from zhaoliang.registry.reference import load_reference_data
from zhaoliang.subsidies import selectors as claims
from zhaoliang.subsidies import services as subsidies
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.vouchers.models import Voucher

ROSTER_WITH_FAULTS, ROSTER = "roster-with-faults.xlsx", "roster.xlsx"
# Indexes within the imported roster: who misses too many lessons, who fails the exam.
LOW_ATTENDANCE, FAILS_EXAM = 20, (31,)


@dataclass(frozen=True)
class Played:
    """What the chain came to: its class, and a paid line whose cent can be traced."""

    training_class: TrainingClass
    line: ClaimLine


def play(*, at: datetime, echo: Callable[[str], None]) -> Played:
    """Play the chain, or go on where a killed run stopped; a chain played to its end is only read."""
    load_reference_data()
    if not was_done(CITY, "policy-submit"):
        _play(Stage(echo), at)
    training_class = TrainingClass.objects.filter(city_code=CITY, starts_on=calendar.START, hours=120).earliest("id")
    claim = claims.claim_of_class(CITY, training_class.pk)
    assert claim is not None
    line = next(line for line in money.lines_of(claim) if line.state == "paid" and line.payee == "person")
    return Played(training_class, line)


def _play(stage: Stage, at: datetime) -> None:
    stage.echo("登记演示机构、人员和账号……")
    cast = assemble(stage)
    stage.echo("用工需求 → 指导目录 → 项目 → 预算 → 培训券……")
    offer = market.open_market(stage, cast)
    taken = market.claim_vouchers(stage, cast, offer)
    _plant(stage, cast)
    stage.echo("备案 → 名册 → 上课 → 考核 → 证书……")
    training_class = _main_class(stage, cast, offer, taken)
    stage.echo("申领 → 审核 → 公示 → 拨付 → 核销 → 事后更正……")
    _subsidy(stage, cast, training_class)
    stage.echo("本人申领：生活费补贴、技能提升补贴……")
    people.claim_for_themselves(stage, cast, training_class)
    stage.echo("另外两个在办的班……")
    _live_classes(stage, cast, offer)
    stage.echo("一份政策修订草稿：检查、试算、送审……")
    lawmaking.draft_change(stage, cast)
    seal(city_code=CITY, at=at)


def _plant(stage: Stage, cast: Cast) -> None:
    """What the registers know of the wrong trainees; the rest of the twelve faults is in the roster file."""
    of = cast.trainees
    for index, kind in ((roster.PENSION, "pension"), (roster.ESTABLISHMENT, "establishment")):
        stage.do(
            registry.record_status,
            f"plant-{kind}",
            actor=stage.clock,
            at=moment(calendar.CLAIM),
            person=of[index].person,
            kind=kind,
            holds=True,
            source="演示：部门数据比对",
            checked_on=calendar.CLAIM,
        )
    stage.do(
        registry.report_grant,
        "plant-higher",
        actor=stage.clock,
        at=moment(calendar.CLAIM),
        person=of[roster.HIGHER_PAID].person,
        scheme="training",
        occupation_code=market.WELDER,
        level=5,
        city_code=370200,
        certificate_number="",
        fund_source="employment_subsidy",
        granted_on=date(2025, 6, 30),
        source="演示：外地平台上报",
    )


def _main_class(stage: Stage, cast: Cast, offer: Market, taken: list[Voucher]) -> TrainingClass:
    _other_class(stage, cast, offer)
    plan = ClassPlan(
        label="main",
        project=offer.welding,
        school=cast.school,
        start=calendar.START,
        days=calendar.TEACHING_DAYS,
        theory_sessions=10,
        capacity=60,
        filed_on=calendar.FILING,
        accepted_on=calendar.ACCEPTED,
        exam_on=calendar.EXAM,
    )
    training_class = teaching.draft(stage, plan)
    rows = [
        Row(trainee, voucher, trainee.group, prepaid=index % 3 != 0)
        for index, (trainee, voucher) in enumerate(zip(cast.trainees, taken, strict=True))
    ]
    faulty = _write(ROSTER_WITH_FAULTS, roster.workbook(roster.with_faults(rows, cast.evaluator), "学员花名册（演示）"))
    good = _write(
        ROSTER,
        roster.workbook([row for index, row in enumerate(rows) if index not in roster.FAULTS], "学员花名册（演示）"),
    )
    teaching.upload(stage, plan, training_class, ROSTER_WITH_FAULTS, faulty)
    teaching.upload(stage, plan, training_class, ROSTER, good)
    training_class = teaching.file(stage, plan, training_class)
    training_class = teaching.accept(stage, cast, plan, training_class)
    teaching.verify_vouchers(stage, plan, training_class)
    training_class = teaching.teach(stage, plan, training_class, LOW_ATTENDANCE)
    teaching.examine(stage, cast, plan, training_class, FAILS_EXAM)
    return training_class


def _other_class(stage: Stage, cast: Cast, offer: Market) -> None:
    """A class of another school at the same time: one trainee is in it and in the roster."""
    plan = ClassPlan(
        label="other",
        project=offer.fitting,
        school=cast.other_school,
        start=calendar.START,
        days=10,
        theory_sessions=6,
        capacity=30,
        filed_on=calendar.FILING,
        accepted_on=calendar.ACCEPTED,
        exam_on=date(2026, 3, 17),
    )
    training_class = teaching.draft(stage, plan)
    trainee = cast.trainees[roster.TWO_CLASSES]
    voucher = market.claim(stage, trainee, offer.other_batch, "claim-other")
    row = Row(
        trainee,
        voucher,
        "06" if roster.TWO_CLASSES % 2 == 0 else "05",
        prepaid=False,
        changes={
            "occupation": "装配钳工",
            "occupation_code": market.FITTER,
            "level": "中级工",
        },
    )
    teaching.upload(stage, plan, training_class, "fitting.xlsx", roster.workbook([row], "学员花名册（演示）"))
    teaching.file(stage, plan, training_class)


def _subsidy(stage: Stage, cast: Cast, training_class: TrainingClass) -> None:
    claim = money.make_claim(stage, cast.school, training_class, "main", calendar.ASSEMBLED)
    claim = money.review(stage, cast, claim, "main")
    money.pay(stage, cast, claim, cast.trainees)
    paid = next(line for line in money.lines_of(claim) if line.state == "paid" and line.payee == "person")
    owner = next(trainee for trainee in cast.trainees if trainee.person.pk == paid.person_id)
    stage.do(
        careers.record_job,
        "job",
        actor=owner.actor,
        at=moment(calendar.JOB),
        person=owner.person,
        employer_name=cast.enterprise.name,
        employer_uscc=cast.enterprise.uscc,
        post="压力容器焊工",
        from_on=calendar.JOB,
        proof="contract",
    )
    late = [line for line in money.lines_of(claim) if line.state == "paid" and line.payee == "person"][-1]
    correction.correct_late(stage, cast, training_class, late)


def _live_classes(stage: Stage, cast: Cast, offer: Market) -> None:
    """A claim waiting in first review with one question, and a filing waiting for its review."""
    half = len(cast.others) // 2
    autumn = ClassPlan(
        label="autumn",
        project=offer.welding,
        school=cast.school,
        start=date(2026, 9, 7),
        days=calendar.TEACHING_DAYS,
        theory_sessions=10,
        capacity=30,
        filed_on=date(2026, 8, 24),
        accepted_on=date(2026, 8, 26),
        exam_on=date(2026, 9, 28),
        results_on=date(2026, 9, 29),
        certificates_on=date(2026, 9, 30),
    )
    training_class = _enrolled(stage, autumn, offer, cast.others[:half], 0)
    training_class = teaching.accept(stage, cast, autumn, training_class)
    teaching.verify_vouchers(stage, autumn, training_class)
    training_class = teaching.teach(stage, autumn, training_class, 2)
    teaching.examine(stage, cast, autumn, training_class, ())
    claim = money.make_claim(stage, cast.school, training_class, "autumn", date(2026, 10, 12))
    stage.do(
        subsidies.question_line,
        "question",
        actor=cast.staff[Role.REVIEWER],
        at=moment(date(2026, 10, 13)),
        line=money.lines_of(claim)[0],
        text="签到有 3 次紧挨着下课时间，请核对监控后判断。",
    )
    winter = ClassPlan(
        label="winter",
        project=offer.welding,
        school=cast.school,
        start=date(2026, 12, 7),
        days=calendar.TEACHING_DAYS,
        theory_sessions=10,
        capacity=30,
        filed_on=date(2026, 11, 20),
        accepted_on=date(2026, 11, 23),
        exam_on=date(2026, 12, 28),
    )
    _enrolled(stage, winter, offer, cast.others[half:], half)
    stage.do(
        registry.record_status,
        "live",
        actor=stage.clock,
        at=moment(date(2026, 11, 20)),
        person=cast.others[0].person,
        kind="student",
        holds=False,
        source="演示：部门数据比对",
        checked_on=date(2026, 11, 20),
    )


def _enrolled(stage: Stage, plan: ClassPlan, offer: Market, trainees: list[Trainee], first: int) -> TrainingClass:
    """A class with vouchers claimed, roster imported and filing handed in."""
    training_class = teaching.draft(stage, plan)
    rows = [
        Row(
            trainee,
            market.claim(stage, trainee, offer.open_batch, f"claim-live-{first + index}", plan.filed_on),
            trainee.group,
            True,
        )
        for index, trainee in enumerate(trainees)
    ]
    teaching.upload(stage, plan, training_class, f"{plan.label}.xlsx", roster.workbook(rows, "学员花名册（演示）"))
    return teaching.file(stage, plan, training_class)


def _write(name: str, content: bytes) -> bytes:
    folder = settings.VAR / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return content

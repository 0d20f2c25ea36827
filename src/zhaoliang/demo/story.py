"""The demo's story, and what it prints: the chain table, addresses, one sign-in per role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from django.conf import settings

from zhaoliang.attendance.models import Attendance
from zhaoliang.careers import services as careers
from zhaoliang.classes.models import TrainingClass
from zhaoliang.demo import calendar, market, money, roster, teaching
from zhaoliang.demo.cast import CITY, STAFF, Cast, assemble
from zhaoliang.demo.market import Market
from zhaoliang.demo.roster import Row
from zhaoliang.demo.stage import Stage, moment
from zhaoliang.demo.teaching import ClassPlan
from zhaoliang.funds.selectors import trial_balance, verify_books
from zhaoliang.kernel.audit import seal
from zhaoliang.kernel.money import format_yuan
from zhaoliang.kernel.roles import ROLE_LABELS, Role
from zhaoliang.registry import services as registry
from zhaoliang.registry.reference import load_reference_data
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.vouchers.models import Voucher

ROSTER_WITH_FAULTS, ROSTER = "roster-with-faults.xlsx", "roster.xlsx"
# Indexes within the imported roster: who misses too many lessons, who fails the exam.
LOW_ATTENDANCE, FAILS_EXAM = 20, (31,)


@dataclass(frozen=True)
class Played:
    """What the chain came to: its table, and a paid line whose cent can be traced."""

    steps: list[tuple[str, int, int]]
    line: ClaimLine
    folder: Path


def play(*, at: datetime, echo: Callable[[str], None]) -> Played:
    """Play the chain, or go on where a killed run stopped; what is done already is not done again."""
    load_reference_data()
    stage = Stage(echo)
    echo("登记演示机构、人员和账号……")
    cast = assemble(stage)
    echo("用工需求 → 指导目录 → 项目 → 预算 → 培训券……")
    offer = market.open_market(stage, cast)
    taken = market.claim_vouchers(stage, cast, offer)
    _plant(stage, cast)
    echo("备案 → 名册 → 上课 → 考核 → 证书……")
    training_class = _main_class(stage, cast, offer, taken)
    echo("申领 → 审核 → 公示 → 拨付 → 核销……")
    line = _subsidy(stage, cast, training_class)
    seal(city_code=CITY, at=at)
    return Played(stage.steps, line, settings.VAR / "demo")


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
        Row(trainee, voucher, "05" if index % 2 else "06", prepaid=index % 3 != 0)
        for index, (trainee, voucher) in enumerate(zip(cast.trainees, taken, strict=True))
    ]
    faulty = _write(ROSTER_WITH_FAULTS, roster.workbook(roster.with_faults(rows, cast.evaluator), "学员花名册（演示）"))
    good = _write(
        ROSTER,
        roster.workbook([row for index, row in enumerate(rows) if index not in roster.FAULTS], "学员花名册（演示）"),
    )
    refused = teaching.upload(stage, plan, training_class, ROSTER_WITH_FAULTS, faulty)
    stage.tell("名册导入被拒：有问题的行", refused.wrong_rows)
    imported = teaching.upload(stage, plan, training_class, ROSTER, good)
    stage.tell("名册改正后导入", imported.imported)
    training_class = teaching.file(stage, plan, training_class)
    training_class = teaching.accept(stage, cast, plan, training_class)
    stage.tell("开班备案", 1)
    stage.tell("到班验券", teaching.verify_vouchers(stage, plan, training_class))
    training_class = teaching.teach(stage, plan, training_class, LOW_ATTENDANCE)
    signed = Attendance.objects.filter(
        city_code=CITY, session__training_class=training_class, signed_at__isnull=False
    ).count()
    stage.tell("上课签到", signed)
    _, issued = teaching.examine(stage, cast, plan, training_class, FAILS_EXAM)
    stage.tell("考核取证", issued)
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


def _subsidy(stage: Stage, cast: Cast, training_class: TrainingClass) -> ClaimLine:
    claim = money.make_claim(stage, cast.school, training_class, "main")
    lines = money.lines_of(claim)
    stage.tell("自动生成申领明细", len(lines))
    claim = money.review(stage, cast, claim, "main")
    lines = money.lines_of(claim)
    refused = [line for line in lines if line.state == "refused"]
    granted = [line for line in lines if line.state != "refused"]
    stage.tell("不予补贴（写明条款）", len(refused))
    stage.tell("两级审核、公示后审批", len(granted), sum(line.amount_fen for line in granted))
    batches = money.pay(stage, cast, claim, cast.trainees)
    stage.tell("拨付批次", len(batches), sum(batch.total_fen for batch in batches))
    paid = [line for line in money.lines_of(claim) if line.state == "paid"]
    stage.tell("到账", len(paid), sum(line.amount_fen for line in paid))
    redeemed = Voucher.objects.filter(city_code=CITY, class_id=training_class.pk, state="redeemed")
    stage.tell("培训券核销", redeemed.count(), sum(voucher.amount_fen for voucher in redeemed))
    person = next(line for line in paid if line.payee == "person").person
    owner = next(trainee for trainee in cast.trainees if trainee.person.pk == person.pk)
    stage.do(
        careers.record_job,
        "job",
        actor=owner.actor,
        at=moment(calendar.JOB),
        person=person,
        employer_name=cast.enterprise.name,
        employer_uscc=cast.enterprise.uscc,
        post="压力容器焊工",
        from_on=calendar.JOB,
        insured=True,
        proof="contract",
    )
    stage.tell("就业登记入档", 1)
    return next(line for line in paid if line.person_id == person.pk)


def _write(name: str, content: bytes) -> bytes:
    folder = settings.VAR / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return content


def chain_table(played: Played) -> list[str]:
    """The chain table: each step, count and amount, then whether the books balance."""
    from zhaoliang.cli.trace import padded

    rows = [f"{padded('步骤', 30)}{'数量':>8}  {'金额':>16}"]
    for step, count, amount_fen in played.steps:
        amount = format_yuan(amount_fen) if amount_fen else ""
        rows.append(f"{padded(step, 30)}{count:>10,}  {amount:>18}")
    problems = verify_books(CITY)
    balance = trial_balance(CITY)
    rows.append(f"账目核对：{len(balance)} 个账户，" + (f"{len(problems)} 处不符" if problems else "逐笔重算无差错"))
    return rows


def sign_ins(*, base_url: str) -> str:
    """Addresses, and one sign-in per role, as text."""
    rows = [
        "",
        f"照亮演示已就绪：{base_url}/   （Ctrl-C 停止）",
        f"  公众      {base_url}/",
        f"  劳动者    {base_url}/my/      培训机构  {base_url}/desk/      人社、财政  {base_url}/bureau/",
        f"演示登录（点一下即可，无需密码）：{base_url}/demo/sign-in/",
    ]
    accounts = [
        (ROLE_LABELS[Role.WORKER], "demo-worker-2"),
        (ROLE_LABELS[Role.PROVIDER], "demo-school"),
        (ROLE_LABELS[Role.EVALUATOR], "demo-evaluator"),
        *((ROLE_LABELS[role], f"demo-{role.value.replace('_', '-')}") for role, _ in STAFF),
    ]
    rows += [f"  {label}：{name}" for label, name in accounts]
    return "\n".join(rows)

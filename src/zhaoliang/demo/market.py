"""The demo's first acts: demand, catalogue, projects, budget, voucher batches, claims of vouchers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from zhaoliang.catalogue import services as catalogue
from zhaoliang.catalogue.models import Catalogue, CatalogueEntry, Project
from zhaoliang.demo import calendar
from zhaoliang.demo.cast import CITY, Cast, School, Trainee
from zhaoliang.demo.money import open_paying_account
from zhaoliang.demo.roster import EXPIRED, OTHER_PROJECT
from zhaoliang.demo.stage import Stage, moment
from zhaoliang.funds import services as funds
from zhaoliang.funds.models import Account, FundSource
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.kernel.roles import Place, Role
from zhaoliang.needs import services as needs
from zhaoliang.vouchers import services as vouchers
from zhaoliang.vouchers.models import Voucher, VoucherBatch
from zhaoliang.vouchers.scope import Scope
from zhaoliang.vouchers.services import BatchTerms

WELDER, FITTER = "6-18-02-04", "6-20-01-01"
WELDER_FEN, FITTER_FEN = 378_000, 121_000
BUDGET_FEN = 200_000_000
QUOTA = 100
DECLARATION = "我承诺：所填身份和人员类别属实；同一时间只参加一个补贴培训班；如有不实，愿退回补贴并承担责任。"


@dataclass(frozen=True)
class Market:
    """What there is to train for and to claim."""

    welding: Project
    fitting: Project
    budget: Account
    batch: VoucherBatch
    other_batch: VoucherBatch
    early_batch: VoucherBatch
    open_batch: VoucherBatch


def open_market(stage: Stage, cast: Cast) -> Market:
    """From an enterprise's demand to open voucher batches with reserved budget."""
    demand = stage.do(
        needs.post_demand,
        "demand",
        actor=cast.enterprise_actor,
        at=moment(calendar.DEMAND),
        enterprise=cast.enterprise,
        occupation_code=WELDER,
        level=SkillLevel.SENIOR,
        post="压力容器焊工",
        headcount=45,
        skills="氩弧焊、手工电弧焊平立横仰四位置，能看焊接工艺卡。",
        pay_low_fen=750_000,
        pay_high_fen=1_100_000,
        start_on=date(2026, 5, 6),
    )
    welding_entry, fitting_entry = _catalogue(stage, cast)
    welding = _project(
        stage, cast, "welding", cast.school, welding_entry, "焊工（高级工）培训项目", (40, 80, 8), demand
    )
    fitting = _project(
        stage, cast, "fitting", cast.other_school, fitting_entry, "装配钳工（中级工）培训项目", (24, 56, 4), None
    )
    budget = _budget(stage, cast)
    spring = (moment(calendar.CLAIM, 8), moment(date(2026, 2, 28), 18), moment(date(2026, 6, 30), 18))
    # Its vouchers run out before the class starts: the expired voucher of the roster comes from here.
    early = (moment(calendar.CLAIM, 8), moment(date(2026, 1, 31), 18), moment(date(2026, 2, 1), 18))
    later = (moment(date(2026, 4, 20), 8), moment(date(2027, 11, 30), 18), moment(date(2027, 12, 31), 18))
    market = Market(
        welding=welding,
        fitting=fitting,
        budget=budget,
        batch=_batch(stage, cast, "batch", "焊工·高级工 培训券", welding, budget, QUOTA, WELDER_FEN, spring),
        other_batch=_batch(
            stage, cast, "other-batch", "装配钳工·中级工 培训券", fitting, budget, 30, FITTER_FEN, spring
        ),
        early_batch=_batch(stage, cast, "early-batch", "焊工·高级工 首批体验券", welding, budget, 5, WELDER_FEN, early),
        open_batch=_batch(stage, cast, "open-batch", "焊工·高级工 长期券", welding, budget, 50, WELDER_FEN, later),
    )
    return market


def _catalogue(stage: Stage, cast: Cast) -> tuple[CatalogueEntry, CatalogueEntry]:
    reviewer, approver = cast.staff[Role.REVIEWER], cast.staff[Role.APPROVER]
    made: Catalogue = stage.do(
        catalogue.draft_catalogue,
        "catalogue",
        actor=reviewer,
        at=moment(calendar.CATALOGUE),
        place=Place(CITY, CITY),
        name="天津市职业技能培训需求指导目录（演示）",
        number="演示目录〔2026〕1 号",
        valid_from=calendar.CATALOGUE,
    )
    entries = [
        stage.do(
            catalogue.add_entry,
            f"entry-{code}",
            actor=reviewer,
            at=moment(calendar.CATALOGUE, 10),
            catalogue=made,
            occupation_code=code,
            level=level,
            headcount=headcount,
            skills=skills,
            content=content,
            hours=hours,
            mode="offline",
            category=category,
            scarcity="very_scarce",
            certificate_kind="skill_level",
        )
        for code, level, headcount, skills, content, hours, category in (
            (WELDER, SkillLevel.SENIOR, 320, "四位置焊接、识图、焊缝检验", "焊接工艺、安全生产、实操", 120, "A"),
            (FITTER, SkillLevel.INTERMEDIATE, 150, "装配、测量、调试", "钳工工艺、安全生产、实操", 80, "B"),
        )
    ]
    stage.do(
        catalogue.publish_catalogue,
        "publish-catalogue",
        actor=approver,
        at=moment(calendar.CATALOGUE, 15),
        catalogue=made,
    )
    for entry in entries:
        entry.refresh_from_db()
    return entries[0], entries[1]


def _project(
    stage: Stage,
    cast: Cast,
    label: str,
    school: School,
    entry: CatalogueEntry,
    name: str,
    hours: tuple[int, int, int],
    demand: object,
) -> Project:
    theory, practice, safety = hours
    project = stage.do(
        catalogue.draft_project,
        f"project-{label}",
        actor=school.actor,
        at=moment(calendar.PROJECT),
        provider=school.organisation,
        entry=entry,
        name=name,
        kind="upgrade",
        theory_hours=theory,
        practice_hours=practice,
        safety_hours=safety,
        fee_fen=WELDER_FEN if entry.hours == 120 else FITTER_FEN,
        fund_source=FundSource.EMPLOYMENT_SUBSIDY,
        content="一项目一方案：先安全、再基本功、再工件；理论与实操交替。",
        employment_service="结业后推荐到海河演示装备等 6 家企业面试，跟踪 6 个月。",
        demand=demand,
        evaluator=cast.evaluator,
    )
    stage.do(
        catalogue.submit_project,
        f"submit-{label}",
        actor=school.actor,
        at=moment(calendar.PROJECT, 10),
        project=project,
    )
    return stage.do(
        catalogue.list_project,
        f"list-project-{label}",
        actor=cast.staff[Role.REVIEWER],
        at=moment(calendar.PROJECT, 14),
        project=project,
    )


def _budget(stage: Stage, cast: Cast) -> Account:
    officer, place = cast.staff[Role.FUND_OFFICER], Place(CITY, CITY)
    account = stage.do(
        funds.open_account,
        "budget-account",
        actor=officer,
        at=moment(calendar.BUDGET),
        place=place,
        code=f"{CITY}-employment-2026",
        name="2026 年就业补助资金（培训）",
        kind="budget",
        fund_source=FundSource.EMPLOYMENT_SUBSIDY,
        year=2026,
    )
    stage.do(
        funds.allocate,
        "allocate",
        actor=cast.staff[Role.FINANCE],
        at=moment(calendar.BUDGET, 11),
        account=account,
        amount_fen=BUDGET_FEN,
        memo="演示：下达 2026 年培训预算",
    )
    open_paying_account(stage, cast)
    return account


def _batch(
    stage: Stage,
    cast: Cast,
    label: str,
    name: str,
    project: Project,
    budget: Account,
    quota: int,
    amount_fen: int,
    times: tuple[datetime, datetime, datetime],
) -> VoucherBatch:
    claim_from, claim_until, use_until = times
    batch = stage.do(
        vouchers.draft_batch,
        label,
        actor=cast.staff[Role.FUND_OFFICER],
        at=moment(calendar.BATCH),
        place=Place(CITY, CITY),
        terms=BatchTerms(
            name=name,
            kind="general",
            scope=Scope(projects=(project,)),
            groups=("05", "06", "12"),
            quota=quota,
            amount_fen=amount_fen,
            budget_account=budget,
            claim_from=claim_from,
            claim_until=claim_until,
            use_until=use_until,
            declaration=DECLARATION,
        ),
    )
    stage.do(
        vouchers.submit_batch,
        f"submit-{label}",
        actor=cast.staff[Role.FUND_OFFICER],
        at=moment(calendar.BATCH, 10),
        batch=batch,
    )
    return stage.do(
        vouchers.publish_batch,
        f"publish-{label}",
        actor=cast.second_fund_officer,
        at=moment(calendar.BATCH, 14),
        batch=batch,
    )


def claim_vouchers(stage: Stage, cast: Cast, market: Market) -> list[Voucher]:
    """Each trainee claims a voucher: two of them the wrong one, which the roster's check will find."""
    taken = []
    for index, trainee in enumerate(cast.trainees):
        batch = market.batch
        if index == OTHER_PROJECT:
            batch = market.other_batch
        elif index == EXPIRED:
            batch = market.early_batch
        taken.append(claim(stage, trainee, batch, f"claim-{index + 1}"))
    return taken


def claim(stage: Stage, trainee: Trainee, batch: VoucherBatch, step: str, day: date = calendar.CLAIM) -> Voucher:
    """One worker claims one voucher on the phone page."""
    return stage.do(
        vouchers.claim_voucher,
        step,
        actor=trainee.actor,
        at=moment(day, 9),
        person=trainee.person,
        batch=batch,
        declared=True,
        channel="page",
    )

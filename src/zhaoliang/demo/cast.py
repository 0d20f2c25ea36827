"""The demo's people, organisations and accounts: all invented, registered through the same services as real ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from zhaoliang.demo.stage import Stage, actor_for, moment
from zhaoliang.kernel.identifiers.invent import Inventor
from zhaoliang.kernel.identifiers.resident_id import Sex
from zhaoliang.kernel.roles import Actor, Place, Role
from zhaoliang.registry import services as registry
from zhaoliang.registry.models import Organisation, Person, Site, User

CITY = 120000
DISTRICT = 120110
FOUNDED = date(2026, 1, 5)
TRAINEES, OTHERS = 60, 20
# This trainee is fifteen when the class starts.
UNDER_AGE = 18
SEED = 20260105


@dataclass(frozen=True)
class Trainee:
    """An invented person as the roster needs them: plain numbers beside the registered file."""

    person: Person
    user: User
    name: str
    number: str
    sex: Sex
    phone: str
    card: str

    @property
    def actor(self) -> Actor:
        return actor_for(self.user, FOUNDED)

    group: str


@dataclass(frozen=True)
class School:
    """A provider with a site and a member of staff."""

    organisation: Organisation
    site: Site
    actor: Actor


@dataclass(frozen=True)
class Cast:
    """Everybody who plays."""

    enterprise: Organisation
    enterprise_actor: Actor
    school: School
    other_school: School
    evaluator: Organisation
    recorder: Actor
    publisher: Actor
    staff: dict[Role, Actor]
    second_approver: Actor
    second_fund_officer: Actor
    trainees: list[Trainee]
    others: list[Trainee]


STAFF = [
    (Role.REVIEWER, "审核员"),
    (Role.APPROVER, "复核员"),
    (Role.FUND_OFFICER, "资金员"),
    (Role.INSPECTOR, "监管员"),
    (Role.ADMINISTRATOR, "管理员"),
    (Role.FINANCE, "财政员"),
    (Role.AUDITOR, "审计员"),
]


def assemble(stage: Stage) -> Cast:
    """Register the whole cast. Runs again without doing anything twice."""
    inventor = Inventor(SEED, region_code=CITY)
    place = Place(CITY, CITY)
    school = _school(stage, inventor, "津沽演示职业培训学校", "津沽演示", "school")
    other = _school(stage, inventor, "滨海演示职业培训学校", "滨海演示", "other-school")
    enterprise = _organisation(stage, inventor, "海河演示装备制造有限公司", "海河演示", "enterprise", "enterprise")
    evaluator = _organisation(
        stage, inventor, "津门演示技能评价中心", "津门演示", "evaluation", "evaluator", prefix="S000012000901"
    )
    evaluator = stage.do(
        registry.list_organisation,
        "list-evaluator",
        actor=stage.clock,
        at=moment(FOUNDED),
        organisation=evaluator,
        as_provider=False,
        as_evaluator=True,
    )
    staff = {
        role: _member(stage, inventor, f"demo-{role.value.replace('_', '-')}", f"演示{label}", role, place)
        for role, label in STAFF
    }
    workers = [_worker(stage, inventor, index) for index in range(TRAINEES + OTHERS)]
    return Cast(
        enterprise=enterprise,
        enterprise_actor=_member(
            stage, inventor, "demo-enterprise", "演示企业人事", Role.PROVIDER, place, organisation=enterprise
        ),
        school=school,
        other_school=other,
        evaluator=evaluator,
        recorder=_member(
            stage, inventor, "demo-evaluator", "演示考评员", Role.EVALUATOR, place, organisation=evaluator
        ),
        publisher=_member(
            stage, inventor, "demo-evaluator-2", "演示考评组长", Role.EVALUATOR, place, organisation=evaluator
        ),
        staff=staff,
        second_fund_officer=_member(stage, inventor, "demo-fund-officer-2", "演示资金复核", Role.FUND_OFFICER, place),
        second_approver=_member(stage, inventor, "demo-approver-2", "演示审批领导", Role.APPROVER, place),
        trainees=workers[:TRAINEES],
        others=workers[TRAINEES:],
    )


def _school(stage: Stage, inventor: Inventor, name: str, short_name: str, label: str) -> School:
    organisation = _organisation(stage, inventor, name, short_name, "private_provider", label)
    organisation = stage.do(
        registry.list_organisation,
        f"list-{label}",
        actor=stage.clock,
        at=moment(FOUNDED),
        organisation=organisation,
        as_provider=True,
        as_evaluator=False,
    )
    actor = _member(
        stage,
        inventor,
        f"demo-{label}",
        f"{short_name}教务",
        Role.PROVIDER,
        Place(CITY, CITY),
        organisation=organisation,
    )
    site = stage.do(
        registry.add_site,
        f"site-{label}",
        actor=actor,
        at=moment(FOUNDED),
        organisation=organisation,
        name=f"{short_name}实训楼",
        address="演示路 1 号",
        region_code=DISTRICT,
        longitude=Decimal("117.314000"),
        latitude=Decimal("39.086000"),
    )
    return School(organisation, site, actor)


def _organisation(
    stage: Stage, inventor: Inventor, name: str, short_name: str, kind: str, label: str, prefix: str = ""
) -> Organisation:
    return stage.do(
        registry.register_organisation,
        f"organisation-{label}",
        actor=stage.clock,
        at=moment(FOUNDED),
        place=Place(CITY, DISTRICT),
        name=name,
        short_name=short_name,
        uscc=inventor.uscc(),
        kind=kind,
        region_code=DISTRICT,
        legal_representative="甲某子",
        phone=inventor.mobile(),
        bank_name="演示银行东丽支行",
        account_number=inventor.bank_card(),
        evaluator_prefix=prefix,
    )


@dataclass(frozen=True)
class _Numbers:
    """A person's numbers as first registered: the file may have another card by the time a killed play goes on."""

    document: str
    phone: str
    card: str


def _register(
    stage: Stage, inventor: Inventor, name: str, birth: date, sex: Sex, label: str
) -> tuple[Person, _Numbers]:
    numbers = _Numbers(inventor.resident_id(birth=birth, sex=sex), inventor.mobile(), inventor.bank_card())
    person = stage.do(
        registry.register_person,
        f"person-{label}",
        actor=stage.clock,
        at=moment(FOUNDED),
        place=Place(CITY, DISTRICT),
        name=name,
        document_type="resident_id",
        document_number=numbers.document,
        phone=numbers.phone,
        card_number=numbers.card,
        region_code=DISTRICT,
        education="40",
    )
    return person, numbers


def _member(
    stage: Stage,
    inventor: Inventor,
    username: str,
    name: str,
    role: Role,
    place: Place,
    *,
    organisation: Organisation | None = None,
) -> Actor:
    person, _ = _register(stage, inventor, inventor.name(), date(1985, 6, 1), Sex.FEMALE, username)
    user = stage.do(
        registry.create_user,
        f"user-{username}",
        actor=stage.clock,
        at=moment(FOUNDED),
        place=place,
        username=username,
        name=name,
        person_id=person.pk,
        city_code=CITY,
    )
    stage.do(
        registry.assign_role,
        f"role-{username}",
        actor=stage.clock,
        at=moment(FOUNDED),
        place=place,
        user=user,
        role=role,
        region_code=place.region_code,
        organisation=organisation,
        valid_from=FOUNDED,
    )
    return actor_for(user, FOUNDED)


def _worker(stage: Stage, inventor: Inventor, index: int) -> Trainee:
    """A worker with an account, a target group and checked statuses."""
    sex = Sex.FEMALE if index % 3 == 2 else Sex.MALE
    youngest, oldest = date(2005, 12, 31), date(1975, 1, 1)
    birth = date(2010, 6, 1) if index == UNDER_AGE else inventor.birth(youngest=youngest, oldest=oldest)
    name, label = inventor.name(), f"trainee-{index + 1}"
    person, numbers = _register(stage, inventor, name, birth, sex, label)
    user = stage.do(
        registry.create_user,
        f"user-{label}",
        actor=stage.clock,
        at=moment(FOUNDED),
        place=Place(CITY, DISTRICT, person_id=person.pk),
        username=f"demo-worker-{index + 1}",
        name=name,
        person_id=person.pk,
        city_code=CITY,
    )
    stage.do(
        registry.assign_role,
        f"role-{label}",
        actor=stage.clock,
        at=moment(FOUNDED),
        place=Place(CITY, DISTRICT, person_id=person.pk),
        user=user,
        role=Role.WORKER,
        region_code=DISTRICT,
        valid_from=FOUNDED,
    )
    # 农村转移就业劳动者 and 城镇登记失业人员 in turn.
    group = "05" if index % 2 else "06"
    stage.do(
        registry.add_group,
        f"group-{label}",
        actor=stage.clock,
        at=moment(FOUNDED),
        person=person,
        group=group,
        evidence="register",
        source="演示：就业信息库比对",
        valid_from=FOUNDED,
    )
    for kind in ("pension", "establishment", "student"):
        stage.do(
            registry.record_status,
            f"{kind}-{label}",
            actor=stage.clock,
            at=moment(FOUNDED),
            person=person,
            kind=kind,
            holds=False,
            source="演示：部门数据比对",
            checked_on=FOUNDED,
        )
    return Trainee(person, user, name, numbers.document, sex, numbers.phone, numbers.card, group)

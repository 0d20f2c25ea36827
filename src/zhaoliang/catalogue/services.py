"""Acts on the guidance catalogue (需求指导目录) and the project library (项目库): 人社部发〔2025〕10号 二, 三（二）."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.db.models import Max
from django.db.utils import IntegrityError

from zhaoliang.catalogue.models import (
    Catalogue,
    CatalogueEntry,
    CertificateKind,
    Mode,
    Project,
    ProjectKind,
    PurchaseContract,
    Scarcity,
)
from zhaoliang.catalogue.states import CATALOGUE, PROJECT
from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput, Clause, Refusal
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.kernel.roles import Actor, Place, Reach, Role, system_actor
from zhaoliang.needs import services as needs
from zhaoliang.needs.models import Demand
from zhaoliang.registry.models import Organisation
from zhaoliang.registry.selectors import occupation_exists

SAFETY_CLAUSE = Clause("人社部发〔2025〕10号", "三（三）", "开班备案、过程监督、结果考核")
DIRECTORY_CLAUSE = Clause("人社部发〔2025〕10号", "三（二）", "培训机构应具备法定资质和良好信誉。")


def _refuse_fields(what: str, fields: dict[str, str]) -> None:
    if fields:
        raise BadInput(what, "有内容需要补充或更正。", "请按提示修改后再提交。", fields=fields)


@act(
    "catalogue.draft_catalogue",
    label="编制需求指导目录",
    grants={Role.REVIEWER: Reach.REGION, Role.APPROVER: Reach.REGION},
    on="place",
)
def draft_catalogue(*, actor: Actor, at: datetime, place: Place, name: str, number: str, valid_from: date) -> Catalogue:
    """Begin the next version of a region's catalogue; `number` is the document that will publish it."""
    _refuse_fields("目录没有建立。", {} if name.strip() else {"name": "请填写目录名称。"})
    newest = Catalogue.objects.filter(city_code=place.city_code, region_id=place.region_code).aggregate(
        version=Max("version")
    )["version"]
    return Catalogue.objects.create(
        city_code=place.city_code,
        region_id=place.region_code,
        name=name.strip(),
        number=number.strip(),
        version=(newest or 0) + 1,
        valid_from=valid_from,
    )


@act(
    "catalogue.add_entry",
    label="添加目录条目",
    grants={Role.REVIEWER: Reach.REGION, Role.APPROVER: Reach.REGION},
    on="catalogue",
)
def add_entry(
    *,
    actor: Actor,
    at: datetime,
    catalogue: Catalogue,
    occupation_code: str,
    headcount: int,
    skills: str,
    content: str,
    hours: int,
    mode: str,
    scarcity: str,
    certificate_kind: str,
    level: int | None = None,
    category: str = "",
) -> CatalogueEntry:
    """Add an entry to a catalogue that is still a draft. `level` is the rank of SkillLevel, `hours` teaching hours."""
    held = Catalogue.objects.select_for_update(of=("self",), no_key=True).get(
        city_code=catalogue.city_code, pk=catalogue.pk
    )
    if held.state != "draft":
        raise Refusal(
            "条目没有添加。", "目录已经发布，发布后的目录不再改动。", "请编制新一版目录，发布后自动替换旧版。"
        )
    fields: dict[str, str] = {}
    if not occupation_exists(occupation_code):
        fields["occupation_code"] = "没有这个职业编码，请从职业分类中选择。"
    if level is not None and level not in set(SkillLevel):
        fields["level"] = "没有这个技能等级。"
    for field, value, known in (
        ("mode", mode, Mode.values),
        ("scarcity", scarcity, Scarcity.values),
        ("certificate_kind", certificate_kind, CertificateKind.values),
        ("category", category or "A", ["A", "B", "C"]),
    ):
        if value not in known:
            fields[field] = "请从列出的选项中选择。"
    if hours < 1:
        fields["hours"] = "课时至少是 1。"
    _refuse_fields("条目没有添加。", fields)
    try:
        with transaction.atomic():
            return CatalogueEntry.objects.create(
                city_code=held.city_code,
                catalogue=held,
                occupation_id=occupation_code,
                level=level,
                headcount=headcount,
                skills=skills.strip(),
                content=content.strip(),
                hours=hours,
                mode=mode,
                category=category,
                scarcity=scarcity,
                certificate_kind=certificate_kind,
            )
    except IntegrityError as clash:
        if "catalogue_entry_once" not in str(clash):
            raise
        raise Refusal(
            "条目没有添加。", "目录里已有同一职业、等级和课时的条目。", "请修改课时或等级，或编辑原有条目。"
        ) from clash


@act("catalogue.publish_catalogue", label="发布需求指导目录", grants={Role.APPROVER: Reach.REGION}, on="catalogue")
def publish_catalogue(*, actor: Actor, at: datetime, catalogue: Catalogue) -> Catalogue:
    """Publish the catalogue; the one published before for the same region is superseded in the same moment."""
    versions = list(
        Catalogue.objects.select_for_update(of=("self",), no_key=True)
        .filter(city_code=catalogue.city_code, region_id=catalogue.region_id)
        .order_by("version")
    )
    held = next(version for version in versions if version.pk == catalogue.pk)
    if not CatalogueEntry.objects.filter(city_code=held.city_code, catalogue=held).exists():
        raise Refusal("目录没有发布。", "目录里还没有条目。", "请先添加条目。")
    for former in versions:
        if former.state == "published" and former.pk != held.pk:
            CATALOGUE.fire(former, "supersede")
    CATALOGUE.fire(held, "publish", published_at=at)
    return held


@act(
    "catalogue.draft_project",
    label="起草培训项目",
    grants={Role.PROVIDER: Reach.ORGANISATION, Role.REVIEWER: Reach.REGION},
    on="provider",
)
def draft_project(
    *,
    actor: Actor,
    at: datetime,
    provider: Organisation,
    entry: CatalogueEntry,
    name: str,
    kind: str,
    theory_hours: int,
    practice_hours: int,
    safety_hours: int,
    fee_fen: int,
    fund_source: str,
    content: str,
    employment_service: str,
    demand: Demand | None = None,
    evaluator: Organisation | None = None,
    region_code: int | None = None,
    mode: str | None = None,
) -> Project:
    """Draft a project of four parts: demand, training, evaluation, employment service. Fee in fen.

    Occupation, level, certificate and (unless given) mode come from the entry. `safety_hours` are part of the theory and
    practice hours. Raises BadInput, or Refusal when the provider is not in the directory or the entry not in force.
    """
    _check_parties(provider, entry, evaluator)
    fields: dict[str, str] = {}
    hours = theory_hours + practice_hours
    if not name.strip():
        fields["name"] = "请填写项目名称。"
    if min(theory_hours, practice_hours) < 0 or hours != entry.hours:
        fields["theory_hours"] = f"理论与实操课时合计应等于目录的 {entry.hours} 课时，现在是 {hours} 课时。"
    if not 0 < safety_hours <= hours:
        fields["safety_hours"] = f"每个项目都要有安全教育课时（{SAFETY_CLAUSE}），并且包含在总课时内。"
    if fee_fen < 0:
        fields["fee_fen"] = "收费不能是负数。"
    if not content.strip():
        fields["content"] = "请填写培训内容。"
    if not employment_service.strip():
        fields["employment_service"] = "请写明培训后的就业服务，这是项目的四个部分之一。"
    for field, value, known in (
        ("kind", kind, ProjectKind.values),
        ("fund_source", fund_source, FundSource.values),
        ("mode", mode or entry.mode, Mode.values),
    ):
        if value not in known:
            fields[field] = "请从列出的选项中选择。"
    _refuse_fields("项目没有保存。", fields)
    return Project.objects.create(
        city_code=provider.city_code,
        provider=provider,
        entry=entry,
        demand=demand,
        evaluator=evaluator,
        region_id=region_code or provider.region_id,
        name=name.strip(),
        kind=kind,
        occupation_id=entry.occupation_id,
        level=entry.level,
        certificate_kind=entry.certificate_kind,
        mode=mode or entry.mode,
        hours=hours,
        theory_hours=theory_hours,
        practice_hours=practice_hours,
        safety_hours=safety_hours,
        fee_fen=fee_fen,
        fund_source=fund_source,
        content=content.strip(),
        employment_service=employment_service.strip(),
        created_at=at,
    )


def _check_parties(provider: Organisation, entry: CatalogueEntry, evaluator: Organisation | None) -> None:
    if not provider.in_provider_directory or provider.state != "listed":
        raise Refusal(
            "项目没有保存。",
            f"{provider.name}不在培训机构目录内，或已被暂停。",
            "请先申请列入目录。",
            clause=DIRECTORY_CLAUSE,
        )
    if entry.catalogue.state != "published":
        raise Refusal("项目没有保存。", "所选目录条目还没有发布，或已被新版目录替换。", "请选择现行目录中的条目。")
    if evaluator is not None and (not evaluator.in_evaluation_directory or evaluator.state != "listed"):
        raise Refusal("项目没有保存。", f"{evaluator.name}不在评价机构目录内，或已被暂停。", "请另选评价机构。")


@act("catalogue.submit_project", label="提交培训项目", grants={Role.PROVIDER: Reach.ORGANISATION}, on="project")
def submit_project(*, actor: Actor, at: datetime, project: Project) -> Project:
    """Hand the project to the bureau. Raises Refusal when a certificate is aimed at but nobody is to evaluate."""
    if project.certificate_kind != CertificateKind.COMPLETION and project.evaluator_id is None:
        raise Refusal(
            "项目没有提交。", "项目要取得证书，但没有选定评价机构。", "请先选择评价机构。", fields={"evaluator": "必填"}
        )
    PROJECT.fire(project, "submit", return_reason="")
    return project


@act("catalogue.list_project", label="项目列入项目库", grants={Role.REVIEWER: Reach.REGION}, on="project")
def list_project(*, actor: Actor, at: datetime, project: Project) -> Project:
    """List the project; the demand it answers is marked so. Raises WrongState unless it was submitted."""
    held = (
        Project.objects.select_for_update(of=("self",), no_key=True)
        .select_related("demand", "provider", "evaluator", "entry__catalogue")
        .get(city_code=project.city_code, pk=project.pk)
    )
    _check_parties(held.provider, held.entry, held.evaluator)
    PROJECT.fire(held, "list")
    if held.demand is not None and held.demand.state == "open":
        needs.answer_demand(actor=system_actor(actor.name), at=at, demand=held.demand)
    return held


@act("catalogue.return_project", label="退回培训项目", grants={Role.REVIEWER: Reach.REGION}, on="project")
def return_project(*, actor: Actor, at: datetime, project: Project, reason: str) -> Project:
    """Give the project back with reasons the provider can act on."""
    _refuse_fields("项目没有退回。", {} if reason.strip() else {"reason": "请写明退回原因，机构据此修改。"})
    PROJECT.fire(project, "return", return_reason=reason.strip())
    return project


@act(
    "catalogue.suspend_project",
    label="暂停培训项目",
    grants={Role.REVIEWER: Reach.REGION, Role.INSPECTOR: Reach.REGION},
    on="project",
)
def suspend_project(*, actor: Actor, at: datetime, project: Project, reason: str) -> Project:
    """Stop new classes of a listed project."""
    _refuse_fields("项目没有暂停。", {} if reason.strip() else {"reason": "请写明暂停原因。"})
    PROJECT.fire(project, "suspend", return_reason=reason.strip())
    return project


@act("catalogue.resume_project", label="恢复培训项目", grants={Role.REVIEWER: Reach.REGION}, on="project")
def resume_project(*, actor: Actor, at: datetime, project: Project) -> Project:
    """Let a suspended project open classes again."""
    PROJECT.fire(project, "resume", return_reason="")
    return project


@act(
    "catalogue.close_project",
    label="结束培训项目",
    grants={Role.PROVIDER: Reach.ORGANISATION, Role.REVIEWER: Reach.REGION},
    on="project",
)
def close_project(*, actor: Actor, at: datetime, project: Project) -> Project:
    """End a project: no new classes; those filed go on."""
    PROJECT.fire(project, "close")
    return project


@act("catalogue.sign_contract", label="登记项目制合同", grants={Role.APPROVER: Reach.REGION}, on="project")
def sign_contract(
    *,
    actor: Actor,
    at: datetime,
    project: Project,
    number: str,
    signed_on: date,
    hour_fen: int,
    person_cap_fen: int,
) -> PurchaseContract:
    """Register what a project is bought for: fen per person and credited hour, capped per person (fen).

    It prices classes that begin on the day it was signed or later. Raises BadInput by field, Refusal for another kind of
    project, for a number registered before and where a later contract is on file.
    """
    what = "合同没有登记。"
    if project.kind != ProjectKind.PACKAGE:
        raise Refusal(what, "只有项目制培训按合同购买。", "其他项目按目录标准补贴，不用登记合同。")
    _refuse_fields(
        what,
        {
            field: message
            for field, message in {
                "number": "" if number.strip() else "请填写合同编号。",
                "signed_on": "" if signed_on <= chinese_day(at) else "签订日期不能晚于今天。",
                "hour_fen": "" if hour_fen > 0 else "单价要大于零。",
                "person_cap_fen": "" if person_cap_fen >= hour_fen else "每人最高金额不能低于一课时的单价。",
            }.items()
            if message
        },
    )
    held = Project.objects.select_for_update(of=("self",), no_key=True).get(city_code=project.city_code, pk=project.pk)
    latest = PurchaseContract.objects.filter(city_code=held.city_code, project=held).order_by("-signed_on").first()
    if latest is not None and (latest.number == number.strip() or signed_on < latest.signed_on):
        why = "这份合同已经登记过。" if latest.number == number.strip() else "已经有签订日期更晚的合同。"
        raise Refusal(what, why, "请核对合同编号和签订日期。")
    try:
        with transaction.atomic():
            return PurchaseContract.objects.create(
                city_code=held.city_code,
                project=held,
                number=number.strip(),
                signed_on=signed_on,
                hour_fen=hour_fen,
                person_cap_fen=person_cap_fen,
                at=at,
                by_name=actor.name,
            )
    except IntegrityError as clash:
        raise Refusal(what, "这份合同已经登记过。", "请核对合同编号。") from clash

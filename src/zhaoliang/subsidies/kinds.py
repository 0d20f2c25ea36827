"""The kinds of subsidies: by which scheme each is decided, what it leaves in the national register, whose claim it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zhaoliang.catalogue.models import ProjectKind
from zhaoliang.classes.models import TrainingClass
from zhaoliang.policy.model import Phase


@dataclass(frozen=True)
class Kind:
    """One kind of claim.

    `scheme` names the rules, `phase` when they are asked. `grant` is the scheme under which the national register keeps it
    ("" for a share of what is entered elsewhere); `by_level` says that it is given once for an occupation and level.
    """

    code: str
    label: str
    scheme: str
    phase: Phase = "claim"
    grant: str = ""
    by_level: bool = False
    of_people: bool = False


KINDS: Mapping[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind("training", "职业培训补贴", "training", grant="training", by_level=True),
        Kind("enterprise_direct", "企业直补培训补贴", "training", grant="training", by_level=True),
        Kind("project", "项目制培训补贴", "project", grant="project"),
        Kind("evaluation", "职业技能评价补贴", "evaluation", grant="evaluation", by_level=True),
        Kind("living", "培训生活费补贴", "living", grant="living", of_people=True),
        Kind("uplift", "训后就业倾斜补贴", "uplift", of_people=True),
        Kind("skill_upgrade", "技能提升补贴", "skill_upgrade", grant="skill_upgrade", by_level=True, of_people=True),
        Kind(
            "apprentice_advance",
            "新型学徒制预支补贴",
            "apprenticeship",
            phase="advance",
            grant="apprenticeship",
            by_level=True,
        ),
        Kind("apprenticeship", "新型学徒制结算补贴", "apprenticeship", grant="apprenticeship", by_level=True),
        Kind("work_training", "以工代训补贴", "work_training", grant="work_training"),
    )
}
# What closes a class when it is settled; the others are claimed beside it.
MAIN = ("training", "enterprise_direct", "project", "apprenticeship")


def main_kind(training_class: TrainingClass) -> str:
    """The kind of the claim that a class comes to, from its project and who runs it."""
    kind = ProjectKind(training_class.project.kind)
    if kind == ProjectKind.PACKAGE:
        return "project"
    if kind == ProjectKind.APPRENTICESHIP:
        return "apprenticeship"
    # 企业直接组织职工培训并承担培训成本的，直补企业（人社部函〔2021〕14号 三）.
    return "enterprise_direct" if training_class.provider.kind == "enterprise" else "training"

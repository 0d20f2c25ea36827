"""What the pages of policy texts share: whose texts they are, where a draft stands, what comes next, bars of a what-if."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.urls import reverse

from zhaoliang.enactments import services
from zhaoliang.enactments.models import PolicyDraft
from zhaoliang.enactments.simulation import Share
from zhaoliang.enactments.states import DRAFT, EDITABLE
from zhaoliang.kernel.acts import Act
from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.roles import Access, Place, region_covers
from zhaoliang.policy.differences import Change
from zhaoliang.policy.store import region_chain
from zhaoliang.registry import selectors as registry
from zhaoliang.registry.models import Region
from zhaoliang.web.acting import may
from zhaoliang.web.bureau.desk import DeskRequest, desk_of
from zhaoliang.web.components.parts import Step, steps

OCCUPATION = re.compile(r"[0-9]-[0-9]{2}-[0-9]{2}-[0-9]{2}")
LABELS = ("起草", "检查", "试算", "送审", "批准", "施行")
# How far along a draft is: the step in hand, by state.
AT = {
    "draft": 0,
    "returned": 0,
    "checked": 2,
    "simulated": 3,
    "submitted": 4,
    "approved": 5,
    "scheduled": 5,
    "in_force": 6,
    "superseded": 6,
    "repealed": 6,
    "dropped": 0,
}
TABS = (
    ("policy", "概况"),
    ("policy_figures", "数值和日期"),
    ("policy_tables", "标准表"),
    ("policy_text", "全文"),
    ("policy_check", "检查"),
    ("policy_difference", "差异"),
    ("policy_whatif", "试算"),
)


@dataclass(frozen=True)
class Tab:
    """One page of a draft."""

    label: str
    url: str
    current: bool


@dataclass(frozen=True)
class Button:
    """One act open to this officer: where it posts, what it says, how it looks."""

    url: str
    label: str
    look: str


@dataclass(frozen=True)
class Bar:
    """A row of a what-if with its two bars, in hundredths of the longest one."""

    share: Share
    before: float
    after: float

    @property
    def change_fen(self) -> int:
        return self.share.after_fen - self.share.before_fen


def law_regions(request: DeskRequest) -> list[Region]:
    """The regions whose texts this officer sees from this desk: its own and those above it that his roles cover."""
    desk = desk_of(request)
    covered = [
        code
        for code in region_chain(desk.region_code)
        if any(region_covers(one.region_code, code) for one in request.actor.assignments)
    ]
    found = [registry.region(code) for code in reversed(covered)]
    return [one for one in found if one is not None]


def law_region(request: DeskRequest) -> Region:
    """The region asked for in the address, else the desk's own. Raises NotFound for one that is not this officer's."""
    regions = law_regions(request)
    asked = request.GET.get("region", "")
    if not regions:
        raise NotFound("没有可以管理的地区。", "您的角色没有管辖地区。", "请联系系统管理员。")
    if not asked:
        return regions[0]
    found = next((one for one in regions if str(one.code) == asked), None)
    if found is None:
        raise NotFound("没有这个地区。", "它不在您的管辖范围。", "请从列表进入。")
    return found


def law_here(request: DeskRequest, **_: Any) -> Access:
    """The access of pages about a region's texts."""
    return law_place(request).access()


def law_place(request: DeskRequest) -> Place:
    """Where a text begun on this page belongs."""
    region = law_region(request)
    return Place(region.city_code, region.code)


def draft_url(found: PolicyDraft, name: str = "policy") -> str:
    return reverse(f"bureau:{name}", args=[found.city_code, found.pk])


def tabs(found: PolicyDraft, current: str) -> list[Tab]:
    """The pages of a draft; what it has none of is left out."""
    shown = [one for one in TABS if found.kind == "revise" or one[0] != "policy_difference"]
    return [Tab(label, draft_url(found, name), name == current) for name, label in shown]


def spine(found: PolicyDraft) -> list[Step]:
    """Where the draft stands."""
    failed = found.state in ("draft", "returned") and bool(found.checked) and not found.checked.get("ok", True)
    if found.state == "draft" and failed:
        return steps(LABELS, 1, problem=True)
    return steps(LABELS, AT[found.state], problem=found.state in ("returned", "dropped"))


def buttons(request: DeskRequest, found: PolicyDraft) -> list[Button]:
    """What this officer may do with the draft now, the next step first."""
    known: list[tuple[str, Act[Any], str, str]] = [
        ("approve", services.approve, "policy_approve", f"批准，自 {_day(found.valid_from)}起施行"),
        ("submit", services.submit, "policy_submit", "送审，由另一位同事批准"),
        ("simulate", services.simulate_draft, "policy_simulate", "用历史申领试算"),
        ("check", services.check_draft, "policy_run_check", "检查这一稿"),
        ("withdraw", services.withdraw, "policy_withdraw", "撤回修改"),
    ]
    open_now = [
        (name, label)
        for event, service, name, label in known
        if DRAFT.allows(found.state, event) and may(request, service, found.access())
    ]
    return [
        Button(
            draft_url(found, name),
            _again(name, label, found),
            "btn-primary" if index == 0 and name != "policy_withdraw" else "btn-outline",
        )
        for index, (name, label) in enumerate(open_now)
    ]


def _again(name: str, label: str, found: PolicyDraft) -> str:
    if name == "policy_run_check" and found.state in ("checked", "simulated"):
        return "重新检查"
    return "重新试算" if name == "policy_simulate" and found.state == "simulated" else label


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def may_edit(request: DeskRequest, found: PolicyDraft) -> bool:
    """Whether this officer may change the draft now."""
    return found.state in EDITABLE and may(request, services.set_figures, found.access())


def head(request: DeskRequest, found: PolicyDraft, current: str) -> dict[str, Any]:
    """What the head of each page of a draft shows."""
    return {
        "found": found,
        "tabs": tabs(found, current),
        "may_edit": may_edit(request, found),
        "region_url": f"{reverse('bureau:policies')}?region={found.region_id}",
    }


def bars(shares: list[Share]) -> list[Bar]:
    """The rows with the lengths of their bars."""
    longest = max((max(abs(one.before_fen), abs(one.after_fen)) for one in shares), default=0) or 1
    return [
        Bar(one, round(100 * abs(one.before_fen) / longest, 2), round(100 * abs(one.after_fen) / longest, 2))
        for one in shares
    ]


def with_occupations(changes: tuple[Change, ...] | None) -> tuple[Change, ...] | None:
    """The changes of a draft with the names of the occupations whose codes they tell."""
    if not changes:
        return changes
    names = registry.occupation_names({code for one in changes for code in OCCUPATION.findall(one.field)})

    def named(code: re.Match[str]) -> str:
        return f"{names[code[0]]} {code[0]}" if code[0] in names else code[0]

    return tuple(replace(one, field=OCCUPATION.sub(named, one.field)) for one in changes)

"""The desk's side bar: what this person may open, and what waits there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.http import HttpRequest
from django.urls import reverse

from zhaoliang.attendance import perms as attendance
from zhaoliang.catalogue import perms as catalogue
from zhaoliang.classes import perms as classes
from zhaoliang.enactments import perms as enactments
from zhaoliang.funds import perms as funds
from zhaoliang.kernel.acts import Declaration
from zhaoliang.kernel.jobs import perms as job_perms
from zhaoliang.kernel.roles import BUREAU_ROLES, ROLE_LABELS, Actor
from zhaoliang.payments import perms as payments
from zhaoliang.recoveries import perms as recoveries
from zhaoliang.registry import perms as registry
from zhaoliang.subsidies import perms as subsidies
from zhaoliang.vouchers import perms as vouchers
from zhaoliang.web.bureau import perms, work
from zhaoliang.web.bureau.desk import Desk, DeskRequest, desk_of
from zhaoliang.web.components.parts import Face, NavItem
from zhaoliang.worktraining import perms as worktraining


@dataclass(frozen=True)
class Entry:
    """An entry of the side bar, shown to whom its declaration allows."""

    label: str
    name: str
    icon: str
    declaration: Declaration
    group: str = ""
    count: str = ""


ENTRIES = (
    Entry("我的待办", "home", "inbox", perms.HOME),
    Entry("我的任务", "jobs", "history", job_perms.MINE),
    Entry("开班备案", "classes", "class", classes.PAGE, "审核", "classes"),
    Entry("补贴审核", "claims", "review", subsidies.CLAIM, "审核", "claims"),
    Entry("考勤核实", "doubts", "check", attendance.DOUBTS, "审核", "doubts"),
    Entry("培训项目", "projects", "list", catalogue.DRAFTS, "审核", "projects"),
    Entry("培训券", "voucher_batches", "voucher", vouchers.BATCH, "审核", "voucher_batches"),
    Entry("需求指导目录", "catalogues", "book", catalogue.DRAFTS, "审核"),
    Entry("资金账户", "accounts", "wallet", funds.BOOKS, "资金"),
    Entry("资金拨付", "payments", "money", payments.BATCH, "资金", "payments"),
    Entry("银行对账", "reconciliation", "check", payments.BATCH, "资金", "reconciliation"),
    Entry("差额与追回", "recoveries", "undo", recoveries.CASE, "资金", "recoveries"),
    Entry("资金溯源", "trace_search", "search", payments.TRACE, "资金"),
    Entry("查找个人", "people", "people", registry.FILE, "档案"),
    Entry("以工代训历史", "work_training", "history", worktraining.HISTORY, "档案"),
    Entry("机构", "organisations", "company", registry.ORGANISATION, "档案"),
    Entry("政策文本", "policies", "edit", enactments.DRAFTS, "管理", "policies"),
    Entry("账号和角色", "users", "key", registry.USERS, "管理"),
    Entry("审计日志", "audit", "history", perms.AUDIT, "管理"),
)


# Pages whose address begins otherwise than their entry's.
BELOW = {
    "voucher-issues/": "voucher_batches",
    "voucher-changes/": "voucher_batches",
    "counter/": "voucher_batches",
    "counter-vouchers/": "voucher_batches",
    "holdings/": "voucher_batches",
    "appeals/": "claims",
    "rules/": "claims",
    "paying-accounts/": "payments",
    "bank-returns/": "reconciliation",
    "bank-uploads/": "reconciliation",
    "bank-lines/": "reconciliation",
    "claim-lines/": "recoveries",
    "sanctions/": "organisations",
    "exports/": "jobs",
}


def face(request: HttpRequest, actor: Actor) -> Face:
    """The desk around a page for this actor."""
    if not actor.roles & BUREAU_ROLES:
        return Face(person=actor.name)
    asked = cast(DeskRequest, request)
    desk = desk_of(asked)
    waiting = work.counts(asked)
    waiting["home"] = sum(waiting.values())
    here = entry_at(request.path)
    items = tuple(
        NavItem(
            label=entry.label,
            url=reverse(f"bureau:{entry.name}"),
            icon=entry.icon,
            count=waiting.get(entry.count or entry.name, 0),
            current=entry.name == here,
            group=entry.group,
        )
        for entry in ENTRIES
        if entry.declaration.allows(actor, desk.access)
    )
    return Face(
        desk=f"照亮 · {desk.region_name}" if desk.region_name else "照亮",
        region=desk.region_name,
        person=actor.name,
        role=_roles(desk),
        home_url=reverse("bureau:home"),
        sign_out_url=reverse("account_logout"),
        nav=items,
    )


def entry_at(path: str) -> str:
    """The entry whose address begins the path, the longest one when several do."""
    found = [(len(url), entry.name) for entry in ENTRIES if path.startswith(url := reverse(f"bureau:{entry.name}"))]
    home = reverse("bureau:home")
    found += [(len(home + start), name) for start, name in BELOW.items() if path.startswith(home + start)]
    return max(found, default=(0, ""))[1]


def _roles(desk: Desk) -> str:
    return "、".join(label for role, label in ROLE_LABELS.items() if role in BUREAU_ROLES and desk.has(role))

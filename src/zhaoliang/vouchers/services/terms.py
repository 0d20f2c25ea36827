"""The terms of a batch, checked: what for, for whom, how many, how much, until when, from which money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zhaoliang.funds.models import Account
from zhaoliang.kernel.errors import BadInput
from zhaoliang.registry.models import GroupMembership
from zhaoliang.vouchers.models import VoucherBatch
from zhaoliang.vouchers.scope import Scope

DECLARATION = (
    "我是本人领取、本人使用；我符合本券的适用人群；我知道同一券只能领取一次、使用一次，到期未使用自动失效；"
    "所填情况属实，如有不实，愿意退回补贴并承担责任。"
)
COLOURS = [("indigo", "靛蓝"), ("green", "松绿"), ("amber", "琥珀"), ("red", "砖红"), ("ink", "墨色")]
# Kinds that hold no money of their own: 抵用券 proves a right and is paid by the standard from the budget, 打卡签到专用券
# is for people without a right to a subsidy (domain facts §2.3).
WITHOUT_MONEY = {
    "credential": "抵用券是资格凭证，不预留金额，补贴按项目标准核算。",
    "sign_in_only": "打卡签到专用券不带补贴金额。",
}


@dataclass(frozen=True)
class BatchTerms:
    """What a batch is: for what and whom, how many, how much each (fen), from which money, until when.

    `groups` are codes of 人员类别, empty for everyone; a `directed` batch is only for people a register names. With
    `amount_basis` "standard" `amount_fen` is the highest amount the policies give for the scope, and is what is reserved.
    """

    name: str
    scope: Scope
    quota: int
    amount_fen: int
    budget_account: Account
    claim_from: datetime
    claim_until: datetime
    use_until: datetime
    kind: str = "general"
    issue: str = "open"
    amount_basis: str = "fixed"
    groups: tuple[str, ...] = ()
    colour: str = "indigo"
    declaration: str = DECLARATION

    def problems(self) -> dict[str, str]:
        """What is wrong with the terms, by field."""
        checks = {
            "name": "" if self.name.strip() else "请填写名称。",
            "kind": "" if self.kind in dict(VoucherBatch.KINDS) else "没有这个券种。",
            "issue": "" if self.issue in dict(VoucherBatch.ISSUES) else "没有这种发放方式。",
            "amount_basis": self._basis_problem(),
            "colour": "" if self.colour in dict(COLOURS) else "没有这种券面。",
            "quota": "" if self.quota > 0 else "数量必须大于零。",
            "amount_fen": self._amount_problem(),
            "groups": self._groups_problem(),
            "claim_until": "" if self.claim_from < self.claim_until else "领取截止要晚于领取开始。",
            "use_until": "" if self.claim_until <= self.use_until else "使用截止不能早于领取截止。",
            "declaration": "" if self.declaration.strip() else "请写明领券人要承诺的内容。",
            "budget_account": self._money_problem(),
        }
        return {field: text for field, text in checks.items() if text}

    def _groups_problem(self) -> str:
        if unknown := set(self.groups) - {code for code, _ in GroupMembership.GROUPS}:
            return f"没有这些人员类别：{'、'.join(sorted(unknown))}。"
        if self.kind == "directed" and self.issue == "open" and not self.groups:
            return "公开领取的定向券要写明发给哪些人群；只发给名单的，请选“按名单发放”。"
        return ""

    def _basis_problem(self) -> str:
        if self.amount_basis not in dict(VoucherBatch.BASES):
            return "没有这种金额依据。"
        if self.kind == "face_value" and self.amount_basis != "fixed":
            return "面值券要有固定面值。"
        return ""

    def _amount_problem(self) -> str:
        if self.kind in WITHOUT_MONEY:
            return "" if self.amount_fen == 0 else WITHOUT_MONEY[self.kind]
        return "" if self.amount_fen > 0 else "每张金额必须大于零。"

    def _money_problem(self) -> str:
        if self.budget_account.kind != "budget":
            return "请选择预算账户。"
        if self.kind == "sign_in_only":
            return ""
        if any(one.fund_source != self.budget_account.fund_source for one in self.scope.projects):
            return "预算账户的资金渠道与项目不同，资金不能混用。"
        return ""

    def checked(self) -> dict[str, Any]:
        """The terms as columns of a batch. Raises BadInput naming each wrong field."""
        if fields := self.problems():
            raise BadInput("批次没有保存。", "有内容填写不对。", "请按提示改正后再保存。", fields=fields)
        return {
            "name": self.name.strip(),
            "kind": self.kind,
            "issue": self.issue,
            "project": self.scope.sole_project,
            "scope_text": self.scope.says(),
            "groups": list(self.groups),
            "quota": self.quota,
            "amount_basis": self.amount_basis,
            "amount_fen": self.amount_fen,
            "fund_source": self.budget_account.fund_source,
            "budget_account": self.budget_account,
            "claim_from": self.claim_from,
            "claim_until": self.claim_until,
            "use_until": self.use_until,
            "colour": self.colour,
            "declaration": self.declaration.strip(),
        }

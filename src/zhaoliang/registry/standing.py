"""How an organisation stands on a day: what bars it from which step, and by which decision (处理阶梯、黑名单)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar

from django.db.models import Q, QuerySet

from zhaoliang.kernel.days import format_cn_date
from zhaoliang.kernel.errors import Clause, Refusal
from zhaoliang.registry.models import Organisation, Sanction
from zhaoliang.registry.states import ORGANISATION

BINDING = ("in_force", "lift_asked")


class Gate(StrEnum):
    """The steps that ask how an organisation stands."""

    FILING = "filing"
    OPENING = "opening"
    VOUCHER = "voucher"
    CLAIM = "claim"
    REVIEW = "review"
    APPROVAL = "approval"
    PAYMENT = "payment"


GATES = {
    Gate.FILING: "申报新的班期",
    Gate.OPENING: "同意开班备案",
    Gate.VOUCHER: "使用和验证培训券",
    Gate.CLAIM: "提交补贴申领",
    Gate.REVIEW: "通过补贴审核",
    Gate.APPROVAL: "审批补贴",
    Gate.PAYMENT: "拨付补贴",
}


class Barred(Refusal):
    """The organisation may not take this step: it is suspended, sanctioned or blacklisted on that day."""

    code: ClassVar[str] = "organisation_barred"


@dataclass(frozen=True)
class Standing:
    """An organisation on a day with the decisions that bind it then, the strictest first."""

    organisation: Organisation
    day: date
    sanctions: tuple[Sanction, ...]

    @property
    def word(self) -> str:
        """In one word: 正常, or the step of the strictest decision."""
        if self.organisation.state in ("suspended", "removed"):
            return ORGANISATION.states[self.organisation.state]
        return self.sanctions[0].step_label if self.sanctions else "正常"

    def barring(self, gate: Gate) -> Sanction | None:
        """The decision that bars a step on this day, None when none does."""
        return next((one for one in self.sanctions if bars(one, gate, self.day)), None)

    def refusal(self, gate: Gate) -> Barred | None:
        """Why the organisation may not take the step; None when it may."""
        if self.organisation.state in ("suspended", "removed"):
            return Barred(
                what=f"不能{GATES[gate]}。",
                why=f"“{self.organisation.short_name}”{ORGANISATION.states[self.organisation.state]}。",
                next_step="请联系当地人社部门核实机构状态。",
            )
        one = self.barring(gate)
        if one is None:
            return None
        return Barred(
            what=f"不能{GATES[gate]}。",
            why=_under(one),
            next_step="请完成整改并等限制期满；对处理有异议的，可以向作出处理的人社部门申请解除。",
            clause=Clause(one.citation, ""),
        )

    def require(self, gate: Gate) -> None:
        """Raise Barred when the organisation may not take the step."""
        refusal = self.refusal(gate)
        if refusal is not None:
            raise refusal

    def told(self, gate: Gate) -> tuple[str, str] | None:
        """What the page of a step says of the organisation, and the tone: that it bars the step, or what runs besides.

        A lesser decision that no text lets stop the step is laid before the person who takes it. None when nothing runs.
        """
        refusal = self.refusal(gate)
        if refusal is not None:
            return f"{refusal.what}{refusal.why}", "no"
        running = next((one for one in self.sanctions if bars(one, Gate.FILING, self.day)), None)
        if running is None:
            return None
        return f"{_under(running)}依据：{running.citation}。没有文件规定这一步因此停止，请一并考虑后再定。", "ask"


def _under(one: Sanction) -> str:
    until = f"到{format_cn_date(one.until_day)}为止" if one.until_day else "没有截止日期"
    unmended = "，整改还没有验收" if one.rectify_by and not one.rectified_on else ""
    return f"“{one.organisation.short_name}”在{one.step_label}的限制期内（{until}{unmended}）。"


def bars(one: Sanction, gate: Gate, day: date) -> bool:
    """Whether a binding decision bars a step on a day.

    New classes wait until the ban is over and the mending accepted. Vouchers are not taken while mending, for no training
    goes on then. Money is stopped by the blacklist alone: what people learnt before a lesser step is paid, and what was
    wrong with a class or a person is a finding on its lines.
    """
    if one.from_day is None or day < one.from_day:
        return False
    if one.step == "blacklist":
        return one.until_day is None or day <= one.until_day
    banned = one.until_day is not None and day <= one.until_day
    mending = one.rectify_by is not None and (one.rectified_on is None or day < one.rectified_on)
    if gate is Gate.FILING:
        return banned or mending
    return gate is Gate.VOUCHER and mending


def standing_on(organisation: Organisation, day: date) -> Standing:
    """How an organisation stands on a day; one query."""
    rows = _binding(organisation.city_code, day).filter(organisation=organisation)
    return Standing(organisation, day, tuple(sorted(rows, key=lambda one: -STRICTNESS[one.step])))


def barred_organisations(city_code: int, gate: Gate, day: date) -> list[int]:
    """The ids of the city's organisations that may not take a step on a day, suspended and removed ones too."""
    return sorted(barred_codes(city_code, gate, day))


def barred_codes(city_code: int, gate: Gate, day: date) -> dict[int, str]:
    """The same organisations with their credit codes: an enterprise is paid by the code on the roster, not by its id."""
    held = {one.organisation_id for one in _binding(city_code, day) if bars(one, gate, day)}
    out = Organisation.objects.filter(Q(state__in=("suspended", "removed")) | Q(pk__in=held), city_code=city_code)
    return dict(out.values_list("pk", "uscc"))


def _binding(city_code: int, day: date) -> QuerySet[Sanction]:
    open_ended = Q(until_day__isnull=True) | Q(until_day__gte=day) | Q(rectified_on__isnull=True)
    return Sanction.objects.select_related("organisation").filter(
        open_ended, city_code=city_code, state__in=BINDING, from_day__lte=day
    )


STRICTNESS = {"interview": 1, "rectification": 2, "notice": 3, "termination": 4, "blacklist": 5}


def strictest(steps: Iterable[str]) -> str | None:
    """The strictest of these steps of the ladder."""
    return max(steps, key=lambda step: STRICTNESS[step], default=None)

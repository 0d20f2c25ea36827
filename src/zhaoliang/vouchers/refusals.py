"""Why a voucher is not given, used or shown. The clauses are those of the pilot scheme (职业技能电子培训券试点工作方案)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from zhaoliang.kernel.days import format_cn_time
from zhaoliang.kernel.errors import BadInput, Clause, Exhausted, NotFound, Refusal
from zhaoliang.vouchers.states import BATCH, VOUCHER

_SCHEME = "职业技能电子培训券试点工作方案"
ONE_EACH = Clause(_SCHEME, "一（一）2（3）", "同一券一人只能领取 1 次，使用 1 次。")
IN_TIME = Clause(_SCHEME, "一（一）2（4）", "设置使用期限，到期后未使用，电子培训券自动失效。")
WHO_MAY = Clause(
    _SCHEME,
    "一（一）3（1）",
    "向个人明确可申请领券的条件（如果部端无法校验的，建议通过个人线上承诺解决）和可使用的培训机构。",
)
ISSUE = Clause(
    _SCHEME, "一（一）1（2）", "支持各级人社部门对培训内容、可用机构、可用人群、有效期、发放数量等进行定制。"
)


class NotDeclared(BadInput):
    """The person did not tick the declaration."""

    code: ClassVar[str] = "not_declared"


class NotOpen(Refusal):
    """The batch does not give vouchers now: not published, suspended, closed, before or after its window."""

    code: ClassVar[str] = "not_open"


class HasOne(Refusal):
    """The person has a voucher of this batch already."""

    code: ClassVar[str] = "has_one"


class NoneLeft(Exhausted):
    """Every voucher of the batch is taken."""

    code: ClassVar[str] = "none_left"


class NotForYou(Refusal):
    """The batch is for other groups of people, or another city's."""

    code: ClassVar[str] = "not_for_you"


class UsedAlready(Refusal):
    """A voucher is used once."""

    code: ClassVar[str] = "voucher_used"


class Expired(Refusal):
    """The voucher's time of use is over."""

    code: ClassVar[str] = "voucher_expired"


class NotHere(Refusal):
    """The voucher is for another project or provider."""

    code: ClassVar[str] = "voucher_not_here"


class TimesMeet(Refusal):
    """The holder is expected in another class at a time of this one."""

    code: ClassVar[str] = "times_meet"


class SameFile(Refusal):
    """The same list was taken for the batch before."""

    code: ClassVar[str] = "same_file"


class NotEnoughLeft(Refusal):
    """Fewer vouchers are unclaimed than are to be taken out of the batch."""

    code: ClassVar[str] = "not_enough_left"


class InClaim(Refusal):
    """A voucher is not void while its subsidy is being claimed."""

    code: ClassVar[str] = "voucher_in_claim"


class StillAlive(Refusal):
    """A batch is not settled while vouchers of it can still cost money."""

    code: ClassVar[str] = "vouchers_alive"


# So often within a minute: wrong codes of one account (sql/verify_vouchers.sql), ends of documents at a counter.
TRIES = 10


@dataclass(eq=False)
class TooManyTries(Refusal):
    """Too many wrong codes; `retry_after` is the wait in seconds."""

    retry_after: int = 60

    code: ClassVar[str] = "too_many_tries"
    status: ClassVar[int] = 429
    decided: ClassVar[bool] = False


def not_declared() -> NotDeclared:
    """The declaration was not accepted."""
    return NotDeclared(
        "没有领取。",
        "领券前需要您本人确认承诺内容。",
        "请阅读承诺，勾选“我已阅读并承诺”后再领取。",
        fields={"declared": "请先勾选承诺。"},
    )


def closed_just_now() -> NotOpen:
    """The batch was suspended or closed in the very moment of the claim."""
    return NotOpen("现在不能领取。", "这一批培训券刚刚暂停或停发。", "请看看其他正在发放的培训券。", ISSUE)


def not_claimed(answer: str, *, state: str, quota: int, claim_from: datetime, claim_until: datetime) -> Refusal:
    """What an answer of claim_vouchers other than ok says to the person, with the batch's figures."""
    if answer == "has_one":
        return HasOne(
            "没有重复领取。", "同一张券一人只能领一次，您已经有这张券了。", "请到“我的培训券”查看。", ONE_EACH
        )
    if answer == "full":
        return NoneLeft(
            "没有领到，这张券已经领完。",
            f"这一批共 {quota} 张，都已被领取。",
            "有人退券时名额会立即放出，可以稍后再试，或看看其他培训券。",
            ISSUE,
        )
    if answer == "targeted":
        return NotForYou(
            "没有领取。",
            "这一批培训券按名单发放，不能自己领取。",
            "如果您在名单上，券会出现在“我的券”里；没有的，请问发券的人社部门。",
            ISSUE,
        )
    if answer == "early":
        return NotOpen("还不能领取。", f"领取从 {format_cn_time(claim_from)} 开始。", "请到时再来。", ISSUE)
    if answer == "late":
        return NotOpen(
            "领取已经截止。",
            f"领取截止时间是 {format_cn_time(claim_until)}。",
            "请看看其他正在发放的培训券。",
            ISSUE,
        )
    return NotOpen(
        "现在不能领取。",
        f"这一批培训券目前“{BATCH.states[state]}”。",
        "请看看其他正在发放的培训券。",
        ISSUE,
    )


def not_used(
    answer: str,
    *,
    state: str,
    used_at: datetime | None,
    here: bool,
    use_until: datetime | None,
    project_name: str | None,
) -> Refusal:
    """What an answer of use_voucher other than ok says; `here`: it was used at the provider that now asks.

    Of a clash `project_name` and `use_until` are the other class and when its session begins.
    """
    if answer == "clash" and use_until is not None:
        return TimesMeet(
            "这张券没有用在这个班。",
            f"上课时间撞了：持券人{format_cn_time(use_until)}在“{project_name}”有课，不能同时在两个班。",
            "请选一个时间不冲突的班；不想上原来那个班的，先撤销那张券或请机构移出名册。",
        )
    if answer == "used" and used_at is not None:
        return UsedAlready(
            "这张券已经用过了。",
            f"它已于 {format_cn_time(used_at)} 在{'本机构' if here else '别的机构'}使用，一张券只能用一次。",
            "请核对券码；如果不是您本人使用的，请联系发券的人社部门。",
            ONE_EACH,
        )
    if answer == "expired" and use_until is not None:
        return Expired(
            "这张券已经过期。",
            f"使用截止时间是 {format_cn_time(use_until)}。",
            "请领取一张仍在有效期内的培训券。",
            IN_TIME,
        )
    if answer == "not_here":
        return NotHere(
            "这张券不能用在这里。",
            f"它只能用于“{project_name}”。",
            "请核对项目，或请持券人退券后领取适用的培训券。",
            WHO_MAY,
        )
    if answer == "wrong_state":
        return VOUCHER.refusal(state, "use")
    return NotFound("没有使用。", "没有这张培训券。", "请核对券码。")


def too_many_ends() -> TooManyTries:
    """Ten ends of a document's number typed by one officer within a minute."""
    return TooManyTries(
        "没有退回。",
        f"一分钟内最多核对 {TRIES} 次证件号码，为防止猜号先停一下。",
        "请看本人的证件原件，一分钟后再办。",
    )


def too_many_tries(wait: int) -> TooManyTries:
    """Ten wrong codes within a minute; `wait` in seconds."""
    return TooManyTries(
        "暂时不能继续验券。",
        "一分钟内有 10 次券码查不到，为防止猜码先停一下。",
        f"请 {wait} 秒后再试，最好直接扫描持券人出示的二维码。",
        retry_after=wait,
    )

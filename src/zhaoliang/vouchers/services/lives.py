"""The life of a voucher: claimed, used, into a claim, redeemed; or returned, expired. No state changes elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection
from django.db.models import F

from zhaoliang.catalogue.models import Project
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day, format_cn_time
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.identifiers.voucher_code import new_code
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.registry.models import GroupMembership, Organisation, Person
from zhaoliang.registry.selectors import groups_on
from zhaoliang.vouchers import refusals
from zhaoliang.vouchers.models import BatchSlot, Voucher, VoucherBatch
from zhaoliang.vouchers.states import BATCH, VOUCHER

CLOSED_JUST_NOW = "ZL011"
_GROUP_NAMES: dict[str, str] = dict(GroupMembership.GROUPS)


@act(
    "vouchers.claim",
    label="领取培训券",
    grants={Role.WORKER: Reach.SELF, Role.PARTNER: Reach.REGION},
    on="person",
)
def claim_voucher(
    *, actor: Actor, at: datetime, person: Person, batch: VoucherBatch, declared: bool, channel: str = "page"
) -> Voucher:
    """Give the person one voucher of an open batch. `declared`: the person accepted the batch's declaration just now.

    Where no register says that the person belongs to the batch's groups, the declaration stands for it and is kept with
    the voucher (方案 一（一）3（1）), except in directed batches. Raises NotDeclared, NotForYou, NotOpen, HasOne, NoneLeft.
    """
    if not declared:
        raise refusals.NotDeclared(
            "没有领取。",
            "领券前需要您本人确认承诺内容。",
            "请阅读承诺，勾选“我已阅读并承诺”后再领取。",
            fields={"declared": "请先勾选承诺。"},
        )
    if person.city_code != batch.city_code:
        raise refusals.NotForYou("没有领取。", "这张券由别的城市发放。", "请到您建档的城市领取。")
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT answer, voucher_id FROM claim_voucher(%s, %s, %s, %s, %s, %s, %s)",
                [
                    batch.city_code,
                    batch.pk,
                    person.pk,
                    str(new_code(batch.city_code)),
                    channel[:20],
                    _declaration(batch, person, at),
                    at,
                ],
            )
            answer, voucher_id = cursor.fetchone() or ("unknown", None)
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", "") != CLOSED_JUST_NOW:
            raise
        raise refusals.NotOpen(
            "现在不能领取。", "这一批培训券刚刚暂停或停发。", "请看看其他正在发放的培训券。", refusals.ISSUE
        ) from error
    if answer != "ok":
        raise _not_claimed(answer, batch)
    voucher = Voucher.objects.get(city_code=batch.city_code, pk=voucher_id)
    voucher.batch = batch
    return voucher


def _declaration(batch: VoucherBatch, person: Person, at: datetime) -> str:
    """The declaration to keep: the batch's text, and the groups nobody could check. Raises NotForYou (directed batches)."""
    if not batch.groups:
        return batch.declaration
    known = {row.group for row in groups_on(person, chinese_day(at)) if row.evidence != "declared"}
    if known & set(batch.groups):
        return batch.declaration
    names = "、".join(_GROUP_NAMES[group] for group in batch.groups)
    if batch.kind == "directed":
        raise refusals.NotForYou(
            "没有领取。",
            f"这是定向券，发给：{names}。目前没有查到您属于其中任何一类。",
            "如果您属于其中一类，请带证明材料到人社窗口登记后再领取。",
            refusals.WHO_MAY,
        )
    return f"{batch.declaration}本人承诺属于以下人员类别之一：{names}。"


def _not_claimed(answer: str, batch: VoucherBatch) -> Refusal:
    if answer == "has_one":
        return refusals.HasOne(
            "没有重复领取。", "同一张券一人只能领一次，您已经有这张券了。", "请到“我的培训券”查看。", refusals.ONE_EACH
        )
    if answer == "full":
        return refusals.NoneLeft(
            "没有领到，这张券已经领完。",
            f"这一批共 {batch.quota} 张，都已被领取。",
            "有人退券时名额会立即放出，可以稍后再试，或看看其他培训券。",
            refusals.ISSUE,
        )
    if answer == "early":
        return refusals.NotOpen(
            "还不能领取。", f"领取从 {format_cn_time(batch.claim_from)} 开始。", "请到时再来。", refusals.ISSUE
        )
    if answer == "late":
        return refusals.NotOpen(
            "领取已经截止。",
            f"领取截止时间是 {format_cn_time(batch.claim_until)}。",
            "请看看其他正在发放的培训券。",
            refusals.ISSUE,
        )
    states = VoucherBatch.objects.filter(city_code=batch.city_code, pk=batch.pk).values_list("state", flat=True)
    return refusals.NotOpen(
        "现在不能领取。",
        f"这一批培训券目前“{BATCH.states[states.get()]}”。",
        "请看看其他正在发放的培训券。",
        refusals.ISSUE,
    )


@act("vouchers.return", label="退回培训券", grants={Role.WORKER: Reach.SELF}, on="voucher")
def return_voucher(*, actor: Actor, at: datetime, voucher: Voucher) -> Voucher:
    """Give an unused voucher back; its place is free at once, and the person may claim another one (方案 二（一）1)."""
    # The slot before the voucher: a claim of the same person holds its slot while it waits for this row.
    BatchSlot.objects.select_for_update(of=("self",), no_key=True).get(
        city_code=voucher.city_code, batch_id=voucher.batch_id, slot=voucher.slot
    )
    held = _held(voucher)
    VOUCHER.fire(held, "return", ended_at=at, ended_reason="本人退回")
    _free_place(held)
    return held


@act("vouchers.expire_due", label="到期失效", grants={Role.SYSTEM: Reach.ANY}, on="place")
def expire_due(*, actor: Actor, at: datetime, place: Place, limit: int = 500) -> int:
    """Expire the city's unused vouchers whose time of use is over; returns how many, at most `limit` in one call."""
    due = Voucher.objects.filter(city_code=place.city_code, state="claimed", batch__use_until__lt=at)
    found = list(due.select_related("batch").order_by("batch_id", "id")[:limit])
    batches = sorted({voucher.batch_id for voucher in found})
    # All slots first, as for a single return; then the vouchers, leaving out those somebody is just using.
    slots = BatchSlot.objects.filter(city_code=place.city_code, batch_id__in=batches).order_by("batch_id", "slot")
    list(slots.select_for_update(of=("self",), no_key=True))
    held = (
        due.filter(pk__in=[voucher.pk for voucher in found])
        .select_related("batch")
        .select_for_update(of=("self",), no_key=True, skip_locked=True)
    )
    count = 0
    for voucher in held.order_by("id"):
        VOUCHER.fire(voucher, "expire", ended_at=at, ended_reason="到期未使用，自动失效")
        _free_place(voucher)
        count += 1
    return count


def _free_place(voucher: Voucher) -> None:
    slots = BatchSlot.objects.filter(city_code=voucher.city_code, batch_id=voucher.batch_id, slot=voucher.slot)
    slots.update(claimed=F("claimed") - 1)


@act("vouchers.use", label="使用培训券", grants={Role.WORKER: Reach.SELF, Role.SYSTEM: Reach.ANY}, on="voucher")
def use_voucher(
    *, actor: Actor, at: datetime, voucher: Voucher, provider: Organisation, project: Project, class_id: int
) -> Voucher:
    """Use the voucher once, for a class of the project it was issued for, at that project's provider.

    The caller has checked the class itself (filed, no clash of the person's times) and acts for it (system) or is the
    holder. Raises UsedAlready, Expired, NotHere, WrongState.
    """
    held = _held(voucher)
    if held.used_at is not None and held.state in ("used", "verified", "in_claim", "redeemed"):
        same = held.provider_id == provider.pk
        raise refusals.UsedAlready(
            "这张券已经用过了。",
            f"它已于 {format_cn_time(held.used_at)} 在{'本机构' if same else '别的机构'}使用，一张券只能用一次。",
            "请核对券码；如果不是您本人使用的，请联系发券的人社部门。",
            refusals.ONE_EACH,
        )
    if held.state == "claimed" and at > held.batch.use_until:
        raise refusals.Expired(
            "这张券已经过期。",
            f"使用截止时间是 {format_cn_time(held.batch.use_until)}。",
            "请领取一张仍在有效期内的培训券。",
            refusals.IN_TIME,
        )
    if held.batch.project_id != project.pk or held.batch.project.provider_id != provider.pk:
        raise refusals.NotHere(
            "这张券不能用在这里。",
            f"它只能用于“{held.batch.project.name}”。",
            "请核对项目，或请持券人退券后领取适用的培训券。",
            refusals.WHO_MAY,
        )
    VOUCHER.fire(held, "use", provider=provider, class_id=class_id, used_at=at)
    return held


@act(
    "vouchers.undo_use",
    label="撤销用券",
    grants={Role.SYSTEM: Reach.ANY, Role.REVIEWER: Reach.REGION},
    on="voucher",
)
def undo_use(*, actor: Actor, at: datetime, voucher: Voucher) -> Voucher:
    """Make a used voucher claimable again for a class, when its class fell through or the person left before the start.

    The caller has checked that the class has not begun. Raises WrongState.
    """
    held = _held(voucher)
    VOUCHER.fire(held, "undo_use", provider=None, class_id=None, used_at=None, verified_at=None)
    return held


def enter_claim(voucher: Voucher) -> Voucher:
    """A verified voucher goes into the subsidy claim of its class; inside an act. Raises WrongState."""
    return _fired(voucher, "enter_claim")


def leave_claim(voucher: Voucher) -> Voucher:
    """Its line left the claim without money: the voucher is verified again; inside an act. Raises WrongState."""
    return _fired(voucher, "leave_claim")


def redeem(voucher: Voucher, *, at: datetime, reason: str) -> Voucher:
    """核销: the subsidy was paid, the code is dead for good (方案 一（一）4); inside an act. Raises WrongState."""
    return _fired(voucher, "redeem", ended_at=at, ended_reason=reason[:200])


def _fired(voucher: Voucher, event: str, **changes: Any) -> Voucher:
    held = _held(voucher)
    VOUCHER.fire(held, event, **changes)
    return held


def _held(voucher: Voucher) -> Voucher:
    rows = Voucher.objects.select_for_update(of=("self",), no_key=True).select_related("batch__project", "provider")
    return rows.get(city_code=voucher.city_code, pk=voucher.pk)

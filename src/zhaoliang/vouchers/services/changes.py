"""Changes of a published batch and the end of single vouchers: one person asks, another decides (money is moved by it)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from zhaoliang.funds.services import post_transfer
from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.days import format_cn_time
from zhaoliang.kernel.errors import BadInput, Busy
from zhaoliang.kernel.money import split
from zhaoliang.kernel.roles import Actor
from zhaoliang.registry.services import Message, tell
from zhaoliang.vouchers.models import BatchChange, BatchSlot, Voucher, VoucherBatch
from zhaoliang.vouchers.refusals import InClaim, NotEnoughLeft
from zhaoliang.vouchers.services.batches import DRAFTERS, PUBLISHERS, SLOTS
from zhaoliang.vouchers.services.lives import held_with_place
from zhaoliang.vouchers.services.reminders import tell_holders
from zhaoliang.vouchers.states import BATCH, CHANGE, VOUCHER

_EITHER = DRAFTERS | PUBLISHERS
# In which states of the batch each change makes sense.
_STATES = {
    "top_up": ("open", "suspended"),
    "shrink": ("open", "suspended", "closed"),
    "extend": ("open", "suspended", "closed"),
    "void": ("open", "suspended", "closed"),
}


@dataclass(frozen=True)
class Wish:
    """What is to change: `quantity` vouchers more or fewer, later ends, or one voucher void; and why (told to its holder)."""

    kind: str
    reason: str
    quantity: int | None = None
    claim_until: datetime | None = None
    use_until: datetime | None = None
    voucher: Voucher | None = None

    def problems(self, batch: VoucherBatch) -> dict[str, str]:
        """What is wrong with the wish, by field."""
        checks = {
            "kind": "" if self.kind in _STATES else "没有这种调整。",
            "reason": "" if self.reason.strip() else "请写明原因。",
        }
        if self.kind in ("top_up", "shrink"):
            checks["quantity"] = "" if self.quantity and self.quantity > 0 else "数量必须大于零。"
        if self.kind == "shrink" and self.quantity and self.quantity >= batch.quota:
            checks["quantity"] = "不能减到一张不剩；不再发放请用“停发”。"
        if self.kind == "extend":
            checks |= self._extension(batch)
        if self.kind == "void":
            checks["voucher"] = "" if self.voucher is not None else "请选择要作废的券。"
        return {field: text for field, text in checks.items() if text}

    def _extension(self, batch: VoucherBatch) -> dict[str, str]:
        claim_until = self.claim_until or batch.claim_until
        use_until = self.use_until or batch.use_until
        if claim_until < batch.claim_until:
            return {"claim_until": "只能延后，不能提前。"}
        if use_until < batch.use_until:
            return {"use_until": "只能延后，不能提前；已领的券照券面的期限有效。"}
        if (claim_until, use_until) == (batch.claim_until, batch.use_until):
            return {"use_until": "请填写新的截止日期。"}
        return {"use_until": "使用截止不能早于领取截止。"} if use_until < claim_until else {}


@act("vouchers.propose_change", label="提出调整培训券批次", grants=DRAFTERS, on="batch")
def propose_change(*, actor: Actor, at: datetime, batch: VoucherBatch, wish: Wish) -> BatchChange:
    """Ask for a change; another person decides. Raises BadInput by field, WrongState, InClaim, Busy for a second open one."""
    held = _held(batch)
    if held.state not in _STATES.get(wish.kind, ()):
        raise BATCH.refusal(held.state, "suspend" if held.state not in ("draft", "submitted") else "publish")
    if fields := wish.problems(held):
        raise BadInput("没有提出调整。", "有内容填写不对。", "请按提示改正后再提出。", fields=fields)
    if wish.voucher is not None:
        # As it stands now: the page's own may have been given back meanwhile.
        _require_voidable(Voucher.objects.get(city_code=held.city_code, batch=held, pk=wish.voucher.pk))
    waiting = BatchChange.objects.filter(city_code=held.city_code, batch=held, state="proposed", kind=wish.kind)
    if waiting.filter(voucher=wish.voucher).exists():
        raise Busy("没有再提一次。", "同样的调整已经提出，正等另一位同事决定。", "请等那一项决定后再提。")
    return BatchChange.objects.create(
        city_code=held.city_code,
        batch=held,
        voucher=wish.voucher,
        kind=wish.kind,
        reason=wish.reason.strip()[:200],
        quantity=wish.quantity,
        claim_until=wish.claim_until,
        use_until=wish.use_until,
        proposed_by_user=actor.user_id,
        proposed_by_person=actor.person_id,
        proposed_by_name=actor.name,
        proposed_at=at,
    )


@act("vouchers.refuse_change", label="不同意或撤回调整", grants=_EITHER, on="change")
def refuse_change(*, actor: Actor, at: datetime, change: BatchChange) -> BatchChange:
    """Leave everything as it is. Raises WrongState when it was decided already."""
    CHANGE.fire(change, "refuse", **_decided(actor, at))
    return change


@act("vouchers.approve_change", label="批准调整培训券批次", grants=PUBLISHERS, on="change")
def approve_change(*, actor: Actor, at: datetime, change: BatchChange) -> BatchChange:
    """Carry out what another person asked for, with its money: reserved from the budget or released to it at once.

    Raises SamePerson, WrongState, Exhausted when the budget has not enough, NotEnoughLeft when fewer are unclaimed than are
    to go, InClaim for a voucher whose subsidy is being claimed.
    """
    require_other_person(
        actor, person_id=change.proposed_by_person, user_id=change.proposed_by_user, step="提出这项调整"
    )
    batch = _held(change.batch)
    if batch.state not in _STATES[change.kind]:
        raise BATCH.refusal(batch.state, "suspend")
    CHANGE.fire(change, "approve", **_decided(actor, at))
    _CARRY_OUT[change.kind](batch, change, at)
    return change


def _decided(actor: Actor, at: datetime) -> dict[str, object]:
    return {
        "decided_by_user": actor.user_id,
        "decided_by_person": actor.person_id,
        "decided_by_name": actor.name,
        "decided_at": at,
    }


def _held(batch: VoucherBatch) -> VoucherBatch:
    # Not FOR UPDATE: a claim holds its slot and then the batch (by its key); we hold the batch and then the slots.
    rows = VoucherBatch.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("budget_account", "reserved_account").get(city_code=batch.city_code, pk=batch.pk)


def _slots(batch: VoucherBatch) -> list[BatchSlot]:
    rows = BatchSlot.objects.filter(city_code=batch.city_code, batch=batch).order_by("slot")
    return list(rows.select_for_update(of=("self",), no_key=True))


def _top_up(batch: VoucherBatch, change: BatchChange, at: datetime) -> None:
    quantity = change.quantity or 0
    known = {one.slot: one for one in _slots(batch)}
    for slot, share in enumerate(split(quantity, [1] * min(SLOTS, max(quantity, len(known))))):
        if slot in known:
            own = BatchSlot.objects.filter(city_code=batch.city_code, pk=known[slot].pk)
            own.update(quota=F("quota") + share)
        else:
            BatchSlot.objects.create(city_code=batch.city_code, batch=batch, slot=slot, quota=share)
    _move(batch, "reserve", quantity, at, f"追加培训券 {quantity} 张：{batch.name}")
    _set_quota(batch, batch.quota + quantity)


def _shrink(batch: VoucherBatch, change: BatchChange, at: datetime) -> None:
    quantity = rest = change.quantity or 0
    slots = _slots(batch)
    free = sum(one.quota - one.claimed for one in slots)
    if free < quantity or quantity >= batch.quota:
        raise NotEnoughLeft(
            "没有减少。", f"还没有领出的只有 {free} 张，不能减 {quantity} 张；已领的券不能收回。", "请改小数量再提。"
        )
    for one in slots:
        taken = min(rest, one.quota - one.claimed)
        rest -= taken
        BatchSlot.objects.filter(city_code=batch.city_code, pk=one.pk).update(quota=F("quota") - taken)
    _move(batch, "release", quantity, at, f"减少培训券 {quantity} 张：{batch.name}")
    _set_quota(batch, batch.quota - quantity)


def _extend(batch: VoucherBatch, change: BatchChange, at: datetime) -> None:
    use_until = change.use_until or batch.use_until
    later = use_until > batch.use_until
    VoucherBatch.objects.filter(city_code=batch.city_code, pk=batch.pk).update(
        claim_until=change.claim_until or batch.claim_until, use_until=use_until
    )
    if later:
        text = f"“{batch.name}”的使用截止延到 {format_cn_time(use_until)}。"
        tell_holders(batch, "voucher_extended", "培训券有效期延长", text, f"extend-{change.pk}", at)


def _void(batch: VoucherBatch, change: BatchChange, at: datetime) -> None:
    assert change.voucher is not None
    voucher = held_with_place(change.voucher)
    _require_voidable(voucher)
    VOUCHER.fire(voucher, "void", ended_at=at, ended_reason=change.reason)
    slots = BatchSlot.objects.filter(city_code=voucher.city_code, batch_id=voucher.batch_id, slot=voucher.slot)
    slots.update(claimed=F("claimed") - 1)
    text = f"您的“{batch.name}”已作废，原因：{change.reason}。如有异议，请联系发券的人社部门。"[:300]
    about = ("voucher", voucher.pk)
    tell(batch.city_code, [Message("voucher_void", "培训券已作废", text, voucher.person_id, None, about)], at=at)


def _require_voidable(voucher: Voucher) -> None:
    if voucher.state == "in_claim":
        raise InClaim(
            "没有作废。",
            "这张券的补贴正在申领审核。",
            "请先在申领审核里让这一行退出，再作废；已经付了钱的走追回。",
        )
    if not VOUCHER.allows(voucher.state, "void"):
        raise VOUCHER.refusal(voucher.state, "void")


def _move(batch: VoucherBatch, kind: str, quantity: int, at: datetime, memo: str) -> None:
    if not batch.amount_fen or batch.reserved_account is None:
        return
    pair = (batch.budget_account, batch.reserved_account)
    debit, credit = pair if kind == "reserve" else pair[::-1]
    post_transfer(
        kind=kind,
        debit=debit,
        credit=credit,
        amount_fen=quantity * batch.amount_fen,
        at=at,
        subject_type="voucher_batch",
        subject_id=batch.pk,
        memo=memo,
    )


def _set_quota(batch: VoucherBatch, quota: int) -> None:
    VoucherBatch.objects.filter(city_code=batch.city_code, pk=batch.pk).update(quota=quota)


_CARRY_OUT: dict[str, Callable[[VoucherBatch, BatchChange, datetime], None]] = {
    "top_up": _top_up,
    "shrink": _shrink,
    "extend": _extend,
    "void": _void,
}

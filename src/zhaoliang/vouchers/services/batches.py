"""Acts on a batch: drafted, submitted, published by a second person with its budget reserved, closed, settled."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count

from zhaoliang.funds.services import ensure_account, post_transfer
from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.errors import BadInput, WrongState
from zhaoliang.kernel.money import split
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.vouchers.models import BatchSlot, Voucher, VoucherBatch
from zhaoliang.vouchers.refusals import StillAlive
from zhaoliang.vouchers.scope import usable_projects
from zhaoliang.vouchers.services.terms import BatchTerms
from zhaoliang.vouchers.states import BATCH, VOUCHER

# Claims of one batch spread over so many rows (design §5: 32 slots hold where one counter row falls).
SLOTS = 32
LIVE = ("claimed", "used", "verified", "in_claim")
DRAFTERS = {Role.REVIEWER: Reach.REGION, Role.FUND_OFFICER: Reach.REGION}
PUBLISHERS = {Role.APPROVER: Reach.REGION, Role.FUND_OFFICER: Reach.REGION}
_KEEPERS = {Role.REVIEWER: Reach.REGION, Role.APPROVER: Reach.REGION, Role.FUND_OFFICER: Reach.REGION}


@act("vouchers.draft_batch", label="起草培训券批次", grants=DRAFTERS, on="place")
def draft_batch(*, actor: Actor, at: datetime, place: Place, terms: BatchTerms) -> VoucherBatch:
    """Write down a batch for the place's region. Raises BadInput naming each wrong field."""
    made = VoucherBatch.objects.create(
        city_code=place.city_code, region_id=place.region_code, created_at=at, **terms.checked()
    )
    terms.scope.write(made)
    return made


@act("vouchers.revise_batch", label="修改培训券批次", grants=DRAFTERS, on="batch")
def revise_batch(*, actor: Actor, at: datetime, batch: VoucherBatch, terms: BatchTerms) -> VoucherBatch:
    """Replace the terms of a draft. Raises BadInput, and WrongState once the batch was submitted."""
    columns = terms.checked()
    held = _held(batch)
    if held.state != "draft":
        raise BATCH.refusal(held.state, "submit")
    for name, value in columns.items():
        setattr(held, name, value)
    held.save(update_fields=list(columns))
    terms.scope.write(held)
    return held


@act("vouchers.submit_batch", label="提交培训券批次", grants=DRAFTERS, on="batch")
def submit_batch(*, actor: Actor, at: datetime, batch: VoucherBatch) -> VoucherBatch:
    """Hand the draft to a second person for publication."""
    BATCH.fire(batch, "submit", submitted_by_user=actor.user_id, submitted_by_person=actor.person_id)
    return batch


@act("vouchers.return_batch", label="退回培训券批次", grants=PUBLISHERS, on="batch")
def return_batch(*, actor: Actor, at: datetime, batch: VoucherBatch) -> VoucherBatch:
    """Give a submitted batch back for changes."""
    BATCH.fire(batch, "return")
    return batch


@act("vouchers.publish_batch", label="发布培训券批次", grants=PUBLISHERS, on="batch")
def publish_batch(*, actor: Actor, at: datetime, batch: VoucherBatch) -> VoucherBatch:
    """Open a submitted batch: quota × amount leaves the budget for the batch's own reserved account in this transaction.

    Raises SamePerson for the submitter, Exhausted when the budget has not enough, WrongState for a project that is not
    listed, BadInput when the time to claim is over already.
    """
    held = _held(batch, "budget_account")
    require_other_person(actor, person_id=held.submitted_by_person, user_id=held.submitted_by_user, step="提交这个批次")
    if not usable_projects(held).exists():
        raise WrongState(
            "批次没有发布。", f"“{held.scope_text}”现在没有列入项目库的项目，券没有地方可用。", "请先把项目列入项目库。"
        )
    if held.claim_until <= at:
        raise BadInput("批次没有发布。", "领取截止时间已经过了。", "请退回修改领取时间。")
    reserved = ensure_account(
        city_code=held.city_code,
        region_code=held.region_id,
        code=f"reserved-{held.pk}",
        name=f"培训券预留：{held.name}",
        kind="reserved",
        fund_source=held.fund_source,
        year=held.budget_account.year,
    )
    BATCH.fire(
        held,
        "publish",
        reserved_account=reserved,
        published_by_user=actor.user_id,
        published_by_person=actor.person_id,
    )
    shares = split(held.quota, [1] * min(SLOTS, held.quota))
    BatchSlot.objects.bulk_create(
        BatchSlot(city_code=held.city_code, batch=held, slot=slot, quota=share) for slot, share in enumerate(shares)
    )
    if held.amount_fen:
        post_transfer(
            kind="reserve",
            debit=held.budget_account,
            credit=reserved,
            amount_fen=held.quota * held.amount_fen,
            at=at,
            subject_type="voucher_batch",
            subject_id=held.pk,
            memo=f"发布培训券 {held.quota} 张：{held.name}",
        )
    return held


@act("vouchers.suspend_batch", label="暂停发放培训券", grants=_KEEPERS | {Role.INSPECTOR: Reach.REGION}, on="batch")
def suspend_batch(*, actor: Actor, at: datetime, batch: VoucherBatch) -> VoucherBatch:
    """Stop claims for the time being; vouchers given out stay good."""
    held = _held(batch)
    BATCH.fire(held, "suspend")
    return held


@act("vouchers.resume_batch", label="恢复发放培训券", grants=_KEEPERS, on="batch")
def resume_batch(*, actor: Actor, at: datetime, batch: VoucherBatch) -> VoucherBatch:
    """Let a suspended batch give vouchers again; whom the clock could not tell of its opening meanwhile it tells with its next tick."""
    held = _held(batch)
    BATCH.fire(held, "resume", wishes_wait_since=at if held.issue == "open" and at <= held.claim_until else None)
    return held


@act("vouchers.close_batch", label="停发培训券", grants=_KEEPERS | {Role.SYSTEM: Reach.ANY}, on="batch")
def close_batch(*, actor: Actor, at: datetime, batch: VoucherBatch) -> VoucherBatch:
    """End the claims for good; vouchers given out stay good until their time of use is over."""
    held = _held(batch)
    BATCH.fire(held, "close")
    return held


@act("vouchers.settle_batch", label="结清培训券批次", grants=PUBLISHERS | {Role.SYSTEM: Reach.ANY}, on="batch")
def settle_batch(*, actor: Actor, at: datetime, batch: VoucherBatch) -> VoucherBatch:
    """Release what is left in the reserved account back to the budget, once no voucher of the batch can cost money.

    Raises StillAlive naming how many vouchers stand in the way, WrongState unless the batch is closed.
    """
    held = _held(batch, "budget_account", "reserved_account")
    BATCH.fire(held, "settle")
    alive = dict(
        Voucher.objects.filter(city_code=held.city_code, batch=held, state__in=LIVE)
        .values_list("state")
        .annotate(Count("id"))
        .order_by("state")
    )
    if alive:
        counts = "、".join(f"“{VOUCHER.states[state]}” {number} 张" for state, number in alive.items())
        raise StillAlive("批次没有结清。", f"还有 {counts}，可能还要付补贴。", "等这些券过期、退回或核销后再结清。")
    rest = held.reserved_account
    if rest.balance_fen:
        post_transfer(
            kind="release",
            debit=rest,
            credit=held.budget_account,
            amount_fen=rest.balance_fen,
            at=at,
            subject_type="voucher_batch",
            subject_id=held.pk,
            memo=f"结清培训券批次：{held.name}",
        )
    return held


def _held(batch: VoucherBatch, *related: str) -> VoucherBatch:
    """The batch as it stands, locked against claims in flight: those hold it by their foreign key (`FOR KEY SHARE`)."""
    rows = VoucherBatch.objects.select_for_update(of=("self",)).select_related(*related or ("region",))
    return rows.get(city_code=batch.city_code, pk=batch.pk)

"""What people are told in time: that a batch begins to give vouchers, that a voucher ends, that nobody takes it any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import format_cn_time
from zhaoliang.kernel.errors import WrongState
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.registry.models import Person
from zhaoliang.registry.services import Message, tell
from zhaoliang.vouchers.models import OpeningWish, Voucher, VoucherBatch
from zhaoliang.vouchers.refusals import NotForYou
from zhaoliang.vouchers.scope import usable_projects

_AT_ONCE = 1000
# Time enough to sign in and to find the page; no text sets it.
OPENING_AHEAD = timedelta(minutes=30)
# So long after the opening those are still told whom the clock did not reach before: it stood still, or the batch was suspended.
OPENING_LATE = timedelta(minutes=20)


@act("vouchers.wish_opening", label="预约领券提醒", grants={Role.WORKER: Reach.SELF}, on="person")
def wish_opening(*, actor: Actor, at: datetime, person: Person, batch: VoucherBatch) -> OpeningWish:
    """Let the person be told before an open batch begins to give vouchers, at once where that is soon; a second wish is the first.

    Raises NotForYou, WrongState.
    """
    if person.city_code != batch.city_code:
        raise NotForYou("没有预约。", "这张券由别的城市发放。", "请到您建档的城市领取。")
    if batch.phase(at) != "early" or batch.issue != "open":
        raise WrongState("没有预约。", "这一批券不在等待开始领取。", "已经开始的，可以直接领。")
    wish, _ = OpeningWish.objects.get_or_create(
        city_code=batch.city_code, batch=batch, person=person, defaults={"at": at}
    )
    if batch.claim_from - at <= OPENING_AHEAD:
        tell(batch.city_code, [_opening(batch, person.pk, at)], at=at)
    return wish


def openings_to_tell(at: datetime) -> QuerySet[VoucherBatch]:
    """The open batches that begin within half an hour, began a moment ago, or go on after the clock had to pass them by.

    Of every city: for `national()`, or with the city said.
    """
    soon = VoucherBatch.objects.filter(state="open", issue="open", claim_from__lte=at + OPENING_AHEAD)
    return soon.filter(Q(claim_from__gt=at - OPENING_LATE) | Q(wishes_wait_since__isnull=False), claim_until__gte=at)


@act("vouchers.tell_opening", label="提醒开始领券", grants={Role.SYSTEM: Reach.ANY}, on="batch")
def tell_opening(*, actor: Actor, at: datetime, batch: VoucherBatch) -> int:
    """Tell, once each, who wished so that the batch begins or has just begun; returns how many messages were written or known.

    One act a batch: nobody who changes one waits until the wishes of the others are written.
    """
    wishes = OpeningWish.objects.filter(city_code=batch.city_code, batch=batch).order_by("id")
    people = wishes.values_list("person_id", flat=True).iterator()
    count = tell(batch.city_code, (_opening(batch, person_id, at) for person_id in people), at=at)
    if batch.wishes_wait_since is not None:
        # A resumption of this moment says anew that they wait.
        same = VoucherBatch.objects.filter(city_code=batch.city_code, pk=batch.pk)
        same.filter(wishes_wait_since=batch.wishes_wait_since).update(wishes_wait_since=None)
    return count


def _opening(batch: VoucherBatch, person_id: int, at: datetime) -> Message:
    begun = batch.claim_from <= at
    title = "您预约的券已经开始领了" if begun else "您预约的券快开始领了"
    text = f"“{batch.name}”{format_cn_time(batch.claim_from)} 开始领取，共 {batch.quota} 张。"
    about = ("voucher_batch", batch.pk)
    return Message("voucher_opening", title, text, person_id, None, about, f"opening:{batch.pk}")


@act("vouchers.remind", label="提醒持券人", grants={Role.SYSTEM: Reach.ANY}, on="place")
def remind_holders(*, actor: Actor, at: datetime, place: Place) -> int:
    """Tell every holder of a claimed voucher, once for each of `VOUCHER_REMIND_DAYS`, that it ends soon; and, once a batch
    has no listed project left, that it can be given back and exchanged. Returns how many messages were written or known."""
    count = 0
    live = VoucherBatch.objects.filter(
        city_code=place.city_code, state__in=["open", "suspended", "closed"], use_until__gte=at
    )
    for batch in live.order_by("id"):
        days = next(
            (day for day in sorted(settings.VOUCHER_REMIND_DAYS) if batch.use_until - at <= timedelta(days=day)), 0
        )
        if days:
            text = f"“{batch.name}”的使用截止是 {format_cn_time(batch.use_until)}，到期未用自动失效。请尽快报名，或退回换领别的券。"
            count += tell_holders(batch, "voucher_expiring", "培训券快到期了", text, f"expiry-{days}", at)
        if not usable_projects(batch).exists():
            text = f"能用“{batch.name}”的培训现在都停了。您可以免费退回这张券，换领别的；也可以等新的机构。"
            count += tell_holders(batch, "voucher_stranded", "您的券暂时没有地方用", text, "stranded", at)
    return count


def tell_holders(batch: VoucherBatch, kind: str, title: str, text: str, once: str, at: datetime) -> int:
    """Tell the holders of a batch's unused vouchers something, once each; inside an act. Returns how many were told."""
    count = 0
    for handful in _holders(batch):
        messages = [
            Message(kind, title, text, person_id=person_id, subject=("voucher", pk), once=f"{once}:{pk}")
            for pk, person_id in handful
        ]
        count += tell(batch.city_code, messages, at=at)
    return count


def _holders(batch: VoucherBatch) -> Iterator[list[tuple[int, int]]]:
    """The unused vouchers of a batch with their holders, in handfuls."""
    rows = Voucher.objects.filter(city_code=batch.city_code, batch=batch, state="claimed").order_by("id")
    last = 0
    while handful := list(rows.filter(pk__gt=last).values_list("pk", "person_id")[:_AT_ONCE]):
        last = handful[-1][0]
        yield handful

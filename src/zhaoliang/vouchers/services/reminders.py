"""What holders of unused vouchers are told before it is too late: the end of validity, and that nobody takes it any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings

from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import format_cn_time
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.registry.services import Message, tell
from zhaoliang.vouchers.models import Voucher, VoucherBatch
from zhaoliang.vouchers.scope import usable_projects

_AT_ONCE = 1000


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

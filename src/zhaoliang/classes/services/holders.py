"""What the holder of a voucher does himself: use it for a class that has not begun, and take that back before it begins."""

from __future__ import annotations

from datetime import datetime

from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.classes.selectors import training_class as found_class
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day, format_cn_date
from zhaoliang.kernel.errors import NotFound, Refusal, WrongState
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.vouchers.models import Voucher
from zhaoliang.vouchers.services import undone, use_voucher

# Before it begins; a draft has no number of its own yet, but a roster may be waiting for its vouchers.
BEFORE = ("draft", "filed", "accepted")


def use_own(*, actor: Actor, at: datetime, voucher: Voucher, class_id: int, key: str | None) -> Voucher:
    """Use a voucher for a class that has not begun, as the gate does under the same key. Raises NotFound, and what
    `use_voucher` raises.
    """
    found = found_class(voucher.city_code, class_id)
    if found is None or found.state not in BEFORE:
        raise NotFound("没有使用。", "没有这个开班前的班级。", "请核对班级后再用券。")
    return use_voucher(
        actor=actor,
        at=at,
        voucher=voucher,
        provider=found.provider,
        project=found.project,
        class_id=found.pk,
        key=key,
    )


@act("classes.undo_own_use", label="本人撤销用券", grants={Role.WORKER: Reach.SELF}, on="voucher")
def undo_own_use(*, actor: Actor, at: datetime, voucher: Voucher) -> Voucher:
    """Take a use back before the class begins: the voucher is as it was claimed, whichever way it was used.

    Raises WrongState for a class that has begun, Refusal for who is on its roster.
    """
    found = found_class(voucher.city_code, voucher.class_id) if voucher.class_id is not None else None
    if found is not None:
        begun = found.state not in BEFORE or found.starts_on <= chinese_day(at)
        if begun:
            raise WrongState(
                "没有撤销。",
                f"“{found.name}”{format_cn_date(found.starts_on)}开班，开班后用券不能撤销。",
                "不想学了，请告诉机构办理中途退出。",
            )
        if listed(voucher, found):
            raise Refusal(
                "没有撤销。", f"机构已把您列入“{found.name}”的名册。", "请先让机构把您移出名册，券会自动恢复可用。"
            )
    return undone(voucher)


def listed(voucher: Voucher, training_class: TrainingClass) -> bool:
    """Whether the voucher's holder is on the class's roster with it."""
    rows = Enrolment.objects.filter(city_code=voucher.city_code, training_class=training_class, voucher=voucher)
    return rows.exclude(state="removed").exists()

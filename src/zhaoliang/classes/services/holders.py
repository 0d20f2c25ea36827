"""Vouchers used for a class that has not begun: by their holder, taken back by him, freed where the class is not for him."""

from __future__ import annotations

from datetime import datetime

from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.classes.selectors import training_class as found_class
from zhaoliang.classes.services.roster import freed_notice, release_enrolment
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day, format_cn_date
from zhaoliang.kernel.errors import NotFound, Refusal, WrongState
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.registry.services import Message, tell
from zhaoliang.registry.standing import Gate, barred_organisations
from zhaoliang.vouchers.models import Voucher
from zhaoliang.vouchers.qr import is_qr
from zhaoliang.vouchers.selectors import used_for
from zhaoliang.vouchers.services import undone, use_by_code, use_voucher, verify_voucher

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


def use_at_counter(
    *, actor: Actor, at: datetime, place: Place, code: str, class_id: int, method: str, key: str | None
) -> Voucher:
    """Use the voucher whose holder shows its code or QR for a class of the place's organisation that has not begun.

    A typed code is verified first, so that guessing by using is slowed down like guessing by asking. Raises NotFound,
    TooManyTries, and what `use_by_code` raises.
    """
    found = found_class(place.city_code, class_id)
    if found is None or found.provider_id != place.organisation_id or found.state not in BEFORE:
        raise NotFound("没有使用。", "本机构没有这个开班前的班级。", "请核对班级后再用券。")
    if not is_qr(code):
        verify_voucher(actor=actor, at=at, place=place, code=code, organisation=found.provider, method=method)
    return use_by_code(
        actor=actor,
        at=at,
        place=place,
        code=code,
        provider=found.provider,
        project=found.project,
        class_id=found.pk,
        key=key,
    )


@act("classes.undo_own_use", label="本人撤销用券", grants={Role.WORKER: Reach.SELF}, on="voucher")
def undo_own_use(*, actor: Actor, at: datetime, voucher: Voucher) -> Voucher:
    """Take a use back before the class begins: the voucher is as it was claimed, whichever way it was used.

    Raises WrongState for a class that has begun, Refusal for who is on its roster, unless its provider may not train any more.
    """
    found = found_class(voucher.city_code, voucher.class_id) if voucher.class_id is not None else None
    if found is None:
        return undone(voucher)
    if problem := undo_refused(voucher, found, at):
        raise problem
    if (enrolment := listed(voucher, found)) is None:
        return undone(voucher)
    # Nobody at the provider may take him off the roster any more.
    release_enrolment(enrolment, actor=actor, at=at, reason="机构不能开展培训，本人撤销用券")
    voucher.refresh_from_db()
    return voucher


def undo_refused(voucher: Voucher, used_for: TrainingClass, at: datetime) -> Refusal | None:
    """Why its holder cannot take back the use for this class now; None where he can."""
    if used_for.state == "withdrawn":
        return None
    if used_for.state not in BEFORE or used_for.starts_on <= chinese_day(at):
        return WrongState(
            "没有撤销。",
            f"“{used_for.name}”{format_cn_date(used_for.starts_on)}开班，开班后用券不能撤销。",
            "不想学了，请告诉机构办理中途退出。",
        )
    barred = barred_organisations(used_for.city_code, Gate.VOUCHER, chinese_day(at))
    if used_for.provider_id in barred or listed(voucher, used_for) is None:
        return None
    return Refusal(
        "没有撤销。", f"机构已把您列入“{used_for.name}”的名册。", "请先让机构把您移出名册，券会自动恢复可用。"
    )


def free_unlisted(training_class: TrainingClass, *, at: datetime, why: str) -> int:
    """Free the vouchers used for a class by people who are not on its roster, and tell them `why`; inside an act.

    Returns how many. A voucher whose holder was dropped stays bound.
    """
    city_code = training_class.city_code
    on_roster = Enrolment.objects.filter(city_code=city_code, training_class=training_class).exclude(state="removed")
    kept = set(on_roster.values_list("voucher_id", flat=True))
    freed = [undone(one) for one in used_for(city_code, [training_class.pk]) if one.pk not in kept]
    tell(city_code, [freed_notice(one, training_class, why) for one in freed], at=at)
    return len(freed)


@act("classes.warn_holders", label="提醒机构受限的持券人", grants={Role.SYSTEM: Reach.ANY}, on="place")
def warn_holders(*, actor: Actor, at: datetime, place: Place) -> int:
    """Tell, once each, who used a voucher for a class that has not begun at a provider that may not train any more that it can
    be taken back. Returns how many messages were written or known."""
    barred = barred_organisations(place.city_code, Gate.VOUCHER, chinese_day(at))
    rows = TrainingClass.objects.filter(
        city_code=place.city_code, provider_id__in=barred, state__in=BEFORE, starts_on__gt=chinese_day(at)
    )
    classes = {one.pk: one for one in rows.select_related("provider")}
    messages = [
        Message(
            "voucher_provider_barred",
            "您用券的机构现在不能培训",
            f"“{found.provider.short_name}”现在不能开展培训，“{found.name}”可能开不了班。"
            "您可以在开班前撤销用券，券马上恢复可用，再选别的机构。"[:300],
            voucher.person_id,
            None,
            ("voucher", voucher.pk),
            once=f"barred-{found.pk}:{voucher.pk}",
        )
        for voucher in used_for(place.city_code, list(classes))
        if (found := classes[voucher.class_id or 0])
    ]
    return tell(place.city_code, messages, at=at)


def listed(voucher: Voucher, training_class: TrainingClass) -> Enrolment | None:
    """The place on the class's roster of the voucher's holder with it; None where he has none."""
    rows = Enrolment.objects.filter(city_code=voucher.city_code, training_class=training_class, voucher=voucher)
    return rows.select_related("voucher__batch").exclude(state="removed").first()

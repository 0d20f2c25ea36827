"""The life of a voucher: claimed, used, into a claim, redeemed; or returned, expired. No state changes elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection
from django.db.models import F

from zhaoliang.catalogue.models import Project
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.identifiers.voucher_code import new_code
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.registry.models import Organisation, Person
from zhaoliang.registry.services import Message, tell
from zhaoliang.registry.standing import Gate, standing_on
from zhaoliang.vouchers import refusals
from zhaoliang.vouchers.models import BatchSlot, Voucher, VoucherBatch
from zhaoliang.vouchers.services.declaring import declared_besides
from zhaoliang.vouchers.states import VOUCHER

CLOSED_JUST_NOW = "ZL011"


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

    The policies in force are asked: a no refuses with its clause. Where nobody can tell, or no register says that the person
    belongs to the batch's groups, the declaration stands for it and is kept with the voucher (方案 一（一）3（1）), except in
    directed batches. Raises NotDeclared, NotForYou, NotOpen, HasOne, NoneLeft.
    """
    return _claim(at, person, batch, declared, channel)


@act("vouchers.claim_at_counter", label="窗口代领培训券", grants={Role.REVIEWER: Reach.REGION}, on="person")
def claim_at_counter(*, actor: Actor, at: datetime, person: Person, batch: VoucherBatch, declared: str) -> Voucher:
    """An officer claims for a person who stands before him, seen with a document. `declared` is "oral" or "paper": how the
    person accepted the declaration, kept with the voucher and the officer's name. Raises what `claim_voucher` raises."""
    how = {"oral": "口头承诺", "paper": "书面承诺"}.get(declared, "")
    return _claim(at, person, batch, bool(how), "counter", f"（本人到窗口{how}，{actor.name}代为录入。）")


def _claim(
    at: datetime, person: Person, batch: VoucherBatch, declared: bool, channel: str, remark: str = ""
) -> Voucher:
    if not declared:
        raise refusals.not_declared()
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
                    batch.declaration + declared_besides(batch, person, at) + remark,
                    at,
                ],
            )
            answer, voucher_id = cursor.fetchone() or ("unknown", None)
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", "") != CLOSED_JUST_NOW:
            raise
        raise refusals.closed_just_now() from error
    if answer != "ok":
        batch.refresh_from_db(fields=["state"])
        raise refusals.not_claimed(
            answer,
            state=batch.state,
            quota=batch.quota,
            claim_from=batch.claim_from,
            claim_until=batch.claim_until,
        )
    voucher = Voucher.objects.get(city_code=batch.city_code, pk=voucher_id)
    voucher.batch = batch
    return voucher


@act("vouchers.return", label="退回培训券", grants={Role.WORKER: Reach.SELF}, on="voucher")
def return_voucher(*, actor: Actor, at: datetime, voucher: Voucher) -> Voucher:
    """Give an unused voucher back; its place is free at once, and the person may claim another one (方案 二（一）1)."""
    return give_up(voucher, at, "本人退回")


@act("vouchers.return_at_counter", label="窗口代退培训券", grants={Role.REVIEWER: Reach.REGION}, on="person")
def return_at_counter(*, actor: Actor, at: datetime, person: Person, voucher: Voucher, document_end: str) -> Voucher:
    """Give an unused voucher back for its holder, who stands before the officer; he is told, and may claim another one.

    `document_end`: the last four characters of the number on the document shown. A paper that was lost is exchanged this way:
    the code on it is dead. Raises BadInput where they are others, WrongState, NotForYou for somebody else's.
    """
    if document_end.strip().upper() != person.document_number[-4:].upper():
        why = "证件号码后 4 位与持券人登记的不符。"
        raise BadInput("没有退回。", why, "请看本人的证件原件。", fields={"document_end": why})
    if (voucher.city_code, voucher.person_id) != (person.city_code, person.pk):
        raise refusals.NotForYou("没有退回。", "这张券不是本人的。", "请核对券码和证件。")
    made = give_up(voucher, at, "本人到窗口退回")
    text = f"您的“{voucher.batch.name}”已由{actor.name}在窗口代您退回。不是您本人要求的，请联系发券的人社部门。"[:300]
    about = ("voucher", voucher.pk)
    tell(person.city_code, [Message("voucher_returned", "培训券已退回", text, person.pk, None, about)], at=at)
    return made


def give_up(voucher: Voucher, at: datetime, reason: str) -> Voucher:
    """Take an unused voucher back with its place, for a new one; inside an act. Raises WrongState."""
    held = held_with_place(voucher)
    VOUCHER.fire(held, "return", ended_at=at, ended_reason=reason)
    _free_place(held)
    return held


def held_with_place(voucher: Voucher) -> Voucher:
    """The voucher as it stands, locked with its place; inside an act.

    The slot before the voucher: a claim of the same person holds its slot while it waits for this row.
    """
    BatchSlot.objects.select_for_update(of=("self",), no_key=True).get(
        city_code=voucher.city_code, batch_id=voucher.batch_id, slot=voucher.slot
    )
    return _held(voucher)


@act("vouchers.expire_due", label="到期失效", grants={Role.SYSTEM: Reach.ANY}, on="place")
def expire_due(*, actor: Actor, at: datetime, place: Place, limit: int = 2_000) -> int:
    """Expire the city's unused vouchers whose time of use is over; returns how many, at most `limit` in one call."""
    due = Voucher.objects.filter(city_code=place.city_code, state="claimed", batch__use_until__lt=at)
    found = list(due.order_by("batch_id", "id").values_list("batch_id", "pk")[:limit])
    # All slots first, as for a single return; then the vouchers, leaving out those somebody is just using.
    batches = sorted({batch_id for batch_id, _ in found})
    slots = BatchSlot.objects.filter(city_code=place.city_code, batch_id__in=batches).order_by("batch_id", "slot")
    list(slots.select_for_update(of=("self",), no_key=True))
    rows = due.filter(pk__any_of=[pk for _, pk in found])
    held = list(rows.select_for_update(of=("self",), no_key=True, skip_locked=True).order_by("id"))
    VOUCHER.fire_all(held, "expire", ended_at=at, ended_reason="到期未使用，自动失效")
    for (batch_id, slot), count in sorted(Counter((one.batch_id, one.slot) for one in held).items()):
        slots.filter(batch_id=batch_id, slot=slot).update(claimed=F("claimed") - count)
    return len(held)


def _free_place(voucher: Voucher) -> None:
    slots = BatchSlot.objects.filter(city_code=voucher.city_code, batch_id=voucher.batch_id, slot=voucher.slot)
    slots.update(claimed=F("claimed") - 1)


# Provider and project follow from the class: the gate, which is given only that, keeps the same keys.
@act(
    "vouchers.use",
    label="使用培训券",
    grants={Role.WORKER: Reach.SELF, Role.SYSTEM: Reach.ANY},
    on="voucher",
    key_of=("voucher", "class_id"),
)
def use_voucher(
    *, actor: Actor, at: datetime, voucher: Voucher, provider: Organisation, project: Project, class_id: int
) -> Voucher:
    """Use the voucher once, for a class of a project it is good for, at that project's provider.

    The caller has checked the class itself and acts for it (system) or is the holder. Raises UsedAlready, Expired, NotHere,
    WrongState, TimesMeet, Barred while no training may go on at the provider.
    """
    return used_once(actor, at, voucher, provider, project, class_id)


def hold_uses(people: Sequence[Person]) -> None:
    """Let nobody else use vouchers of these people of one city before this transaction ends; inside an act, before the first use.

    `use_voucher` does it for its own holder: needed only where one transaction uses vouchers of several people.
    """
    if people:
        with connection.cursor() as cursor:
            cursor.execute("SELECT hold_uses(%s, %s)", [people[0].city_code, [person.pk for person in people]])


def used_once(
    actor: Actor, at: datetime, voucher: Voucher, provider: Organisation, project: Project, class_id: int
) -> Voucher:
    """The use itself, for an act. Raises UsedAlready, Expired, NotHere, WrongState, TimesMeet, Barred."""
    standing_on(provider, chinese_day(at)).require(Gate.VOUCHER)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT answer, state, used_at, used_by, use_until, project_name"
            " FROM use_voucher(%s, %s, %s, %s, %s, %s, %s, %s)",
            [voucher.city_code, voucher.pk, provider.pk, project.pk, class_id, at, actor.user_id, actor.name],
        )
        answer, state, used_at, used_by, use_until, project_name = cursor.fetchone() or ("unknown", "", *[None] * 4)
    if answer != "ok":
        raise refusals.not_used(
            answer,
            state=state,
            used_at=used_at,
            here=used_by == provider.pk,
            use_until=use_until,
            project_name=project_name,
        )
    return Voucher.objects.select_related("batch__project", "provider").get(city_code=voucher.city_code, pk=voucher.pk)


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
    return undone(voucher)


def undone(voucher: Voucher) -> Voucher:
    """A used voucher as it was claimed; inside an act whose caller checked the class. Raises WrongState."""
    held = _held(voucher)
    VOUCHER.fire(held, "undo_use", provider=None, class_id=None, used_at=None, verified_at=None)
    return held


def enter_claim(voucher: Voucher) -> Voucher:
    """A verified voucher goes into the subsidy claim of its class; inside an act. Raises WrongState."""
    return _fired(voucher, "enter_claim")


def enter_claim_all(city_code: int, voucher_ids: Sequence[int]) -> None:
    """`enter_claim` for any number of vouchers of a city at once; inside an act. Raises WrongState; then none has moved."""
    VOUCHER.fire_ids(Voucher, city_code, voucher_ids, "enter_claim", source="verified")


def leave_claim(voucher: Voucher) -> Voucher:
    """Its line left the claim without money: the voucher is verified again; inside an act. Raises WrongState."""
    return _fired(voucher, "leave_claim")


def leave_claim_all(city_code: int, voucher_ids: Sequence[int]) -> None:
    """`leave_claim` for any number of vouchers of a city at once; inside an act. Raises WrongState; then none has moved."""
    VOUCHER.fire_ids(Voucher, city_code, voucher_ids, "leave_claim", source="in_claim")


def redeem(voucher: Voucher, *, at: datetime, reason: str) -> Voucher:
    """核销: the subsidy was paid, the code is dead for good (方案 一（一）4); inside an act. Raises WrongState."""
    return _fired(voucher, "redeem", ended_at=at, ended_reason=reason[:200])


def redeem_all(city_code: int, voucher_ids: Sequence[int], *, at: datetime, reason: str) -> None:
    """`redeem` for any number of vouchers of a city at once; inside an act. Raises WrongState; then none has moved."""
    VOUCHER.fire_ids(
        Voucher, city_code, voucher_ids, "redeem", source="in_claim", ended_at=at, ended_reason=reason[:200]
    )


def _fired(voucher: Voucher, event: str, **changes: Any) -> Voucher:
    held = _held(voucher)
    VOUCHER.fire(held, event, **changes)
    return held


def _held(voucher: Voucher) -> Voucher:
    rows = Voucher.objects.select_for_update(of=("self",), no_key=True).select_related("batch__project", "provider")
    return rows.get(city_code=voucher.city_code, pk=voucher.pk)

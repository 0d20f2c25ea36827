"""Acts of cost sharing: the shares are laid down, receipts are entered, wrong ones are voided by two people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.classes.selectors import locked_class
from zhaoliang.kernel.acts import act, require_other_person, running
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.money import format_yuan, split
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.registry.lawbook import clause_of, lawbook
from zhaoliang.sharing.models import CostShare, SharePart, ShareReceipt, ShareVoiding
from zhaoliang.sharing.selectors import cost_share, paid_for
from zhaoliang.sharing.states import VOIDING

CLAUSE = "cn/renshebufa-2025-10#4.6-2"
_PROVIDER = {Role.PROVIDER: Reach.ORGANISATION}
# Before the class begins people must know what they pay.
OPEN = ("draft", "filed", "accepted")
WHOLE = Decimal(100)


@act("sharing.set_shares", label="确定费用分担", grants=_PROVIDER, on="training_class")
def set_shares(
    *,
    actor: Actor,
    at: datetime,
    training_class: TrainingClass,
    price_fen: int,
    government: Decimal,
    enterprise: Decimal,
    person: Decimal,
    document: str,
) -> CostShare:
    """Share a class's price per person (fen) in per cent by government, enterprise and person (人社部发〔2025〕10号 四（六）).

    The three shares sum to the price to the fen (largest remainder). The government's is what is expected; what it pays the
    policies decide. Raises BadInput unless the per cents sum to 100, Refusal once the class has begun or somebody has paid.
    """
    what = "没有确定费用分担。"
    wrong = {
        "price_fen": "" if price_fen > 0 else "收费要大于零。",
        "government": "" if government + enterprise + person == WHOLE else "三方的比例加起来要等于 100。",
        "document": "" if 2 <= len(document.strip()) <= 200 else "请写明依据，例如收费批准或三方协议，2 到 200 个字。",
    }
    if min(government, enterprise, person) < 0:
        wrong["government"] = "比例不能是负数。"
    if fields := {name: text for name, text in wrong.items() if text}:
        raise BadInput(what, "有内容填写不对。", "请改正后重新提交。", fields=fields)
    training_class = locked_class(training_class)
    paid = ShareReceipt.objects.filter(
        city_code=training_class.city_code, training_class=training_class, voided=False
    ).exists()
    if training_class.state not in OPEN or paid:
        raise Refusal(
            what=what,
            why="已经有人缴费，分担办法不能再变。" if paid else "开班以后，分担办法不能再变。",
            next_step="多收或少收的，请登记退费或缴费。",
            clause=clause_of(lawbook().citation(CLAUSE)),
        )
    earlier = cost_share(training_class)
    shares = split(price_fen, [government, enterprise, person])
    return CostShare.objects.create(
        city_code=training_class.city_code,
        training_class=training_class,
        number=earlier.number + 1 if earlier else 1,
        price_fen=price_fen,
        government_fen=shares[0],
        enterprise_fen=shares[1],
        person_fen=shares[2],
        document=document.strip(),
        at=at,
        by_name=actor.name,
    )


@act("sharing.enter_receipt", label="登记缴费", grants=_PROVIDER, on="training_class")
def enter_receipt(
    *,
    actor: Actor,
    at: datetime,
    training_class: TrainingClass,
    payer: str,
    payer_name: str,
    people: Sequence[Enrolment],
    total_fen: int,
    paid_on: date,
    number: str,
) -> ShareReceipt:
    """Enter what a person or an enterprise paid to the provider, with the receipt; an enterprise's is shared equally by its people.

    Together with what was paid before it may not exceed the price of anybody. Raises BadInput by field, Refusal without
    shares, for a receipt entered before, and for more than the price.
    """
    what = "没有登记缴费。"
    training_class = locked_class(training_class)
    chosen = sorted({one.pk: one for one in people}.values(), key=lambda one: one.pk)
    wrong = {
        "payer": "" if payer in dict(ShareReceipt.PAYERS) else "请选择谁出的。",
        "payer_name": "" if payer_name.strip() or payer == "person" else "请填写企业名称。",
        "people": "" if chosen else "请选择为谁缴的。",
        "total_fen": "" if total_fen >= max(1, len(chosen)) else "金额要大于零。",
        "paid_on": "" if paid_on <= chinese_day(at) else "缴费日期不能晚于今天。",
        "number": "" if number.strip() else "请填写收据号。",
    }
    if payer == "person" and len(chosen) > 1:
        wrong["people"] = "个人缴费一次登记一个人。"
    if any(one.training_class_id != training_class.pk or one.state == "removed" for one in chosen):
        wrong["people"] = "所选的人不在这个班的名册里。"
    if fields := {name: text for name, text in wrong.items() if text}:
        raise BadInput(what, "有内容填写不对。", "请改正后重新提交。", fields=fields)
    shares = cost_share(training_class)
    if shares is None:
        raise Refusal(what, "这个班还没有确定费用分担。", "请先填写每人收费和三方比例。")
    parts = split(total_fen, [1] * len(chosen))
    before = paid_for(training_class.city_code, [one.pk for one in chosen])
    for one, fen in zip(chosen, parts, strict=True):
        held = before[one.pk].total_fen if one.pk in before else 0
        if held + fen > shares.price_fen:
            raise Refusal(
                what,
                f"{one.person.name}已缴 {format_yuan(held)}，加上这一笔会超过每人收费 {format_yuan(shares.price_fen)}。",
                "请核对金额和人员；一张收据只登记一次。",
            )
    name = chosen[0].person.name if payer == "person" else payer_name.strip()
    return keep_receipt(training_class, payer, "paid", name, list(zip(chosen, parts, strict=True)), paid_on, number, at)


def keep_receipt(
    training_class: TrainingClass,
    payer: str,
    direction: str,
    payer_name: str,
    parts: Sequence[tuple[Enrolment, int]],
    paid_on: date,
    number: str,
    at: datetime,
) -> ShareReceipt:
    """Store a receipt with its parts (fen) inside an act. Raises Refusal where the provider has entered its number before."""
    actor = running().actor
    try:
        with transaction.atomic():
            made = ShareReceipt.objects.create(
                city_code=training_class.city_code,
                training_class=training_class,
                provider=training_class.provider,
                payer=payer,
                direction=direction,
                payer_name=payer_name[:120],
                total_fen=sum(fen for _, fen in parts),
                paid_on=paid_on,
                number=number.strip()[:60],
                at=at,
                by_name=actor.name,
            )
    except IntegrityError as problem:
        raise Refusal(
            "没有重复登记。", f"收据号 {number.strip()} 已经登记过。", "请核对收据号；登错的可以提请作废。"
        ) from problem
    SharePart.objects.bulk_create(
        SharePart(city_code=training_class.city_code, receipt=made, enrolment=one, amount_fen=fen) for one, fen in parts
    )
    return made


@act("sharing.propose_voiding", label="提请作废收据", grants=_PROVIDER, on="receipt")
def propose_voiding(*, actor: Actor, at: datetime, receipt: ShareReceipt, reason: str) -> ShareVoiding:
    """Say that a receipt was entered wrongly; somebody else decides. Raises BadInput without a reason, Refusal."""
    what = "没有提请作废。"
    if not 2 <= len(reason.strip()) <= 200:
        raise BadInput(what, "请写明哪里登错了，2 到 200 个字。", "请补写后再提交。", fields={"reason": "请填写原因。"})
    receipt = _locked(receipt)
    if (
        receipt.voided
        or ShareVoiding.objects.filter(city_code=receipt.city_code, receipt=receipt, state="proposed").exists()
    ):
        raise Refusal(what, "这张收据已经作废，或正在等人核对。", "请在收据列表里查看。")
    return ShareVoiding.objects.create(
        city_code=receipt.city_code,
        receipt=receipt,
        reason=reason.strip(),
        proposed_at=at,
        proposed_by_user=actor.user_id,
        proposed_by_person=actor.person_id,
        proposed_by_name=actor.name,
    )


@act("sharing.decide_voiding", label="核对收据作废", grants={Role.REVIEWER: Reach.REGION}, on="voiding")
def decide_voiding(*, actor: Actor, at: datetime, voiding: ShareVoiding, agree: bool) -> ShareVoiding:
    """Void a receipt or leave it, by another person than who asked. Raises SamePerson, WrongState.

    Raises Refusal where money was given back on the strength of the receipt: then the refund is voided first.
    """
    receipt = _locked(voiding.receipt)
    voiding = ShareVoiding.objects.select_for_update(no_key=True).get(city_code=voiding.city_code, pk=voiding.pk)
    require_other_person(actor, person_id=voiding.proposed_by_person, user_id=voiding.proposed_by_user, step="提请作废")
    VOIDING.fire(
        voiding,
        "confirm" if agree else "decline",
        decided_at=at,
        decided_by_user=actor.user_id,
        decided_by_person=actor.person_id,
        decided_by_name=actor.name,
    )
    if agree:
        receipt.voided = True
        receipt.save(update_fields=["voided"])
        people = list(
            SharePart.objects.filter(city_code=receipt.city_code, receipt=receipt).values_list(
                "enrolment_id", flat=True
            )
        )
        left = paid_for(receipt.city_code, people).values()
        if any(min(one.person_fen, one.enterprise_fen) < 0 for one in left):
            raise Refusal("没有作废。", "按这张收据已经退过费，作废后会变成退的比收的多。", "请先作废那笔退费。")
    return voiding


def _locked(receipt: ShareReceipt) -> ShareReceipt:
    """The receipt as it is now; its class is locked first, as by whoever enters another."""
    locked_class(receipt.training_class)
    rows = ShareReceipt.objects.select_for_update(of=("self",), no_key=True).select_related("training_class__project")
    return rows.get(city_code=receipt.city_code, pk=receipt.pk)

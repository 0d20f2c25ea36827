"""Giving back what a provider holds beyond the price of a trainee."""

from __future__ import annotations

from datetime import date, datetime

from zhaoliang.classes.models import Enrolment
from zhaoliang.classes.selectors import locked_class
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.money import format_yuan
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.registry.lawbook import clause_of, lawbook
from zhaoliang.registry.services import Message, tell
from zhaoliang.sharing.models import ShareReceipt
from zhaoliang.sharing.services import CLAUSE, keep_receipt
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.subsidies.shares import cost_standings


@act("subsidies.refund_share", label="登记退费", grants={Role.PROVIDER: Reach.ORGANISATION}, on="enrolment")
def refund_share(
    *,
    actor: Actor,
    at: datetime,
    enrolment: Enrolment,
    payer: str,
    amount_fen: int,
    paid_on: date,
    number: str,
) -> ShareReceipt:
    """Enter that the provider gave money (fen) back to the trainee or the enterprise, and tell the trainee.

    At most what the provider holds beyond the price, and never what the subsidy has paid to the same person already. Raises
    BadInput by field, Refusal.
    """
    what = "没有登记退费。"
    wrong = {
        "payer": "" if payer in dict(ShareReceipt.PAYERS) else "请选择退给谁。",
        "amount_fen": "" if amount_fen > 0 else "金额要大于零。",
        "paid_on": "" if paid_on <= chinese_day(at) else "退费日期不能晚于今天。",
        "number": "" if number.strip() else "请填写退费凭证号。",
    }
    if fields := {name: text for name, text in wrong.items() if text}:
        raise BadInput(what, "有内容填写不对。", "请改正后重新提交。", fields=fields)
    training_class = locked_class(enrolment.training_class)
    # Nobody decides or approves the trainee's lines until this refund stands.
    list(ClaimLine.objects.select_for_update(no_key=True).filter(city_code=enrolment.city_code, enrolment=enrolment))
    found = cost_standings([enrolment]).get(enrolment.pk)
    most = found.refund_fen(payer) if found else 0
    if found is None or amount_fen > most:
        to_self = found is not None and payer == "person" and found.to_person
        paid_to_self = "政府补贴已经发给本人，不能再退同一笔钱。" if to_self else ""
        raise Refusal(
            what=what,
            why=f"{paid_to_self}现在应退{'本人' if payer == 'person' else '企业'} {format_yuan(most)}。",
            next_step="只退超出每人收费的部分；请核对缴费和补贴。",
            clause=clause_of(lawbook().citation(CLAUSE)),
        )
    person = enrolment.person
    name = person.name if payer == "person" else enrolment.employer_name or "企业"
    made = keep_receipt(training_class, payer, "refunded", name, [(enrolment, amount_fen)], paid_on, number, at)
    if payer == "person":
        message = Message(
            kind="share",
            title=f"机构退给您 {format_yuan(amount_fen)}",
            text=f"{training_class.name}：缴费和补贴合计超过每人收费的部分，已登记退还。没有收到请联系机构或人社部门。",
            person_id=person.pk,
            subject=("enrolment", enrolment.pk),
            once=f"share-refund:{made.pk}",
        )
        tell(training_class.city_code, [message], at=at)
    return made

"""What a claim declares besides the batch's own text, and whom the batch is not for: by the policies and the registers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from zhaoliang.kernel.days import chinese_day
from zhaoliang.policy import Outcome
from zhaoliang.registry.lawbook import clause_of
from zhaoliang.registry.models import GroupMembership, Person
from zhaoliang.registry.selectors import groups_of_people
from zhaoliang.vouchers import refusals
from zhaoliang.vouchers.eligibility import Verdict, verdicts
from zhaoliang.vouchers.models import VoucherBatch

_GROUP_NAMES: dict[str, str] = dict(GroupMembership.GROUPS)


def declared_besides(batch: VoucherBatch, person: Person, at: datetime) -> str:
    """What the person's declaration adds to the batch's text: what nobody could check, '' where all is known.

    Raises NotForYou where a policy in force says no (with its clause), or a directed batch is for others.
    """
    found = declarations(batch, [person], at)[person.pk]
    if isinstance(found, refusals.NotForYou):
        raise found
    return found


def declarations(batch: VoucherBatch, people: Sequence[Person], at: datetime) -> dict[int, str | refusals.NotForYou]:
    """`declared_besides` of each person, or the refusal instead of it; queries do not grow with their number."""
    on = chinese_day(at)
    said, outside = verdicts(people, batch, on), strangers(batch, people, on)
    return {one.pk: _declaration(batch, said[one.pk], one.pk in outside) for one in people}


def strangers(batch: VoucherBatch, people: Sequence[Person], on: date) -> set[int]:
    """Those whom no register knows to belong to the batch's groups; none where it is for everybody."""
    if not batch.groups:
        return set()
    proved: dict[int, set[str]] = defaultdict(set)
    for row in groups_of_people(city_code=batch.city_code, person_ids=[one.pk for one in people], on=on):
        if row.evidence != "declared":
            proved[row.person_id].add(row.group)
    return {one.pk for one in people if not proved[one.pk] & set(batch.groups)}


def groups_named(batch: VoucherBatch) -> str:
    """The batch's groups in words."""
    return "、".join(_GROUP_NAMES[group] for group in batch.groups)


def _declaration(batch: VoucherBatch, said: Verdict, stranger: bool) -> str | refusals.NotForYou:
    # Whom the batch is for first: that is the plainer answer.
    if stranger and batch.kind == "directed":
        return refusals.NotForYou(
            "没有领取。",
            f"这是定向券，发给：{groups_named(batch)}。目前没有查到您属于其中任何一类。",
            "如果您属于其中一类，请带证明材料到人社窗口登记后再领取。",
            refusals.WHO_MAY,
        )
    if said.outcome is Outcome.FAIL:
        rule = said.refusals[0]
        return refusals.NotForYou(
            "没有领取。",
            rule.says if rule.says.endswith("。") else f"{rule.says}。",
            rule.remedy or "看看其他能领的券；认为登记的情况不对的，请到人社窗口更正。",
            clause_of(rule.citation),
        )
    groups = f"本人承诺属于以下人员类别之一：{groups_named(batch)}。" if stranger else ""
    if not said.missing:
        return groups
    return f"{groups}平台还不能查到：{'、'.join(said.missing)}。本人承诺符合领券条件，并接受核实。"

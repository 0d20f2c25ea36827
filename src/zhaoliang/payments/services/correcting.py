"""The payee puts right the account that money came back from; what waited for it goes into the next batch by itself."""

from __future__ import annotations

from datetime import datetime

from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.payments.models import PaymentLine
from zhaoliang.registry.models import Organisation
from zhaoliang.registry.selectors import person
from zhaoliang.registry.services import set_card, set_organisation_account
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.subsidies.selectors import due_payments
from zhaoliang.subsidies.services import retry_all_of, retry_due, take_due_for_retry, take_for_retry, try_again


@act("payments.correct_account", label="更正收款账号并再拨", grants={Role.WORKER: Reach.SELF}, on="line")
def correct_account(*, actor: Actor, at: datetime, line: ClaimLine, account_number: str) -> ClaimLine:
    """Replace the person's own card and let everything of the line that came back from it wait for the next batch.

    Raises Refusal when nothing of it is paid to the person and came back, or when the account is still the one the bank
    refused; InvalidIdentifier.
    """
    line = take_for_retry(line)
    dues = [take_due_for_retry(due) for due in due_payments(line) if due.state == "failed" and due.payee == "person"]
    own = line.state == "failed" and line.payee == "person"
    if not dues and not own:
        raise Refusal(
            what="没有更正。",
            why="这笔补贴现在没有付给您又被退回的款项。",
            next_step="请刷新页面，看它走到哪一步了。",
        )
    set_card(actor=actor, at=at, person=line.person, card_number=account_number)
    refused = PaymentLine.objects.filter(city_code=line.city_code, claim_line=line, state__in=("failed", "returned"))
    last = refused.exclude(batch__state="dissolved").order_by("-id").first()
    if last is not None and last.account_number == person(line.city_code, line.person_id).card_number:
        raise Refusal(
            what="还不能再拨。",
            why=f"这正是银行退回的那个账号，银行说：{last.failure}。",
            next_step="请换一个本人名下能收款的账号；账号没有错的，请联系人社部门向银行核实。",
        )
    if own:
        try_again(line)
    for due in dues:
        retry_due(due)
    return line


@act(
    "payments.correct_organisation_account",
    label="更正单位账号并再拨",
    grants={Role.PROVIDER: Reach.ORGANISATION},
    on="organisation",
)
def correct_organisation_account(
    *, actor: Actor, at: datetime, organisation: Organisation, account_number: str
) -> Organisation:
    """Replace the organisation's own account and let everything paid to it that came back wait for the next batch.

    Raises Refusal when the account is the one it had, BadInput.
    """
    before = organisation.account_number
    changed = set_organisation_account(actor=actor, at=at, organisation=organisation, account_number=account_number)
    if changed.account_number == before:
        raise Refusal(
            what="还不能再拨。",
            why="这正是银行退回的那个账号。",
            next_step="请填写能收款的单位账号；账号没有错的，请联系人社部门向银行核实。",
        )
    retry_all_of(organisation)
    return changed

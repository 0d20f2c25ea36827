"""The accounts a region pays its funds from: entered by one person, confirmed by another who types the number again."""

from __future__ import annotations

import re
from datetime import datetime

from django.db import connection

from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.identifiers import normalise
from zhaoliang.kernel.masking import mask_card
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.payments.models import PayingAccount
from zhaoliang.payments.selectors import account_in_use
from zhaoliang.payments.states import PAYING_ACCOUNT


def no_account_in_use(fund_source: str) -> Refusal:
    """The refusal of a batch whose money has no account to leave from."""
    label = FundSource(fund_source).label
    return Refusal(
        what="没有封存批次。",
        why=f"本地区“{label}”还没有经复核的付款账户，银行不知道从哪里付款。",
        next_step="请在“资金拨付—付款账户”登记，由财政部门的同事复核后，再封存这一批次。",
    )


@act("payments.set_account", label="登记付款账户", grants={Role.FUND_OFFICER: Reach.REGION}, on="place")
def set_paying_account(
    *,
    actor: Actor,
    at: datetime,
    place: Place,
    fund_source: str,
    bank_name: str,
    bank_code: str,
    account_name: str,
    account_number: str,
) -> PayingAccount:
    """Enter the account a region is to pay a fund from. Nothing is paid from it until another person confirms it.

    `bank_code` is the bank's number in the national clearing system, twelve digits (or empty). Raises BadInput, and Refusal
    while another one of the fund waits or when it is the one in use.
    """
    number, code = normalise(account_number, drop="-"), normalise(bank_code)
    wrong = {
        "fund_source": "" if fund_source in FundSource.values else "没有这个资金渠道。",
        "bank_name": "" if bank_name.strip() else "请填写开户银行。",
        "account_name": "" if account_name.strip() else "请填写户名。",
        "account_number": "" if re.fullmatch(r"[0-9]{8,32}", number) else "账号应为 8 到 32 位数字。",
        "bank_code": "" if re.fullmatch(r"([0-9]{12})?", code) else "联行号是 12 位数字。",
    }
    if fields := {field: message for field, message in wrong.items() if message}:
        raise BadInput("付款账户没有登记。", "有内容填写不对。", "请改正后重新提交。", fields=fields)
    # Of two people entering at once the second waits here and then finds the first one's.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('paying_account', %s))", [place.region_code])
    rows = PayingAccount.objects.filter(
        city_code=place.city_code, region_code=place.region_code, fund_source=fund_source
    )
    if rows.filter(state="entered").exists():
        raise Refusal(
            "付款账户没有登记。", "这个资金渠道已有一个账户在等复核。", "请先由另一位同事复核它，或决定不采用。"
        )
    said = {"bank_name": bank_name.strip(), "bank_code": code, "account_name": account_name.strip()}
    used = rows.filter(state="confirmed", **said).first()
    if used is not None and used.account_number == number:
        raise Refusal("付款账户没有登记。", "它就是现在在用的账户，各项都一样。", "不用再登记。")
    return PayingAccount.objects.create(
        city_code=place.city_code,
        region_code=place.region_code,
        fund_source=fund_source,
        **said,
        account_number=number,
        account_masked=mask_card(number),
        at=at,
        entered_by_user=actor.user_id,
        entered_by_person=actor.person_id,
        entered_by_name=actor.name,
    )


_DECIDERS = {Role.FINANCE: Reach.REGION}


@act("payments.confirm_account", label="复核付款账户", grants=_DECIDERS, on="account")
def confirm_paying_account(*, actor: Actor, at: datetime, account: PayingAccount, account_number: str) -> PayingAccount:
    """Put an entered account into use and the one before it out of it.

    `account_number` is the whole number, typed again from the bank's paper: pages mask it, so looking would prove nothing.
    Raises SamePerson for who entered it, BadInput when the numbers differ, WrongState.
    """
    account = _waiting(account, actor, "confirm")
    if normalise(account_number, drop="-") != account.account_number:
        raise BadInput(
            "付款账户没有启用。",
            "您输入的账号与登记的不一样。",
            "请对照银行的开户资料再输一次；登记有误的，请选择不采用，由登记人重新登记。",
            fields={"account_number": "与登记的账号不一样。"},
        )
    before = account_in_use(account.city_code, account.region_code, account.fund_source)
    if before is not None:
        PAYING_ACCOUNT.fire(before, "replace")
    PAYING_ACCOUNT.fire(account, "confirm", **_decided(actor, at))
    return account


@act("payments.refuse_account", label="不采用付款账户", grants=_DECIDERS, on="account")
def refuse_paying_account(*, actor: Actor, at: datetime, account: PayingAccount, note: str) -> PayingAccount:
    """Turn down an entered account, saying why; the one in use stays. Raises SamePerson, BadInput without a reason, WrongState."""
    account = _waiting(account, actor, "refuse")
    if len(note.strip()) < 4:
        raise BadInput("没有登记。", "没有写明理由。", "请写明理由。", fields={"note": "请写明理由，至少 4 个字。"})
    PAYING_ACCOUNT.fire(account, "refuse", note=note.strip()[:500], **_decided(actor, at))
    return account


def _waiting(account: PayingAccount, actor: Actor, event: str) -> PayingAccount:
    rows = PayingAccount.objects.select_for_update(no_key=True)
    account = rows.get(city_code=account.city_code, pk=account.pk)
    if not PAYING_ACCOUNT.allows(account.state, event):
        raise PAYING_ACCOUNT.refusal(account.state, event)
    require_other_person(
        actor, person_id=account.entered_by_person, user_id=account.entered_by_user, step="登记付款账户"
    )
    return account


def _decided(actor: Actor, at: datetime) -> dict[str, object]:
    return {
        "decided_at": at,
        "decided_by_user": actor.user_id,
        "decided_by_person": actor.person_id,
        "decided_by_name": actor.name,
    }

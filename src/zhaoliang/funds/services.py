"""Acts of the ledger: accounts are opened, budgets allocated, and every other folder posts its transfers here.

The rules of a posting live in one place, `sql/ledger.sql`; this module only calls it and turns its refusals into words.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, ClassVar

from django.db import DatabaseError, connection

from zhaoliang.funds.models import Account, FundSource, Transfer
from zhaoliang.kernel.acts import act, running
from zhaoliang.kernel.errors import BadInput, Busy, Exhausted, Refusal
from zhaoliang.kernel.money import format_yuan
from zhaoliang.kernel.roles import Actor, Place, Reach, Role

DEADLOCK, UNIQUE = "40P01", "23505"
NOT_ENOUGH, NO_SUCH_WAY, CODE_TAKEN = "ZL001", "ZL002", "ZL003"

_OPENERS = {Role.FUND_OFFICER: Reach.REGION, Role.SYSTEM: Reach.ANY}
_ALLOCATORS = {Role.FUND_OFFICER: Reach.REGION, Role.FINANCE: Reach.REGION}


class NotABooking(Refusal):
    """A movement the books do not know: wrong kinds of account, two cities, two fund sources, no true mirror."""

    code: ClassVar[str] = "not_a_booking"


class AlreadyPosted(Refusal):
    """The same step of the same subject is in the books already, or the transfer was reversed before."""

    code: ClassVar[str] = "already_posted"


@act("funds.open_account", label="开立资金账户", grants=_OPENERS, on="place")
def open_account(
    *, actor: Actor, at: datetime, place: Place, code: str, name: str, kind: str, fund_source: str, year: int
) -> Account:
    """Open an account with balance 0 in the place's region; one that is the same already is returned.

    Raises BadInput for an unknown kind, fund source or year, and for a code that another account has.
    """
    wrong = {
        "code": "" if code.strip() else "请填写账户编码。",
        "name": "" if name.strip() else "请填写账户名称。",
        "kind": "" if kind in dict(Account.KINDS) else "没有这种账户。",
        "fund_source": "" if fund_source in FundSource.values else "没有这个资金渠道。",
        "year": "" if 2000 <= year <= 2100 else "年度应为四位数。",
    }
    if fields := {field: message for field, message in wrong.items() if message}:
        raise BadInput("账户没有开立。", "有内容填写不对。", "请改正后重新提交。", fields=fields)
    return ensure_account(
        city_code=place.city_code,
        region_code=place.region_code,
        code=code.strip(),
        name=name.strip(),
        kind=kind,
        fund_source=fund_source,
        year=year,
    )


@act("funds.allocate", label="下达预算", grants=_ALLOCATORS, on="account")
def allocate(*, actor: Actor, at: datetime, account: Account, amount_fen: int, memo: str) -> Transfer:
    """Bring money (fen) into a budget account from the appropriation of its region, fund source and year.

    Raises BadInput unless the account is a budget account, the amount is positive and a reason is given.
    """
    if account.kind != "budget":
        raise BadInput("预算没有下达。", f"“{account.name}”不是预算账户。", "请选择一个预算账户。")
    if amount_fen <= 0:
        raise BadInput(
            "预算没有下达。", "金额必须大于零。", "请改正后提交。", fields={"amount_fen": "金额必须大于零。"}
        )
    if not memo.strip():
        raise BadInput(
            "预算没有下达。", "没有写明依据。", "请写上预算文件名称或文号。", fields={"memo": "请填写依据。"}
        )
    source = ensure_account(
        city_code=account.city_code,
        region_code=account.region_code,
        code=f"appropriation-{account.region_code}-{account.fund_source}-{account.year}",
        name=f"{account.year} 年{FundSource(account.fund_source).label}财政拨入",
        kind="appropriation",
        fund_source=account.fund_source,
        year=account.year,
    )
    return post_transfer(
        kind="allocate",
        debit=source,
        credit=account,
        amount_fen=amount_fen,
        at=at,
        subject_type="account",
        subject_id=account.pk,
        memo=memo.strip(),
    )


def ensure_account(
    *, city_code: int, region_code: int, code: str, name: str, kind: str, fund_source: str, year: int
) -> Account:
    """The account with this code, opened when missing; inside an act. Raises BadInput when another account has the code."""
    running()
    pk = _call(
        "SELECT ledger_account(%s, %s, %s, %s, %s, %s, %s)",
        [city_code, code, name, kind, str(fund_source), year, region_code],
    )
    return Account.objects.get(city_code=city_code, pk=pk)


def post_transfer(
    *,
    kind: str,
    debit: Account,
    credit: Account,
    amount_fen: int,
    at: datetime,
    subject_type: str,
    subject_id: int,
    memo: str,
    reverses: Transfer | None = None,
) -> Transfer:
    """Move `amount_fen` from `debit` to `credit` in the running act's transaction.

    Kinds and the accounts they join: allocate appropriation|budget→budget (or by clearing), reserve budget→reserved,
    release reserved→budget, accrue reserved|budget→payable, pay payable→disbursed, recover disbursed→recovered→budget,
    reverse = the exact mirror of `reverses`. All but allocate, reserve and release happen once for a subject.
    Raises Exhausted when the debited account has not enough, AlreadyPosted, NotABooking, Busy. A refusal by the database
    ends the transaction: let it pass through to the act.
    """
    running()
    if isinstance(amount_fen, bool) or not isinstance(amount_fen, int):
        raise TypeError(f"an amount is a whole number of fen, not {type(amount_fen).__name__}")
    pk = _call(
        "SELECT ledger_post(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            debit.city_code,
            kind,
            debit.pk,
            credit.pk if credit.city_code == debit.city_code else None,
            amount_fen,
            at,
            subject_type,
            subject_id,
            memo[:200],
            reverses.pk if reverses else None,
        ],
    )
    transfer = Transfer.objects.get(city_code=debit.city_code, pk=pk)
    debit.balance_fen, credit.balance_fen = transfer.debit_after_fen, transfer.credit_after_fen
    return transfer


def _call(statement: str, parameters: list[Any]) -> Any:
    """Run one of the ledger's functions. Raises the refusal that its SQLSTATE stands for."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            row = cursor.fetchone()
    except DatabaseError as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        raise refusal from error
    assert row is not None
    return row[0]


def _refusal(error: DatabaseError) -> Refusal | None:
    cause: Any = error.__cause__
    state, detail = getattr(cause, "sqlstate", ""), getattr(getattr(cause, "diag", None), "message_detail", "") or ""
    if state == NOT_ENOUGH:
        asked = json.loads(detail)
        missing = asked["amount_fen"] - asked["balance_fen"]
        return Exhausted(
            f"“{asked['account']}”余额不足，没有记账。",
            f"需要 {format_yuan(asked['amount_fen'])}，现有 {format_yuan(asked['balance_fen'])}，差 {format_yuan(missing)}。",
            "请先下达预算，或减少数量、金额后再办理。",
        )
    if state == NO_SUCH_WAY:
        return NotABooking("没有记账。", f"{detail}。", "请核对账户；需要更正时，另记一笔冲正。")
    if state == CODE_TAKEN:
        return BadInput(
            "账户没有开立。",
            "这个账户编码已经用在另一个账户上。",
            "请换一个编码。",
            fields={"code": "编码已被使用。"},
        )
    if state == UNIQUE:
        return AlreadyPosted("没有重复记账。", "这一笔已经记过账了。", "请刷新页面看最新结果。")
    if state == DEADLOCK:
        return Busy("账户正忙，没有记账。", "有别的业务同时在用这些账户。", "请稍等几秒再试一次。")
    return None

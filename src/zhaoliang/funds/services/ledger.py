"""The ledger: accounts are opened and every folder posts its transfers here.

The rules of a posting live in one place, `sql/ledger.sql`; this module only calls it and turns its refusals into words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

from django.db import DatabaseError, connection

from zhaoliang.funds.models import Account, FundSource, Transfer
from zhaoliang.kernel.acts import act, running
from zhaoliang.kernel.days import format_cn_date
from zhaoliang.kernel.errors import BadInput, Busy, Exhausted, Refusal
from zhaoliang.kernel.money import format_yuan
from zhaoliang.kernel.roles import Actor, Place, Reach, Role

DEADLOCK, UNIQUE = "40P01", "23505"
NOT_ENOUGH, NO_SUCH_WAY, CODE_TAKEN, CLOSED = "ZL001", "ZL002", "ZL003", "ZL004"

_OPENERS = {Role.FUND_OFFICER: Reach.REGION, Role.SYSTEM: Reach.ANY}


class NotABooking(Refusal):
    """A movement the books do not know: wrong kinds of account, two cities, two fund sources, no true mirror."""

    code: ClassVar[str] = "not_a_booking"


class AlreadyPosted(Refusal):
    """The same step of the same subject is in the books already, or the transfer was reversed before."""

    code: ClassVar[str] = "already_posted"


class PeriodClosed(Refusal):
    """The day of the posting lies in a period whose books are closed."""

    code: ClassVar[str] = "period_closed"


@dataclass(frozen=True)
class Entry:
    """One transfer to be posted with others: see `post_transfer`."""

    kind: str
    debit: Account
    credit: Account
    amount_fen: int
    subject_type: str
    subject_id: int
    memo: str


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

    Kinds and the accounts they join: allocate appropriation|budget→budget (or by clearing), return budget→appropriation,
    reserve budget→reserved, release reserved→budget, accrue reserved|budget→payable, amend payable→reserved|budget or receivable→disbursed,
    pay payable→disbursed, recover disbursed→receivable, collect receivable→recovered, restore recovered→budget|appropriation,
    write_off receivable→written_off, reverse = the exact mirror of `reverses`. All but allocate, reserve and release happen
    once for a subject. Raises Exhausted when the debited account has not enough, PeriodClosed for a day whose books are
    closed, AlreadyPosted, NotABooking, Busy. A refusal by the database ends the transaction: let it pass through to the act.
    """
    running()
    _whole(amount_fen)
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


def post_transfers(entries: Sequence[Entry], *, at: datetime) -> list[int]:
    """Post many transfers of one city in their order, all or none, and return their ids (fen move as in `post_transfer`).

    In the running act's transaction, one statement. Raises what `post_transfer` raises. The balances of the given account
    objects stay as they were read.
    """
    running()
    if not entries:
        return []
    for entry in entries:
        _whole(entry.amount_fen)
    city_code = entries[0].debit.city_code
    if any({entry.debit.city_code, entry.credit.city_code} != {city_code} for entry in entries):
        raise _two_cities()
    found = _call(
        "SELECT array_agg(id) FROM ledger_post_many(%s, %s, %s, %s, %s, %s, %s, %s, %s) AS id",
        [
            city_code,
            [entry.kind for entry in entries],
            [entry.debit.pk for entry in entries],
            [entry.credit.pk for entry in entries],
            [entry.amount_fen for entry in entries],
            at,
            [entry.subject_type for entry in entries],
            [entry.subject_id for entry in entries],
            [entry.memo[:200] for entry in entries],
        ],
    )
    return list(found)


# The arrays of `ledger_post_many` gathered in the database, so that nothing of them passes through this process.
_SELECTED = """
WITH given (kind, debit, credit, fen, subject_type, subject_id, memo) AS ({select}),
entry AS (SELECT row_number() OVER () AS n, given.* FROM given),
gathered AS (
    SELECT array_agg(kind ORDER BY n) AS kinds, array_agg(debit ORDER BY n) AS debits,
           array_agg(credit ORDER BY n) AS credits, array_agg(fen ORDER BY n) AS fen,
           array_agg(subject_type ORDER BY n) AS types, array_agg(subject_id ORDER BY n) AS ids,
           array_agg(left(memo, 200) ORDER BY n) AS memos
    FROM entry
)
SELECT count(*)
FROM gathered AS e
CROSS JOIN LATERAL ledger_post_many(%(city)s, e.kinds, e.debits, e.credits, e.fen, %(at)s, e.types, e.ids, e.memos) AS id
WHERE e.kinds IS NOT NULL
"""


def post_selected(city_code: int, select: str, parameters: Mapping[str, Any], *, count: int, at: datetime) -> None:
    """Post the transfers that a select gives, in its order, all or none: `post_transfers` for any number of them.

    Its columns are kind, debit, credit, fen, subject type, subject id, memo; it names its parameters and has its city as
    `%(city)s`. Raises what `post_transfer` raises, and RuntimeError when it gives another number than `count`: then
    nothing is posted, for the act fails.
    """
    running()
    statement = _SELECTED.format(select=select)
    posted = _call(statement, {**parameters, "city": city_code, "at": at})
    if posted != count:
        raise RuntimeError(f"{posted} transfers posted of {count}")


def _whole(amount_fen: object) -> None:
    if isinstance(amount_fen, bool) or not isinstance(amount_fen, int):
        raise TypeError(f"an amount is a whole number of fen, not {type(amount_fen).__name__}")


def _two_cities() -> NotABooking:
    return NotABooking("没有记账。", "付出和收入必须是同一城市的两个账户。", "跨地区调剂请用调出、调入。")


def _call(statement: str, parameters: list[Any] | Mapping[str, Any]) -> Any:
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
    if state == CLOSED:
        return PeriodClosed(
            "没有记账。",
            f"账目已经结到{format_cn_date(date.fromisoformat(detail))}，结账以后不能再往这段时间里记。",
            "需要更正的，请按今天的日期另记一笔。",
        )
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

"""Questions to the books: balances, statements, and the proof that every balance follows from its transfers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum

from zhaoliang.funds.models import Account, BookCheck, BookClosing, FundSource, Transfer
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.money import format_yuan

# What the ledger calls the movements of one claim line; `claim_line.difference.1` is the first change before payment.
MOST_DIFFERENCES = 9
LINE_SUBJECTS = (
    "claim_line",
    "claim_line.excess",
    *(f"claim_line.difference.{number}" for number in range(1, MOST_DIFFERENCES + 1)),
    "claim_line.set_off",
)


@dataclass(frozen=True)
class StatementLine:
    """One transfer as an account sees it: `change_fen` is signed, `balance_fen` stands after it."""

    transfer: Transfer
    other: Account
    change_fen: int
    balance_fen: int


@dataclass(frozen=True)
class Balance:
    """The sum (fen) of all accounts of one kind under one fund source."""

    fund_source: str
    kind: str
    balance_fen: int


@dataclass(frozen=True)
class BookFinding:
    """An account whose stored figures do not follow from its transfers; `transfer_id` is the first entry that is wrong.

    Where every entry is right and the balance is not, there is none: `after_id` is then the last one, after which it was changed.
    """

    account_code: str
    transfer_id: int | None
    after_id: int | None
    stored_fen: int
    derived_fen: int

    @property
    def what(self) -> str:
        """The finding in Chinese."""
        if self.transfer_id is not None:
            where = f"第一笔对不上的分录编号 {self.transfer_id}"
        elif self.after_id is not None:
            where = f"到最后一笔分录（编号 {self.after_id}）为止每笔相符，在它之后账户余额对不上"
        else:
            where = "没有分录，账户余额对不上"
        return f"账户 {self.account_code}：{where}，账上 {format_yuan(self.stored_fen)}，重算 {format_yuan(self.derived_fen)}"


def account_by_code(city_code: int, code: str) -> Account | None:
    """The account with this code in the city."""
    return Account.objects.filter(city_code=city_code, code=code).first()


def cities_with_books() -> list[int]:
    """Every city that has an account, in the order of their keys."""
    with national():
        return list(Account.objects.values_list("city_code", flat=True).distinct().order_by("city_code"))


def closings(city_code: int) -> list[BookClosing]:
    """What was proposed and closed in a city, the latest day first."""
    return list(BookClosing.objects.filter(city_code=city_code).order_by("-through", "-id"))


def latest_check(city_code: int) -> BookCheck | None:
    """The last proof of a city's books that was kept."""
    return BookCheck.objects.filter(city_code=city_code).order_by("-at", "-id").first()


def budget_account(city_code: int, region_code: int, fund_source: str, year: int) -> Account:
    """The budget account of a region for a fund source and year. Raises NotFound, saying what to open."""
    account = (
        Account.objects.filter(
            city_code=city_code, region_code=region_code, fund_source=fund_source, year=year, kind="budget"
        )
        .order_by("id")
        .first()
    )
    if account is None:
        raise NotFound(
            "没有可用的预算账户。",
            f"本地区 {year} 年还没有“{FundSource(fund_source).label}”预算账户。",
            "请资金管理员先开立账户并下达预算。",
        )
    return account


def accounts_of(city_code: int, *, kind: str | None = None, year: int | None = None) -> list[Account]:
    """The accounts of a city, optionally of one kind or year, in the order of their codes."""
    rows = Account.objects.filter(city_code=city_code)
    if kind is not None:
        rows = rows.filter(kind=kind)
    if year is not None:
        rows = rows.filter(year=year)
    return list(rows.order_by("code"))


def entries(account: Account, *, since: datetime | None = None, until: datetime | None = None) -> QuerySet[Transfer]:
    """The account's transfers with both accounts, newest first; `since` is included, `until` is not."""
    rows = Transfer.objects.filter(city_code=account.city_code).filter(Q(debit=account) | Q(credit=account))
    if since is not None:
        rows = rows.filter(at__gte=since)
    if until is not None:
        rows = rows.filter(at__lt=until)
    return rows.select_related("debit", "credit").order_by("-id")


def statement_lines(account: Account, rows: Iterable[Transfer]) -> Iterator[StatementLine]:
    """The account's transfers as it sees them, in their order, with the balance after each; one at a time."""
    for row in rows:
        if row.debit_id == account.pk:
            yield StatementLine(row, row.credit, -row.amount_fen, row.debit_after_fen)
        else:
            yield StatementLine(row, row.debit, row.amount_fen, row.credit_after_fen)


def statement(
    account: Account, *, since: datetime | None = None, until: datetime | None = None, limit: int = 200
) -> list[StatementLine]:
    """The last `limit` of the account's `entries`, newest first, with the balance after each."""
    return list(statement_lines(account, entries(account, since=since, until=until)[:limit]))


def turnover(account: Account, rows: QuerySet[Transfer]) -> tuple[int, int, int]:
    """Of the account's transfers: how many, and what went out and came in (fen)."""
    sums = rows.order_by().aggregate(
        number=Count("id"),
        gone=Sum("amount_fen", filter=Q(debit=account)),
        come=Sum("amount_fen", filter=Q(credit=account)),
    )
    return sums["number"], sums["gone"] or 0, sums["come"] or 0


def trial_balance(city_code: int) -> list[Balance]:
    """The sums by fund source and kind of account; for each fund source they add up to zero."""
    rows = (
        Account.objects.filter(city_code=city_code)
        .values("fund_source", "kind")
        .annotate(total=Sum("balance_fen"))
        .order_by("fund_source", "kind")
    )
    return [Balance(row["fund_source"], row["kind"], int(row["total"])) for row in rows]


def transfers_about_line(city_code: int, line_id: int) -> list[Transfer]:
    """Every transfer of a claim line in the order they were posted: accrual, differences before payment, payment, set-off."""
    rows = Transfer.objects.filter(city_code=city_code, subject_type__in=LINE_SUBJECTS, subject_id=line_id)
    return list(rows.select_related("debit", "credit").order_by("id"))


def transfers_under(city_code: int, subject_type: str, subject_id: int) -> list[Transfer]:
    """The transfers of one subject and of what hangs on it (`subject_type.…`), in the order they were posted."""
    rows = Transfer.objects.filter(
        Q(subject_type=subject_type) | Q(subject_type__startswith=f"{subject_type}."),
        city_code=city_code,
        subject_id=subject_id,
    )
    return list(rows.select_related("debit", "credit").order_by("id"))


def transfers_of(city_code: int, subject_type: str, subject_id: int) -> list[Transfer]:
    """The transfers of one subject in the order they were posted, with their accounts."""
    rows = Transfer.objects.filter(city_code=city_code, subject_type=subject_type, subject_id=subject_id)
    return list(rows.select_related("debit", "credit").order_by("id"))


def has_more_transfers(city_code: int, number: int) -> bool:
    """Whether a city's books hold more than so many transfers; reads no more than that."""
    return Transfer.objects.filter(city_code=city_code).values("id")[number : number + 1].exists()


def verify_books(city_code: int) -> list[BookFinding]:
    """Derive every balance of a city again from its transfers; one finding for each account that differs.

    `docs/operations/verify-books.sql` answers the same without this code.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PROOF, {"city": city_code})
        return [
            BookFinding(code, entry, last if entry is None else None, int(stored), int(derived))
            for code, entry, last, stored, derived in cursor
        ]


_PROOF = """
WITH leg AS (
    SELECT debit_id AS account_id, id, -amount_fen AS fen, debit_after_fen AS after_fen
    FROM transfer WHERE city_code = %(city)s
    UNION ALL
    SELECT credit_id, id, amount_fen, credit_after_fen FROM transfer WHERE city_code = %(city)s
), step AS (
    SELECT account_id, id, after_fen, sum(fen) OVER (PARTITION BY account_id ORDER BY id) AS derived_fen,
           row_number() OVER (PARTITION BY account_id ORDER BY id DESC) = 1 AS last
    FROM leg
), wrong AS (
    SELECT DISTINCT ON (account_id) account_id, id, after_fen, derived_fen
    FROM step WHERE after_fen <> derived_fen ORDER BY account_id, id
)
SELECT account.code, wrong.id, step.id, coalesce(wrong.after_fen, account.balance_fen),
       coalesce(wrong.derived_fen, step.derived_fen, 0)
FROM account
LEFT JOIN wrong ON wrong.account_id = account.id
LEFT JOIN step ON step.account_id = account.id AND step.last
WHERE account.city_code = %(city)s
  AND (wrong.id IS NOT NULL OR account.balance_fen <> coalesce(step.derived_fen, 0))
ORDER BY account.code
"""

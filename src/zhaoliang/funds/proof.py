"""The proof of the books: every balance, pair and closing derived again from the transfers, set-based.

What lies above (vouchers, payments, recoveries) is proved with it in `recoveries.proof`. The script
`docs/operations/verify-books.sql` answers the same without this code.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Sum

from zhaoliang.funds.models import Account, BookClosing, BudgetOrder, Transfer
from zhaoliang.funds.selectors import verify_books
from zhaoliang.kernel.days import day_start, format_cn_date
from zhaoliang.kernel.money import format_yuan


@dataclass(frozen=True)
class Finding:
    """Something in the books that does not agree: which check says so, what, and the first wrong entry where there is one."""

    check: str
    what: str
    transfer_id: int | None = None


def ledger_findings(city_code: int) -> list[Finding]:
    """Everything that does not agree within the ledger of a city: balances, the order's pairs, closed periods."""
    wrong = [Finding("balance", one.what, one.transfer_id) for one in verify_books(city_code)]
    return wrong + act_findings(city_code) + pair_findings(city_code) + closing_findings(city_code)


def act_findings(city_code: int) -> list[Finding]:
    """Entries of a moment at which nothing was done in the city: dated otherwise afterwards, or put in by nobody's act.

    Every entry is posted within an act, whose event (sealed in the audit log) bears the same moment. The first thousand of them.
    """
    return [
        Finding("act", f"分录 {pk}（{format_yuan(fen)}）：审计日志里没有同一时刻的办理记录", pk)
        for pk, fen in _rows(_UNDONE, city_code)
    ]


def counted(city_code: int) -> tuple[int, int]:
    """How many accounts and transfers a city has."""
    accounts = Account.objects.filter(city_code=city_code).count()
    return accounts, Transfer.objects.filter(city_code=city_code).count()


def dated_through(city_code: int, through: date) -> tuple[int, int]:
    """Number and sum (fen) of the transfers dated up to the end of a Chinese day."""
    end = day_start(through + timedelta(days=1))
    found = Transfer.objects.filter(city_code=city_code, at__lt=end).aggregate(n=Count("id"), fen=Sum("amount_fen"))
    return found["n"], int(found["fen"] or 0)


def closing_findings(city_code: int) -> list[Finding]:
    """Closed periods whose entries are not what they were when they were closed, each with the first entry out of time's order."""
    found = []
    for closing in BookClosing.objects.filter(city_code=city_code, step="closed").order_by("through"):
        count, total = dated_through(city_code, closing.through)
        if (count, total) != (closing.transfers, closing.total_fen):
            found.append(
                Finding(
                    "closing",
                    f"结到{format_cn_date(closing.through)}的账：结账时 {closing.transfers} 笔 {format_yuan(closing.total_fen)}，"
                    f"现在 {count} 笔 {format_yuan(total)}",
                    _astray(city_code, closing.through),
                )
            )
    return found


def _astray(city_code: int, through: date) -> int | None:
    """The first entry whose date says the other side of a day than its number, which is drawn in the order of time."""
    with connection.cursor() as cursor:
        cursor.execute(_ASTRAY, {"city": city_code, "end": day_start(through + timedelta(days=1))})
        return cursor.fetchone()[0]


def pair_findings(city_code: int) -> list[Finding]:
    """Budget received that nobody sent, or not as it was sent; and orders whose transfer is missing or differs."""
    found = [
        Finding("order", f"预算指标单 {pk} 记的是 {format_yuan(fen)}，入账 {format_yuan(int(booked))}", entry)
        for pk, fen, booked, entry in _rows(_ORDERS, city_code)
    ]
    found += [
        Finding("order", f"账户 {code}：指标单下达 {format_yuan(int(fen))}，入账 {format_yuan(int(booked))}", entry)
        for code, fen, booked, entry in _rows(_GIVEN, city_code)
    ]
    received = BudgetOrder.objects.filter(city_code=city_code, nature="receive").select_related("account")
    for order in received.order_by("id"):
        sent = BudgetOrder.objects.filter(
            city_code=order.other_city or 0, reference=order.reference, nature="send"
        ).first()
        if sent is None or (sent.amount_fen, sent.other_region) != (order.amount_fen, order.account.region_code):
            found.append(
                Finding("pair", f"调剂 {order.reference}：调入 {format_yuan(order.amount_fen)}，没有相符的调出")
            )
    return found


def halves(city_code: int) -> list[BudgetOrder]:
    """Budget a city sent that the other region has not received yet, oldest first."""
    sent = BudgetOrder.objects.filter(city_code=city_code, nature="send").select_related("account").order_by("id")
    waiting: list[BudgetOrder] = []
    for order in sent:
        done = BudgetOrder.objects.filter(
            city_code=order.other_city or 0, reference=order.reference, nature="receive"
        ).exists()
        if not done:
            waiting.append(order)
    return waiting


def on_the_way(city_code: int, region_code: int) -> list[BudgetOrder]:
    """Budget sent to a region from within its city that waits to be received there."""
    sent = BudgetOrder.objects.filter(city_code=city_code, nature="send", other_region=region_code)
    received = BudgetOrder.objects.filter(city_code=city_code, nature="receive").values("reference")
    return list(sent.exclude(reference__in=received).select_related("account").order_by("id"))


def _rows(statement: str, city_code: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"city": city_code})
        return cursor.fetchall()


# One entry dated out of its period makes all after it look dated into it, and the other way about: the fewer are the altered.
_ASTRAY = """
WITH late AS (
    SELECT count(*) AS n, min(id) AS first FROM transfer
    WHERE city_code = %(city)s AND at >= %(end)s
      AND id < (SELECT max(id) FROM transfer WHERE city_code = %(city)s AND at < %(end)s)
), early AS (
    SELECT count(*) AS n, min(id) AS first FROM transfer
    WHERE city_code = %(city)s AND at < %(end)s
      AND id > (SELECT min(id) FROM transfer WHERE city_code = %(city)s AND at >= %(end)s)
)
SELECT CASE WHEN early.n = 0 OR late.n BETWEEN 1 AND early.n THEN late.first ELSE early.first END FROM late, early
"""

# Many entries share a moment (a file of 100,000 lines is one act): moments are looked up, not entries.
_UNDONE = """
WITH undone AS (
    SELECT at FROM (SELECT DISTINCT at FROM transfer WHERE city_code = %(city)s) moment
    WHERE NOT EXISTS (SELECT FROM audit_event e WHERE e.city_code = %(city)s AND e.at = moment.at)
)
SELECT t.id, t.amount_fen FROM transfer t JOIN undone ON undone.at = t.at
WHERE t.city_code = %(city)s
ORDER BY t.id
LIMIT 1000
"""

# Orders that came from the appropriation are booked under their account, the others under themselves.
_ORDERS = """
SELECT o.id, o.amount_fen, coalesce(sum(t.amount_fen), 0), max(t.id)
FROM budget_order o
LEFT JOIN transfer t ON t.city_code = o.city_code AND t.subject_type = 'budget_order' AND t.subject_id = o.id
WHERE o.city_code = %(city)s AND o.nature IN ('return', 'carry', 'send', 'receive')
GROUP BY o.id, o.amount_fen
HAVING coalesce(sum(t.amount_fen), 0) <> o.amount_fen
ORDER BY o.id
"""
_GIVEN = """
WITH said AS (
    SELECT account_id, sum(amount_fen) AS fen FROM budget_order
    WHERE city_code = %(city)s AND nature IN ('allocate', 'added', 'bonus') GROUP BY account_id
), booked AS (
    SELECT credit_id AS account_id, sum(amount_fen) AS fen, max(id) AS entry FROM transfer
    WHERE city_code = %(city)s AND kind = 'allocate' AND subject_type <> 'budget_order' GROUP BY credit_id
)
SELECT account.code, coalesce(said.fen, 0), coalesce(booked.fen, 0), booked.entry
FROM said FULL JOIN booked USING (account_id)
JOIN account ON account.city_code = %(city)s AND account.id = account_id
WHERE coalesce(said.fen, 0) <> coalesce(booked.fen, 0)
ORDER BY account.code
"""

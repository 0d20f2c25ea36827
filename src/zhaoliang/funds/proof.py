"""The proof of the books: every balance, pair and closing derived again from the transfers, set-based.

What lies above (vouchers, payments, recoveries) is proved with it in `recoveries.proof`. The script
`docs/operations/verify-books.sql` answers the same without this code.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

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
    return wrong + pair_findings(city_code) + closing_findings(city_code)


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
    """Closed periods whose entries are not what they were when they were closed."""
    found = []
    for closing in BookClosing.objects.filter(city_code=city_code, step="closed").order_by("through"):
        count, total = dated_through(city_code, closing.through)
        if (count, total) != (closing.transfers, closing.total_fen):
            found.append(
                Finding(
                    "closing",
                    f"结到{format_cn_date(closing.through)}的账：结账时 {closing.transfers} 笔 {format_yuan(closing.total_fen)}，"
                    f"现在 {count} 笔 {format_yuan(total)}",
                )
            )
    return found


def pair_findings(city_code: int) -> list[Finding]:
    """Budget received that nobody sent, or not as it was sent; and orders whose transfer is missing or differs."""
    found = [
        Finding("order", f"预算指标单 {pk} 记的是 {format_yuan(fen)}，入账 {format_yuan(int(booked))}")
        for pk, fen, booked in _rows(_ORDERS, city_code)
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


def _rows(statement: str, city_code: int) -> list[tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"city": city_code})
        return cursor.fetchall()


# Orders that came from the appropriation are booked under their account, the others under themselves.
_ORDERS = """
SELECT o.id, o.amount_fen, coalesce(sum(t.amount_fen), 0)
FROM budget_order o
LEFT JOIN transfer t ON t.city_code = o.city_code AND t.subject_type = 'budget_order' AND t.subject_id = o.id
WHERE o.city_code = %(city)s AND o.nature IN ('return', 'carry', 'send', 'receive')
GROUP BY o.id, o.amount_fen
HAVING coalesce(sum(t.amount_fen), 0) <> o.amount_fen
ORDER BY o.id
"""

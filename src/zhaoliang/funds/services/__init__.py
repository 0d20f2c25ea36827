"""Acts on money: accounts and transfers, budgets, closings, the daily proof."""

from zhaoliang.funds.services.budgets import allocate, carry_over, receive_budget, return_budget, send_budget
from zhaoliang.funds.services.closings import close_books, keep_check, propose_closing
from zhaoliang.funds.services.education import report_education
from zhaoliang.funds.services.ledger import (
    AlreadyPosted,
    Entry,
    NotABooking,
    PeriodClosed,
    ensure_account,
    open_account,
    post_selected,
    post_transfer,
    post_transfers,
)

__all__ = [
    "AlreadyPosted",
    "Entry",
    "NotABooking",
    "PeriodClosed",
    "allocate",
    "carry_over",
    "close_books",
    "ensure_account",
    "keep_check",
    "open_account",
    "post_selected",
    "post_transfer",
    "post_transfers",
    "propose_closing",
    "receive_budget",
    "report_education",
    "return_budget",
    "send_budget",
]

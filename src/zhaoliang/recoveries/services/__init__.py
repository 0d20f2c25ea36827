"""Acts on differences and recoveries, and the daily proof of everything that has to do with money."""

from zhaoliang.recoveries.services.cases import (
    agree,
    hand_over,
    keep,
    keep_here,
    overdue,
    propose_hand_over,
    propose_write_off,
    refuse,
    reply,
    write_off,
)
from zhaoliang.recoveries.services.proving import check_books
from zhaoliang.recoveries.services.reassessing import (
    confirm_correction,
    drop_correction,
    propose_correction,
    reassess,
)
from zhaoliang.recoveries.services.receiving import receive, set_off

__all__ = [
    "agree",
    "check_books",
    "confirm_correction",
    "drop_correction",
    "hand_over",
    "keep",
    "keep_here",
    "overdue",
    "propose_correction",
    "propose_hand_over",
    "propose_write_off",
    "reassess",
    "receive",
    "refuse",
    "reply",
    "set_off",
    "write_off",
]

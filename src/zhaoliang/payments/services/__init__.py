"""Acts on payment batches: built, sealed, authorised by somebody else, sent, answered by the bank line by line."""

from zhaoliang.payments.services.batches import (
    authorise_batch,
    build_batch,
    confirm_not_sent,
    confirm_sent,
    dissolve_batch,
    mark_unknown,
    retry_line,
    retry_payment_due,
    seal_batch,
    send_batch,
)
from zhaoliang.payments.services.returns import import_return

__all__ = [
    "authorise_batch",
    "build_batch",
    "confirm_not_sent",
    "confirm_sent",
    "dissolve_batch",
    "import_return",
    "mark_unknown",
    "retry_line",
    "retry_payment_due",
    "seal_batch",
    "send_batch",
]

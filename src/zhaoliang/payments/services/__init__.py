"""Acts on payment batches: built, sealed, authorised by somebody else, sent, answered by the bank line by line."""

from zhaoliang.payments.services.accounts import confirm_paying_account, refuse_paying_account, set_paying_account
from zhaoliang.payments.services.batches import (
    authorise_batch,
    build_batch,
    confirm_not_sent,
    confirm_sent,
    dissolve_batch,
    leave_out_barred,
    mark_unknown,
    retry_line,
    retry_payment_due,
    seal_batch,
    send_batch,
)
from zhaoliang.payments.services.cases import decide_case, possible_answers, propose_case
from zhaoliang.payments.services.correcting import correct_account, correct_organisation_account
from zhaoliang.payments.services.sheets import import_sheet
from zhaoliang.payments.services.statements import (
    Preview,
    import_return,
    import_statement,
    keep_upload,
    preview,
    upload_content,
)
from zhaoliang.payments.services.totals import derive_totals
from zhaoliang.payments.totals import count_transfer

__all__ = [
    "Preview",
    "authorise_batch",
    "build_batch",
    "confirm_not_sent",
    "confirm_paying_account",
    "confirm_sent",
    "correct_account",
    "correct_organisation_account",
    "count_transfer",
    "decide_case",
    "derive_totals",
    "dissolve_batch",
    "import_return",
    "import_sheet",
    "import_statement",
    "keep_upload",
    "leave_out_barred",
    "mark_unknown",
    "possible_answers",
    "preview",
    "propose_case",
    "refuse_paying_account",
    "retry_line",
    "retry_payment_due",
    "seal_batch",
    "send_batch",
    "set_paying_account",
    "upload_content",
]

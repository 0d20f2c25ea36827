"""Acts of vouchers: batches, the life of a voucher, verification; and the plain steps that claims and payments call."""

from zhaoliang.vouchers.services.batches import (
    close_batch,
    draft_batch,
    publish_batch,
    resume_batch,
    return_batch,
    revise_batch,
    settle_batch,
    submit_batch,
    suspend_batch,
)
from zhaoliang.vouchers.services.changes import Wish, approve_change, propose_change, refuse_change
from zhaoliang.vouchers.services.checks import VerifyAnswer, verify_voucher
from zhaoliang.vouchers.services.counter import use_by_code
from zhaoliang.vouchers.services.issue_checks import check_issue_part
from zhaoliang.vouchers.services.issues import (
    approve_issue,
    draft_issue,
    finish_issue,
    issue_part,
    query_issue,
    refuse_issue,
    submit_issue,
)
from zhaoliang.vouchers.services.lives import (
    claim_at_counter,
    claim_voucher,
    declared_besides,
    enter_claim,
    enter_claim_all,
    expire_due,
    hold_uses,
    leave_claim,
    redeem,
    redeem_all,
    return_voucher,
    undo_use,
    undone,
    use_voucher,
)
from zhaoliang.vouchers.services.reminders import remind_holders
from zhaoliang.vouchers.services.terms import COLOURS, WITHOUT_MONEY, BatchTerms

__all__ = [
    "COLOURS",
    "WITHOUT_MONEY",
    "BatchTerms",
    "VerifyAnswer",
    "Wish",
    "approve_change",
    "approve_issue",
    "check_issue_part",
    "claim_at_counter",
    "claim_voucher",
    "close_batch",
    "declared_besides",
    "draft_batch",
    "draft_issue",
    "enter_claim",
    "enter_claim_all",
    "expire_due",
    "finish_issue",
    "hold_uses",
    "issue_part",
    "leave_claim",
    "propose_change",
    "publish_batch",
    "query_issue",
    "redeem",
    "redeem_all",
    "refuse_change",
    "refuse_issue",
    "remind_holders",
    "resume_batch",
    "return_batch",
    "return_voucher",
    "revise_batch",
    "settle_batch",
    "submit_batch",
    "submit_issue",
    "suspend_batch",
    "undo_use",
    "undone",
    "use_by_code",
    "use_voucher",
    "verify_voucher",
]

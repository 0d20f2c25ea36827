"""Acts on claims: assembled from the class, checked by rules, reviewed by two people, published, approved."""

from zhaoliang.subsidies.services.approval import answer_objection, approve_claim, raise_objection
from zhaoliang.subsidies.services.assembly import assemble_claim, confirm_claim
from zhaoliang.subsidies.services.audit import audit_region, audit_slice, open_audit
from zhaoliang.subsidies.services.checks import judge_line, question_line, run_checks
from zhaoliang.subsidies.services.paying import (
    claims_into_payment,
    line_failed,
    line_into_batch,
    line_out_of_batch,
    line_paid,
    settle_if_done,
    take_for_payment,
    take_for_retry,
    try_again,
)
from zhaoliang.subsidies.services.review import pass_first, pass_second, return_claim

__all__ = [
    "answer_objection",
    "approve_claim",
    "assemble_claim",
    "audit_region",
    "audit_slice",
    "claims_into_payment",
    "confirm_claim",
    "judge_line",
    "line_failed",
    "line_into_batch",
    "line_out_of_batch",
    "line_paid",
    "open_audit",
    "pass_first",
    "pass_second",
    "question_line",
    "raise_objection",
    "return_claim",
    "run_checks",
    "settle_if_done",
    "take_for_payment",
    "take_for_retry",
    "try_again",
]

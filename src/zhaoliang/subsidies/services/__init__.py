"""Acts on claims: assembled from the class, checked by rules, reviewed by two people, published, approved."""

from zhaoliang.subsidies.services.appeals import decide_appeal, file_appeal
from zhaoliang.subsidies.services.approval import (
    answer_objection,
    approve_claim,
    raise_objection,
    recount_publicity,
)
from zhaoliang.subsidies.services.assembly import (
    assemble_advance,
    assemble_claim,
    assemble_evaluation,
    confirm_claim,
    require_reasons,
)
from zhaoliang.subsidies.services.audit import audit_region, audit_slice, open_audit
from zhaoliang.subsidies.services.checks import commit_seed, judge_line, question_line, run_checks
from zhaoliang.subsidies.services.dues import (
    bounce_due,
    drop_payment,
    queue_payment,
    queue_repayment,
    retry_due,
    take_due_for_retry,
)
from zhaoliang.subsidies.services.evidence import add_contract, add_evidence
from zhaoliang.subsidies.services.mass import is_large, is_large_class
from zhaoliang.subsidies.services.paying import (
    Owed,
    claims_into_payment,
    count_waiting,
    move_owed,
    paid_to,
    prove_paid,
    retry_all_of,
    settle_claims,
    settle_if_done,
    take_for_payment,
    take_for_retry,
    try_again,
    waiting_for_payment,
)
from zhaoliang.subsidies.services.people import apply_for, raise_uplifts, take_up
from zhaoliang.subsidies.services.refunds import refund_share
from zhaoliang.subsidies.services.review import pass_first, pass_second, return_claim

__all__ = [
    "Owed",
    "add_contract",
    "add_evidence",
    "answer_objection",
    "apply_for",
    "approve_claim",
    "assemble_advance",
    "assemble_claim",
    "assemble_evaluation",
    "audit_region",
    "audit_slice",
    "bounce_due",
    "claims_into_payment",
    "commit_seed",
    "confirm_claim",
    "count_waiting",
    "decide_appeal",
    "drop_payment",
    "file_appeal",
    "is_large",
    "is_large_class",
    "judge_line",
    "move_owed",
    "open_audit",
    "paid_to",
    "pass_first",
    "pass_second",
    "prove_paid",
    "question_line",
    "queue_payment",
    "queue_repayment",
    "raise_objection",
    "raise_uplifts",
    "recount_publicity",
    "refund_share",
    "require_reasons",
    "retry_all_of",
    "retry_due",
    "return_claim",
    "run_checks",
    "settle_claims",
    "settle_if_done",
    "take_due_for_retry",
    "take_for_payment",
    "take_for_retry",
    "take_up",
    "try_again",
    "waiting_for_payment",
]

"""Everything that has to do with money, derived again set-based: the ledger, and what vouchers, lines, payments and cases say of it.

`docs/operations/verify-books.sql` answers the same without this code.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from zhaoliang.funds.models import BookCheck
from zhaoliang.funds.proof import Finding, counted, halves, ledger_findings
from zhaoliang.funds.selectors import has_more_transfers, latest_check
from zhaoliang.kernel.jobs.reporting import report
from zhaoliang.kernel.money import format_yuan
from zhaoliang.payments.selectors import WRONG_BANK, WRONG_PAID

# Books of so many transfers are proved in about a second, while somebody waits.
PROVED_AT_ONCE = 100_000

# What a check compares, by its name: the words for it.
CHECKS = {
    "balance": "账户余额等于分录之和",
    "act": "每笔分录都有同一时刻的办理记录",
    "order": "预算指标单等于入账",
    "pair": "地区间调剂成对",
    "closing": "已结账期间没有变动",
    "reserve": "批次预留等于额度减应付",
    "line": "申领明细金额等于净应付",
    "payment": "银行到账等于记账支付",
    "case": "追回事项欠额等于应收",
    "total": "拨付月度汇总等于分录",
    "bank": "银行月度汇总等于逐行回单",
    "share": "个人、企业分担收据等于逐人之和",
}


@dataclass(frozen=True)
class Proof:
    """What was proved: how much there is, what does not agree, and budget that is on its way between regions."""

    accounts: int
    transfers: int
    findings: tuple[Finding, ...]
    on_the_way: tuple[str, ...]

    def of(self, check: str) -> list[Finding]:
        """The findings of one check."""
        return [one for one in self.findings if one.check == check]


def shown_proof(city_code: int) -> tuple[Proof | None, BookCheck | None]:
    """What a page of the books shows: the proof made anew where it is quick, else none; and the last check that was kept."""
    large = has_more_transfers(city_code, PROVED_AT_ONCE)
    return None if large else prove(city_code), latest_check(city_code)


def prove(city_code: int) -> Proof:
    """Derive every figure of a city's money again. Reads only; findings name the first wrong entry where there is one."""
    report(0, len(_STATEMENTS) + 1, "正在逐笔重算账户余额")
    accounts, transfers = counted(city_code)
    found = ledger_findings(city_code)
    for done, (check, (says, statement)) in enumerate(_STATEMENTS.items(), start=1):
        report(done, len(_STATEMENTS) + 1, f"正在核对：{CHECKS[check]}")
        with connection.cursor() as cursor:
            cursor.execute(statement, {"city": city_code})
            found += [
                Finding(check, says.format(key=key, one=format_yuan(int(one)), other=format_yuan(int(other))), entry)
                for key, one, other, entry in cursor
            ]
    waiting = tuple(f"{one.reference} {format_yuan(one.amount_fen)}" for one in halves(city_code))
    return Proof(accounts, transfers, tuple(found), waiting)


# What is released is what a smaller quota no longer asks for, to the fen; a settled batch keeps nothing. The entry named is
# the first that moved money into or out of the reservation and is not the batch's own.
_RESERVES = """
WITH moved AS (
    SELECT account_id, sum(fen) AS fen FROM (
        SELECT credit_id AS account_id, amount_fen AS fen FROM transfer
        WHERE city_code = %(city)s AND kind IN ('amend', 'reverse')
        UNION ALL
        SELECT debit_id, -amount_fen FROM transfer WHERE city_code = %(city)s AND kind IN ('accrue', 'reverse')
    ) leg GROUP BY account_id
), strange AS (
    SELECT b.id, min(t.id) AS entry
    FROM voucher_batch b
    JOIN transfer t ON t.city_code = b.city_code AND t.kind IN ('reserve', 'release')
        AND b.reserved_account_id = CASE t.kind WHEN 'reserve' THEN t.credit_id ELSE t.debit_id END
    WHERE b.city_code = %(city)s AND (t.subject_type, t.subject_id) <> ('voucher_batch', b.id)
    GROUP BY b.id
), derived AS (
    SELECT b.id, a.balance_fen, strange.entry,
           CASE b.state WHEN 'settled' THEN 0 ELSE b.quota::bigint * b.amount_fen + coalesce(moved.fen, 0) END AS fen
    FROM voucher_batch b
    JOIN account a ON a.city_code = b.city_code AND a.id = b.reserved_account_id
    LEFT JOIN moved ON moved.account_id = a.id
    LEFT JOIN strange ON strange.id = b.id
    WHERE b.city_code = %(city)s
)
SELECT id, fen, balance_fen, entry FROM derived WHERE balance_fen <> fen ORDER BY id
"""

_LINES = """
WITH net AS (
    SELECT subject_id AS line,
           sum(CASE kind WHEN 'accrue' THEN amount_fen WHEN 'amend' THEN -amount_fen ELSE 0 END) AS fen,
           max(id) AS entry
    FROM transfer
    WHERE city_code = %(city)s AND subject_type = ANY(
        ARRAY['claim_line', 'claim_line.excess'] || ARRAY(SELECT 'claim_line.difference.' || n FROM generate_series(1, 9) n)
    )
    GROUP BY subject_id
)
SELECT l.id, l.amount_fen, coalesce(net.fen, 0), net.entry
FROM claim_line l LEFT JOIN net ON net.line = l.id
WHERE l.city_code = %(city)s
  AND coalesce(net.fen, 0) <> CASE WHEN l.state IN ('approved', 'in_batch', 'failed', 'paid') THEN l.amount_fen ELSE 0 END
ORDER BY l.id
"""

_PAYMENTS = """
WITH said AS (
    SELECT CASE WHEN due_id IS NULL THEN 'claim_line' ELSE 'payment_due' END AS subject_type,
           coalesce(due_id, claim_line_id) AS subject_id, sum(amount_fen) AS fen
    FROM payment_line WHERE city_code = %(city)s AND state = 'paid' GROUP BY 1, 2
), booked AS (
    SELECT t.subject_type, t.subject_id, sum(t.amount_fen) AS fen, max(t.id) AS entry
    FROM transfer t
    LEFT JOIN transfer undone ON undone.city_code = t.city_code AND undone.reverses_id = t.id
    WHERE t.city_code = %(city)s AND t.kind = 'pay' AND undone.id IS NULL
      AND t.subject_type IN ('claim_line', 'payment_due')
    GROUP BY 1, 2
)
SELECT coalesce(said.subject_type, booked.subject_type) || ' ' || coalesce(said.subject_id, booked.subject_id),
       coalesce(said.fen, 0), coalesce(booked.fen, 0), booked.entry
FROM said FULL JOIN booked USING (subject_type, subject_id)
WHERE coalesce(said.fen, 0) <> coalesce(booked.fen, 0)
ORDER BY 1
"""

_CASES = """
WITH moved AS (
    SELECT subject_id AS case_id, sum(CASE kind WHEN 'recover' THEN amount_fen ELSE -amount_fen END) AS fen, max(id) AS entry
    FROM transfer
    WHERE city_code = %(city)s AND subject_type LIKE 'recovery_case%%' GROUP BY subject_id
), back AS (
    SELECT r.case_id, sum(t.amount_fen) AS fen
    FROM recovery_receipt r
    JOIN transfer t ON t.city_code = r.city_code AND t.subject_type = 'recovery_receipt' AND t.subject_id = r.id
        AND t.kind = 'collect'
    WHERE r.city_code = %(city)s GROUP BY r.case_id
)
SELECT c.id, CASE WHEN c.state IN ('withdrawn', 'written_off') THEN 0 ELSE c.amount_fen - c.collected_fen END,
       coalesce(moved.fen, 0) - coalesce(back.fen, 0), moved.entry
FROM recovery_case c
LEFT JOIN moved ON moved.case_id = c.id
LEFT JOIN back ON back.case_id = c.id
WHERE c.city_code = %(city)s
  AND (coalesce(moved.fen, 0) - coalesce(back.fen, 0)
           <> CASE WHEN c.state IN ('withdrawn', 'written_off') THEN 0 ELSE c.amount_fen - c.collected_fen END
       OR c.collected_fen <> coalesce(back.fen, 0))
ORDER BY c.id
"""

# What person and enterprise pay goes to the provider and through no account (docs/decisions/0018); its receipts are proved too.
_SHARES = """
SELECT r.id, r.total_fen, coalesce(sum(p.amount_fen), 0), NULL::bigint
FROM share_receipt r LEFT JOIN share_part p ON p.city_code = r.city_code AND p.receipt_id = r.id
WHERE r.city_code = %(city)s
GROUP BY r.id, r.total_fen
HAVING r.total_fen <> coalesce(sum(p.amount_fen), 0)
ORDER BY r.id
"""

_STATEMENTS = {
    "reserve": ("培训券批次 {key}：应当预留 {one}，账上 {other}", _RESERVES),
    "line": ("申领明细 {key}：金额 {one}，净应付 {other}", _LINES),
    "payment": ("{key}：银行到账 {one}，记账支付 {other}", _PAYMENTS),
    "case": ("追回事项 {key}：还欠 {one}，应收 {other}", _CASES),
    "total": ("拨付汇总 {key}：汇总 {one}，分录 {other}", WRONG_PAID),
    "bank": ("银行文件 {key}：汇总 {one}，逐行 {other}", WRONG_BANK),
    "share": ("分担收据 {key}：收据 {one}，逐人合计 {other}", _SHARES),
}

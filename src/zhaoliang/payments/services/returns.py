"""The bank's answer, matched line by line. Only a line that matches in everything moves money; the rest is reported."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from zhaoliang.funds.models import Account, FundSource
from zhaoliang.funds.selectors import transfers_of
from zhaoliang.funds.services import ensure_account, post_transfer
from zhaoliang.kernel import faults
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.money import format_yuan
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.payments.excel import ReturnRow, file_digest, read_return
from zhaoliang.payments.models import BankReturn, BankReturnLine, PaymentBatch, PaymentLine
from zhaoliang.payments.services.batches import locked_batch, split_subjects
from zhaoliang.payments.states import PAYMENT_BATCH, PAYMENT_LINE
from zhaoliang.subsidies.models import Claim
from zhaoliang.subsidies.selectors import claims_by_id
from zhaoliang.subsidies.services import move_owed, settle_if_done
from zhaoliang.vouchers.selectors import vouchers_by_id
from zhaoliang.vouchers.services import redeem

FILE_KEPT = faults.point("payments.import:file_kept")
LINE_BOOKED = faults.point("payments.import:line_booked")
LINE_SETTLED = faults.point("payments.import:line_settled")
LINES_DONE = faults.point("payments.import:lines_done")
END = faults.point("payments.import:end")


@dataclass(frozen=True)
class Match:
    """What a row of the file is: the payment line it names and the outcome (`BankReturnLine.OUTCOMES`)."""

    row: ReturnRow
    line: PaymentLine | None
    outcome: str
    says: str


@act(
    "payments.import_return",
    label="导入银行回单",
    grants={Role.FUND_OFFICER: Reach.REGION, Role.FINANCE: Reach.REGION, Role.SYSTEM: Reach.ANY},
    on="batch",
)
def import_return(*, actor: Actor, at: datetime, batch: PaymentBatch, file_name: str, content: bytes) -> BankReturn:
    """Book the bank's answer to a batch: paid lines leave the books and redeem their vouchers, failed ones wait.

    The same file again changes nothing and returns the first import. Rows that do not fit are kept with the reason and
    move nothing. Raises BadInput for an unreadable file or one of another batch, Refusal when the batch was not sent or
    nobody knows whether it was, WrongState.
    """
    batch = locked_batch(batch)
    digest = file_digest(content)
    earlier = BankReturn.objects.filter(city_code=batch.city_code, batch=batch, sha256=digest).first()
    if earlier is not None:
        return earlier
    if not PAYMENT_BATCH.allows(batch.state, "answer"):
        raise _not_expected(batch)
    rows = read_return(content, file_name)
    _require_this_batch(batch, rows)
    kept = BankReturn.objects.create(
        city_code=batch.city_code,
        batch=batch,
        file_name=file_name[:200],
        sha256=digest,
        rows=len(rows),
        at=at,
        actor_name=actor.name,
    )
    FILE_KEPT()
    lines = _locked_lines(batch)
    matches = match_rows(rows, lines)
    _keep(kept, matches)
    _book(batch, matches, at)
    LINES_DONE()
    PAYMENT_BATCH.fire(batch, "answer")
    for claim in _claims(batch, matches):
        settle_if_done(claim)
    if all(line.state in ("paid", "failed") for line in lines):
        PAYMENT_BATCH.fire(batch, "settle")
    END()
    return kept


def _locked_lines(batch: PaymentBatch) -> list[PaymentLine]:
    rows = PaymentLine.objects.select_for_update(of=("self",), no_key=True).select_related("claim_line", "due__payable")
    return list(rows.filter(city_code=batch.city_code, batch=batch).order_by("sequence"))


def match_rows(rows: list[ReturnRow], lines: list[PaymentLine]) -> list[Match]:
    """Each row against the batch: by line number, then amount, account tail, and what was booked before."""
    by_sequence = {line.sequence: line for line in lines}
    named = Counter(row.sequence for row in rows)
    return [_match(row, by_sequence, named[row.sequence]) for row in rows]


def _match(row: ReturnRow, lines: dict[int, PaymentLine], times: int) -> Match:
    if row.sequence is None or row.amount_fen is None or row.paid is None:
        wrong = [
            name
            for name, value in (("行号", row.sequence), ("金额", row.amount_fen), ("结果", row.paid))
            if value is None
        ]
        return Match(row, None, "unreadable", f"{'、'.join(wrong)}读不懂")
    line = lines.get(row.sequence)
    if line is None:
        return Match(row, None, "unknown_line", f"批次里没有第 {row.sequence} 行")
    if times > 1:
        return Match(row, line, "twice_in_file", f"第 {row.sequence} 行在回单里出现 {times} 次，须向银行核实")
    if row.amount_fen != line.amount_fen:
        says = f"应为 {format_yuan(line.amount_fen)}，回单是 {format_yuan(row.amount_fen)}"
        return Match(row, line, "amount_differs", says)
    if row.tail and row.tail != line.account_number[-4:]:
        return Match(row, line, "account_differs", "账号后四位与送出的不同")
    if line.state in ("paid", "failed"):
        same = row.paid == (line.state == "paid")
        told = PAYMENT_LINE.states[line.state]
        says = f"先前已登记为“{told}”" + ("" if same else "，这次相反，须向银行核实")
        return Match(row, line, "repeated" if same else "contradicts", says)
    return Match(row, line, "paid" if row.paid else "failed", row.reason)


def _keep(kept: BankReturn, matches: list[Match]) -> None:
    BankReturnLine.objects.bulk_create(
        BankReturnLine(
            city_code=kept.city_code,
            bank_return=kept,
            row=match.row.row,
            payment_line=match.line,
            bank_reference=match.row.reference,
            amount_fen=match.row.amount_fen or 0,
            paid=bool(match.row.paid),
            outcome=match.outcome,
            reason=match.says[:200],
        )
        for match in matches
    )


def _book(batch: PaymentBatch, matches: list[Match], at: datetime) -> None:
    booked = [
        (match.line, match) for match in matches if match.line is not None and match.outcome in ("paid", "failed")
    ]
    paid = [line.claim_line for line, match in booked if match.outcome == "paid" and line.due_id is None]
    vouchers = vouchers_by_id(batch.city_code, [line.voucher_id for line in paid if line.voucher_id is not None])
    for line, match in booked:
        if match.outcome == "failed":
            failure = match.row.reason or "银行没有说明原因"
            PAYMENT_LINE.fire(line, "fail", bank_reference=match.row.reference, failure=failure)
            continue
        PAYMENT_LINE.fire(line, "settle", bank_reference=match.row.reference, settled_at=at)
        _pay(batch, line, at)
        LINE_BOOKED()
        if line.due_id is None and line.claim_line.voucher_id is not None:
            redeem(vouchers[line.claim_line.voucher_id], at=at, reason="补贴已到账")
        LINE_SETTLED()
    for outcome, event in (("paid", "settle"), ("failed", "fail")):
        subjects = [(line.claim_line_id, line.due_id) for line, match in booked if match.outcome == outcome]
        lines, dues = split_subjects(subjects)
        move_owed(batch.city_code, lines, dues, event)


def _pay(batch: PaymentBatch, line: PaymentLine, at: datetime) -> None:
    """From payable to disbursed; the ledger takes one payment of a claim line or due, ever."""
    payable = _payable(line)
    subject_type, subject_id = line.subject
    post_transfer(
        kind="pay",
        debit=payable,
        credit=_disbursed(payable),
        amount_fen=line.amount_fen,
        at=at,
        subject_type=subject_type,
        subject_id=subject_id,
        memo=f"批次 {batch.number} 第 {line.sequence} 行到账",
    )


def _payable(line: PaymentLine) -> Account:
    if line.due is not None:
        return line.due.payable
    owed = [
        transfer
        for subject in ("claim_line", "claim_line.excess")
        for transfer in transfers_of(line.city_code, subject, line.claim_line_id)
        if transfer.kind == "accrue"
    ]
    return owed[0].credit


def _disbursed(payable: Account) -> Account:
    return ensure_account(
        city_code=payable.city_code,
        region_code=payable.region_code,
        code=f"disbursed-{payable.region_code}-{payable.fund_source}-{payable.year}",
        name=f"{payable.year} 年{FundSource(payable.fund_source).label}已付出",
        kind="disbursed",
        fund_source=payable.fund_source,
        year=payable.year,
    )


def _claims(batch: PaymentBatch, matches: list[Match]) -> list[Claim]:
    paid = [match.line for match in matches if match.line and match.outcome == "paid"]
    ids = {line.claim_line.claim_id for line in paid if line.due_id is None}
    return claims_by_id(batch.city_code, ids)


def _require_this_batch(batch: PaymentBatch, rows: list[ReturnRow]) -> None:
    others = sorted({row.batch_number for row in rows} - {batch.number})
    if others:
        named = "、".join(other or "（空）" for other in others[:3])
        raise BadInput(
            what="回单没有导入，什么都没有改动。",
            why=f"这是批次 {batch.number} 的页面，文件里却有批次号 {named}。",
            next_step="请到对应的批次导入这份回单。",
            fields={"file": f"文件里的批次号是 {named}。"},
        )


def _not_expected(batch: PaymentBatch) -> Refusal:
    if batch.state == "unknown":
        return Refusal(
            what="回单没有导入。",
            why="这一批次是否送达还不清楚。",
            next_step="请先向银行核实并登记“银行确认收到”，再导入回单。",
        )
    return PAYMENT_BATCH.refusal(batch.state, "answer")

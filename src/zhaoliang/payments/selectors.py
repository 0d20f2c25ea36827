"""Questions about payments: batches and their lines, what waits and why, what the bank said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q, QuerySet, Sum

from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.models import StateChange
from zhaoliang.kernel.roles import Actor, Role, within
from zhaoliang.payments.excel import bank_file, file_digest
from zhaoliang.payments.formats.rows import references_in
from zhaoliang.payments.models import (
    BankReturn,
    BankReturnLine,
    BankUpload,
    PayingAccount,
    PaymentBatch,
    PaymentLine,
    ReconciliationCase,
)
from zhaoliang.payments.payees import goes_to, payee_finder
from zhaoliang.payments.total_sql import WRONG_BANK, WRONG_PAID
from zhaoliang.payments.trace import (
    Trace,
    bank_rows_behind,
    cent_trace,
    lines_behind,
    payments_of,
    trace_from_bank_line,
    transfers_behind,
)
from zhaoliang.registry.models import Organisation, Person
from zhaoliang.registry.standing import Gate, barred_codes
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.subsidies.services import Owed, paid_to, waiting_for_payment

__all__ = [
    "WRONG_BANK",
    "WRONG_PAID",
    "BatchPage",
    "Trace",
    "WaitingLine",
    "account_in_use",
    "account_to_pay_from",
    "bank_line",
    "bank_rows_behind",
    "batch",
    "batch_by_number",
    "batch_page",
    "batches_for",
    "case_lines",
    "cent_trace",
    "file_as_sent",
    "lines_behind",
    "lines_for",
    "lines_of_bank",
    "lines_to_barred",
    "open_cases",
    "outcome_sums",
    "paid_lines_of",
    "paying_account",
    "paying_accounts",
    "payments_of",
    "reconciliation_case",
    "trace_from_bank_line",
    "transfers_behind",
    "upload",
    "waiting_lines",
    "waits_for_account",
]

# Beyond this a page tells numbers of the oldest only.
MOST_SHOWN = 5_000
MOST_FAILED = 100


@dataclass(frozen=True)
class WaitingLine:
    """Something owed that no batch holds yet; `missing` says why it cannot be paid ("" when it can)."""

    owed: Owed
    payee_name: str
    missing: str


@dataclass(frozen=True)
class BatchPage:
    """A batch with its lines (not read yet), their number and fen by state, the bank's answers and the open cases."""

    batch: PaymentBatch
    lines: QuerySet[PaymentLine]
    sums: dict[str, tuple[int, int]]
    returns: tuple[BankReturn, ...]
    cases: tuple[ReconciliationCase, ...]
    failed: tuple[PaymentLine, ...]
    timeline: tuple[StateChange, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Lines by state."""
        return {state: number for state, (number, _) in self.sums.items()}

    @property
    def size(self) -> int:
        return sum(number for number, _ in self.sums.values())

    @property
    def total_fen(self) -> int:
        return sum(fen for _, fen in self.sums.values())


def paying_accounts(city_code: int, region_code: int) -> list[PayingAccount]:
    """Every account a region paid from or is to pay from, the newest first."""
    return list(PayingAccount.objects.filter(city_code=city_code, region_code=region_code).order_by("-id"))


def paying_account(city_code: int, account_id: int) -> PayingAccount:
    """A paying account. Raises NotFound."""
    found = PayingAccount.objects.filter(city_code=city_code, pk=account_id).first()
    if found is None:
        raise NotFound(what="没有这个付款账户。", why="本市没有这个编号的账户。", next_step="请从“付款账户”进入。")
    return found


def account_in_use(city_code: int, region_code: int, fund_source: str) -> PayingAccount | None:
    """The confirmed account that a region pays a fund from, or None."""
    return PayingAccount.objects.filter(
        city_code=city_code, region_code=region_code, fund_source=fund_source, state="confirmed"
    ).first()


def account_to_pay_from(batch: PaymentBatch) -> PayingAccount | None:
    """The account a batch was sealed with; before that, the one in use now."""
    if batch.state == "building":
        return account_in_use(batch.city_code, batch.region_code, batch.fund_source)
    return batch.paying_account


def batch(city_code: int, batch_id: int) -> PaymentBatch:
    """A payment batch. Raises NotFound."""
    found = PaymentBatch.objects.filter(city_code=city_code, pk=batch_id).first()
    if found is None:
        raise NotFound(what="没有这个拨付批次。", why="本市没有这个编号的批次。", next_step="请从列表进入。")
    return found


def batch_by_number(city_code: int, number: str) -> PaymentBatch:
    """A payment batch by the number people quote to the bank. Raises NotFound."""
    found = PaymentBatch.objects.filter(city_code=city_code, number=number.strip()).first()
    if found is None:
        raise NotFound(what="没有这个拨付批次。", why="本市没有这个批次号。", next_step="请核对批次号。")
    return found


def batches_for(actor: Actor) -> list[PaymentBatch]:
    """The batches in the regions of the actor's money roles, latest first."""
    found: dict[int, PaymentBatch] = {}
    for assignment in actor.assignments:
        if assignment.role in (Role.FUND_OFFICER, Role.FINANCE, Role.AUDITOR):
            rows = PaymentBatch.objects.filter(
                city_code=assignment.city_code, **within("region_code", assignment.region_code)
            )
            found.update((row.pk, row) for row in rows.order_by("-id")[:200])
    return sorted(found.values(), key=lambda row: -row.pk)


def batch_page(city_code: int, batch_id: int) -> BatchPage:
    """The page of a batch; a fixed number of queries, whatever its size. Account numbers are masked in it. Raises NotFound."""
    found = batch(city_code, batch_id)
    of_batch = {"city_code": city_code, "batch": found}
    lines = PaymentLine.objects.select_related("claim_line__claim", "claim_line__person", "due").filter(**of_batch)
    sums = lines.order_by().values_list("state").annotate(number=Count("id"), fen=Sum("amount_fen"))
    return BatchPage(
        batch=found,
        lines=lines.order_by("sequence"),
        sums={state: (number, fen) for state, number, fen in sums},
        returns=tuple(BankReturn.objects.filter(**of_batch).order_by("id")[:20]),
        cases=tuple(open_cases(city_code).filter(batch=found)[:50]),
        failed=tuple(lines.filter(waits_for_account()).order_by("sequence")[:MOST_FAILED]),
        timeline=tuple(
            StateChange.objects.filter(city_code=city_code, machine="payment_batch", object_id=found.pk).order_by("id")
        ),
    )


def lines_to_barred(found: PaymentBatch, *, on: date) -> QuerySet[PaymentLine]:
    """The payments of a batch that has not left to organisations that may not be paid on a day."""
    rows = PaymentLine.objects.filter(city_code=found.city_code, batch=found, state="waiting")
    barred = barred_codes(found.city_code, Gate.PAYMENT, on)
    if not barred:
        return rows.none()
    first = Q(due__isnull=True) & paid_to(barred, payee="claim_line__payee", line="claim_line__")
    return rows.filter(first | paid_to(barred, payee="due__payee", line="claim_line__"))


def case_lines(case: ReconciliationCase) -> list[PaymentLine]:
    """The payment lines a case is about, with their claims: its own, or those that the bank put together (at most 100)."""
    ids = [case.payment_line_id] if case.payment_line_id is not None else []
    if not ids and case.bank_line is not None:
        ids = list(case.bank_line.line_ids)
    rows = PaymentLine.objects.select_related("batch", "claim_line__claim", "due").filter(city_code=case.city_code)
    found = rows.filter(pk__in=ids[:100])
    if case.kind == "missing":
        found = rows.filter(batch=case.batch, state="sent")
    return list(found.order_by("sequence")[:100])


def outcome_sums(kept: BankReturn) -> dict[str, tuple[int, int]]:
    """By outcome: rows and fen of a bank file."""
    rows = BankReturnLine.objects.filter(city_code=kept.city_code, bank_return=kept).order_by()
    sums = rows.values_list("outcome").annotate(number=Count("id"), fen=Sum("amount_fen"))
    return {outcome: (number, int(fen)) for outcome, number, fen in sums}


def waits_for_account() -> Q:
    """The payment lines that came back and wait for a corrected account, as a query condition."""
    return Q(due__isnull=True, claim_line__state="failed", state="failed") | Q(due__state="failed", state="failed")


def open_cases(city_code: int) -> QuerySet[ReconciliationCase]:
    """The reconciliation cases of a city that wait for somebody, oldest first."""
    rows = ReconciliationCase.objects.select_related("batch", "payment_line", "bank_line__bank_return")
    return rows.filter(city_code=city_code).exclude(state="closed").order_by("id")


def reconciliation_case(city_code: int, case_id: int) -> ReconciliationCase:
    """A case with its batch, payment line and bank row. Raises NotFound."""
    rows = ReconciliationCase.objects.select_related("batch", "payment_line__claim_line", "bank_line__bank_return")
    found = rows.filter(city_code=city_code, pk=case_id).first()
    if found is None:
        raise NotFound(what="没有这个核对事项。", why="本市没有这个编号的事项。", next_step="请从“银行对账”进入。")
    return found


def upload(city_code: int, upload_id: int) -> BankUpload:
    """A bank's file that was handed in. Raises NotFound."""
    found = BankUpload.objects.select_related("batch").filter(city_code=city_code, pk=upload_id).first()
    if found is None:
        raise NotFound(what="没有这份文件。", why="本市没有这个编号的上传文件。", next_step="请重新上传。")
    return found


def booked_upload(upload: BankUpload) -> BankReturn | None:
    """What booking a file that was handed in came to; None before."""
    return BankReturn.objects.filter(
        city_code=upload.city_code, region_code=upload.region_code, batch_id=upload.batch_id, sha256=upload.sha256
    ).first()


def bank_line(city_code: int, line_id: int) -> BankReturnLine:
    """A row of a bank file with what it was matched to. Raises NotFound."""
    rows = BankReturnLine.objects.select_related("bank_return", "payment_line__claim_line")
    found = rows.filter(city_code=city_code, pk=line_id).first()
    if found is None:
        raise NotFound(what="没有这一行银行记录。", why="本市没有这个编号的银行行。", next_step="请按流水号查找。")
    return found


def lines_of_bank(city_code: int, said: str) -> list[ClaimLine]:
    """The claim lines behind a row of a bank file, named by the bank's reference, ours (ZL…) or the row's own number.

    `city_code` 0 looks in all cities. Raises NotFound when no row is known or none of them is a payment of ours.
    """
    with national():
        rows = BankReturnLine.objects.filter(**({"city_code": city_code} if city_code else {}))
        ours = references_in(said)
        found = rows.filter(payment_line_id=ours[0]) if ours else rows.filter(bank_reference=said)
        if not ours and not found.exists() and said.isdecimal():
            found = rows.filter(pk=int(said))
        behind = {line.pk: line for row in found.order_by("id")[:20] for line in lines_behind(row)}
    if not behind:
        raise NotFound(
            what="没有找到。", why="导入的银行文件里没有这一行，或它不是我们的拨付。", next_step="请核对流水号。"
        )
    return list(behind.values())


def file_as_sent(found: PaymentBatch) -> bytes:
    """The bank file, for download. Raises ValueError when it is no longer the one whose digest was fixed at sending."""
    content = bank_file(found)
    if found.file_sha256 is not None and file_digest(content) != bytes(found.file_sha256):
        raise ValueError(f"the bank file of batch {found.number} differs from the one that was sent")
    return content


def waiting_lines(city_code: int, region_code: int, fund_source: str, *, on: date) -> list[WaitingLine]:
    """What is owed of a fund in a region and no batch holds, with what keeps it from being paid on a day."""
    find = payee_finder(city_code)
    barred = barred_codes(city_code, Gate.PAYMENT, on)
    found = []
    for owed, state in waiting_for_payment(city_code, region_code, fund_source, MOST_SHOWN):
        account = find(owed)
        missing = account.missing or ("银行退回，等待更正账号" if state == "failed" else "")
        if goes_to(owed, barred):
            missing = "收款单位被暂停、移出目录或列入黑名单，解除以后再拨"
        found.append(WaitingLine(owed, account.name, missing))
    return found


def paid_lines_of(person: Person, *, everywhere: bool = False) -> list[PaymentLine]:
    """The payments for a person's trainings that reached an account, latest first, with claim line and class.

    Of the city, or of all cities (for the holder).
    """
    rows = PaymentLine.objects.select_related("claim_line__claim").filter(state="paid")
    rows = rows.order_by("-settled_at", "-id")
    if not everywhere:
        return list(rows.filter(city_code=person.city_code, claim_line__person=person))
    with national():
        return list(rows.filter(claim_line__person_id=person.pk))


def lines_for(provider: Organisation) -> QuerySet[PaymentLine]:
    """Every payment of a provider's claims, to whomever it went, latest first, with batch, class and trainee.

    What a dissolved batch never sent is no payment and left out.
    """
    rows = PaymentLine.objects.select_related("batch", "claim_line__claim", "claim_line__person")
    return (
        rows.filter(city_code=provider.city_code, claim_line__claim__provider=provider)
        .exclude(batch__state="dissolved")
        .order_by("-batch_id", "sequence")
    )

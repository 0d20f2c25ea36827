"""The bank's files taken in: answers to a batch and statements of an account, any format, matched in one statement.

Only a row that agrees in everything moves money; the rest becomes cases (`services.cases`) that people decide.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib import resources
from typing import Any

from django.db import connection, transaction

from zhaoliang.kernel import faults
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.db.copying import copy_rows
from zhaoliang.kernel.db.lookups import id_array
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.jobs.reporting import report
from zhaoliang.kernel.masking import mask_name
from zhaoliang.kernel.roles import Actor, Place, Reach, Role, region_codes
from zhaoliang.kernel.states import EachRow
from zhaoliang.payments.excel import file_digest
from zhaoliang.payments.formats.reading import read_bank_file
from zhaoliang.payments.formats.rows import BankFile, BankRow
from zhaoliang.payments.models import BankReturn, BankReturnLine, BankStage, BankUpload, PaymentBatch, PaymentLine
from zhaoliang.payments.selectors import outcome_sums
from zhaoliang.payments.services.batches import locked_batch
from zhaoliang.payments.services.booking import Said, book_failed, book_paid, close_batches
from zhaoliang.payments.services.opening import open_cases
from zhaoliang.payments.states import PAYMENT_BATCH
from zhaoliang.payments.totals import count_bank_file

STAGED = faults.point("payments.import:staged")
MATCHED = faults.point("payments.import:matched")
FAILED_BOOKED = faults.point("payments.import:failed_booked")
PAID_BOOKED = faults.point("payments.import:paid_booked")
END = faults.point("payments.import:end")

IMPORTERS = {Role.FUND_OFFICER: Reach.REGION, Role.FINANCE: Reach.REGION, Role.SYSTEM: Reach.ANY}
_COLUMNS = (
    "city_code",
    "bank_return_id",
    "row",
    "event",
    "amount_fen",
    "batch_number",
    "sequences",
    "line_ids",
    "account_tail",
    "counterparty",
    "bank_reference",
    "code",
    "text",
    "value_on",
)


@act("payments.import_return", label="导入银行回单", grants=IMPORTERS, on="batch")
def import_return(*, actor: Actor, at: datetime, batch: PaymentBatch, file_name: str, content: bytes) -> BankReturn:
    """Book the bank's answer to a batch: paid lines leave the books and redeem their vouchers, failed ones wait.

    The same file again changes nothing and returns the first import. Rows that do not fit are kept with the reason, move
    nothing and become cases. Any format; a statement of account is booked for this batch only. Raises BadInput for an
    unreadable file or one of another batch, Refusal when the batch was not sent or nobody knows whether it was, WrongState.
    """
    batch = locked_batch(batch)
    digest = file_digest(content)
    earlier = BankReturn.objects.filter(city_code=batch.city_code, batch=batch, sha256=digest).first()
    if earlier is not None:
        return earlier
    # A settled batch still hears of money that comes back later.
    if not PAYMENT_BATCH.allows(batch.state, "answer") and batch.state != "settled":
        raise _not_expected(batch)
    file = read_bank_file(content, file_name)
    kept = _kept(batch.access(), file, actor, at, batch=batch, file_name=file_name, sha256=digest)
    return _book(kept, batch, at)


@act("payments.import_statement", label="导入银行对账单", grants=IMPORTERS, on="place")
def import_statement(*, actor: Actor, at: datetime, place: Place, file_name: str, content: bytes) -> BankReturn:
    """Book a statement of account: every payment of the place's region that it names, whatever the batch.

    The same file again changes nothing and returns the first import. Raises BadInput for an unreadable file and for the
    answer to a batch, which belongs on that batch.
    """
    digest = file_digest(content)
    earlier = BankReturn.objects.filter(
        city_code=place.city_code, region_code=place.region_code, batch__isnull=True, sha256=digest
    ).first()
    if earlier is not None:
        return earlier
    file = read_bank_file(content, file_name)
    if file.scope != "statement":
        raise BadInput(
            what="对账单没有导入，什么都没有改动。",
            why="这份文件是一个批次的回单，不是账户对账单。",
            next_step="请到那个批次的页面导入。",
            fields={"file": "请到批次页面导入回单。"},
        )
    kept = _kept(place.access(), file, actor, at, batch=None, file_name=file_name, sha256=digest)
    return _book(kept, None, at)


@act("payments.upload", label="上传银行文件", grants=IMPORTERS, on="place")
def keep_upload(
    *, actor: Actor, at: datetime, place: Place, file_name: str, content: bytes, batch: PaymentBatch | None = None
) -> BankUpload:
    """Keep a bank's file encrypted while people look at what booking it would do. Raises BadInput for an unreadable one."""
    rows = sum(1 for _ in read_bank_file(content, file_name).rows)
    return BankUpload.objects.create(
        city_code=place.city_code,
        region_code=place.region_code,
        batch=batch,
        file_name=file_name[:200],
        sha256=file_digest(content),
        rows=rows,
        content=base64.b64encode(content).decode(),
        at=at,
        actor_name=actor.name,
    )


def upload_content(upload: BankUpload) -> bytes:
    """The file as it was handed in; b"" once it was booked."""
    return base64.b64decode(upload.content or "")


@dataclass(frozen=True)
class Preview:
    """What booking a file would do: rows and fen by outcome, lines the bank has not mentioned, the first rows in doubt."""

    outcomes: dict[str, tuple[int, int]]
    missing: tuple[int, int]
    doubts: tuple[BankReturnLine, ...]
    form: str
    rows: int

    def as_dict(self) -> dict[str, Any]:
        """As a job keeps it."""
        kept = [{name: getattr(row, name) for name in _DOUBT} for row in self.doubts]
        return {
            "outcomes": self.outcomes,
            "missing": self.missing,
            "doubts": kept,
            "form": self.form,
            "rows": self.rows,
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Preview:
        """The preview that `as_dict` wrote."""
        outcomes = {name: (number, fen) for name, (number, fen) in stored["outcomes"].items()}
        number, fen = stored["missing"]
        doubts = tuple(BankReturnLine(**row) for row in stored["doubts"])
        return cls(outcomes, (number, fen), doubts, stored["form"], stored["rows"])


# What a row in doubt is shown by.
_DOUBT = ("row", "outcome", "reason", "bank_reference", "amount_fen")


class _Undo(Exception):
    """Ends the trial of an import; everything it did is rolled back."""


def preview(*, place: Place, batch: PaymentBatch | None, file_name: str, content: bytes, at: datetime) -> Preview:
    """Match a file as the import would and undo it: a real run, so that it cannot differ. Raises BadInput."""
    found: Preview | None = None
    file = read_bank_file(content, file_name)
    try:
        with transaction.atomic():
            access = place.access()
            kept = BankReturn.objects.create(
                city_code=access.city_code,
                region_code=access.region_code,
                batch=batch,
                form=file.form,
                file_name=file_name[:200],
                # Not the file's own digest: a file that was booked before can be looked at again.
                sha256=file_digest(content + b"preview"),
                rows=0,
                at=at,
                actor_name="预览",
            )
            rows = _stage(kept, file)
            report(rows, None, "正在逐行核对")
            if batch is not None:
                require_this_batch(batch, kept)
            _match(kept, batch)
            counted = outcome_sums(kept)
            doubts = BankReturnLine.objects.filter(city_code=kept.city_code, bank_return=kept)
            doubts = doubts.exclude(outcome__in=("paid", "failed", "repeated")).order_by("row")
            found = Preview(counted, missing_after(kept, batch), tuple(doubts[:50]), file.form, rows)
            raise _Undo
    except _Undo:
        pass
    assert found is not None
    return found


def missing_after(kept: BankReturn, batch: PaymentBatch | None) -> tuple[int, int]:
    """Lines and fen at the bank that a file does not mention: of the batch, or of all batches that a statement touches."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(sum(line.amount_fen), 0) FROM payment_line AS line"
            " WHERE line.city_code = %(city)s AND line.state = 'sent' AND line.batch_id IN ("
            "   SELECT %(batch)s UNION SELECT named.batch_id FROM bank_return_line AS said"
            "   JOIN payment_line AS named ON named.city_code = said.city_code AND named.id = said.payment_line_id"
            "   WHERE said.city_code = %(city)s AND said.bank_return_id = %(kept)s)"
            " AND NOT EXISTS (SELECT FROM bank_return_line AS said WHERE said.city_code = line.city_code"
            "   AND said.bank_return_id = %(kept)s AND (said.payment_line_id = line.id OR line.id = ANY(said.line_ids)))",
            {"city": kept.city_code, "batch": batch.pk if batch else None, "kept": kept.pk},
        )
        count, fen = cursor.fetchone() or (0, 0)
        return count, int(fen)


def _kept(access: Any, file: BankFile, actor: Actor, at: datetime, **given: Any) -> BankReturn:
    """The file's row and its rows on the stage. Written after reading, because balances stand at the end of a file."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('bank_return', 'id'))")
        row = cursor.fetchone()
    assert row is not None
    kept = BankReturn(
        city_code=access.city_code, id=row[0], region_code=access.region_code, form=file.form, at=at, **given
    )
    kept.actor_name, kept.file_name = actor.name, kept.file_name[:200]
    kept.rows = _stage(kept, file)
    kept.account_tail, kept.opening_fen, kept.closing_fen = file.account_tail, file.opening_fen, file.closing_fen
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(value_on), max(value_on) FROM bank_stage WHERE city_code = %s AND bank_return_id = %s",
            [kept.city_code, kept.pk],
        )
        span: tuple[date | None, date | None] = cursor.fetchone() or (None, None)
    kept.since, kept.until = span
    kept.save(force_insert=True)
    STAGED()
    return kept


def _stage(kept: BankReturn, file: BankFile) -> int:
    # Said before and not on the way: the connection is taken until the last row is in.
    report(0, None, "正在读银行文件")
    return copy_rows(BankStage, _COLUMNS, _staged(kept, file.rows))


def _staged(kept: BankReturn, rows: Iterator[BankRow]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        # Names of people are kept masked; an organisation's is longer and no secret.
        name = mask_name(row.counterparty) if len(row.counterparty) <= 4 else row.counterparty
        yield (
            kept.city_code,
            kept.pk,
            row.row,
            row.event,
            row.amount_fen,
            row.batch_number[:40],
            list(row.sequences),
            list(row.line_ids),
            row.account_tail[-4:],
            name,
            row.bank_reference,
            row.code[:20],
            row.text,
            row.value_on,
        )


def _sql(name: str) -> str:
    return resources.files("zhaoliang.payments").joinpath(f"sql/{name}.sql").read_text(encoding="utf-8")


def _match(kept: BankReturn, batch: PaymentBatch | None) -> None:
    low, high = region_codes(kept.region_code)
    values = {
        "city": kept.city_code,
        "bank_return": kept.pk,
        "batch": batch.pk if batch else None,
        "low": low,
        "high": high,
    }
    with connection.cursor() as cursor:
        for statement in _sql("name_lines").split(";\n"):
            if statement.strip():
                cursor.execute(statement, values)
        cursor.execute("ANALYZE bank_stage")
        cursor.execute(_sql("match"), values)
    BankStage.objects.filter(city_code=kept.city_code, bank_return_id=kept.pk).delete()


def _book(kept: BankReturn, batch: PaymentBatch | None, at: datetime) -> BankReturn:
    city = kept.city_code
    if batch is not None:
        require_this_batch(batch, kept)
    report(kept.rows, None, "正在逐行核对")
    _match(kept, batch)
    count_bank_file(city, kept.pk)
    MATCHED()
    report(kept.rows, None, "正在记账、核销培训券、告知收款人")
    # Whole account numbers are kept no longer than somebody has to look at them.
    BankUpload.objects.filter(city_code=city, region_code=kept.region_code, sha256=kept.sha256).update(content="")
    rows = BankReturnLine.objects.filter(city_code=city, bank_return=kept)
    ids = {
        name: list(rows.filter(outcome=name).values_list("payment_line_id", flat=True)) for name in ("paid", "failed")
    }
    lines = PaymentLine.objects.filter(city_code=city, bank_lines__bank_return=kept)
    touched = list(lines.values_list("batch_id", flat=True).order_by().distinct())
    _lock(city, ids["paid"] + ids["failed"])
    book_failed(city, sorted(ids["failed"]), at=at, said=_said(kept, "failed"))
    FAILED_BOOKED()
    book_paid(city, sorted(ids["paid"]), at=at, said=_said(kept, "paid"))
    PAID_BOOKED()
    close_batches(city, [batch.pk] if batch is not None else touched)
    open_cases(kept, [batch.pk] if batch is not None else touched, at=at)
    END()
    return kept


def _lock(city_code: int, line_ids: Sequence[int]) -> None:
    """Lock payment lines in the order of their ids, so that two files over the same lines cannot wait for each other."""
    with connection.cursor() as cursor:
        # Counted in the database: what is locked need not come here.
        cursor.execute(
            "SELECT count(*) FROM (SELECT FROM payment_line WHERE city_code = %s AND id = ANY(%s::bigint[])"
            " ORDER BY id FOR NO KEY UPDATE) AS locked",
            [city_code, id_array(line_ids)],
        )


def _said(kept: BankReturn, outcome: str) -> Said:
    """The bank's reference of each line booked with this outcome (paid, failed) and, of a failed one, what the bank said."""
    select = (
        "SELECT payment_line_id AS id, bank_reference, CASE outcome WHEN 'failed' THEN reason ELSE '' END AS failure"
        " FROM bank_return_line WHERE city_code = %(city)s AND bank_return_id = %(kept)s AND outcome = %(outcome)s"
    )
    values = {"city": kept.city_code, "kept": kept.pk, "outcome": outcome}
    return Said({}, EachRow(("bank_reference", "failure"), select, values))


def require_this_batch(batch: PaymentBatch, kept: BankReturn) -> None:
    """Raise BadInput when the file on the stage names another batch, or (an answer) none."""
    rows = BankStage.objects.filter(city_code=kept.city_code, bank_return_id=kept.pk).exclude(batch_number=batch.number)
    if kept.form in ("camt053", "mt940"):
        rows = rows.exclude(batch_number="")
    others = Counter(rows.values_list("batch_number", flat=True)[:1000])
    if others:
        named = "、".join(other or "（空）" for other in sorted(others)[:3])
        raise BadInput(
            what="回单没有导入，什么都没有改动。",
            why=f"这是批次 {batch.number} 的页面，文件里却有批次号 {named}。",
            next_step="请到对应的批次导入这份回单；账户对账单请在“银行对账”里导入。",
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

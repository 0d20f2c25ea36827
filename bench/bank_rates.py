"""Statements of the bank over a batch of so many payments, read, matched and booked, in each format.

`python bench/bank_rates.py 99990` measures the size of the goal: a file in under 60 s, with memory that is about the same at
19,980. The batch's rows are filled in by SQL, as building and sending one leaves them (claims of 30 lines, seven of ten with a
voucher, half of the payees people who are told), so that nothing before it has to be run; `bench/payment_rates.py` builds one.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import audit_fill
import figures

CITY, FEN = audit_fill.CITY, 378_000
SIZE, FULL = 19_980, 99_990
AT = datetime(2026, 9, 2, 2, 0, tzinfo=UTC)
# As `accrue`, `build_batch`, `seal_batch`, `authorise_batch` and `send_batch` leave them.
FILLED = """
TRUNCATE transfer, payment_batch, payment_due, bank_return, bank_stage, notice, state_change CASCADE;
ALTER TABLE claim_line DROP CONSTRAINT IF EXISTS claim_line_money_needs_decision;
UPDATE claim SET state = 'paying';
UPDATE claim_line SET state = 'in_batch', amount_fen = {fen},
                      payee = CASE WHEN bench_r(id, 50, 2) = 0 THEN 'person' ELSE 'provider' END;
INSERT INTO account (city_code, id, code, name, kind, fund_source, year, region_code, balance_fen)
SELECT {city}, given.id, 'bench-' || kind, kind, kind, 'employment_subsidy', 2026, {city}, fen
FROM (VALUES (1001, 'budget', 0), (1002, 'payable', (SELECT count(*) * {fen} FROM claim_line))) AS given (id, kind, fen);
SELECT setval(pg_get_serial_sequence('account', 'id'), 2000);
SELECT setval(pg_get_serial_sequence('transfer', 'id'), (SELECT max(id) FROM claim_line))
"""
ROWS = {
    "transfer": f"SELECT {CITY} AS city_code, id, 'accrue' AS kind, 1001 AS debit_id, 1002 AS credit_id, {FEN} AS amount_fen,"
    " '2026-08-20+00'::timestamptz AS at, 'claim_line' AS subject_type, id AS subject_id FROM claim_line",
    "payment_batch": f"SELECT {CITY} AS city_code, 1 AS id, 'BF00000000000000000001' AS number, {CITY} AS region_code,"
    " 'employment_subsidy' AS fund_source, 'sent' AS state",
    "payment_line": f"SELECT {CITY} AS city_code, 700000 + id AS id, 1 AS batch_id, id AS claim_line_id, 'subsidy' AS purpose,"
    f" row_number() OVER (ORDER BY id) AS sequence, 1 AS attempt, '测试' AS payee_name, '**** 0000' AS account_masked,"
    f" {FEN} AS amount_fen, 'sent' AS state FROM claim_line",
}


def measure(progress: Callable[[str], None], *, full: bool = False, size: int = 0) -> None:
    """Print the figures, one JSON line each."""
    size = size or (FULL if full else SIZE)
    fill(progress, size)
    statements(progress, range(700_001, 700_001 + size))


def fill(progress: Callable[[str], None], size: int) -> None:
    """A batch of so many payments at the bank, whatever was in the tables before."""
    from django.db import connection

    from zhaoliang.kernel.db.migrate import as_owner

    progress(f"bench: bank files, filling in a batch of {size:,} payments")
    with as_owner():
        audit_fill.fill(connection, size, people=size)
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            for statement in FILLED.format(city=CITY, fen=FEN).split(";"):
                cursor.execute(statement)
            for table, select in ROWS.items():
                audit_fill.put(cursor, table, select)
            cursor.execute("SET session_replication_role = DEFAULT")
            for table in ("claim", "claim_line", *ROWS):
                cursor.execute(f"VACUUM (ANALYZE) {table}")


def statements(progress: Callable[[str], None], lines: Iterable[int]) -> None:
    """Measure the bank's statement of payment lines, by their ids, in each format; each books the same lines and is undone."""
    with tempfile.TemporaryDirectory(prefix="zhaoliang-bank-") as name:
        for form, write in FORMS.items():
            file = Path(name) / "statement"
            count = sum(1 for _ in lines)
            file.write_bytes(write((number, f"ZL{pk:012d}") for number, pk in enumerate(lines, start=1)))
            progress(f"bench: {count:,} lines of {form}, {file.stat().st_size // 1024:,} kB")
            seconds, processor, megabytes = reconciled(file)
            record = {"bench": f"statement reconciled and booked, {form}", "lines": count, "seconds": round(seconds, 2)}
            record |= {"lines/s": round(count / seconds), "processor s": round(processor, 2)}
            record |= {"file MB": round(file.stat().st_size / 2**20, 1), "most memory MB": round(megabytes, 1)}
            print(json.dumps(record, ensure_ascii=False), flush=True)
            if count > 9 * FULL // 10:
                figures.reach(f"{form} statement of {count:,} lines reconciled", seconds, "s", "≤ 60")


def _served() -> float:
    """Processor seconds that the server has spent on this connection."""
    from django.db import connection

    said = Path(f"/proc/{connection.connection.info.backend_pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    return (int(said[11]) + int(said[12])) / os.sysconf("SC_CLK_TCK")


def reconciled(file: Path) -> tuple[float, float, float]:
    """Importing a statement that pays every line of the city: seconds, processor seconds of this process and of the server
    (which other work on the machine disturbs less), and the most memory of this process meanwhile."""
    from django.db import transaction

    from zhaoliang.kernel.roles import Place, system_actor
    from zhaoliang.payments import services
    from zhaoliang.payments.models import BankReturnLine, PaymentLine

    gc.collect()
    # Linux counts the most anew from here.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    with transaction.atomic():
        begin, processor = time.perf_counter(), time.process_time() + _served()
        services.import_statement(
            actor=system_actor(), at=AT, place=Place(CITY, CITY), file_name="bench", content=file.read_bytes()
        )
        elapsed, processor = time.perf_counter() - begin, time.process_time() + _served() - processor
        peak = next(row for row in Path("/proc/self/status").read_text("ascii").splitlines() if row.startswith("VmHWM"))
        lines = PaymentLine.objects.filter(city_code=CITY)
        if lines.filter(state="paid").count() != lines.count():
            raise SystemExit("bench: lines were left unpaid")
        assert BankReturnLine.objects.filter(city_code=CITY, outcome="paid").count() == lines.count()
        transaction.set_rollback(True)
    return elapsed, processor, int(peak.split()[1]) / 1024


Named = Iterable[tuple[int, str]]


def _csv(rows: Named) -> bytes:
    head = "交易日期,借方金额,贷方金额,流水号,摘要\n"
    return (head + "".join(f"2026-09-02,3780.00,,L{number},补贴 {text}\n" for number, text in rows)).encode("gb18030")


def _xlsx(rows: Named) -> bytes:
    from zhaoliang.payments.excel import workbook

    cells = (("2026-09-02", "3780.00", "", f"L{number}", f"补贴 {text}") for number, text in rows)
    return workbook("流水", ("交易日期", "借方金额", "贷方金额", "流水号", "摘要"), cells, created=AT, streamed=True)


def _camt(rows: Named) -> bytes:
    entries = "".join(
        '<Ntry><Amt Ccy="CNY">3780.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-09-02</Dt>'
        f"</BookgDt><AcctSvcrRef>L{number}</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>{text}</EndToEndId></Refs>"
        "</TxDtls></NtryDtls></Ntry>\n"
        for number, text in rows
    )
    return f"<Document><BkToCstmrStmt><Stmt>{entries}</Stmt></BkToCstmrStmt></Document>".encode()


def _mt940(rows: Named) -> bytes:
    entries = "".join(f":61:2609020902D3780,00NTRF{text}//L{number}\n:86:subsidy\n" for number, text in rows)
    return f":20:X\n:25:1234567890\n:28C:1/1\n:60F:C260901CNY9,00\n{entries}:62F:C260902CNY9,00\n".encode()


FORMS: dict[str, Callable[[Named], bytes]] = {"csv": _csv, "xlsx": _xlsx, "camt.053": _camt, "MT940": _mt940}


def main() -> None:
    """Measure on a throw-away database; numbers of lines (multiples of 30) may be given."""
    import run

    with tempfile.TemporaryDirectory(prefix="zhaoliang-bench-") as name:
        server = run.prepare(Path(name))
        try:
            for size in map(int, sys.argv[1:] or [SIZE]):
                measure(run.progress, size=size)
        finally:
            from django.db import connections

            connections.close_all()
            server.destroy()


if __name__ == "__main__":
    main()

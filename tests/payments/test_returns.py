"""The reconcile pack: what a bank may answer, in two file formats, each row classified and only true ones booked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction

from factories.payments import answered, authorised, sent
from factories.subsidies import CITY, FULL_FEN, Case, approved, case
from zhaoliang.demo.bank import MADE, answer_file
from zhaoliang.funds.selectors import transfers_of, verify_books
from zhaoliang.kernel import faults
from zhaoliang.kernel.errors import BadInput, WrongState
from zhaoliang.payments import selectors
from zhaoliang.payments.excel import bank_file, workbook
from zhaoliang.payments.formats.reading import read_bank_file
from zhaoliang.payments.formats.tables import RETURN_COLUMNS
from zhaoliang.payments.models import BankReturn, BankReturnLine, PaymentBatch, PaymentLine

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G3", "G4")]

Row = list[str]


def xlsx(rows: list[Row]) -> bytes:
    return workbook("回单", RETURN_COLUMNS, rows, created=MADE)


def gb_text(rows: list[Row]) -> bytes:
    return "\r\n".join(",".join(row) for row in [list(RETURN_COLUMNS), *rows]).encode("gb18030")


def utf8_text(rows: list[Row]) -> bytes:
    return gb_text(rows).decode("gb18030").encode("utf-8-sig")


FORMATS = pytest.mark.parametrize("written", [xlsx, gb_text, utf8_text])


def rows_of(batch: PaymentBatch) -> list[Row]:
    """A truthful answer: every line paid."""
    return [
        [
            batch.number,
            str(line.sequence),
            line.payee_name,
            line.account_number[-4:],
            "3780.00",
            "成功",
            f"LS{line.sequence}",
            "",
        ]
        for line in PaymentLine.objects.filter(city_code=CITY, batch=batch).order_by("sequence")
    ]


def outcomes(kept: BankReturn) -> list[str]:
    return list(
        BankReturnLine.objects.filter(city_code=CITY, bank_return=kept)
        .order_by("row")
        .values_list("outcome", flat=True)
    )


def ready(size: int = 3) -> tuple[Case, PaymentBatch, list[Row]]:
    made = case(size)
    approved(made)
    batch = sent(made)
    return made, batch, rows_of(batch)


def states(batch: PaymentBatch) -> list[str]:
    return list(
        PaymentLine.objects.filter(city_code=CITY, batch=batch).order_by("sequence").values_list("state", flat=True)
    )


@FORMATS
def test_every_kind_of_answer_is_named_and_only_true_ones_move_money(written: Callable[[list[Row]], bytes]) -> None:
    made, batch, rows = ready(6)
    rows[1][5:] = ["失败", "", "账号已销户"]
    rows[2][4] = "3780.01"
    rows[3][3] = "0000"
    rows[4][5] = "处理中"
    extra = [batch.number, "77", "无此人", "1234", "3780.00", "成功", "LS77", ""]
    twice = list(rows[5])
    kept = answered(made, batch, written([*rows, extra, twice]), "回单.csv" if written is not xlsx else "回单.xlsx")
    assert outcomes(kept) == [
        "paid",
        "failed",
        "amount_differs",
        "account_differs",
        "unreadable",
        "twice_in_file",
        "unknown_line",
        "twice_in_file",
    ]
    batch.refresh_from_db()
    assert (batch.state, states(batch)) == ("answered", ["paid", "failed", "sent", "sent", "sent", "sent"])
    page = selectors.batch_page(CITY, batch.pk)
    rows_in_doubt = [case.bank_line.row for case in page.cases if case.bank_line is not None]
    assert sorted(rows_in_doubt) == [4, 5, 6, 7, 8]
    assert any(case.says == "应为 ¥3,780.00，银行是 ¥3,780.01" for case in page.cases)
    assert verify_books(CITY) == []


@FORMATS
def test_a_partial_answer_leaves_the_batch_open_and_a_later_one_closes_it(
    written: Callable[[list[Row]], bytes],
) -> None:
    made, batch, rows = ready()
    name = "回单.csv" if written is not xlsx else "回单.xlsx"
    answered(made, batch, written(rows[:1]), name)
    batch.refresh_from_db()
    assert (batch.state, states(batch)) == ("answered", ["paid", "sent", "sent"])
    kept = answered(made, batch, written(rows), name)
    batch.refresh_from_db()
    assert (batch.state, states(batch)) == ("settled", ["paid"] * 3)
    assert outcomes(kept) == ["repeated", "paid", "paid"]


def test_the_same_file_twice_does_nothing() -> None:
    made, batch, rows = ready()
    first = answered(made, batch, xlsx(rows))
    again = answered(made, batch, xlsx(rows), "再传一次.xlsx")
    assert again.pk == first.pk
    assert BankReturn.objects.filter(city_code=CITY, batch=batch).count() == 1
    line = PaymentLine.objects.filter(city_code=CITY, batch=batch).first()
    assert line is not None
    assert len(transfers_of(CITY, "claim_line", line.claim_line_id)) == 2


def test_money_the_bank_takes_back_later_is_shown_and_moves_nothing() -> None:
    made, batch, rows = ready(2)
    answered(made, batch, xlsx(rows[:1]))
    rows[0][5:] = ["退票", "", "收款行退回"]
    kept = answered(made, batch, xlsx(rows))
    assert outcomes(kept) == ["returned", "paid"]
    assert states(batch) == ["paid", "paid"]
    assert [case.kind for case in selectors.open_cases(CITY)] == ["returned"]


def test_the_answer_to_another_batch_is_refused_whole() -> None:
    made, batch, rows = ready()
    rows[1][0] = "BF00000000"
    with pytest.raises(BadInput, match="BF00000000"):
        answered(made, batch, xlsx(rows))
    assert states(batch) == ["sent"] * 3
    assert not BankReturn.objects.filter(city_code=CITY, batch=batch).exists()


def test_an_answer_to_what_was_never_sent_is_refused() -> None:
    made = case(1)
    approved(made)
    batch = authorised(made)
    with pytest.raises(WrongState):
        answered(made, batch, answer_file(bank_file(batch)))


BAD_FILES = {
    "empty": (b"", "a.xlsx", "空的"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00", "a.png", "既不是 Excel"),
    "a PDF": (b"%PDF-1.7 ...", "a.pdf", "内容却不是"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.xls", "旧版"),
    "a broken workbook": (b"PK\x03\x04broken", "a.xlsx", "损坏"),
    "text named Excel": ("批次号,行号\n".encode(), "a.xlsx", "内容却不是"),
    "no header": (gb_text([["1", "2"]]).split(b"\r\n")[1], "a.csv", "没有找到表头"),
    "only a header": (gb_text([]), "a.csv", "没有明细"),
    "broken quotes": (gb_text([]) + b'\r\n"x,"y', "a.csv", "引号"),
}


@pytest.mark.parametrize("name", sorted(BAD_FILES))
def test_a_bad_file_is_refused_with_its_reason(name: str) -> None:
    content, file_name, word = BAD_FILES[name]
    with pytest.raises(BadInput) as caught:
        list(read_bank_file(content, file_name).rows)
    assert word in caught.value.why


def test_full_width_digits_and_stray_blanks_are_read() -> None:
    made, batch, rows = ready(1)
    rows[0] = [f" {batch.number} ", "１", "某", rows[0][3], "￥3,780.00元".replace(",", ""), "成 功", "LS1", ""]
    assert outcomes(answered(made, batch, xlsx(rows))) == ["paid"]


@pytest.mark.parametrize("point", faults.points("payments.import"))
def test_a_crash_while_importing_leaves_nothing_and_the_next_try_books_once(point: str) -> None:
    made, batch, rows = ready(2)
    with pytest.raises(faults.Crash), transaction.atomic(), faults.armed(point):
        answered(made, batch, xlsx(rows))
    batch.refresh_from_db()
    assert (batch.state, states(batch)) == ("sent", ["sent", "sent"])
    assert not BankReturn.objects.filter(city_code=CITY, batch=batch).exists()
    answered(made, batch, xlsx(rows))
    assert states(batch) == ["paid", "paid"]
    for line in PaymentLine.objects.filter(city_code=CITY, batch=batch):
        paid = [one.amount_fen for one in transfers_of(CITY, "claim_line", line.claim_line_id) if one.kind == "pay"]
        assert paid == [FULL_FEN]


def test_every_step_of_the_import_has_a_fault_point() -> None:
    assert len(faults.points("payments.import")) == 5

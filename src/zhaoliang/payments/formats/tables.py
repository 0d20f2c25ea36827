"""Tables of the bank, .xlsx or comma-separated text: the answer to a batch, or the movements of an account."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from itertools import chain, islice
from pathlib import PurePath
from typing import Any
from zipfile import BadZipFile, ZipFile

from python_calamine import CalamineError, CalamineWorkbook

from zhaoliang.kernel.identifiers import normalise
from zhaoliang.kernel.money import BadAmount, parse_yuan
from zhaoliang.payments.formats.rows import BankFile, BankRow, batch_in, code_in, references_in, unusable, words_of

RETURN_COLUMNS = ("批次号", "行号", "户名", "账号后四位", "金额", "结果", "流水号", "原因")
NEEDED = ("批次号", "行号", "金额", "结果")
PAID, FAILED = "成功", "失败"
_PAID_WORDS = {"成功", "已入账", "交易成功", "到账"}
_FAILED_WORDS = {"失败", "退票", "退回", "交易失败", "拒绝"}
# What banks call the columns of a statement of account.
_STATEMENT = {
    "out": ("借方金额", "支出金额", "借方发生额", "支出"),
    "in": ("贷方金额", "收入金额", "贷方发生额", "收入"),
    "balance": ("余额", "账户余额"),
    "day": ("交易日期", "记账日期", "日期"),
    "name": ("对方户名", "对方名称"),
    "account": ("对方账号", "对方账户"),
    "reference": ("流水号", "交易流水号", "凭证号"),
    "text": ("附言", "摘要", "用途", "备注"),
    "mark": ("冲正标志", "冲正"),
}
MOST_BYTES, MOST_UNPACKED, MOST_ROWS = 40 * 1024 * 1024, 400 * 1024 * 1024, 200_000
_HEAD_ROWS = 20
_PIECE = 1 << 20


def read_table(content: bytes, file_name: str = "") -> BankFile:
    """A table of the bank as rows. Raises BadInput saying what is wrong with the file, also while its rows are read."""
    form, table = _table(content, file_name)
    head = list(islice(table, _HEAD_ROWS))
    for number, cells in enumerate(head):
        names = [normalise(cell) for cell in cells]
        body = enumerate(chain(head[number + 1 :], table), start=number + 2)
        if set(NEEDED) <= set(names):
            where = {name: names.index(name) for name in RETURN_COLUMNS if name in names}
            return BankFile(form, "return", _some(_answers(body, where)))
        columns = {key: [names.index(word) for word in words if word in names] for key, words in _STATEMENT.items()}
        if columns["out"] and columns["in"] and columns["day"]:
            file = BankFile(form, "statement", iter(()))
            file.rows = _some(_movements(body, columns, file))
            return file
    raise unusable(
        f"没有找到表头：批次回单至少要有 {'、'.join(NEEDED)}；账户流水至少要有交易日期、借方金额、贷方金额。"
    )


def _some(rows: Iterator[BankRow]) -> Iterator[BankRow]:
    count = 0
    for count, row in enumerate(rows, start=1):
        if count > MOST_ROWS:
            raise unusable(f"超过 {MOST_ROWS} 行。")
        yield row
    if not count:
        raise unusable("文件里只有表头，没有明细。")


def _answers(body: Iterator[tuple[int, list[str]]], where: dict[str, int]) -> Iterator[BankRow]:
    for position, cells in body:
        if any(cell.strip() for cell in cells):
            yield _answer(position, cells, where)


def _answer(position: int, cells: Sequence[str], where: dict[str, int]) -> BankRow:
    def cell(name: str) -> str:
        index = where.get(name)
        return cells[index].strip() if index is not None and index < len(cells) else ""

    outcome, reason = normalise(cell("结果")), cell("原因")
    code = code_in(reason)
    return BankRow(
        row=position,
        event="out" if outcome in _PAID_WORDS else "refused" if outcome in _FAILED_WORDS else "",
        amount_fen=_fen(cell("金额")),
        batch_number=normalise(cell("批次号")),
        sequences=_sequences(normalise(cell("行号"))),
        account_tail=normalise(cell("账号后四位"), drop="*")[-4:],
        counterparty=cell("户名")[:120],
        bank_reference=cell("流水号")[:60],
        code=code,
        text=words_of(code, reason),
    )


def _sequences(text: str) -> tuple[int, ...]:
    """Line numbers as banks write them: 3, and for payments made as one 3-5 or 3、7."""
    if text.isdecimal() and len(text) <= 9:
        return (int(text),)
    found: list[int] = []
    for part in re.split(r"[、,;/]", text):
        if span := re.fullmatch(r"(\d{1,9})[-~—](\d{1,9})", part):
            first, last = int(span[1]), int(span[2])
            if not first <= last <= first + 10_000:
                return ()
            found += range(first, last + 1)
        elif re.fullmatch(r"\d{1,9}", part):
            found.append(int(part))
        else:
            return ()
    return tuple(dict.fromkeys(found))


def _movements(
    body: Iterator[tuple[int, list[str]]], columns: dict[str, list[int]], file: BankFile
) -> Iterator[BankRow]:
    # What a row says under each key, found once a file: nearly always one column, several where a bank splits its texts.
    said = {key: _reader(indexes) for key, indexes in columns.items()}
    for position, cells in body:
        if not any(cell.strip() for cell in cells):
            continue
        row, balance, change = _movement(position, cells, said)
        if balance is not None:
            if file.opening_fen is None:
                file.opening_fen = balance - change
            file.closing_fen = balance
        yield row


def _reader(indexes: list[int]) -> Callable[[list[str]], str]:
    if not indexes:
        return lambda cells: ""
    if len(indexes) == 1:
        (only,) = indexes
        return lambda cells: cells[only].strip() if only < len(cells) else ""
    return lambda cells: " ".join(cells[index].strip() for index in indexes if index < len(cells)).strip()


def _movement(
    position: int, cells: list[str], said: Mapping[str, Callable[[list[str]], str]]
) -> tuple[BankRow, int | None, int]:
    paid, got, standing = said["out"](cells), said["in"](cells), said["balance"](cells)
    out, into = _fen(paid) if paid else 0, _fen(got) if got else 0
    text, mark = said["text"](cells), said["mark"](cells)
    event, amount = "", None
    if out is not None and into is not None and (out > 0) != (into > 0):
        event, amount = ("out", out) if out > 0 else ("in", into)
        if "冲" in mark or mark in ("Y", "是") or "冲正" in text:
            # Money that comes in as a correction undoes a payment, and the other way round.
            event = "undo_out" if event == "in" else "undo_in"
    code = code_in(text)
    row = BankRow(
        row=position,
        event=event,
        amount_fen=amount,
        batch_number=batch_in(text),
        line_ids=references_in(text),
        account_tail=_tail(said["account"](cells)),
        counterparty=said["name"](cells)[:120],
        bank_reference=said["reference"](cells)[:60],
        code=code,
        text=words_of(code, text),
        value_on=_day(said["day"](cells)),
    )
    return row, _fen(standing) if standing else None, (into or 0) - (out or 0)


def _tail(account: str) -> str:
    return normalise(account, drop="*-")[-4:] if account else ""


def _fen(text: str) -> int | None:
    try:
        return parse_yuan(text)
    except BadAmount:
        return None


@lru_cache(maxsize=400)
def _day(text: str) -> date | None:
    found = re.match(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})", text)
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def _table(content: bytes, file_name: str) -> tuple[str, Iterator[list[str]]]:
    if content.startswith(b"PK"):
        return "xlsx", _sheet(content)
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise unusable("这是旧版 .xls 或加密的工作簿，读不了。")
    suffix = PurePath(file_name).suffix.lower()
    if suffix in (".xlsx", ".xlsm", ".xls", ".pdf"):
        raise unusable(f"文件名是 {suffix}，内容却不是 Excel 工作簿。")
    return "csv", _text_table(content)


def cells_of(content: bytes, file_name: str = "") -> list[list[str]]:
    """All cells of a table (.xlsx or text) as text. Raises BadInput."""
    return list(islice(_table(content, file_name)[1], MOST_ROWS))


def _sheet(content: bytes) -> Iterator[list[str]]:
    try:
        with ZipFile(io.BytesIO(content)) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MOST_UNPACKED:
                raise unusable("文件解压后过大。")
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
        first = sheet.start[0] if sheet.start is not None else 0
        rows = chain(([] for _ in range(first)), sheet.iter_rows())
    except (BadZipFile, CalamineError) as problem:
        raise unusable("文件损坏，或不是 Excel 工作簿。") from problem
    return ([_shown(cell) for cell in row] for row in rows)


def _shown(cell: Any) -> str:
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    return str(cell)


def text_lines(content: bytes) -> Iterator[str]:
    """The lines of a text in UTF-8 or GB18030, each with its end as \\n. Raises BadInput for anything else."""
    return io.TextIOWrapper(io.BytesIO(content), _encoding_of(content))


def _encoding_of(content: bytes) -> str:
    """The encoding of a text, tried piece by piece: no second copy of the file is made. Raises BadInput."""
    if b"\x00" not in content:
        for encoding in ("utf-8-sig", "gb18030"):
            decoder = codecs.getincrementaldecoder(encoding)()
            try:
                for start in range(0, len(content), _PIECE):
                    decoder.decode(content[start : start + _PIECE])
                decoder.decode(b"", True)
            except UnicodeDecodeError:
                continue
            return encoding
    raise unusable("文件既不是 Excel 工作簿，也不是 GB18030 或 UTF-8 文本。")


def _text_table(content: bytes) -> Iterator[list[str]]:
    encoding = _encoding_of(content)
    try:
        yield from csv.reader(io.TextIOWrapper(io.BytesIO(content), encoding, newline=""), strict=True)
    except csv.Error as problem:
        raise unusable("文本的分隔或引号不对，读不成表格。") from problem

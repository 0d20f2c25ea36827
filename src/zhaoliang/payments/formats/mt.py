"""SWIFT MT940, the statement of an account as many banks still send it. Read with the `mt-940` library, some entries at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import mt940

from zhaoliang.payments.formats.rows import (
    BankFile,
    BankRow,
    batch_in,
    code_in,
    fen_of,
    references_in,
    unusable,
    words_of,
)
from zhaoliang.payments.formats.tables import text_lines

EVENTS = {"D": "out", "C": "in", "RD": "undo_out", "RC": "undo_in"}
# The library holds what it parses; this many entries at a time keep memory flat.
AT_ONCE = 1_000


def read_mt940(content: bytes) -> BankFile:
    """The entries of an MT940. Raises BadInput, here or while the rows are read, when it does not follow the format."""
    file = BankFile("mt940", "statement", iter(()))
    file.rows = _entries(text_lines(content), file)
    return file


def _entries(lines: Iterable[str], file: BankFile) -> Iterator[BankRow]:
    number = 0
    for head, entries in _pieces(lines):
        if not entries:
            _frame(head, file)
            continue
        parsed = _parsed(head + entries)
        for one in parsed:
            number += 1
            yield _row(number, one.data)
        # Its entries point back at what holds them: taken apart, they go now and not when the collector comes round.
        parsed.transactions.clear()
    if not number:
        raise unusable("文件里没有一笔交易（:61:）。")


def _pieces(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The lines before a statement's entries, each time with some of its entries; last, without any, what stands around them."""
    head, entries, tail, held = "", "", "", 0
    for line in lines:
        if line.startswith(":20:"):
            if head:
                yield from _ending(head, entries, tail)
            head, entries, tail, held = line, "", "", 0
        elif not head:
            continue
        elif line.startswith(":61:"):
            if held == AT_ONCE:
                yield head, entries
                entries, held = "", 0
            entries, held = entries + line, held + 1
        elif tail or (entries and line.startswith((":62F:", ":62M:"))):
            tail += line
        elif entries:
            entries += line
        else:
            head += line
    if head:
        yield from _ending(head, entries, tail)


def _ending(head: str, entries: str, tail: str) -> Iterator[tuple[str, str]]:
    if entries:
        yield head, entries
    yield head + tail, ""


def _frame(text: str, file: BankFile) -> None:
    """Account and balances of one statement; of several, the first account and opening, the last closing."""
    frame = _parsed(text).data
    account = re.sub(r"\W", "", str(frame.get("account_identification", "")))
    file.account_tail = file.account_tail or account[-4:]
    if file.opening_fen is None:
        file.opening_fen = _balance(frame, "opening")
    closing = _balance(frame, "closing")
    file.closing_fen = file.closing_fen if closing is None else closing


def _parsed(text: str) -> Any:
    try:
        return mt940.parse(text)
    except (RuntimeError, ValueError, ArithmeticError) as problem:
        raise unusable("有一行不符合 MT940 的格式。") from problem


def _balance(frame: dict[str, Any], which: str) -> int | None:
    found = frame.get(f"final_{which}_balance") or frame.get(f"intermediate_{which}_balance")
    if found is None:
        return None
    amount = found.amount.amount
    return fen_of(amount) * (-1 if amount < 0 else 1)


def _row(number: int, said: dict[str, Any]) -> BankRow:
    parts = [said.get(name) or "" for name in ("customer_reference", "extra_details", "transaction_details")]
    text = " ".join(str(part).replace("\n", " ") for part in parts if part)
    day = said.get("entry_date") or said.get("date")
    return BankRow(
        row=number,
        event=EVENTS.get(str(said.get("status")), ""),
        amount_fen=fen_of(said["amount"].amount) if said.get("amount") is not None else None,
        batch_number=batch_in(text),
        line_ids=references_in(text),
        bank_reference=str(said.get("bank_reference") or "")[:60],
        code=code_in(text),
        text=words_of(code_in(text), text),
        value_on=date(day.year, day.month, day.day) if day is not None else None,
    )

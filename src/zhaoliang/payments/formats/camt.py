"""ISO 20022 camt.053, the statement of an account: read entry by entry, whichever version of the message it is."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

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


def read_camt(content: bytes) -> BankFile:
    """The booked entries of a camt.053. Raises BadInput while the rows are read when the file is not one."""
    file = BankFile("camt053", "statement", iter(()))
    file.rows = _entries(content, file)
    return file


def _entries(content: bytes, file: BankFile) -> Iterator[BankRow]:
    number = 0
    is_statement = False
    within: list[Element] = []
    try:
        for event, element in iterparse(io.BytesIO(content), events=("start", "end")):
            if event == "start":
                # The versions of the message differ in their namespace alone: its children are asked for by name.
                name = element.tag = element.tag.rsplit("}", 1)[-1]
                is_statement = is_statement or name == "BkToCstmrStmt"
                within.append(element)
                continue
            name = within.pop().tag
            if name == "Bal":
                _balance(element, file)
            elif name == "Acct" and not file.account_tail:
                file.account_tail = (_text(element, "Id", "Othr", "Id") or _text(element, "Id", "IBAN"))[-4:]
            elif name == "Ntry":
                for row in _rows(element, number + 1):
                    number = row.row
                    yield row
                # What was read is let go, so that a file of any length takes the memory of one entry.
                element.clear()
                if within:
                    within[-1].remove(element)
    except (ParseError, DefusedXmlException) as problem:
        raise unusable("XML 不完整，或含有不允许的内容。") from problem
    if not is_statement:
        raise unusable("这份 XML 不是 camt.053 账户对账单。")


def _rows(entry: Element, first: int) -> Iterator[BankRow]:
    """One row for each payment of an entry; one that stands for several without their amounts is one row."""
    if _text(entry, "Sts", "Cd").upper() == "PDNG" or _text(entry, "Sts").upper() == "PDNG":
        return
    details = entry.findall("NtryDtls/TxDtls")
    amounts = [_amount(one, "Amt") or _amount(one, "AmtDtls", "TxAmt", "Amt") for one in details]
    if len(details) > 1 and all(amounts):
        for offset, (one, amount) in enumerate(zip(details, amounts, strict=True)):
            yield _row(first + offset, entry, [one], amount)
        return
    yield _row(first, entry, details, _amount(entry, "Amt"))


def _row(number: int, entry: Element, details: list[Element], amount: Decimal | None) -> BankRow:
    said = [_said(one) for one in details]
    text = " ".join(part for part in [*said, _text(entry, "AddtlNtryInf")] if part)
    one = details[0] if details else None
    # Who got or sent the money; the newer versions put a party level between.
    out = _text(entry, "CdtDbtInd") == "DBIT"
    undo = _text(entry, "RvslInd").lower() in ("true", "1")
    side = "Cdtr" if out != undo else "Dbtr"
    name = account = code = ""
    if one is not None:
        name = _text(one, "RltdPties", side, "Nm") or _text(one, "RltdPties", side, "Pty", "Nm")
        account = _text(one, "RltdPties", f"{side}Acct", "Id", "Othr", "Id")
        code = _text(one, "RtrInf", "Rsn", "Cd") or _text(one, "RtrInf", "Rsn", "Prtry")
    event = ("undo_in" if undo else "out") if out else ("undo_out" if undo else "in")
    reference = _text(one, "Refs", "AcctSvcrRef") if one is not None and len(details) == 1 else ""
    return BankRow(
        row=number,
        event=event if _text(entry, "CdtDbtInd") in ("DBIT", "CRDT") else "",
        amount_fen=None if amount is None else fen_of(amount),
        batch_number=batch_in(text),
        line_ids=references_in(text),
        account_tail=account[-4:],
        counterparty=name[:120],
        bank_reference=(reference or _text(entry, "AcctSvcrRef") or _text(entry, "NtryRef"))[:60],
        code=(code or code_in(text))[:20],
        text=words_of(code or code_in(text), text),
        value_on=_day(_text(entry, "BookgDt", "Dt") or _text(entry, "BookgDt", "DtTm")),
    )


def _said(details: Element) -> str:
    references = [_text(details, "Refs", name) for name in ("EndToEndId", "InstrId", "PmtInfId", "MsgId")]
    free = [part.text or "" for part in details.findall("RmtInf/Ustrd")]
    more = [part.text or "" for part in details.findall("RtrInf/AddtlInf")]
    return " ".join(part for part in [*references, *free, *more] if part)


def _balance(element: Element, file: BankFile) -> None:
    kind, amount = _text(element, "Tp", "CdOrPrtry", "Cd"), _amount(element, "Amt")
    if amount is None:
        return
    fen = fen_of(amount) * (-1 if _text(element, "CdtDbtInd") == "DBIT" else 1)
    if kind == "OPBD" and file.opening_fen is None:
        file.opening_fen = fen
    elif kind == "CLBD":
        file.closing_fen = fen


def _text(element: Element, *path: str) -> str:
    for name in path:
        found = element.find(name)
        if found is None:
            return ""
        element = found
    return (element.text or "").strip()


def _amount(element: Element, *path: str) -> Decimal | None:
    try:
        return Decimal(_text(element, *path))
    except InvalidOperation:
        return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None

"""What every bank format is read into: one row for each thing the bank says happened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from zhaoliang.kernel.errors import BadInput

REFERENCE = re.compile(r"ZL(\d{12})(?!\d)")
BATCH_NUMBER = re.compile(r"BF\d{20}(?!\d)")
# External return reason codes of ISO 20022: two letters and two digits, as AC01, AM09, BE04.
REASON_CODE = re.compile(r"\b(?:AC|AG|AM|BE|CN|CU|DT|ED|FF|FR|MD|MS|NA|NO|RC|RF|RR|SL|TM|UP)\d{2}\b")

# What the commonest codes mean (ISO 20022 external code sets), in words for the payee.
REASONS = {
    "AC01": "账号有误",
    "AC03": "收款账号无效",
    "AC04": "账户已销户",
    "AC06": "账户被冻结",
    "AG01": "该账户不能收款",
    "AM09": "金额有误",
    "BE01": "户名与账号不符",
    "BE05": "付款方不明",
    "MD07": "账户持有人已故",
    "MS02": "收款人拒收",
    "MS03": "收款行没有说明原因",
    "RR04": "监管原因",
}
_NO_WORDS = re.compile(r"\b(?:NONREF|NOTPROVIDED)\b|ZL\d{12}(?!\d)|BF\d{20}(?!\d)")


@dataclass(frozen=True)
class BankRow:
    """One row as read. `event` is one of `BankReturnLine.EVENTS`, "" or `amount_fen` None where a cell cannot be read.

    `row` counts from the file: the row of a table, the entry of a statement. `sequences` are lines of the batch that an
    answer names, `line_ids` the payment lines whose references a statement carries.
    """

    row: int
    event: str
    amount_fen: int | None
    batch_number: str = ""
    sequences: tuple[int, ...] = ()
    line_ids: tuple[int, ...] = ()
    account_tail: str = ""
    counterparty: str = ""
    bank_reference: str = ""
    code: str = ""
    text: str = ""
    value_on: date | None = None


@dataclass
class BankFile:
    """A bank's file being read. `scope` is return (the answer to one batch) or statement (all of an account's movements).

    Balances and account are known once `rows` has been read to its end; they stay None where the format has none.
    """

    form: str
    scope: str
    rows: Iterator[BankRow]
    account_tail: str = ""
    opening_fen: int | None = None
    closing_fen: int | None = None
    notes: list[str] = field(default_factory=list)


def fen_of(amount: Decimal) -> int:
    """The fen of a decimal amount in yuan, without its sign. Raises BadInput for parts of a fen."""
    fen = abs(amount) * 100
    if fen != fen.to_integral_value():
        raise unusable(f"金额 {amount} 不是整分。")
    return int(fen)


def references_in(text: str) -> tuple[int, ...]:
    """The payment lines whose references a free text carries, in their order, each once."""
    found = REFERENCE.findall(text)
    return (int(found[0]),) if len(found) == 1 else tuple(dict.fromkeys(map(int, found)))


def batch_in(text: str) -> str:
    """The number of the payment batch a free text names, or ""."""
    found = BATCH_NUMBER.search(text) if "BF" in text else None
    return found.group(0) if found else ""


def code_in(text: str) -> str:
    """The reason code in a free text, or ""."""
    found = REASON_CODE.search(text)
    return found.group(0) if found else ""


def words_of(code: str, text: str) -> str:
    """What a bank's code and free text say to a person: the code in words, references left out; at most 200 characters."""
    plain = _NO_WORDS.sub(" ", text)
    free = " ".join((plain.replace(code, " ") if code else plain).split()).strip(" /")
    if not code:
        return free[:200]
    known = f"{REASONS[code]}（{code}）" if code in REASONS else code
    return "，".join(part for part in (known, free) if part)[:200]


def unusable(why: str) -> BadInput:
    """The refusal of a file that cannot be read."""
    return BadInput(
        what="银行文件没有导入，什么都没有改动。",
        why=why,
        next_step="请向银行重新下载这份文件（.xlsx、.csv、camt.053 或 MT940），不要改动内容。",
        fields={"file": why},
    )

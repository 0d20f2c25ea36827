"""Which format a bank's file has, seen from its content and not from its name."""

from __future__ import annotations

from zhaoliang.payments.formats.camt import read_camt
from zhaoliang.payments.formats.mt import read_mt940
from zhaoliang.payments.formats.rows import BankFile, unusable
from zhaoliang.payments.formats.tables import MOST_BYTES, read_table


def read_bank_file(content: bytes, file_name: str = "") -> BankFile:
    """Open a bank's file of any format. Raises BadInput, here or while its rows are read, saying what is wrong with it."""
    if not content:
        raise unusable("文件是空的。")
    if len(content) > MOST_BYTES:
        raise unusable(f"文件超过 {MOST_BYTES // 1024 // 1024} MB。")
    start = content[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<"):
        return read_camt(content)
    if start.startswith((b":20:", b"{1:", b":940:")) or b"\n:20:" in content[:400]:
        return read_mt940(content)
    return read_table(content, file_name)

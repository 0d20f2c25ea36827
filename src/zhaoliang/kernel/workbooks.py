"""Is the file a workbook that is safe to open, and can its cells be trusted? Looked at before a spreadsheet library touches it."""

from __future__ import annotations

import html
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings

from zhaoliang.kernel.errors import BadInput

MAX_ROWS = 20_000
MAX_COLUMNS = 200
# Rows of title and header above the data.
_HEAD = 50
_MAX_UNPACKED = 200 * 1024 * 1024
_CHUNK = 1024 * 1024
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_SAVE_AS = "请在 Excel 或 WPS 里另存为“Excel 工作簿（.xlsx）”后重新上传。"
_ROW = re.compile(rb"<(?:\w+:)?row[\s/>]")
_CELL = re.compile(rb'<(?:\w+:)?c [^>]*?r="([A-Z]{1,3})(\d{1,7})"')
_FORMULA = re.compile(rb'<(?:\w+:)?c [^>]*?r="([A-Z]{1,3}\d{1,7})"[^>]*>\s*<(?:\w+:)?f[\s/>]')
# Longest opening tag that may lie across two chunks.
_TAG = 400
# A spreadsheet keeps so many digits of a number, and makes the others noughts.
_EXACT_DIGITS = 15
_SCIENTIFIC = re.compile(r"\d(\.\d+)?[eE]\+?\d{2}")


class UnusableFile(BadInput):
    """The file cannot be read as a list of people at all; nothing in it was looked at."""

    code: ClassVar[str] = "unusable_file"


@dataclass(frozen=True)
class Survey:
    """What was learnt of a safe workbook: the path of each sheet inside the archive, by the sheet's name."""

    archive: bytes
    sheets: dict[str, str]

    def formulas(self, sheet: str) -> frozenset[str]:
        """The cells of a sheet (`C7`) that hold a formula."""
        path = self.sheets.get(sheet)
        if path is None:
            return frozenset()
        with zipfile.ZipFile(io.BytesIO(self.archive)) as archive:
            text = archive.read(path)
        return frozenset(match.decode() for match in _FORMULA.findall(text))


def survey(content: bytes, *, most_rows: int = MAX_ROWS) -> Survey:
    """Look the file over. Raises UnusableFile saying what it is and how to save it properly."""
    if len(content) > settings.ROSTER_MAX_BYTES:
        raise UnusableFile(
            "文件太大，没有读取。",
            f"文件有 {len(content) / 1024 / 1024:.1f} MB，最大 {settings.ROSTER_MAX_BYTES // 1024 // 1024} MB。",
            "请删除图片和多余的工作表，或拆成几个文件。",
        )
    if not content.startswith(b"PK"):
        raise _not_a_workbook(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
            _check_kind(archive, names)
            _check_size(archive, most_rows)
            return Survey(content, _sheet_paths(archive, names))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError) as broken:
        raise UnusableFile(
            "文件已损坏，没有读取。", "压缩结构不完整或校验不符。", "请重新导出或重新保存后再上传。"
        ) from broken


def cell_text(raw: Any) -> str:
    """What a cell shows, as text."""
    match raw:
        case bool():
            return "是" if raw else "否"
        case datetime():
            return raw.date().isoformat() if raw.time() == time() else raw.isoformat(sep=" ")
        case date():
            return raw.isoformat()
        case timedelta() | time():
            return str(raw)
        case int():
            return str(raw)
        case float():
            return str(int(raw)) if raw.is_integer() else format(Decimal(repr(raw)), "f")
    return str(raw).strip() if raw is not None else ""


def letter(index: int) -> str:
    """The spreadsheet letter of a column counted from 0: 0 → A, 26 → AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def number_lost(raw: Any, text: str) -> tuple[str, str, str] | None:
    """Why the cell of a long number no longer holds it, how to mend it, and the code; None where it does."""
    retype = "请把整列设为“文本”格式，再对照原件重新输入（已丢失的数字无法恢复）。"
    if isinstance(raw, float) and len(text.lstrip("-")) > _EXACT_DIGITS:
        return (
            f"单元格是数字格式。Excel 只保留前 {_EXACT_DIGITS} 位，后面的数字已经变成 0，无法知道原来的号码。",
            retype,
            "number_lost_digits",
        )
    if isinstance(raw, str) and _SCIENTIFIC.fullmatch(text):
        return "号码变成了科学计数法，后面的数字已经丢失。", retype, "number_lost_digits"
    if isinstance(raw, date):
        return "号码被 Excel 变成了日期。", retype, "number_as_date"
    return None


def is_formula(raw: Any) -> bool:
    """Whether a cell's text would run as a formula when somebody opens an export of it."""
    return isinstance(raw, str) and raw.strip()[:1] == "="


def _not_a_workbook(content: bytes) -> UnusableFile:
    what = "没有读取：这不是 .xlsx 文件。"
    if not content:
        return UnusableFile("没有读取：文件是空的。", "文件里没有任何内容。", "请选择填好的名单。")
    if content.startswith(_OLE):
        if _ENCRYPTED in content:
            return UnusableFile(
                "没有读取：文件设了打开密码。", "加密的工作簿无法核对。", "请取消密码保护后另存，再重新上传。"
            )
        return UnusableFile(what, "这是旧格式的 .xls 文件，可能带有宏。", _SAVE_AS)
    # Whole lines only: a character cut in two would look like a wrong encoding.
    start = content if len(content) <= 4096 else content[:4096].rpartition(b"\n")[0]
    for encoding, name in (("utf-8-sig", "UTF-8"), ("gb18030", "GBK")):
        try:
            text = start.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text.isprintable() or set(text) & set(",\t\n"):
            printable = sum(c.isprintable() or c in "\r\n\t" for c in text) / len(text)
            if printable > 0.97 and any(mark in text for mark in ",\t;"):
                return UnusableFile(
                    what, f"这是改了扩展名的文本文件（CSV，{name} 编码）。", f"请用 Excel 打开它。{_SAVE_AS}"
                )
    return UnusableFile(what, "按内容看，它不是 Excel 工作簿。", _SAVE_AS)


def _check_kind(archive: zipfile.ZipFile, names: set[str]) -> None:
    kinds = archive.read("[Content_Types].xml")[:200_000] if "[Content_Types].xml" in names else b""
    if b"macroEnabled" in kinds or any(name.lower().endswith("vbaproject.bin") for name in names):
        raise UnusableFile("没有读取：文件带有宏。", "为了安全，平台不接收带宏的工作簿（.xlsm）。", _SAVE_AS)
    if "xl/workbook.bin" in names:
        raise UnusableFile("没有读取：这是二进制工作簿（.xlsb）。", "平台只接收 .xlsx。", _SAVE_AS)
    if "xl/workbook.xml" not in names:
        raise UnusableFile(
            "没有读取：这不是 .xlsx 文件。", "压缩包里没有 Excel 工作簿，可能是 WPS、ODS 或普通压缩文件。", _SAVE_AS
        )


def _check_size(archive: zipfile.ZipFile, most_rows: int) -> None:
    """Unpack in passing: declared sizes may lie, and rows are counted before the file is taken into memory."""
    bomb = UnusableFile(
        "没有读取：文件展开后太大。",
        f"展开后超过 {_MAX_UNPACKED // 1024 // 1024} MB，不是正常的名单。",
        "请新建工作簿，只把名单复制进去（粘贴为值）后上传。",
    )
    members = [info for info in archive.infolist() if info.filename.startswith("xl/")]
    if sum(info.file_size for info in members) > _MAX_UNPACKED:
        raise bomb
    unpacked = 0
    for info in members:
        is_sheet = info.filename.startswith("xl/worksheets/") and info.filename.endswith(".xml")
        rows, carry = 0, b""
        with archive.open(info) as member:
            while chunk := member.read(_CHUNK):
                unpacked += len(chunk)
                if unpacked > _MAX_UNPACKED:
                    raise bomb
                if is_sheet:
                    window = carry + chunk
                    # Leave an unfinished tag at the end for the next window, so that nothing is counted twice.
                    cut = window.rfind(b"<")
                    cut = cut if cut > len(window) - _TAG else len(window)
                    rows += _count(window[:cut], rows, most_rows)
                    carry = window[cut:]
        if is_sheet:
            _count(carry, rows, most_rows)


def _count(window: bytes, before: int, most_rows: int) -> int:
    rows = len(_ROW.findall(window))
    if before + rows > most_rows + _HEAD:
        raise UnusableFile(
            "没有读取：行数太多。",
            f"工作表里至少有 {before + rows:,} 行，一次最多 {most_rows:,} 行。",
            "请拆成几个文件；如果多出来的是空行，请选中后删除整行。",
        )
    for letters, row in _CELL.findall(window):
        # A single stray cell far away would make the grid between it and the data enormous.
        if int(row) > most_rows + _HEAD or _index(letters) >= MAX_COLUMNS:
            raise UnusableFile(
                "没有读取：表格范围太大。",
                f"在 {letters.decode()}{row.decode()} 单元格有内容，离名单太远。",
                "请删除名单以外的行和列后重新保存。",
            )
    return rows


def _index(letters: bytes) -> int:
    index = 0
    for byte in letters:
        index = index * 26 + byte - 64
    return index - 1


def _sheet_paths(archive: zipfile.ZipFile, names: set[str]) -> dict[str, str]:
    book = archive.read("xl/workbook.xml").decode("utf-8", errors="replace")
    links_name = "xl/_rels/workbook.xml.rels"
    links = archive.read(links_name).decode("utf-8", errors="replace") if links_name in names else ""
    targets: dict[str, str] = {}
    for tag in re.findall(r"<(?:\w+:)?Relationship\s[^>]*>", links):
        given = _attributes(tag)
        if "Id" in given and "Target" in given:
            target = given["Target"]
            targets[given["Id"]] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    paths: dict[str, str] = {}
    for tag in re.findall(r"<(?:\w+:)?sheet\s[^>]*>", book):
        given = _attributes(tag)
        link = next((value for name, value in given.items() if name.endswith(":id")), "")
        if "name" in given and targets.get(link) in names:
            paths[given["name"]] = targets[link]
    return paths


def _attributes(tag: str) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in re.findall(r'([\w:]+)\s*=\s*"([^"]*)"', tag)}

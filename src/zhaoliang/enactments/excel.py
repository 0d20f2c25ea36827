"""A table of a policy as a workbook and back: the last key across, the other keys down, empty cells not offered."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import xlsxwriter
from python_calamine import CalamineError, CalamineWorkbook

from zhaoliang.enactments.editing.figures import literal
from zhaoliang.enactments.editing.tables import Keys, TableVersion
from zhaoliang.kernel.errors import BadInput

MAX_BYTES, MAX_UNPACKED, MAX_ROWS = 5 * 1024 * 1024, 100 * 1024 * 1024, 20_000
HEADER_ROW = 3
NAME = "名称"
# A heading carries its code in brackets: 高级工（senior）.
_CODED = re.compile(r"[（(]([^（）()]+)[）)]\s*$")
_FORMULA = re.compile(rb'<(?:\w+:)?c [^>]*?r="([A-Z]{1,3}\d{1,7})"[^>]*>\s*<(?:\w+:)?f[\s/>]')


@dataclass(frozen=True)
class Finding:
    """One thing wrong in the file: the cell as the spreadsheet names it (`C7`, empty for the file), and why."""

    cell: str
    reason: str


@dataclass(frozen=True)
class Imported:
    """What taking a file over came to: how many cells changed, came and went; nothing at all where there are findings."""

    findings: list[Finding]
    changed: int = 0
    added: int = 0
    removed: int = 0


@dataclass
class TableFile:
    """What a file holds. With findings nothing may be taken over."""

    cells: dict[Keys, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def against(self, version: TableVersion) -> Imported:
        """What the file would do to the table."""
        if self.findings:
            return Imported(self.findings)
        both = [keys for keys in self.cells if keys in version.cells]
        changed = sum(self.cells[keys] != version.cells[keys] for keys in both)
        return Imported([], changed, len(self.cells) - len(both), len(version.cells) - len(both))


def workbook(version: TableVersion, title: str, names: Mapping[str, str]) -> bytes:
    """The version as .xlsx. `names` are words for codes no list knows (occupations); they are for reading only."""
    output = io.BytesIO()
    book = xlsxwriter.Workbook(output, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet("标准表")
    bold = book.add_format({"bold": True, "font_size": 14})
    head = book.add_format({"bold": True, "bg_color": "#E8ECF6", "border": 1, "align": "center", "text_wrap": True})
    text = book.add_format({"border": 1, "num_format": "@"})
    value = book.add_format({"border": 1, "num_format": "General", "bg_color": "#FFFBE6"})
    sheet.write_string(0, 0, f"{title}　{version.says}", bold)
    sheet.write_string(
        1, 0, f"单位：{version.unit_word}。只改黄色格；空格表示没有这一项标准。可以增行，代码列要填代码。不要用公式。"
    )
    row_keys, codes = version.keys[:-1], version.column_codes
    heads = [f"{key.label}（{key.name}）" for key in row_keys]
    if names and row_keys:
        heads.append(NAME)
    first = len(heads)
    heads += [f"{version.keys[-1].word(code)}（{code}）" for code in codes]
    for column, label in enumerate(heads):
        sheet.write_string(HEADER_ROW - 1, column, label, head)
    for line, keys in enumerate(version.rows, start=HEADER_ROW):
        for column, code in enumerate(keys):
            sheet.write_string(line, column, code, text)
        if names and row_keys:
            sheet.write_string(line, len(row_keys), _names(version, keys, names), text)
        for column, code in enumerate(codes, start=first):
            held = version.cells.get((*keys, code), "")
            if held:
                sheet.write_number(line, column, float(held), value)
            else:
                sheet.write_blank(line, column, None, value)
    sheet.set_column(0, max(first - 1, 0), 22)
    sheet.set_column(first, len(heads), 14)
    sheet.freeze_panes(HEADER_ROW, first)
    book.close()
    return output.getvalue()


def _names(version: TableVersion, keys: Keys, names: Mapping[str, str]) -> str:
    words = [names.get(code) or key.codes.get(code, "") for key, code in zip(version.keys, keys, strict=False)]
    return " · ".join(word for word in words if word)


def read_table(version: TableVersion, content: bytes) -> TableFile:
    """Read a filled-in workbook. Every fault is a finding; a file that is no such sheet raises BadInput."""
    grid, formulas = _grid(content)
    header, columns, codes = _header(version, grid)
    read = TableFile()
    for code in [one for one in version.column_codes if one not in codes.values()]:
        read.findings.append(Finding("", f"缺少“{version.keys[-1].word(code)}（{code}）”这一列。"))
    for number, row in enumerate(grid[header + 1 :], start=header + 2):
        if any(_text(cell) for cell in row):
            _read_row(read, version, columns, codes, number, row, formulas)
    if not read.cells and not read.findings:
        read.findings.append(Finding("", "表头下面没有内容。"))
    return read


def _header(version: TableVersion, grid: list[list[Any]]) -> tuple[int, dict[int, str], dict[int, str]]:
    """The header's row, its key columns and its value columns by position. Raises BadInput where there is none."""
    wanted = {key.name for key in version.keys[:-1]}
    for index, row in enumerate(grid[:30]):
        coded = {position: code for position, cell in enumerate(row) if (code := _code(cell))}
        keys = {position: code for position, code in coded.items() if code in wanted}
        values = {position: code for position, code in coded.items() if code not in wanted}
        # A title may end in brackets too: a header names at least one column the table has.
        ours = {*version.column_codes, *version.keys[-1].codes}
        if set(keys.values()) != wanted or not ours & set(values.values()):
            continue
        if len(set(coded.values())) != len(coded):
            raise _unusable("有两列的代码相同。", "请只保留一列。")
        known = version.keys[-1].codes
        strange = [code for code in values.values() if known and code not in known]
        if strange:
            raise _unusable(f"多出不认识的列：{'、'.join(strange)}。", f"可用的代码：{'、'.join(known)}。")
        return index, keys, values
    heads = [f"{key.label}（{key.name}）" for key in version.keys[:-1]]
    raise _unusable(
        f"没有找到表头，应有这些列：{'、'.join([*heads, f'{version.keys[-1].label}各列'])}。",
        "请下载现在的表格，在上面修改。",
    )


def _read_row(
    read: TableFile,
    version: TableVersion,
    columns: Mapping[int, str],
    codes: Mapping[int, str],
    number: int,
    row: list[Any],
    formulas: frozenset[str],
) -> None:
    by_name = {name: _text(row[position]) if position < len(row) else "" for position, name in columns.items()}
    keys = tuple(by_name[key.name] for key in version.keys[:-1])
    for key, code in zip(version.keys[:-1], keys, strict=True):
        place = next(position for position, name in columns.items() if name == key.name)
        if not code:
            read.findings.append(Finding(f"{_letter(place)}{number}", f"“{key.label}”没有填。"))
            return
        if key.codes and code not in key.codes:
            read.findings.append(
                Finding(f"{_letter(place)}{number}", f"“{code}”不是{key.label}的代码，可用：{'、'.join(key.codes)}。")
            )
            return
    if any((*keys, code) in read.cells for code in codes.values()):
        read.findings.append(Finding(f"A{number}", f"“{' · '.join(keys)}”这一行重复了。"))
        return
    for position, code in codes.items():
        cell = f"{_letter(position)}{number}"
        raw = row[position] if position < len(row) else ""
        if cell in formulas or _text(raw).startswith("="):
            read.findings.append(Finding(cell, "是公式，请选择性粘贴为数值。"))
            continue
        text = _text(raw)
        if not text:
            continue
        try:
            literal(text, version.unit)
        except BadInput as problem:
            read.findings.append(Finding(cell, problem.why or problem.what))
            continue
        read.cells[(*keys, code)] = text.replace(",", "").replace("，", "")


def _grid(content: bytes) -> tuple[list[list[Any]], frozenset[str]]:
    if len(content) > MAX_BYTES:
        raise _unusable("文件超过 5 MB。", "请删去多余的工作表和格式。")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MAX_UNPACKED:
                raise _unusable("文件解压后过大。", "请删去多余的工作表和格式。")
            sheets = sorted(name for name in packed.namelist() if name.startswith("xl/worksheets/sheet"))
            first = packed.read(sheets[0]) if sheets else b""
        rows = (
            CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python(skip_empty_area=False)
        )
    except (zipfile.BadZipFile, CalamineError) as problem:
        raise _unusable("这不是能读的 Excel 工作簿。", "请另存为“Excel 工作簿（.xlsx）”后再上传。") from problem
    if len(rows) > MAX_ROWS:
        raise _unusable(f"超过 {MAX_ROWS:,} 行。", "请核对文件。")
    return rows, frozenset(match.decode() for match in _FORMULA.findall(first))


def _code(cell: Any) -> str:
    found = _CODED.search(cell) if isinstance(cell, str) else None
    return found[1].strip() if found else ""


def _text(raw: Any) -> str:
    if isinstance(raw, float):
        return str(int(raw)) if raw.is_integer() else repr(raw)
    return "" if raw is None else str(raw).strip()


def _letter(position: int) -> str:
    name = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        name = chr(65 + rest) + name
    return name


def _unusable(why: str, mend: str) -> BadInput:
    return BadInput("表格没有导入，什么都没有改动。", why, mend, fields={"file": why})


def simulation_workbook(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> bytes:
    """The lines of a what-if as .xlsx: texts as texts, amounts in yuan as numbers, never a formula."""
    output = io.BytesIO()
    book = xlsxwriter.Workbook(output, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet("逐条对比")
    head = book.add_format({"bold": True, "bg_color": "#E8ECF6", "border": 1})
    for column, label in enumerate(columns):
        sheet.write_string(0, column, label, head)
        sheet.set_column(column, column, 18)
    for line, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            if isinstance(value, int | Fraction):
                sheet.write_number(line, column, value)
            elif value is not None:
                sheet.write_string(line, column, str(value))
    sheet.freeze_panes(1, 0)
    book.close()
    return output.getvalue()

"""Read a roster workbook into rows of text by column. Says of every cell it cannot use why, and how to mend it."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import python_calamine

from zhaoliang.classes.roster.columns import BY_KEY, REQUIRED, Column, column_named, heading
from zhaoliang.classes.roster.findings import Finding
from zhaoliang.kernel.workbooks import MAX_ROWS, UnusableFile, cell_text, is_formula, letter, number_lost, survey

HEADER_SEARCH = 30
# A header row is one that names at least this many of our columns.
_HEADER_MATCHES = 3


@dataclass
class Row:
    """One data row: its number in Excel, the text of each cell by column key, and the cells that cannot be used."""

    number: int
    cells: dict[str, str]
    findings: list[Finding] = field(default_factory=list)

    def text(self, key: str) -> str:
        """The text of a cell, empty when blank or absent."""
        return self.cells.get(key, "")

    @property
    def spoilt(self) -> set[str]:
        """Columns of this row that already have a finding and are not looked at again."""
        return {finding.key for finding in self.findings}


@dataclass
class RosterFile:
    """A workbook as read: where each column stands, the rows, remarks on the file, and the cells as they were."""

    file_name: str
    sheet: str
    header_row: int
    positions: dict[str, int]
    titles: dict[str, str]
    rows: list[Row]
    notes: tuple[str, ...]
    grid: list[list[Any]]

    def finding(self, row: Row | None, key: str, reason: str, **more: Any) -> Finding:
        """A finding in one cell, with the column's title and letter as they stand in this file."""
        column = BY_KEY.get(key)
        title = self.titles.get(key) or (column.title if column else "")
        place = letter(self.positions[key]) if key in self.positions else ""
        return Finding(row.number if row else None, key, title, place, reason, **more)


def read_roster(content: bytes, *, file_name: str = "") -> RosterFile:
    """Read the sheet that holds the roster. Raises UnusableFile when there is none that can be used."""
    surveyed = survey(content)
    try:
        with python_calamine.load_workbook(io.BytesIO(content)) as book:
            name, grid, merged, others = _roster_sheet(book)
    except python_calamine.PasswordError as locked:
        raise UnusableFile(
            "没有读取：文件设了打开密码。", "加密的工作簿无法核对。", "请取消密码保护后另存，再上传。"
        ) from locked
    except python_calamine.CalamineError as broken:
        raise UnusableFile(
            "没有读取：工作簿内容已损坏。", "无法解析其中的工作表。", "请重新导出或重新保存后再上传。"
        ) from broken
    header = next(index for index in range(len(grid)) if _is_header(grid[index]))
    positions, titles, unknown = _positions(grid[header])
    notes: list[str] = []
    if others:
        notes.append(f"文件有 {len(others) + 1} 个工作表，读取的是有花名册表头的“{name}”。")
    if header:
        notes.append(f"表头在第 {header + 1} 行，上面的内容没有当作学员。")
    if unknown:
        notes.append(f"不认识的列没有读取：{'、'.join(unknown)}。")
    file = RosterFile(file_name, name, header + 1, positions, titles, [], (), grid)
    formulas = surveyed.formulas(name)
    for index in range(header + 1, len(grid)):
        row = _row(file, index, formulas)
        if row is None:
            continue
        if not row.cells.get("name") and not row.cells.get("document_number") and len(row.cells) < _HEADER_MATCHES:
            notes.append(f"第 {row.number} 行没有姓名和证件号，没有当作学员。")
            continue
        file.rows.append(row)
    _mark_merged(file, merged)
    if not file.rows:
        raise UnusableFile("没有读取到学员。", f"工作表“{name}”的表头下面没有内容。", "请填写学员后重新上传。")
    if len(file.rows) > MAX_ROWS:
        raise UnusableFile("没有读取：行数太多。", f"一次最多 {MAX_ROWS:,} 行。", "请按班级拆成几个文件。")
    file.notes = tuple(notes)
    return file


def _roster_sheet(
    book: python_calamine.CalamineWorkbook,
) -> tuple[str, list[list[Any]], list[tuple[tuple[int, int], tuple[int, int]]], list[str]]:
    """The name, cells and merged ranges of the first sheet with a header, and the names of the other sheets."""
    names = book.sheet_names
    nearest: tuple[str, set[str]] | None = None
    for name in names:
        sheet = book.get_sheet_by_name(name)
        grid = sheet.to_python(skip_empty_area=False)
        if any(_is_header(row) for row in grid[:HEADER_SEARCH]):
            return name, grid, sheet.merged_cell_ranges or [], [other for other in names if other != name]
        for row in grid[:HEADER_SEARCH]:
            keys = {column.key for cell in row if (column := column_named(cell))}
            if len(keys) > len(nearest[1] if nearest else ()):
                nearest = (name, keys)
    if nearest is not None and len(nearest[1]) >= _HEADER_MATCHES:
        absent = [column.title for column in REQUIRED if column.key not in nearest[1]]
        raise UnusableFile(
            "没有读取：缺少必需的列。",
            f"工作表“{nearest[0]}”缺少：{'、'.join(absent)}。",
            "请补上这些列，或下载空白花名册模板重新填写。",
        )
    raise UnusableFile(
        "没有读取：找不到花名册表头。",
        f"前 {HEADER_SEARCH} 行里没有一行同时有“姓名”“证件号”“人员类别”。",
        "请下载空白花名册模板，按模板的列名填写。",
    )


def _is_header(cells: list[Any]) -> bool:
    keys = {column.key for cell in cells if isinstance(cell, str) and (column := column_named(cell))}
    return all(column.key in keys for column in REQUIRED)


def _positions(cells: list[Any]) -> tuple[dict[str, int], dict[str, str], list[str]]:
    positions: dict[str, int] = {}
    titles: dict[str, str] = {}
    unknown: list[str] = []
    for index, cell in enumerate(cells):
        column = column_named(cell)
        if column is None:
            if heading(cell):
                unknown.append(f"{str(cell).strip()}（{letter(index)} 列）")
        elif column.key in positions:
            raise UnusableFile(
                "没有读取：有重复的列。",
                f"{letter(positions[column.key])} 列和 {letter(index)} 列都是“{column.title}”。",
                "请只保留一列。",
            )
        else:
            positions[column.key] = index
            titles[column.key] = str(cell).strip()
    return positions, titles, unknown


def _row(file: RosterFile, index: int, formulas: frozenset[str]) -> Row | None:
    """The row of the grid, None when blank."""
    row = Row(index + 1, {})
    cells = file.grid[index]
    for key, position in file.positions.items():
        raw = cells[position] if position < len(cells) else ""
        column = BY_KEY[key]
        if raw == "" and f"{letter(position)}{row.number}" in formulas:
            row.findings.append(
                file.finding(
                    row,
                    key,
                    "单元格是公式，没有计算结果或结果是错误值。",
                    next_step="请选中该列，复制后“选择性粘贴—数值”，再保存。",
                    code="formula",
                )
            )
            continue
        value = cell_text(raw)
        reason = unusable(column, raw, value)
        if reason:
            row.findings.append(file.finding(row, key, *reason[:1], next_step=reason[1], code=reason[2]))
        elif value:
            row.cells[key] = value
    return row if row.cells or row.findings else None


def unusable(column: Column, raw: Any, value: str) -> tuple[str, str, str] | None:
    """Why a cell cannot be used, how to mend it, and the code; None when it can."""
    if column.text and (lost := number_lost(raw, value)):
        return lost
    if is_formula(raw):
        return "单元格是公式文字（以“=”开头），不是填写的内容。", "请改填实际内容。", "formula"
    return None


def _mark_merged(file: RosterFile, merged: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    by_number = {row.number: row for row in file.rows}
    by_position = {position: key for key, position in file.positions.items()}
    for (top, left), (bottom, right) in merged:
        if bottom < file.header_row:
            continue
        rows = [by_number[number] for number in range(top + 1, bottom + 2) if number in by_number]
        keys = [by_position[position] for position in range(left, right + 1) if position in by_position]
        for row in rows:
            for key in keys:
                row.cells.pop(key, None)
                row.findings = [finding for finding in row.findings if finding.key != key]
                row.findings.append(
                    file.finding(
                        row,
                        key,
                        f"{letter(left)}{top + 1}:{letter(right)}{bottom + 1} 是合并单元格，分不清内容属于哪一行。",
                        next_step="请取消合并，逐行填写。",
                        code="merged",
                    )
                )

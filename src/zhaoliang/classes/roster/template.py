"""The blank roster: our columns, text cells for long numbers, drop-down lists, and a sheet that explains."""

from __future__ import annotations

import io

import xlsxwriter

from zhaoliang.classes.roster.columns import COLUMNS
from zhaoliang.kernel.workbooks import letter

SHEET, HELP, LISTS = "花名册", "填写说明", "选项"
_ROWS = 500


def blank_roster() -> bytes:
    """The template as .xlsx; the same bytes would be read back without findings once filled in properly."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        head = book.add_format({"bold": True, "bg_color": "#E0E7FF", "border": 1, "text_wrap": True})
        must = book.add_format({"bold": True, "bg_color": "#C7D2FE", "border": 1, "text_wrap": True})
        as_text = book.add_format({"num_format": "@"})
        sheet, explained, lists = book.add_worksheet(SHEET), book.add_worksheet(HELP), book.add_worksheet(LISTS)
        lists.hide()
        sheet.freeze_panes(1, 2)
        explained.set_column(0, 0, 22)
        explained.set_column(1, 1, 80)
        for row, text in enumerate(
            (
                "请从第 2 行开始，每名学员一行；不要合并单元格，不要改列名。",
                "证件号、手机号、账号、证书编号、唯一码的列已设为文本，请直接输入或“粘贴为值”。",
                "有任何一处须更正时，整个名册都不会导入；更正后重新上传即可。",
            )
        ):
            explained.write_string(row, 0, text)
        for position, column in enumerate(COLUMNS):
            sheet.write_string(0, position, column.title, must if column.required else head)
            sheet.set_column(position, position, column.width, as_text if column.text else None)
            note = "；".join(part for part in ("必填" if column.required else "", column.hint) if part)
            explained.write_string(position + 4, 0, column.title)
            explained.write_string(position + 4, 1, note)
            if column.choices is not None:
                choices = column.choices()
                for row, choice in enumerate(choices):
                    lists.write_string(row, position, choice)
                place = letter(position)
                sheet.data_validation(
                    1,
                    position,
                    _ROWS,
                    position,
                    {
                        "validate": "list",
                        "source": f"={LISTS}!${place}$1:${place}${len(choices)}",
                        "error_title": "请从选项中选择",
                        "error_message": "这一列只能填下拉列表里的内容。",
                    },
                )
    return buffer.getvalue()

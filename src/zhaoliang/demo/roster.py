"""The demo's rosters: real .xlsx files, sixty invented trainees, twelve of them wrong in twelve different ways."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime

import xlsxwriter

from zhaoliang.classes.roster.columns import COLUMNS
from zhaoliang.demo.cast import UNDER_AGE, Trainee
from zhaoliang.kernel.identifiers.certificates import build_skill_certificate
from zhaoliang.kernel.identifiers.resident_id import Sex
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.registry.models import GroupMembership, Organisation
from zhaoliang.vouchers.models import Voucher

GROUPS = dict(GroupMembership.GROUPS)
# A workbook written twice is the same file, so that an upload repeated by a resumed run is known as a duplicate.
MADE = datetime(2026, 2, 6, tzinfo=UTC)

CHECK_DIGIT, DUPLICATE, TWO_CLASSES, PENSION, CERTIFICATE_LEVEL = 3, 8, 13, 23, 28
ESTABLISHMENT, OTHER_PROJECT, ATTENDANCE, HIGHER_PAID, EXPIRED, OTHER_NAME = 33, 38, 43, 48, 53, 58
# Index (from 0) of the wrong trainee among the sixty → what is wrong, for the summary.
FAULTS = {
    CHECK_DIGIT: "身份证校验位不对",
    DUPLICATE: "与另一行是同一人",
    TWO_CLASSES: "同一时间在另一个班",
    UNDER_AGE: "开班时未满 16 周岁",
    PENSION: "已按月领取养老待遇",
    CERTIFICATE_LEVEL: "证书等级与培训等级不符",
    ESTABLISHMENT: "机关事业在编",
    OTHER_PROJECT: "持的是别的项目的券",
    ATTENDANCE: "出勤率 79.9 %",
    HIGHER_PAID: "更高等级已补贴",
    EXPIRED: "券在开班前已过期",
    OTHER_NAME: "姓名与证件登记不符",
}


@dataclass
class Row:
    """One roster row by column key; `changes` holds what makes it wrong or fills later columns."""

    trainee: Trainee
    voucher: Voucher
    group: str
    prepaid: bool
    changes: dict[str, str | float] = field(default_factory=dict)

    def cells(self, number: int) -> dict[str, str | float]:
        """The cells of this row."""
        return {
            "number": number,
            "name": self.trainee.name,
            "sex": "女" if self.trainee.sex is Sex.FEMALE else "男",
            "document_type": "居民身份证",
            "document_number": self.trainee.number,
            "education": "高中",
            "group": GROUPS[self.group],
            "residence": "天津市东丽区",
            "phone": self.trainee.phone,
            "card": self.trainee.card,
            "occupation": "焊工",
            "occupation_code": "6-18-02-04",
            "level": "高级工",
            "certificate_kind": "职业技能等级证书",
            "voucher_code": self.voucher.code,
            "applies": "是",
            "prepaid": "是" if self.prepaid else "否",
        } | self.changes


def with_faults(rows: list[Row], evaluator: Organisation) -> list[Row]:
    """The sixty rows with the planted faults of this module; what lies in registers is planted by the story."""
    changes: dict[int, dict[str, str | float]] = {
        CHECK_DIGIT: {"document_number": _other_check_digit(rows[CHECK_DIGIT].trainee.number)},
        CERTIFICATE_LEVEL: {
            "certificate_number": build_skill_certificate(
                evaluator.evaluator_prefix, year=2026, level=SkillLevel.INTERMEDIATE, sequence=900001
            ).number,
            "issued_on": "2026-03-30",
        },
        ATTENDANCE: {"attended_hours": 95.9, "planned_hours": 120, "attendance_rate": "79.9%"},
        OTHER_NAME: {"name": rows[OTHER_NAME].trainee.name + "甲"},
    }
    made = [
        Row(row.trainee, row.voucher, row.group, row.prepaid, changes.get(index, {})) for index, row in enumerate(rows)
    ]
    twin = rows[DUPLICATE - 1]
    made[DUPLICATE] = Row(twin.trainee, twin.voucher, twin.group, twin.prepaid)
    return made


def _other_check_digit(number: str) -> str:
    return number[:-1] + ("0" if number[-1] != "0" else "1")


def workbook(rows: list[Row], title: str) -> bytes:
    """The roster as an .xlsx file: a title row, the header, one row a trainee; long numbers are text."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        book.set_properties({"title": title, "created": MADE})
        sheet = book.add_worksheet("花名册")
        bold, text = (
            book.add_format({"bold": True, "bg_color": "#EAF0FB", "border": 1}),
            book.add_format({"num_format": "@"}),
        )
        sheet.write_string(0, 0, title, book.add_format({"bold": True, "font_size": 14}))
        for index, column in enumerate(COLUMNS):
            sheet.set_column(index, index, column.width, text if column.text else None)
            sheet.write_string(1, index, column.title, bold)
        for number, row in enumerate(rows, start=1):
            cells = row.cells(number)
            for index, column in enumerate(COLUMNS):
                value = cells.get(column.key)
                if isinstance(value, str):
                    sheet.write_string(number + 1, index, value, text if column.text else None)
                elif value is not None:
                    sheet.write_number(number + 1, index, value)
        sheet.freeze_panes(2, 2)
    return target.getvalue()

"""The roll of a class: trainees by sessions, minutes and rates by person and by day, and the same as an Excel workbook."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import xlsxwriter

from zhaoliang.attendance.models import Attendance
from zhaoliang.attendance.states import ATTENDANCE, CAME
from zhaoliang.classes.models import TrainingClass
from zhaoliang.kernel.days import chinese_day, format_cn_time

# The marks of a paper roll, and what they mean.
MARKS = {
    "expected": "·",
    "present": "√",
    "late": "迟",
    "left_early": "早",
    "leave": "假",
    "absent": "缺",
    "made_up": "补",
    "struck": "×",
}
_BANNED = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))


@dataclass(frozen=True)
class RollRow:
    """One trainee: the attendance of each session in order, and the minutes."""

    attendances: tuple[Attendance, ...]
    planned: int
    credited: int

    @property
    def name(self) -> str:
        return self.attendances[0].person.name

    @property
    def rate(self) -> Fraction:
        """Credited of the minutes of sessions that are decided; 0 before the first."""
        return Fraction(self.credited, self.planned) if self.planned else Fraction(0)


@dataclass(frozen=True)
class DayRate:
    """One Chinese day of a class: sessions to attend, how many were, and the minutes."""

    on: date
    expected: int
    came: int

    @property
    def rate(self) -> Fraction:
        return Fraction(self.came, self.expected) if self.expected else Fraction(0)


@dataclass(frozen=True)
class Roll:
    """The whole roll of a class."""

    training_class: TrainingClass
    rows: tuple[RollRow, ...]
    days: tuple[DayRate, ...]


def roll(training_class: TrainingClass) -> Roll:
    """The roll as it stands now; one query. Rates count what is decided, so that a class in its first week is not at 10 %."""
    found = (
        Attendance.objects.filter(city_code=training_class.city_code, session__training_class=training_class)
        .select_related("person", "session", "enrolment")
        .order_by("person__pinyin_key", "person_id", "period", "id")
    )
    by_person: dict[int, list[Attendance]] = {}
    expected: dict[date, int] = {}
    came: dict[date, int] = {}
    for row in found:
        by_person.setdefault(row.enrolment_id, []).append(row)
        if row.state != "expected":
            day = chinese_day(row.period.lower)
            expected[day] = expected.get(day, 0) + 1
            came[day] = came.get(day, 0) + (row.state in CAME)
    rows = tuple(
        RollRow(
            tuple(theirs),
            sum(one.planned_minutes for one in theirs if one.state != "expected"),
            sum(one.credited_minutes for one in theirs),
        )
        for theirs in by_person.values()
    )
    return Roll(training_class, rows, tuple(DayRate(day, expected[day], came[day]) for day in sorted(expected)))


def workbook(rolls: Sequence[Roll]) -> bytes:
    """One sheet per class: a row per trainee, a column per session, then minutes and rate; day rates below. Texts stay texts."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_formulas": False}) as book:
        head = book.add_format({"bold": True, "bg_color": "#EAF0FB", "border": 1, "text_wrap": True, "valign": "top"})
        share, middle = book.add_format({"num_format": "0.0%"}), book.add_format({"align": "center"})
        for number, one in enumerate(rolls, start=1):
            page = book.add_worksheet(f"{number} {one.training_class.name.translate(_BANNED)}"[:31])
            page.freeze_panes(1, 1)
            page.set_column(0, 0, 14)
            sessions = [row.session for row in one.rows[0].attendances] if one.rows else []
            page.write_string(0, 0, "姓名", head)
            for column, session in enumerate(sessions, start=1):
                day = chinese_day(session.starts_at)
                page.write_string(
                    0, column, f"{day.month}月{day.day}日\n{format_cn_time(session.starts_at)[-5:]}", head
                )
                page.set_column(column, column, 8)
            ends = len(sessions) + 1
            for place, word in enumerate(("应到分钟", "计入分钟", "出勤率")):
                page.write_string(0, ends + place, word, head)
            for line, row in enumerate(one.rows, start=1):
                page.write_string(line, 0, row.name)
                for column, attendance in enumerate(row.attendances, start=1):
                    page.write_string(line, column, MARKS[attendance.state], middle)
                page.write_number(line, ends, row.planned)
                page.write_number(line, ends + 1, row.credited)
                page.write_number(line, ends + 2, row.rate, share)
            line = len(one.rows) + 2
            for day in one.days:
                page.write_string(line, 0, day.on.isoformat())
                page.write_string(line, 1, f"{day.came}/{day.expected}")
                page.write_number(line, 2, day.rate, share)
                line += 1
            words = "，".join(f"{mark} {ATTENDANCE.states[state]}" for state, mark in MARKS.items())
            page.write_string(line + 1, 0, words)
    return target.getvalue()

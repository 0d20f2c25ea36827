"""The roll of a class: trainees by sessions, minutes, hours and rates by person and by day, and the same as an Excel workbook.

A rate counts what is decided, so that a class in its first week is not at 10 %: not what is still expected, and not an online
lesson that is going on, of which nobody knows yet how much will be played. What
a session counts is written with the attendance by the region's figures (`services.windows`); the least rate a region asks for
is its text's (`attendance_floor`).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from functools import cached_property
from itertools import groupby

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from zhaoliang.attendance.models import Attendance
from zhaoliang.attendance.states import ATTENDANCE, CAME
from zhaoliang.classes.limits import Share, share
from zhaoliang.classes.models import ClassSession, TrainingClass
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
class Hours:
    """Minutes planned and credited of what is decided, and how long a teaching hour of the class is."""

    planned: int
    credited: int
    minutes_per_hour: int

    @property
    def rate(self) -> Fraction:
        """Credited of planned; 0 before the first."""
        return Fraction(self.credited, self.planned) if self.planned else Fraction(0)

    @property
    def hours(self) -> str:
        """The credited teaching hours as people read them, cut to a tenth."""
        whole, tenth = divmod(self.credited * 10 // self.minutes_per_hour, 10)
        return f"{whole}.{tenth}" if tenth else str(whole)


@dataclass(frozen=True)
class PersonDay(Hours):
    """One trainee on one Chinese day."""

    on: date


@dataclass(frozen=True)
class RollRow(Hours):
    """One trainee: the attendance of each session in order, and the minutes."""

    attendances: tuple[Attendance, ...]
    days: tuple[PersonDay, ...]

    @property
    def name(self) -> str:
        return self.attendances[0].person.name


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
class Heads:
    """One session: how many are expected in it, how many came."""

    session: ClassSession
    expected: int
    came: int


@dataclass(frozen=True)
class Roll:
    """The whole roll of a class; `floor` is the least rate of a person that the region asks for, where a text sets one."""

    training_class: TrainingClass
    rows: tuple[RollRow, ...]
    days: tuple[DayRate, ...]
    floor: Share | None = None

    @cached_property
    def below(self) -> tuple[RollRow, ...]:
        """Who is below the region's floor now."""
        return tuple(row for row in self.rows if row.planned and self.floor and row.rate < self.floor.value)

    @property
    def below_says(self) -> str:
        """The same in words."""
        return f"{len(self.below)} 人现在低于要求"

    def heads_on(self, day: date) -> list[Heads]:
        """The sessions of a Chinese day in order of time, in heads."""
        found: dict[int, list[Attendance]] = {}
        for row in self.rows:
            for one in row.attendances:
                if chinese_day(one.session.starts_at) == day:
                    found.setdefault(one.session_id, []).append(one)
        made = [
            Heads(those[0].session, len(those), sum(one.state in CAME for one in those)) for those in found.values()
        ]
        return sorted(made, key=lambda heads: heads.session.starts_at)


def floor_of(training_class: TrainingClass) -> Share | None:
    """The least rate of a person that the region asks for, on the first day of the class; None where no text sets one."""
    return share("attendance_floor", region_code=training_class.project.region_id, on=training_class.starts_on)


def is_decided(one: Attendance, at: datetime) -> bool:
    """Whether it is known what a session counts."""
    going_on = one.session.online and one.state in ("present", "late") and at < one.session.ends_at
    return one.state != "expected" and not (going_on and one.credited_minutes < one.planned_minutes)


def days_of(attendances: Iterable[Attendance], minutes_per_hour: int, at: datetime) -> tuple[PersonDay, ...]:
    """One trainee's attendances, in order of time, by Chinese day; days on which nothing is decided yet are left out."""
    known = (one for one in attendances if is_decided(one, at))
    made = []
    for day, those in groupby(known, key=lambda one: chinese_day(one.session.starts_at)):
        whole = decided(list(those), minutes_per_hour, at)
        made.append(PersonDay(whole.planned, whole.credited, minutes_per_hour, day))
    return tuple(made)


def decided(attendances: Sequence[Attendance], minutes_per_hour: int, at: datetime) -> Hours:
    """One trainee's minutes of what is decided."""
    rows = [one for one in attendances if is_decided(one, at)]
    planned, credited = sum(one.planned_minutes for one in rows), sum(one.credited_minutes for one in rows)
    return Hours(planned, credited, minutes_per_hour)


def roll(training_class: TrainingClass, at: datetime) -> Roll:
    """The roll as it stands at this moment; one query."""
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
        if is_decided(row, at):
            day = chinese_day(row.period.lower)
            expected[day] = expected.get(day, 0) + 1
            came[day] = came.get(day, 0) + (row.state in CAME)
    long = training_class.minutes_per_hour
    rows = []
    for theirs in by_person.values():
        whole = decided(theirs, long, at)
        rows.append(RollRow(whole.planned, whole.credited, long, tuple(theirs), days_of(theirs, long, at)))
    days = tuple(DayRate(day, expected[day], came[day]) for day in sorted(expected))
    return Roll(training_class, tuple(rows), days, floor_of(training_class))


def workbook(rolls: Sequence[Roll]) -> bytes:
    """Two sheets per class. Texts stay texts.

    The roll: a row per trainee, a column per session, then minutes, hours and rate; day rates below. Then every trainee's days.
    """
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_formulas": False}) as book:
        head = book.add_format({"bold": True, "bg_color": "#EAF0FB", "border": 1, "text_wrap": True, "valign": "top"})
        percent, middle = book.add_format({"num_format": "0.0%"}), book.add_format({"align": "center"})
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
            for place, word in enumerate(("应到分钟", "计入分钟", "计入课时", "出勤率")):
                page.write_string(0, ends + place, word, head)
            for line, row in enumerate(one.rows, start=1):
                page.write_string(line, 0, row.name)
                for column, attendance in enumerate(row.attendances, start=1):
                    page.write_string(line, column, MARKS[attendance.state], middle)
                page.write_number(line, ends, row.planned)
                page.write_number(line, ends + 1, row.credited)
                _hours(page, line, ends + 2, row, percent)
            line = len(one.rows) + 2
            for day in one.days:
                page.write_string(line, 0, day.on.isoformat())
                page.write_string(line, 1, f"{day.came}/{day.expected}")
                page.write_number(line, 2, day.rate, percent)
                line += 1
            words = "，".join(f"{mark} {ATTENDANCE.states[state]}" for state, mark in MARKS.items())
            page.write_string(line + 1, 0, words)
            if one.floor is not None:
                clause = f"（{one.floor.clause}）" if one.floor.clause else ""
                page.write_string(line + 2, 0, f"个人出勤率下限{clause}")
                page.write_number(line + 2, 2, one.floor.value, percent)
            _by_person_and_day(book.add_worksheet(f"{number} 每人每天"), one, head, percent)
    return target.getvalue()


def _hours(page: Worksheet, line: int, column: int, of: Hours, percent: Format) -> None:
    page.write_number(line, column, round(Fraction(of.credited, of.minutes_per_hour), 2))
    page.write_number(line, column + 1, of.rate, percent)


def _by_person_and_day(page: Worksheet, one: Roll, head: Format, percent: Format) -> None:
    page.freeze_panes(1, 1)
    page.set_column(0, 1, 14)
    for column, word in enumerate(("姓名", "日期", "应到分钟", "计入分钟", "计入课时", "出勤率")):
        page.write_string(0, column, word, head)
    days = [(row.name, day) for row in one.rows for day in row.days]
    for line, (name, day) in enumerate(days, start=1):
        page.write_string(line, 0, name)
        page.write_string(line, 1, day.on.isoformat())
        page.write_number(line, 2, day.planned)
        page.write_number(line, 3, day.credited)
        _hours(page, line, 4, day, percent)

"""Classes with timetable and roster, and roster workbooks. The usual class: 16 to 27 March 2026, eighty hours."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import xlsxwriter

from factories import registry
from factories.actors import actor
from factories.catalogue import project as listed_project
from factories.vouchers import batch, voucher
from zhaoliang.catalogue.models import Project
from zhaoliang.classes import services
from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.classes.roster.columns import BY_KEY, GROUPS
from zhaoliang.kernel.days import CHINA
from zhaoliang.kernel.roles import Actor, Role, system_actor
from zhaoliang.registry.models import Person
from zhaoliang.registry.services import add_group, record_status
from zhaoliang.vouchers.models import Voucher, VoucherBatch

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
START = date(2026, 3, 16)
GROUP = "06"


def staff(of: Project | TrainingClass) -> Actor:
    """Somebody of the provider."""
    return actor(Role.PROVIDER, city_code=of.city_code, organisation_id=of.provider_id)


def reviewer(of: Project | TrainingClass) -> Actor:
    """A reviewer of the bureau in the class's region."""
    project = of.project if isinstance(of, TrainingClass) else of
    return actor(Role.REVIEWER, city_code=of.city_code, region_code=project.region_id)


def moment(day: date, hour: int, minute: int = 0) -> datetime:
    """A time of day in China."""
    return datetime.combine(day, time(hour, minute), tzinfo=CHINA)


def draft(
    project: Project | None = None, *, start: date = START, at: datetime = AT, planned: bool = True, **given: Any
) -> TrainingClass:
    """A draft class; `planned` adds the teacher, the timetable (4 + 4 hours on ten weekdays) and a textbook."""
    project = project or listed_project(at=at)
    site = given.pop("site", None) or registry.site(project.provider, at=at)
    end = start + timedelta(days=11)
    arguments: dict[str, Any] = {
        "site": site,
        "starts_on": start,
        "ends_on": end,
        "exam_on": end,
        "capacity": 60,
        "responsible_name": "测试负责人",
        "responsible_phone": "19900000001",
        "exam_method": "理论笔试与实操考核",
    }
    who = staff(project)
    made = services.draft_class(actor=who, at=at, project=project, **arguments | given)
    if planned:
        _plan(made, who, at)
    return made


def _plan(made: TrainingClass, who: Actor, at: datetime) -> None:
    teacher = services.add_teacher(
        actor=who,
        at=at,
        organisation=made.provider,
        name="测试教师",
        education="本科",
        speciality="焊接",
        qualification="高级技师",
    )
    theory_left = made.project.theory_hours - made.project.safety_hours
    days = [made.starts_on + timedelta(days=n) for n in range((made.ends_on - made.starts_on).days + 1)]
    for day in [day for day in days if day.weekday() < 5][: made.hours // 8]:
        for hour in (8, 13):
            first = day == made.starts_on and hour == 8
            kind = "safety" if first else "theory" if theory_left >= 4 else "practice"
            theory_left -= 4 if kind == "theory" else 0
            services.add_session(
                actor=who,
                at=at,
                training_class=made,
                teacher=teacher,
                starts_at=moment(day, hour),
                ends_at=moment(day, hour + 3),
                kind=kind,
                hours=4,
                content="测试内容",
                room="测试教室",
            )
    services.add_textbook(actor=who, at=at, training_class=made, title="焊工（高级）", publisher="测试出版社")


def enrol(training_class: TrainingClass, person: Person | None = None, *, at: datetime = AT, **given: Any) -> Enrolment:
    """A trainee on the roster, written directly; the road there through a workbook is the import's."""
    person = person or registry.person(city_code=training_class.city_code, at=at)
    columns = {"group": GROUP, "listed_at": at} | given
    return Enrolment.objects.create(
        city_code=training_class.city_code, training_class=training_class, person=person, **columns
    )


def filed(training_class: TrainingClass | None = None, *, at: datetime = AT, people: int = 1) -> TrainingClass:
    """A class that waits for the bureau, with `people` trainees of its own unless it has some."""
    made = training_class or draft(at=at)
    if not Enrolment.objects.filter(city_code=made.city_code, training_class=made).exists():
        for _ in range(people):
            enrol(made, at=at)
    return services.file_class(actor=staff(made), at=at, training_class=made)


def accepted(training_class: TrainingClass | None = None, *, at: datetime = AT, people: int = 1) -> TrainingClass:
    """A class that may start on its day."""
    made = filed(training_class, at=at, people=people)
    return services.accept_class(actor=reviewer(made), at=at, training_class=made)


@dataclass
class Candidate:
    """Somebody with everything a subsidised trainee needs: file, compared registers, proved group, voucher."""

    person: Person
    voucher: Voucher
    group: str = GROUP

    def row(self, **changes: Any) -> dict[str, Any]:
        """The roster row that says the truth, with changes."""
        return {
            "姓名": self.person.name,
            "证件号": self.person.document_number,
            "人员类别": GROUPS[self.group],
            "手机号": self.person.phone,
            "社保卡银行账号": self.person.card_number,
            "电子培训券唯一码": self.voucher.code,
        } | changes


def candidate(
    source: VoucherBatch | Project,
    *,
    birth: date = date(1990, 5, 1),
    group: str = GROUP,
    at: datetime = AT,
    **holds: bool,
) -> Candidate:
    """A person with a voucher whose registers all answered no, except those named in `holds` (pension, establishment, student):
    that was found out after the claim, which would have been refused.
    """
    person = registry.person(birth=birth, city_code=source.city_code, at=at)
    system = system_actor()
    day = date(2026, 1, 5)
    add_group(actor=system, at=at, person=person, group=group, evidence="register", source="测试比对", valid_from=day)
    held = voucher(source, person=person, at=at)
    for kind in ("pension", "establishment", "student"):
        record_status(
            actor=system,
            at=at,
            person=person,
            kind=kind,
            holds=holds.get(kind, False),
            source="测试比对",
            checked_on=day,
        )
    return Candidate(person, held, group)


def open_batch(project: Project, **given: Any) -> VoucherBatch:
    """A batch of sixty vouchers for a project."""
    return batch(project, **{"quota": 60} | given)


def workbook(
    rows: Sequence[dict[str, Any]],
    *,
    columns: Sequence[str] | None = None,
    sheet: str = "花名册",
    above: Sequence[str] = (),
    others: Sequence[str] = (),
) -> bytes:
    """A real .xlsx: lines `above` the header, the columns of the rows, other sheets before it. Text stays text."""
    titles = list(columns or dict.fromkeys(title for row in rows for title in row))
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"strings_to_formulas": False}) as book:
        # The same rows are the same file, in whatever second it is made.
        book.set_properties({"created": datetime(2026, 1, 1, tzinfo=UTC)})
        for name in others:
            book.add_worksheet(name).write_string(0, 0, "其他内容")
        page = book.add_worksheet(sheet)
        for number, text in enumerate(above):
            page.write_string(number, 0, text)
        for index, row in enumerate([dict(zip(titles, titles, strict=True)), *rows], start=len(above)):
            for position, title in enumerate(titles):
                value = row.get(title)
                if isinstance(value, str):
                    page.write_string(index, position, value)
                elif value is not None:
                    page.write(index, position, value)
    return buffer.getvalue()


def titles() -> list[str]:
    """Every column of the roster, as printed."""
    return [column.title for column in BY_KEY.values()]

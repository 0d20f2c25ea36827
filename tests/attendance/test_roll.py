"""Attendance becomes hours and rates by person and day; the trainee, the provider and the bureau read the same figures."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from types import SimpleNamespace

import pytest
from django.test import Client
from openpyxl import load_workbook

from factories import registry
from factories.attendance import running
from factories.classes import START, moment, reviewer, staff
from factories.identity import sign_in
from factories.lawbook import in_force
from factories.vouchers import worker
from zhaoliang.attendance import selectors, services
from zhaoliang.attendance.models import Attendance
from zhaoliang.attendance.roll import roll
from zhaoliang.classes.models import ClassSession, TrainingClass
from zhaoliang.kernel.masking import mask_name
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.registry.models import Notice

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D4")]

EVENING = moment(START, 18)
FLOOR_TEXT = """
document:
  id: cn-12-01-01/chuqin
  title: 测试区出勤办法
  number: 测区人社〔2026〕2号
  issuers: [测试区人力资源和社会保障局]
  in_force: {from: 2026-01-01}
  region: 120101
clauses:
  "1": {ref: 未见文本, text: 个人出勤率不低于90%，为通行做法。, verified: false, source: 常识}
parameters:
  attendance_floor: {unit: ratio, says: 个人出勤率下限, value: 0.90, cite: "1"}
"""


@pytest.fixture
def at_evening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: EVENING))


def taught() -> tuple[TrainingClass, Attendance, Attendance]:
    """The first day is over: one came all day, the other in the morning only."""
    made = running(people=2)
    morning, afternoon = selectors.class_board(made, START)
    one, two = morning.attendances
    later = {row.person_id: row for row in afternoon.attendances}
    for at, rows in ((moment(START, 8), (one, two)), (moment(START, 13), (later[one.person_id],))):
        for row in rows:
            services.sign_in(actor=staff(made), at=at, attendance=row, method="card")
    services.close_session(actor=system_actor(), at=EVENING, session=afternoon.session)
    return made, one, later[two.person_id]


def test_rates_count_what_is_decided_by_person_and_by_day_against_the_regions_floor() -> None:
    made, always, missed = taught()
    whole = roll(made, EVENING)
    rows = {row.attendances[0].person_id: row for row in whole.rows}
    full, half = rows[always.person_id], rows[missed.person_id]
    assert (full.planned, full.credited, full.hours, full.rate) == (360, 360, "8", Fraction(1))
    assert [(day.on, day.credited, day.rate) for day in half.days] == [(START, 180, Fraction(1, 2))]
    assert [(day.on, day.came, day.expected) for day in whole.days] == [(START, 3, 4)]
    assert [(one.came, one.expected) for one in whole.heads_on(START)] == [(2, 2), (1, 2)]
    # Tianjin asks for four fifths, and says where.
    assert whole.floor is not None
    assert (whole.floor.value, whole.floor.verified, whole.below) == (Fraction(4, 5), True, (half,))
    assert str(whole.floor.clause)


def test_the_three_faces_show_the_same_and_the_history_of_a_correction(at_evening: None) -> None:
    made, _, missed = taught()
    person, here = missed.person, f"{made.city_code}/{made.pk}"
    phone = sign_in(Client(), registry.user(Role.WORKER, person=person))
    desk = sign_in(Client(), registry.user(Role.PROVIDER, organisation=made.provider))
    officer = sign_in(Client(), registry.user(Role.REVIEWER, region_code=made.project.region_id))
    pages: dict[str, Callable[[], str]] = {
        "phone": lambda: phone.get(f"/my/classes/{here[:6]}/{missed.enrolment_id}/").content.decode(),
        "desk": lambda: desk.get(f"/desk/classes/{here}/attendance/").content.decode(),
        "bureau": lambda: officer.get(f"/bureau/classes/{here}/attendance/").content.decode(),
    }

    def read() -> dict[str, str]:
        # Figures keep together with their sign.
        return {face: page().replace("\xa0", " ") for face, page in pages.items()}

    before = read()
    assert "上过的课出勤 <b>50.0 %</b>（180 / 360 分钟），本地要求不低于 80 %" in before["phone"]
    assert ">180 / 360 分钟，50 %<" in before["phone"]
    for face in ("desk", "bureau"):
        assert "1 人现在低于要求" in before[face]
        assert "180 / 360" in before[face]
        assert 'hx-trigger="every 30s"' in before[face]
    assert person.name not in before["bureau"]
    assert mask_name(person.name) in before["bureau"]

    proposal = services.propose_correction(
        actor=staff(made), at=EVENING, attendance=missed, reason="读卡器下午停电", evidence="监控 13:05"
    )
    # One who waits is not asked for twice.
    assert "已经提出更正，等人社部门的同志决定" in pages["desk"]()
    services.decide_correction(actor=reviewer(made), at=EVENING, correction=proposal, accept=True, decision="监控属实")
    after = read()
    for face, text in after.items():
        assert "读卡器下午停电" in text, face
        assert "0 → 180 分钟" in text, face
        assert "监控属实" in text, face
    assert "上过的课出勤 <b>100.0 %</b>（360 / 360 分钟）" in after["phone"]
    assert "人现在低于要求" not in after["bureau"]
    told = Notice.objects.filter(city_code=made.city_code, kind="attendance_correction")
    assert {(row.person_id, row.organisation_id) for row in told} == {(person.pk, None), (None, made.provider_id)}


def test_the_workbook_lists_every_trainees_days() -> None:
    made, _, missed = taught()
    desk = sign_in(Client(), registry.user(Role.PROVIDER, organisation=made.provider))
    book = load_workbook(io.BytesIO(desk.get(f"/desk/classes/{made.city_code}/{made.pk}/attendance/export/").content))
    _, days = book.worksheets
    lines = [[cell.value for cell in row] for row in days.iter_rows(min_row=2)]
    assert [missed.person.name, START.isoformat(), 360, 180, 4, 0.5] in lines
    assert len(lines) == 2
    assert START + timedelta(days=1) not in {line[1] for line in lines}


def test_an_online_lesson_that_is_going_on_and_a_floor_nobody_confirmed_warn_nobody() -> None:
    made, _, missed = taught()
    first = selectors.class_board(made, START + timedelta(days=1))[0]
    ClassSession.objects.filter(city_code=made.city_code, pk=first.session.pk).update(online=True)
    (mine,) = (row for row in first.attendances if row.person_id == missed.person_id)
    begins = first.session.starts_at
    services.check_identity(actor=worker(missed.person), at=begins, attendance=mine)
    rates = [
        {row.attendances[0].person_id: row for row in roll(made, at).rows}[missed.person_id].rate
        for at in (begins + timedelta(minutes=1), first.session.ends_at)
    ]
    assert rates == [Fraction(1, 2), Fraction(1, 3)]
    so_far = [selectors.class_so_far(made, at)[mine.enrolment_id] for at in (begins, first.session.ends_at)]
    assert so_far == [(360, 180), (540, 180)]
    in_force("cn-12-01-01/chuqin/2026-01-01.yaml", FLOOR_TEXT)
    phone = sign_in(Client(), registry.user(Role.WORKER, person=missed.person))
    page = phone.get(f"/my/classes/{made.city_code}/{mine.enrolment_id}/").content.decode().replace("\xa0", " ")
    assert "本地要求不低于 90 %（依据未核实，只作提醒）" in page
    assert "可能领不到补贴" not in page

"""Signing in at class through the pages: the code on the screen and on the phone, the reader's line, the queue's answers, doubts."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from django.test import Client
from openpyxl import load_workbook

from api.test_partners import System
from factories import registry, vouchers
from factories.attendance import first_attendance, running
from factories.catalogue import project as listed_project
from factories.classes import START, draft, enrol, moment
from factories.classes import accepted as accepted_class
from factories.identity import sign_in
from zhaoliang.attendance import classcode, selectors, services
from zhaoliang.attendance.models import Attendance, AttendanceCorrection, AttendanceDoubt
from zhaoliang.attendance.phone import Phone
from zhaoliang.classes.models import TrainingClass
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.vouchers import selectors as voucher_selectors

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D4")]

Clock = Callable[[datetime], None]
AT = moment(START, 8, 1)


@pytest.fixture
def at_time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let every request happen at this moment."""

    def go(at: datetime) -> None:
        monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: at))

    return go


def phone_of(attendance: Attendance) -> Client:
    return sign_in(Client(), registry.user(Role.WORKER, person=attendance.person))


def desk_of(made: TrainingClass) -> Client:
    return sign_in(Client(), registry.user(Role.PROVIDER, organisation=made.provider))


def officer_of(made: TrainingClass, role: Role = Role.REVIEWER) -> Client:
    return sign_in(Client(), registry.user(role, region_code=made.project.region_id))


def state(attendance: Attendance) -> str:
    return Attendance.objects.get(city_code=attendance.city_code, pk=attendance.pk).state


def test_the_screen_shows_a_code_that_a_phones_own_camera_opens_and_one_tap_signs_in(at_time: Clock) -> None:
    attendance = first_attendance(running())
    made = attendance.session.training_class
    at_time(AT)
    wall = desk_of(made).get(f"/desk/classes/{made.city_code}/{made.pk}/board/wall/").content.decode()
    shown = classcode.shown(attendance.session, AT)
    assert f"{shown.typed[:4]} {shown.typed[4:]}" in wall
    camera = Client()
    opened = camera.get(f"/my/c/{shown.text}/")
    assert (opened.status_code, opened["Location"]) == (302, "/my/scan/")
    # Not signed in to the platform yet: the scan waits meanwhile, while the code on the screen changes.
    assert camera.get("/my/scan/")["Location"].startswith("/sign-in/")
    at_time(AT + timedelta(minutes=3))
    assert camera.get(f"/my/c/{shown.text}/").status_code == 409
    sign_in(camera, registry.user(Role.WORKER, person=attendance.person))
    page = camera.get("/my/scan/").content.decode()
    assert "课堂码扫到了" in page
    token = page.split('name="code" value="')[1].split('"')[0]
    answer = camera.post(
        f"/my/sessions/{attendance.city_code}/{attendance.pk}/sign-in/",
        {"code": token, "key": "scan-1", "accuracy": "12"},
        headers={"accept": "application/json"},
    )
    assert answer.json() == {"says": "签到成功。", "state": "present", "flags": []}
    signed = selectors.sign_ins_of(attendance)[0]
    assert (signed.method, signed.code_age_s, signed.accuracy_m) == ("class_code", 0, 12)


def test_a_scan_for_another_class_says_so(at_time: Clock) -> None:
    one, two = first_attendance(running()), first_attendance(running())
    at_time(AT)
    phone = phone_of(two)
    phone.get(f"/my/c/{classcode.shown(one.session, AT).text}/")
    assert "您不在这个班的名册里" in phone.get("/my/scan/").content.decode()


def test_the_queue_of_a_phone_is_told_what_became_of_each_sign_in(at_time: Clock) -> None:
    attendance = first_attendance(running())
    at_time(AT)
    url = f"/my/sessions/{attendance.city_code}/{attendance.pk}/sign-in/"
    json = {"accept": "application/json"}
    phone = phone_of(attendance)
    stale = phone.post(url, {"code": "AAAAAAAA", "key": "queue-1"}, headers=json)
    assert (stale.status_code, stale.json()["code"]) == (422, "bad_input")
    kept = {"key": "queue-2", "signed_at": str(int((AT - timedelta(minutes=20)).timestamp()))}
    answers = [phone.post(url, kept, headers=json).json() for _ in range(3)]
    assert answers[0]["flags"] == ["no_place", "uploaded_late"]
    assert answers == answers[:1] * 3
    assert len(selectors.sign_ins_of(attendance)) == 1
    # Somebody else's phone now: told to sign in, nothing is lost or taken.
    assert Client().post(url, kept, headers=json).status_code == 302


def test_the_reader_signs_in_whom_its_line_names(at_time: Clock) -> None:
    project = listed_project()
    made = draft(project)
    voucher = vouchers.voucher(project)
    people = [registry.person(), registry.person(), voucher.person]
    for person in people:
        enrol(made, person, voucher=voucher if person == voucher.person else None)
    running(accepted_class(made))
    at_time(AT)
    rows = {row.person_id: row for row in selectors.class_board(made, START)[0].attendances}
    session = rows[people[0].pk].session
    desk = desk_of(made)
    url = f"/desk/sessions/{made.city_code}/{session.pk}/reader/"
    # Monday's photograph of a screen, and paper after its last day: genuine, and nobody comes in by them, here or over the API.
    stale = voucher_selectors.qr_token(voucher, AT - timedelta(minutes=5))
    voucher.batch.use_until = AT - timedelta(hours=1)
    system = System(Client(), made.provider, scopes=("attendance.sign_in",))
    for number, line in enumerate((stale, voucher_selectors.paper_token(voucher))):
        assert desk.post(url, {"line": line}).status_code == 422
        read = {"session_id": str(session.pk), "line": line}
        assert system.post("/attendance/sign-ins", read, key=f"reader-stale-{number}").status_code == 422
    assert state(rows[people[2].pk]) == "expected"
    for person, line, method in (
        (people[0], people[0].document_number, "id_card"),
        (people[1], f";{people[1].card_number}?", "card"),
        (people[2], voucher.code, "voucher"),
    ):
        assert desk.post(url, {"line": line}).status_code == 302
        signed = selectors.sign_ins_of(rows[person.pk])
        assert [(one.method, one.by_user_id is not None) for one in signed] == [(method, True)]
    strange = desk.post(url, {"line": registry.person().document_number})
    # The next card is read on the page that says what was wrong with this one.
    assert (strange.status_code, "data-reader" in strange.content.decode()) == (404, True)
    assert desk.post(url, {"line": "???"}).status_code == 422
    board = f"/desk/classes/{made.city_code}/{made.pk}/board/?on={START}"
    assert "到课" in desk.get(board).content.decode()
    # The same reader lets them out: who has no phone signs out too, and nobody who never came.
    at_time(moment(START, 10, 55))
    assert desk.post(url, {"line": stale, "direction": "out"}).status_code == 422
    assert "下课签退" in desk.get(board).content.decode()
    out = {"line": f";{people[1].card_number}?", "direction": "out"}
    assert desk.post(url, out).status_code == 302
    last = selectors.sign_ins_of(rows[people[1].pk])[-1]
    assert (last.direction, last.method) == ("out", "card")
    left = Attendance.objects.get(city_code=made.city_code, pk=rows[people[1].pk].pk)
    assert (left.state, left.signed_out_at) == ("present", moment(START, 10, 55))
    # Over the API a reader that moves does it, here an hour before the end.
    early = {"session_id": str(session.pk), "line": people[0].document_number, "direction": "out"}
    early["read_at"] = moment(START, 10).isoformat()
    answer = system.post("/attendance/sign-ins", early, key="reader-out-1").json()
    assert (answer["state"], answer["credited_minutes"]) == ("left_early", 120)


@pytest.mark.mission("I1")
def test_a_doubt_is_seen_by_all_three_answered_and_decided_and_the_roll_shows_what_came_of_it(at_time: Clock) -> None:
    made = running(people=2)
    one, two = selectors.class_board(made, START)[0].attendances
    site = made.site
    services.sign_in(
        actor=vouchers.worker(one.person),
        at=AT,
        attendance=one,
        method="location",
        longitude=site.longitude,
        latitude=site.latitude,
        phone=Phone(accuracy=0, mock=True),
    )
    evening = moment(START, 18)
    services.close_session(actor=system_actor(), at=evening, session=one.session)
    services.weigh_session(actor=system_actor(), at=evening, session=one.session)
    at_time(evening)
    doubt = AttendanceDoubt.objects.get(city_code=made.city_code)
    here = f"{doubt.city_code}/{doubt.pk}"
    phone, desk, officer = phone_of(one), desk_of(made), officer_of(made)
    assert "使用了模拟位置" in phone.get("/my/classes/").content.decode()
    assert phone.post(f"/my/doubts/{here}/answer/", {"text": "手机自带的"}).status_code == 302
    roll = f"/desk/classes/{made.city_code}/{made.pk}/attendance/"
    assert "手机自带的" in desk.get(roll).content.decode()
    assert "考勤核实" in officer.get("/bureau/").content.decode()
    assert one.session.training_class.name in officer.get("/bureau/doubts/").content.decode()
    page = officer.get(f"/bureau/doubts/{here}/").content.decode()
    assert "手机自带的" in page
    assert one.person.name not in page
    decided = {"decision": "监控里没有此人", "outcome": "uphold"}
    assert officer.post(f"/bureau/doubts/{here}/decide/", decided).status_code == 302
    assert state(one) == "present"
    strike = AttendanceCorrection.objects.get(city_code=made.city_code)
    accept = f"/bureau/corrections/{strike.city_code}/{strike.pk}/accept/"
    assert officer.post(accept).status_code == 403
    assert officer_of(made).post(accept).status_code == 302
    assert state(one) == "struck"
    propose = f"/desk/attendance/{two.city_code}/{two.pk}/correct/"
    assert desk.post(propose, {"reason": "读卡器故障", "evidence": "监控 08:02"}).status_code == 302
    assert "监控 08:02" in officer.get("/bureau/doubts/").content.decode()
    book = load_workbook(io.BytesIO(desk.get(f"{roll}export/").content))
    sheet, _ = book.worksheets
    cells = {row[0].value: [cell.value for cell in row] for row in sheet.iter_rows(min_row=2, max_row=3)}
    assert cells[one.person.name][1:3] == ["×", "·"]
    assert cells[two.person.name][1:3] == ["缺", "·"]
    assert cells[one.person.name][-4:] == [180, 0, 0, 0]

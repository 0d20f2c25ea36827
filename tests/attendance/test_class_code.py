"""The rotating class code: genuine, of this session, fresh, tolerant of a scan just before the change; typed where nothing scans."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from factories.attendance import first_attendance, running
from factories.classes import START, moment
from factories.vouchers import worker
from zhaoliang.attendance import classcode, selectors, services
from zhaoliang.attendance.classcode import StaleCode
from zhaoliang.attendance.models import Attendance
from zhaoliang.kernel import tokens
from zhaoliang.kernel.errors import BadInput

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D4")]

AT = moment(START, 8, 1)


def scan(attendance: Attendance, code: str, at: datetime = AT, signed_at: datetime | None = None) -> Attendance:
    return services.sign_in(
        actor=worker(attendance.person),
        at=at,
        attendance=attendance,
        method="class_code",
        code=code,
        signed_at=signed_at,
    )


def test_a_code_signs_in_until_shortly_after_it_has_changed() -> None:
    made = running(people=3)
    one, two, three = selectors.class_board(made, START)[0].attendances
    code = classcode.shown(one.session, AT)
    assert code.seconds == 20
    assert scan(one, code.text, AT + timedelta(seconds=35)).state == "present"
    assert selectors.sign_ins_of(one)[0].code_age_s == 35
    with pytest.raises(StaleCode):
        scan(two, code.text, AT + timedelta(seconds=36))
    # Who can't scan types what stands below it; typing takes a while.
    assert scan(two, f" {code.typed[:4]}-{code.typed[4:].lower()}", AT + timedelta(seconds=55)).state == "present"
    with pytest.raises(BadInput):
        scan(three, code.typed, AT + timedelta(seconds=61))


def test_a_phone_cannot_make_an_old_code_fresh_by_its_own_clock() -> None:
    made = running(people=2)
    one, two = selectors.class_board(made, START)[0].attendances
    code = classcode.shown(one.session, AT)
    scan(one, code.text, AT + timedelta(seconds=55), signed_at=AT)
    assert selectors.sign_ins_of(one)[0].code_age_s == 55
    # Without network for an hour: the code proves when it was scanned.
    scan(two, code.text, AT + timedelta(hours=1), signed_at=AT + timedelta(seconds=4))
    signed = selectors.sign_ins_of(two)[0]
    assert (signed.code_age_s, signed.at) == (4, AT + timedelta(seconds=4))


def test_codes_of_other_sessions_altered_and_invented_ones_are_refused() -> None:
    made = running()
    attendance = first_attendance(made)
    other = selectors.class_board(made, START)[1].session
    good = classcode.shown(attendance.session, AT).text
    parts = good.split(".")
    forged = [
        classcode.shown(other, AT).text,
        ".".join([*parts[:3], str(int(parts[3]) + 20), parts[4]]),
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        "ZLC1.120000.1.2",
        "AAAAAAAA",
        "",
    ]
    for code in forged:
        with pytest.raises(BadInput):
            scan(attendance, code)
    attendance.refresh_from_db()
    assert attendance.state == "expected"


def test_a_scan_is_remembered_while_its_trainee_signs_in_to_the_platform() -> None:
    attendance = first_attendance(running())
    found = classcode.read(classcode.shown(attendance.session, AT).text, AT + timedelta(seconds=9))
    kept = classcode.keep_scan(found, AT + timedelta(minutes=10))
    with pytest.raises(tokens.ExpiredToken):
        scan(attendance, kept, AT + timedelta(minutes=11))
    assert scan(attendance, kept, AT + timedelta(minutes=5)).state == "present"
    assert selectors.sign_ins_of(attendance)[0].code_age_s == 9

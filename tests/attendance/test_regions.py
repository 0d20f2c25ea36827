"""Window, radius and what a late one counts are each region's own: two districts of one city side by side."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.test import Client

from factories import registry
from factories.attendance import first_attendance, running
from factories.catalogue import project as listed_project
from factories.classes import START, accepted, draft, moment
from factories.identity import sign_in
from factories.lawbook import in_force
from factories.vouchers import worker
from zhaoliang.attendance import passes, services
from zhaoliang.attendance.models import Attendance
from zhaoliang.gate import desks
from zhaoliang.kernel.roles import Role

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D4")]

TEXT = """
document:
  id: cn-12-01-01/qiandao
  title: 测试区培训签到办法
  number: 测区人社〔2026〕1号
  issuers: [测试区人力资源和社会保障局]
  in_force: {from: 2026-01-01}
  region: 120101
clauses:
  "1": {ref: 第一条, text: 课前60分钟开放签到，5分钟后算迟到、计四分之三，45分钟后停止；教学点100米以内有效。, verified: true}
parameters:
  sign_in_opens_minutes: {unit: minutes, says: 课前多少分钟开放签到, value: 60, cite: "1"}
  sign_in_grace_minutes: {unit: minutes, says: 多少分钟后算迟到, value: 5, cite: "1"}
  sign_in_closes_minutes: {unit: minutes, says: 多少分钟后停止签到, value: 45, cite: "1"}
  site_radius_m: {unit: count, says: 教学点有效半径（米）, value: 100, cite: "1"}
  late_credit: {unit: ratio, says: 迟到的课次计入多少, value: 0.75, cite: "1"}
"""
# 150 metres north of the site: outside a radius of 100, inside one of 300.
THERE = {"longitude": Decimal("117.195000"), "latitude": Decimal("39.119349")}
LATE = moment(START, 8, 10)


def signed(attendance: Attendance) -> Attendance:
    who = worker(attendance.person)
    return services.sign_in(actor=who, at=LATE, attendance=attendance, method="location", **THERE)


def test_each_district_has_its_own_window_radius_and_share_for_who_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    in_force("cn-12-01-01/qiandao/2026-01-01.yaml", TEXT)
    here = first_attendance(running())
    neighbour = registry.organisation(region_code=120102)
    there = first_attendance(running(accepted(draft(listed_project(neighbour)))))
    limits, begins = services.window(here.session), here.session.starts_at
    minutes = [round((one - begins) / timedelta(minutes=1)) for one in (limits.opens, limits.late_after, limits.closes)]
    assert (minutes, services.radius_m(here.session)) == ([-60, 5, 45], 100)
    # What the page says before, and what its pass carries to the gate.
    monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: moment(START, 6, 50)))
    phone = sign_in(Client(), registry.user(Role.WORKER, person=here.person))
    page = phone.get("/my/classes/").content.decode().replace("\xa0", " ")
    assert "07:00 起可以签到，08:05 后签算迟到，课时计 75 %。" in page
    assert "在教学点 100 米内签到" in page
    token = passes.sign_in_pass(actor=worker(here.person), at=begins, attendance=here, device="d")
    asked = desks.read_sign_in(token, desks.SignInIn(attendance_id=str(here.pk)), "a-key-of-it", LATE)
    assert asked.given[3:6] == (limits.opens.timestamp(), limits.late_after.timestamp(), limits.closes.timestamp())
    assert (asked.given[9], json.loads(asked.given[14])) == (100, {"late_permille": 750})

    late, on_time = signed(here), signed(there)
    assert (late.state, late.credited_minutes, late.flags) == ("late", 135, ["outside_site"])
    assert (on_time.state, on_time.credited_minutes, on_time.flags) == ("present", 180, [])

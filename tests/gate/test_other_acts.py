"""Verifying, using and signing in through the gate; what a partner key opens; the moves the SQL functions make."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from factories import faces, registry, vouchers
from factories.attendance import first_attendance, running
from factories.classes import START, draft, moment
from gate.running import Call, RunningGate
from zhaoliang.attendance import passes as attendance_passes
from zhaoliang.attendance.models import Attendance, FaceCheck, SignIn
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.geo import wgs84_to_gcj02
from zhaoliang.kernel.identifiers.voucher_code import new_code
from zhaoliang.kernel.models import AuditEvent, StateChange
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.kernel.states import Machine
from zhaoliang.registry.models import Organisation, Sanction
from zhaoliang.registry.services import issue_partner_key, new_secret
from zhaoliang.vouchers import passes
from zhaoliang.vouchers.models import VoucherCheck
from zhaoliang.web.actors import actor_of

pytestmark = pytest.mark.django_db(transaction=True)
NOBODYS = str(new_code(registry.CITY))


def partner_key(organisation: Organisation, now: datetime, *scopes: str) -> str:
    secret = new_secret()
    issue_partner_key(
        actor=system_actor(),
        at=now,
        place=registry.place(registry.CITY),
        user=registry.user(Role.PARTNER, region_code=registry.CITY, organisation=organisation),
        name="测试对接系统",
        secret=secret,
        scopes=scopes or ["vouchers.verify"],
        expires_at=now + timedelta(days=1),
    )
    return secret


def later(now: datetime) -> date:
    return (now + timedelta(days=30)).date()


def known_moves() -> set[tuple[str, str, str, str]]:
    return {
        (machine.name, one.source, one.event, one.target)
        for machine in Machine.registry.values()
        for one in machine.table.values()
    }


def made_moves() -> set[tuple[str, str, str, str]]:
    found = StateChange.objects.filter(city_code=registry.CITY).values_list("machine", "source", "event", "target")
    return set(found)


@pytest.mark.mission("C6", "K3")
def test_verifying_says_what_a_code_is_worth_and_slows_down_guessing(gate: RunningGate, now: datetime) -> None:
    project = vouchers.listed_project(at=now)
    voucher = vouchers.voucher(project, at=now)
    secret = partner_key(project.provider, now)
    good = gate.post(Call("/gate/verify", secret, {"code": voucher.code}))
    assert (good.status, good.json["answer"]) == (200, "good")
    assert project.name in good.json["good_for"]
    wrong = gate.post_all([Call("/gate/verify", secret, {"code": NOBODYS})] * 30)
    assert sorted(reply.status for reply in wrong) == [200] * 10 + [429] * 20
    assert all(0 < int(reply.headers["retry-after"]) <= 61 for reply in wrong if reply.status == 429)
    # The guesser waits, also with the right code; the holder does not.
    assert gate.post(Call("/gate/verify", secret, {"code": voucher.code})).status == 429
    training_class = draft(project, at=now, start=later(now), planned=False)
    holder = passes.holder_pass(actor=vouchers.worker(voucher.person), at=now, person=voucher.person)
    body = {"city_code": voucher.city_code, "voucher_id": str(voucher.pk), "class_id": str(training_class.pk)}
    assert gate.post(Call("/gate/use", holder, body, "use-it-now")).status == 200
    checks = VoucherCheck.objects.filter(city_code=registry.CITY)
    assert sorted(checks.values_list("answer", flat=True)) == ["good"] + ["not_found"] * 10
    assert AuditEvent.objects.filter(city_code=registry.CITY, act="vouchers.verify").count() == 11


@pytest.mark.mission("C6", "I3")
def test_a_provider_that_may_not_train_takes_no_vouchers(gate: RunningGate, now: datetime) -> None:
    project, other = (vouchers.listed_project(at=now) for _ in range(2))
    today = chinese_day(now)
    Sanction.objects.create(
        city_code=registry.CITY,
        organisation=project.provider,
        region_code=project.region_id,
        step="rectification",
        state="in_force",
        violation="disorder",
        facts="测试：课堂秩序混乱，疏于管理",
        citation="测试依据",
        verified=False,
        proposed_at=now,
        reply_until=today,
        decide_by=today,
        from_day=today - timedelta(days=1),
        rectify_by=today + timedelta(days=30),
    )
    calls = []
    for one in (project, other):
        voucher = vouchers.voucher(one, at=now)
        training_class = draft(one, at=now, start=later(now), planned=False)
        holder = passes.holder_pass(actor=vouchers.worker(voucher.person), at=now, person=voucher.person)
        body = {"city_code": voucher.city_code, "voucher_id": str(voucher.pk), "class_id": str(training_class.pk)}
        calls.append(Call("/gate/use", holder, body, f"use-at-{one.pk:09d}"))
    refused, used = gate.post_all(calls)
    assert (refused.status, refused.json["code"], used.status) == (409, "organisation_barred", 200)
    assert "整改还没有验收" in refused.json["why"]
    assert gate.post(calls[0]).body == refused.body
    verified = gate.post(Call("/gate/verify", partner_key(project.provider, now), {"code": NOBODYS}))
    assert (verified.status, verified.json["code"]) == (409, "organisation_barred")
    assert VoucherCheck.objects.filter(city_code=registry.CITY).count() == 0


@pytest.mark.mission("K3", "B5")
def test_a_partner_key_opens_only_its_scope(gate: RunningGate, now: datetime) -> None:
    organisation = registry.organisation(at=now)
    call = {"code": NOBODYS}
    assert gate.post(Call("/gate/verify", "zlk_nobody", call)).json["code"] == "bad_key"
    other = partner_key(organisation, now, "vouchers.claim")
    assert gate.post(Call("/gate/verify", other, call)).status == 403
    assert VoucherCheck.objects.filter(city_code=registry.CITY).count() == 0


@pytest.mark.mission("C5", "C6")
def test_two_hundred_uses_of_one_voucher_are_one(gate: RunningGate, now: datetime) -> None:
    projects = [vouchers.listed_project(at=now) for _ in range(20)]
    voucher = vouchers.voucher(projects[0], at=now)
    classes = [draft(project, at=now, start=later(now), planned=False) for project in projects]
    # One account: what is tried is the race for the voucher, not how often somebody may ask.
    calls = [
        Call(
            "/gate/use",
            passes.holder_pass(actor=vouchers.worker(voucher.person), at=now, person=voucher.person),
            {
                "city_code": voucher.city_code,
                "voucher_id": str(voucher.pk),
                "class_id": str(classes[number % len(classes)].pk),
            },
            f"use-number-{number}",
        )
        for number in range(200)
    ]
    replies = gate.post_all(calls)
    assert [reply.status for reply in replies].count(200) == 1
    assert {reply.json["code"] for reply in replies if reply.status != 200} == {"voucher_used", "voucher_not_here"} or {
        reply.json["code"] for reply in replies if reply.status != 200
    } == {"voucher_used"}
    voucher.refresh_from_db()
    assert (voucher.state, voucher.class_id, voucher.provider_id) == ("used", classes[0].pk, projects[0].provider_id)
    assert gate.post_all(calls[:30])[0].status in (200, 409)
    assert made_moves() & {("voucher", "claimed", "use", "used")}
    assert made_moves() <= known_moves()


@pytest.mark.mission("D4", "C8")
def test_signing_in_counts_once_and_marks_what_is_doubtful(gate: RunningGate, now: datetime) -> None:
    attendance = first_attendance(running(people=2))
    actor = actor_of(registry.user(Role.WORKER, person=attendance.person), on=now.date())
    token = attendance_passes.sign_in_pass(actor=actor, at=now, attendance=attendance, device="phone-1")
    signed = int(moment(START, 8).timestamp())
    body = {
        "attendance_id": str(attendance.pk),
        "longitude": "117.195000",
        "latitude": "39.123400",
        "signed_at": signed,
    }
    call = Call("/gate/sign-in", token, body, "sign-in-1")
    replies = gate.post_all([call] * 20)
    assert {reply.status for reply in replies} == {200}
    assert len({reply.body for reply in replies}) == 1
    assert replies[0].json["state"] == "present"
    # 600 m away, and brought months after it was signed.
    assert replies[0].json["flags"] == ["outside_site", "uploaded_late"]
    attendance.refresh_from_db()
    assert (attendance.state, attendance.credited_minutes) == ("present", attendance.planned_minutes)
    assert SignIn.objects.filter(city_code=attendance.city_code, attendance=attendance).count() == 1
    again = gate.post(Call("/gate/sign-in", token, body, "sign-in-2"))
    assert (again.status, again.json["state"]) == (200, "present")
    # A face result comes along: kept once, also when the same request comes back; a forged one is said to be, and harms nothing.
    seen = {"face": faces.result(attendance, score=93, at=int(now.timestamp()))}
    kept_twice = gate.post_all([Call("/gate/sign-in", token, body | seen, "sign-in-1")] * 2)
    assert {reply.body for reply in kept_twice} == {replies[0].body[:-1] + b',"face":""}'}
    check = FaceCheck.objects.get(city_code=attendance.city_code, attendance=attendance)
    assert (check.service, check.score, check.threshold) == ("face", 93, 80)
    by = AuditEvent.objects.filter(city_code=attendance.city_code, act="attendance.attach_face")
    assert set(by.values_list("actor_user_id", flat=True)) == {actor.user_id}
    forged = {"face": faces.result(attendance, key=Ed25519PrivateKey.generate())}
    refused = gate.post(Call("/gate/sign-in", token, body | forged, "sign-in-1"))
    assert (refused.status, refused.json["state"], "签名不对" in refused.json["face"]) == (200, "present", True)
    early = gate.post(Call("/gate/sign-in", token, {**body, "attendance_id": str(attendance.pk + 1)}, "sign-in-3"))
    assert early.json["code"] == "token_wrong"
    assert made_moves() & {("attendance", "expected", "sign_in", "present")}
    # Who looks at a Chinese map stands where a GPS says: the same place, written in its datum.
    other = Attendance.objects.exclude(pk=attendance.pk).get(city_code=attendance.city_code, session=attendance.session)
    token = attendance_passes.sign_in_pass(
        actor=vouchers.worker(other.person), at=now, attendance=other, device="phone-2"
    )
    longitude, latitude = wgs84_to_gcj02(117.195, 39.1234)
    there = {"longitude": f"{longitude:.6f}", "latitude": f"{latitude:.6f}", "datum": "gcj02"}
    shifted = gate.post(Call("/gate/sign-in", token, {**body, **there, "attendance_id": str(other.pk)}, "sign-in-4"))
    assert shifted.status == 200
    kept = SignIn.objects.get(city_code=other.city_code, attendance=other)
    first = SignIn.objects.get(city_code=attendance.city_code, attendance=attendance)
    assert abs((kept.longitude or 0) - (first.longitude or 0)) <= Decimal("0.000002")
    assert abs((kept.latitude or 0) - (first.latitude or 0)) <= Decimal("0.000002")
    malformed = gate.post(Call("/gate/sign-in", token, {**body, "datum": "mars"}, "sign-in-5"))
    assert malformed.status == 422
    assert made_moves() <= known_moves()


@pytest.mark.mission("I6")
def test_health_readiness_metrics_and_unknown_addresses(gate: RunningGate) -> None:
    assert gate.get("/gate/healthz").status == 200
    assert gate.get("/gate/readyz").status == 200
    assert gate.get("/gate/claim").status == 405
    assert gate.get("/gate/nothing").status == 404
    metrics = gate.get("/gate/metrics").body.decode()
    assert 'zhaoliang_gate_requests_total{route="/gate/claim",status="405"} 1.0' in metrics
    assert "zhaoliang_gate_waiting 0.0" in metrics

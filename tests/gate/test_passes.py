"""What the pages hand out for the gate: passes for one's own things only, and only after the checks of the page."""

from __future__ import annotations

import pytest
from django.test import Client

from factories import vouchers
from factories.attendance import first_attendance, running
from zhaoliang.attendance import passes as attendance_passes
from zhaoliang.kernel import tokens
from zhaoliang.kernel.errors import Forbidden
from zhaoliang.vouchers import passes, refusals

pytestmark = [pytest.mark.django_db, pytest.mark.mission("C2", "B5")]


def test_a_claim_pass_needs_the_declaration_and_the_person_itself() -> None:
    one, two = vouchers.crowd(2)
    batch = vouchers.batch()
    terms = {"at": vouchers.AT, "person": one, "batch": batch}
    with pytest.raises(refusals.NotDeclared):
        passes.claim_pass(actor=vouchers.worker(one), declared=False, **terms)
    with pytest.raises(Forbidden):
        passes.claim_pass(actor=vouchers.worker(two), declared=True, **terms)
    token = passes.claim_pass(actor=vouchers.worker(one), declared=True, **terms)
    held = tokens.read(token, passes.CLAIM, vouchers.AT + passes.LIFE)
    assert (held["p"], held["b"]) == (one.pk, batch.pk)
    # Nobody could tell all of it: the person declares the rest, and the pass carries that to the voucher.
    assert held["x"].endswith("本人承诺符合领券条件，并接受核实。")


def test_a_directed_voucher_gives_no_pass_to_others_and_a_general_one_keeps_the_declared_groups() -> None:
    (person,) = vouchers.crowd(1)
    directed = vouchers.batch(kind="directed", groups=["06"])
    terms = {"actor": vouchers.worker(person), "at": vouchers.AT, "person": person, "declared": True}
    with pytest.raises(refusals.NotForYou):
        passes.claim_pass(batch=directed, **terms)
    token = passes.claim_pass(batch=vouchers.batch(groups=["06"]), **terms)
    assert "本人承诺属于以下人员类别之一" in tokens.read(token, passes.CLAIM, vouchers.AT)["x"]


@pytest.mark.mission("D4")
def test_a_sign_in_pass_carries_the_window_and_lasts_for_a_late_upload() -> None:
    attendance = first_attendance(running(people=2))
    token = attendance_passes.sign_in_pass(
        actor=vouchers.worker(attendance.person), at=vouchers.AT, attendance=attendance, device="phone-1"
    )
    begins = attendance.session.starts_at
    held = tokens.read(token, attendance_passes.SIGN_IN, begins + attendance_passes.UPLOAD)
    assert held["o"] < begins.timestamp() < held["l"] < held["x"]
    with pytest.raises(Forbidden):
        attendance_passes.sign_in_pass(
            actor=vouchers.worker(vouchers.crowd(1)[0]), at=vouchers.AT, attendance=attendance, device=""
        )


def test_nobody_gets_a_pass_without_signing_in(client: Client) -> None:
    batch = vouchers.batch()
    answer = client.post(f"/my/find/{batch.city_code}/{batch.pk}/pass/", {"declared": "on"})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/")

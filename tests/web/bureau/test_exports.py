"""Files too long to be waited for: left to the worker, fetched by who asked, forgotten after a few days."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from factories import payments, subsidies
from factories.jobs import run_waiting
from zhaoliang.funds.models import Account
from zhaoliang.kernel import faults
from zhaoliang.kernel.days import format_cn_time
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.exports import KEPT, cities_with_exports, content_of, empty_exports, keep_export
from zhaoliang.kernel.jobs.running import perform
from zhaoliang.kernel.models import Job, KeptExport
from zhaoliang.kernel.roles import Place, Role, system_actor
from zhaoliang.registry.models import RoleAssignment
from zhaoliang.web import tables
from zhaoliang.web.bureau import reports
from zhaoliang.web.bureau.tasks import empty_old_exports, make_export

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G4", "N4")]

Clock = Callable[[datetime], None]
Desk = Callable[..., Client]


def url(name: str, of: Any) -> str:
    return reverse(f"bureau:{name}", args=[of.city_code, of.pk])


def test_a_long_file_is_made_by_the_worker_for_who_asked(
    desk: Desk, at_time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = subsidies.case(3)
    subsidies.approved(made)
    batch = payments.sent(made)
    at_time(subsidies.APPROVED)
    officer = desk(made.officer)
    now = officer.get(url("payment_export", batch))
    assert len(list(rows(now.content))) == 4
    monkeypatch.setattr(tables, "EXPORTED_AT_ONCE", 2)
    monkeypatch.setattr(reports, "PRINTED_AT_ONCE", 2)
    address = url("payment_export", batch)
    asked = officer.get(address)
    kept = KeptExport.objects.get()
    assert (asked.status_code, asked["Location"]) == (302, url("export", kept))
    assert "导出文件" in officer.get(url("export", kept)).content.decode()
    assert officer.get(url("export_file", kept)).status_code == 404
    # A second click while it is made is the same file.
    assert officer.get(address)["Location"] == asked["Location"]
    [job] = run_waiting(subsidies.APPROVED)
    assert job.state == "done"
    page = officer.get(url("export", kept)).content.decode()
    assert "文件已经做好" in page
    file = officer.get(url("export_file", kept))
    assert list(rows(file.content)) == list(rows(now.content))
    assert file["Content-Disposition"].lower() == now["Content-Disposition"].lower()
    assert desk(made.finance).get(url("export_file", kept)).status_code == 404

    # Begun again after its worker died with the file kept, the job ends; the file is the same.
    again = make_export.start(actor=made.officer, at=subsidies.APPROVED, subject=kept)
    run_waiting(subsidies.APPROVED)
    again.refresh_from_db()
    assert (again.state, officer.get(url("export_file", kept)).content) == ("done", file.content)

    payable = Account.objects.get(city_code=batch.city_code, kind="payable")
    printed = officer.get(url("account_pdf", payable))
    assert printed.status_code == 302
    run_waiting(subsidies.APPROVED)
    report = KeptExport.objects.latest("pk")
    assert officer.get(url("export_file", report)).content[:5] == b"%PDF-"

    # A file of a page that one may not open any more is not given out.
    RoleAssignment.objects.filter(user_id=made.officer.user_id).update(role=Role.REVIEWER)
    assert officer.get(url("export_file", kept)).status_code == 403
    RoleAssignment.objects.filter(user_id=made.officer.user_id).update(role=Role.FUND_OFFICER)

    later = subsidies.APPROVED + KEPT + timedelta(minutes=1)
    assert cities_with_exports() == [batch.city_code]
    empty_old_exports(int(later.timestamp()))
    assert officer.get(url("export_file", kept)).status_code == 404
    assert "文件已经清除" in officer.get(url("export", kept)).content.decode()
    kept.refresh_from_db()
    assert (kept.content, kept.address) == ("", "")


def test_who_lost_the_role_meanwhile_gets_no_file(desk: Desk, at_time: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = asked(desk, at_time, monkeypatch)
    RoleAssignment.objects.filter(user_id=made.officer.user_id, role=Role.FUND_OFFICER).delete()
    [job] = run_waiting(subsidies.APPROVED)
    kept = KeptExport.objects.get()
    assert (job.state, kept.size) == ("failed", 0)
    # What was never made is forgotten as well: the address holds what was typed.
    place, later = Place(kept.city_code, kept.city_code), subsidies.APPROVED + KEPT + timedelta(minutes=1)
    assert cities_with_exports() == [kept.city_code]
    empty_exports(actor=system_actor(), at=later, place=place)
    kept.refresh_from_db()
    assert (kept.address, cities_with_exports()) == ("", [])


def asked(desk: Desk, at_time: Clock, monkeypatch: pytest.MonkeyPatch) -> tuple[subsidies.Case, Client]:
    """An officer who asked for a file of more rows than a page waits for."""
    made = subsidies.case(3)
    subsidies.approved(made)
    batch = payments.sent(made)
    at_time(subsidies.APPROVED)
    monkeypatch.setattr(tables, "EXPORTED_AT_ONCE", 2)
    officer = desk(made.officer)
    officer.get(url("payment_export", batch))
    return made, officer


def test_a_file_is_kept_once_however_its_worker_dies_and_for_three_days_from_then(
    desk: Desk, at_time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, officer = asked(desk, at_time, monkeypatch)
    kept, job = KeptExport.objects.get(), Job.objects.get()
    monday = subsidies.APPROVED + timedelta(days=2, hours=20)

    def dies_once_it_is_kept() -> None:
        if KeptExport.objects.exclude(size=0).exists():
            raise faults.Crash

    with faults.armed("act:after_commit", dies_once_it_is_kept), pytest.raises(faults.Crash):
        run_waiting(monday)
    kept.refresh_from_db()
    before = content_of(kept)
    perform(job.city_code, job.pk, monday + timedelta(hours=1))
    kept.refresh_from_db()
    job.refresh_from_db()
    assert (job.state, job.runs, kept.made_at, content_of(kept) == before) == ("done", 2, monday, True)
    # A worker that had made it anew, with other bytes, gets the first one's answer.
    given: dict[str, Any] = {"actor": made.officer, "at": monday, "export": kept, "file_name": "b.xlsx", "media": "x"}
    for content in (b"first", b"second"):
        keep_export(**given, content=content, key="the-same")
    kept.refresh_from_db()
    assert content_of(kept) == b"first"

    shown = officer.get(url("export", kept)).content.decode()
    assert f"保留到 {format_cn_time(monday + KEPT)}" in shown
    place = Place(kept.city_code, kept.city_code)
    for at, left in ((subsidies.APPROVED + KEPT + timedelta(minutes=1), 5), (monday + KEPT + timedelta(minutes=1), 0)):
        empty_exports(actor=system_actor(), at=at, place=place)
        kept.refresh_from_db()
        assert kept.size == left


def test_a_file_that_waited_until_it_was_forgotten_is_not_kept(
    desk: Desk, at_time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = asked(desk, at_time, monkeypatch)
    kept, late = KeptExport.objects.get(), subsidies.APPROVED + KEPT + timedelta(minutes=1)
    empty_exports(actor=system_actor(), at=late, place=Place(kept.city_code, kept.city_code))
    # It was emptied while the file was made.
    with pytest.raises(Refusal, match="已经清除"):
        keep_export(actor=made.officer, at=late, export=kept, content=b"x", file_name="a.xlsx", media="x")
    [job] = run_waiting(late)
    assert (job.state, "已经清除" in job.refusal["why"]) == ("failed", True)
    kept.refresh_from_db()
    assert (kept.size, kept.content, cities_with_exports()) == (0, "", [])


def rows(content: bytes) -> Any:
    return load_workbook(io.BytesIO(content)).active.values

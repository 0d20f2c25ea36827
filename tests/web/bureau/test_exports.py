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
from zhaoliang.kernel.exports import KEPT, cities_with_exports, empty_exports
from zhaoliang.kernel.models import KeptExport
from zhaoliang.kernel.roles import Place, Role, system_actor
from zhaoliang.registry.models import RoleAssignment
from zhaoliang.web import tables
from zhaoliang.web.bureau import reports
from zhaoliang.web.bureau.tasks import make_export

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
    empty_exports(actor=system_actor(), at=later, place=Place(batch.city_code, batch.city_code))
    assert officer.get(url("export_file", kept)).status_code == 404
    assert "文件已经清除" in officer.get(url("export", kept)).content.decode()
    kept.refresh_from_db()
    assert (kept.content, kept.address) == ("", "")


def test_who_lost_the_role_meanwhile_gets_no_file(desk: Desk, at_time: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    made = subsidies.case(3)
    subsidies.approved(made)
    batch = payments.sent(made)
    at_time(subsidies.APPROVED)
    monkeypatch.setattr(tables, "EXPORTED_AT_ONCE", 2)
    desk(made.officer).get(url("payment_export", batch))
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


def rows(content: bytes) -> Any:
    return load_workbook(io.BytesIO(content)).active.values

"""The fund for staff education: reported by the enterprise, the newest counts, below the text's share it is flagged."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from fractions import Fraction
from types import SimpleNamespace

import pypdf
import pytest
from django.test import Client
from django.urls import reverse

from factories import registry
from factories.identity import sign_in
from factories.registry import CITY, HEPING
from zhaoliang.funds.education import asked_of, spendings
from zhaoliang.funds.models import EducationSpending
from zhaoliang.funds.services import report_education
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.roles import Role
from zhaoliang.registry.models import Organisation

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G1")]

AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)


def report(enterprise: Organisation, front_line_fen: int, year: int = 2025, spent_fen: int = 100_000_00) -> None:
    report_education(
        actor=registry.actor_with(Role.PROVIDER, organisation=enterprise),
        at=AT,
        organisation=enterprise,
        year=year,
        provided_fen=120_000_00,
        spent_fen=spent_fen,
        front_line_fen=front_line_fen,
    )


def test_sixty_per_cent_is_enough_and_a_fen_less_is_flagged() -> None:
    asked = asked_of(HEPING, 2026)
    assert asked is not None
    assert (asked.share, "六（十七）" in asked.clause) == (Fraction(3, 5), True)
    # The text binds from 2025-06-20.
    assert asked_of(HEPING, 2024) is None
    first, second, third = (registry.organisation(kind="enterprise") for _ in range(3))
    report(first, 60_000_00)
    report(second, 59_999_99)
    report(third, 0, spent_fen=0)
    report(first, 10_000_00, year=2024)
    found = {(one.row.organisation_id, one.row.year): one for one in spendings(CITY, CITY)}
    told = {key: (one.enough, one.lacking_fen) for key, one in found.items()}
    assert told == {
        (first.pk, 2025): (True, 0),
        (second.pk, 2025): (False, 1),
        (third.pk, 2025): (None, 0),
        (first.pk, 2024): (None, 0),
    }
    # Flagged ones first; the newest report of a year counts and the earlier one stays.
    assert spendings(CITY, CITY, year=2025)[0].row.organisation_id == second.pk
    report(second, 80_000_00)
    assert all(one.enough is not False for one in spendings(CITY, CITY))
    assert EducationSpending.objects.filter(city_code=CITY, organisation=second).count() == 2


def test_impossible_figures_and_schools_are_refused() -> None:
    enterprise = registry.organisation(kind="enterprise")
    with pytest.raises(BadInput) as caught:
        report(enterprise, 100_000_01)
    assert "front_line_fen" in caught.value.fields
    with pytest.raises(BadInput):
        report(enterprise, 0, year=2027)
    with pytest.raises(Refusal, match="不是企业"):
        report(registry.organisation(), 0)


def test_the_enterprise_reports_on_its_desk_and_the_bureau_sees_who_is_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: AT))
    enterprise = registry.organisation(kind="enterprise")
    staff = sign_in(Client(), registry.user(Role.PROVIDER, organisation=enterprise))
    url = reverse("provider:education")
    assert "应当达到 60" in staff.get(url).content.decode().replace("\u00a0", " ")
    said = {"key": "a", "year": "2025", "provided_fen": "120000", "spent_fen": "100000", "front_line_fen": "100000.01"}
    assert "不能多于全部使用的" in staff.post(url, said).content.decode()
    staff.post(url, said | {"key": "b", "front_line_fen": "45000"})
    page = staff.get(url).content.decode()
    assert all(word in page for word in ("45.0", "不够", "¥15,000.00"))
    school = sign_in(Client(), registry.user(Role.PROVIDER, organisation=registry.organisation()))
    assert "由企业填报" in school.get(url).content.decode()
    assert url not in school.get(reverse("provider:home")).content.decode()
    officer = sign_in(Client(), registry.user(Role.FUND_OFFICER, region_code=CITY))
    report_url, query = reverse("bureau:fund_report"), {"by": "enterprise", "year": "2025"}
    page = officer.get(report_url, query).content.decode()
    assert all(word in page for word in (enterprise.name, "1 家次用于一线的不够", "¥15,000.00", "六（十七）"))
    pdf = officer.get(reverse("bureau:fund_report_pdf"), query).content
    text = "".join("".join(one.extract_text() for one in pypdf.PdfReader(io.BytesIO(pdf)).pages).split())
    assert all(word in text for word in ("合计（1行）", "¥100,000.00", "45.0", "六（十七）"))
    assert "还没有企业填报" not in page
    assert officer.get(reverse("bureau:fund_report_excel"), query).content[:2] == b"PK"

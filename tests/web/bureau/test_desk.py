"""Voucher batches, catalogue and projects, people, organisations, accounts of staff, the audit log."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from python_calamine import CalamineWorkbook

from factories import classes, funds, registry, subsidies, vouchers
from zhaoliang.catalogue.models import Catalogue, Project
from zhaoliang.kernel import audit
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.kernel.roles import Role
from zhaoliang.registry.models import Organisation, RoleAssignment, User
from zhaoliang.vouchers import selectors
from zhaoliang.vouchers.models import VoucherBatch
from zhaoliang.web.portal.standards import standard_of

pytestmark = [pytest.mark.django_db, pytest.mark.mission("N4")]

Clock = Callable[[datetime], None]
Desk = Callable[..., Client]
TIANJIN = 120000


def _url(name: str, of: object) -> str:
    return reverse(f"bureau:{name}", args=[of.city_code, of.pk])  # type: ignore[attr-defined]  # any city row


@pytest.mark.mission("C1")
def test_a_batch_is_drafted_submitted_and_published_by_two_people(desk: Desk, at_time: Clock) -> None:
    project = vouchers.listed_project()
    budget = funds.budget(100_000_00, year=2026, fund_source=project.fund_source)
    at_time(vouchers.AT)
    drafter, publisher = desk(Role.FUND_OFFICER, region_code=TIANJIN), desk(Role.FUND_OFFICER, region_code=TIANJIN)
    said = {
        "key": "d",
        "name": "焊工测试券",
        "kind": "general",
        "projects": [project.pk],
        "budget_account": budget.pk,
        "quota": "10",
        "amount_fen": "1800",
        "groups": ["06"],
        "claim_from": "2026-03-01",
        "claim_until": "2026-06-30",
        "use_until": "2026-09-30",
        "declaration": "本人承诺属实",
    }
    wrong = drafter.post(reverse("bureau:voucher_new"), said | {"use_until": "2026-05-01", "key": "w"})
    assert wrong.status_code == 422
    assert "使用截止不能早于领取截止" in wrong.content.decode()
    drafter.post(reverse("bureau:voucher_new"), said)
    batch = VoucherBatch.objects.get(city_code=TIANJIN)
    drafter.post(_url("voucher_submit", batch), {"key": "s"})
    assert drafter.post(_url("voucher_publish", batch), {"key": "p"}).status_code == 403
    assert "焊工测试券" in publisher.get(reverse("bureau:home")).content.decode()
    publisher.post(_url("voucher_publish", batch), {"key": "p2"})
    batch.refresh_from_db()
    budget.refresh_from_db()
    assert batch.state == "open"
    assert budget.balance_fen == 82_000_00
    assert "共 10 张，还没有人领取" in publisher.get(_url("voucher_batch", batch)).content.decode()


@pytest.mark.mission("C1")
def test_a_batch_by_occupation_reserves_the_highest_standard_and_shows_its_face(desk: Desk, at_time: Clock) -> None:
    project = subsidies.project(registry.organisation(), registry.organisation())
    budget = funds.budget(100_000_00, year=2026, fund_source=project.fund_source)
    at_time(vouchers.AT)
    drafter = desk(Role.FUND_OFFICER, region_code=TIANJIN)
    said = {
        "key": "d",
        "name": "按标准的券",
        "kind": "general",
        "reach": "named",
        "occupations": [f"{project.occupation_id}:{project.level}"],
        "budget_account": budget.pk,
        "quota": "2",
        "amount_basis": "standard",
        "claim_from": "2026-03-01",
        "claim_until": "2026-06-30",
        "use_until": "2026-09-30",
        "colour": "green",
        "declaration": "本人承诺属实",
    }
    nothing = drafter.post(reverse("bureau:voucher_new"), said | {"occupations": []})
    assert "请勾选项目或职业" in nothing.content.decode()
    drafter.post(reverse("bureau:voucher_new"), said)
    batch = VoucherBatch.objects.get(city_code=TIANJIN)
    assert (batch.project_id, batch.amount_basis) == (None, "standard")
    assert batch.amount_fen == standard_of(project, date(2026, 3, 2)).most_fen
    shown = drafter.get(_url("voucher_batch", batch)).content.decode()
    assert "按项目标准，最高" in shown
    assert "voucher-green" in shown
    again = drafter.get(_url("voucher_revise", batch)).context["form"]
    assert again["occupations"].value() == [f"{project.occupation_id}:{project.level}"]


@pytest.mark.mission("C1")
def test_a_city_gives_a_batch_out_for_one_of_its_districts(desk: Desk, at_time: Clock) -> None:
    here, there = (subsidies.project(registry.organisation(), registry.organisation()) for _ in range(2))
    Project.objects.filter(city_code=TIANJIN, pk=there.pk).update(region_id=120110)
    budget = funds.budget(100_000_00, year=2026, fund_source=here.fund_source)
    at_time(vouchers.AT)
    drafter = desk(Role.FUND_OFFICER, region_code=TIANJIN)
    said = {
        "key": "d",
        "name": "河东的券",
        "kind": "general",
        "reach": "all",
        "budget_account": budget.pk,
        "quota": "2",
    }
    said |= {"amount_basis": "standard", "declaration": "本人承诺属实", "region": "120110"}
    said |= {"claim_from": "2026-03-01", "claim_until": "2026-06-30", "use_until": "2026-09-30"}
    assert drafter.post(reverse("bureau:voucher_new"), said | {"region": "130100", "key": "w"}).status_code == 422
    drafter.post(reverse("bureau:voucher_new"), said)
    batch = VoucherBatch.objects.get(city_code=TIANJIN)
    assert batch.region_id == 120110
    assert list(selectors.usable_projects(batch)) == [there]
    assert "发放地区" not in drafter.get(_url("voucher_revise", batch)).content.decode()


@pytest.mark.mission("C8")
def test_the_funnel_is_said_in_words_and_holders_are_masked_and_recorded(desk: Desk, at_time: Clock) -> None:
    batch = vouchers.batch()
    one, _ = vouchers.voucher(batch), vouchers.voucher(batch, used=True)
    at_time(vouchers.AT)
    reviewer = desk(Role.REVIEWER, region_code=TIANJIN)
    text = reviewer.get(_url("voucher_batch", batch)).content.decode()
    assert "已领 2 张，用了 50" in text
    assert "还有 1 人领了券没有报名上课" in text
    page = reviewer.get(_url("voucher_holders", batch)).content.decode()
    assert one.code in page
    assert one.person.name not in page
    look = AuditEvent.objects.filter(city_code=batch.city_code, act="look").latest("id")
    assert (look.object_id, look.detail) == (batch.pk, {"why": "查看持券人名单"})
    assert desk(Role.FINANCE, region_code=TIANJIN).get(_url("voucher_holders", batch)).status_code == 403


@pytest.mark.mission("C1", "C8")
def test_an_open_batch_is_called_what_it_is_to_people_by_the_clock(desk: Desk, at_time: Clock) -> None:
    batch = vouchers.batch()
    times = {
        "未到领取时间": batch.claim_from - timedelta(seconds=1),
        "发放中": batch.claim_from,
        "领取已截止": batch.claim_until + timedelta(seconds=1),
    }
    phases = {"未到领取时间": "early", "发放中": "open", "领取已截止": "late"}
    for word, at in times.items():
        at_time(at)
        reviewer = desk(Role.REVIEWER, region_code=TIANJIN)
        page = reviewer.get(_url("voucher_batch", batch)).content.decode()
        for other in times:
            assert (f"{other}</span>" in page) == (other == word)
            listed = reviewer.get(reverse("bureau:voucher_batches"), {"state": phases[other]}).content.decode()
            assert (batch.name in listed) == (other == word)


@pytest.mark.mission("A3")
def test_a_catalogue_is_drafted_filled_and_published(desk: Desk, at_time: Clock) -> None:
    at_time(registry.AT)
    reviewer, approver = desk(Role.REVIEWER), desk(Role.APPROVER)
    said = {"key": "c", "name": "和平区需求指导目录", "number": "测试〔2026〕1号", "valid_from": "2026-03-01"}
    reviewer.post(reverse("bureau:catalogues"), said)
    made = Catalogue.objects.get(city_code=registry.CITY)
    assert approver.post(_url("catalogue_publish", made), {"key": "p"}).status_code == 409
    entry = {
        "key": "e",
        "occupation_code": "6-18-02-04",
        "level": "4",
        "headcount": "100",
        "hours": "120",
        "mode": "offline",
        "scarcity": "very_scarce",
        "category": "A",
        "certificate_kind": "skill_level",
        "skills": "焊接",
        "content": "焊接",
    }
    wrong = reviewer.post(_url("catalogue", made), entry | {"occupation_code": "9-99-99-99", "key": "w"})
    assert wrong.status_code == 422
    assert "没有这个职业编码" in wrong.content.decode()
    reviewer.post(_url("catalogue", made), entry)
    approver.post(_url("catalogue_publish", made), {"key": "p2"})
    made.refresh_from_db()
    assert made.state == "published"
    assert "高级工" in reviewer.get(_url("catalogue", made)).content.decode()


@pytest.mark.mission("B1", "I6")
def test_a_person_is_found_by_the_number_which_stays_out_of_addresses(desk: Desk) -> None:
    number = registry.resident_id()
    person = registry.person(number=number)
    reviewer = desk(Role.REVIEWER)
    said = {"document_type": "resident_id", "document_number": number, "why": "counter"}
    answer = reviewer.post(reverse("bureau:people"), said)
    assert answer.status_code == 302
    assert number not in answer["Location"]
    text = reviewer.get(answer["Location"]).content.decode()
    assert number not in text
    assert person.name not in text
    whys = AuditEvent.objects.filter(city_code=person.city_code, person_id=person.pk, act="look").order_by("id")
    assert [row.detail["why"] for row in whys] == ["按证件号码查找：本人到窗口办理", "本人到窗口办理"]


@pytest.mark.mission("B1")
def test_people_of_another_district_and_unknown_ones_get_the_same_answer(desk: Desk) -> None:
    number = registry.resident_id()
    registry.person(number=number, region_code=120102)
    reviewer = desk(Role.REVIEWER)
    answers = []
    for wanted in (number, registry.resident_id()):
        said = {"document_type": "resident_id", "document_number": wanted, "why": "counter"}
        answers.append(reviewer.post(reverse("bureau:people"), said))
    assert [answer.status_code for answer in answers] == [422, 422]
    assert all("没有查到这个人" in answer.content.decode() for answer in answers)


def test_a_wrong_card_comes_back_in_the_form(desk: Desk) -> None:
    person = registry.person()
    reviewer = desk(Role.REVIEWER)
    answer = reviewer.post(_url("person_card", person), {"key": "c", "card-card_number": "1234"})
    assert answer.status_code == 422
    fresh = registry.inventor().bank_card()
    reviewer.post(_url("person_card", person), {"key": "d", "card-card_number": fresh})
    person.refresh_from_db()
    assert person.card_number == fresh


@pytest.mark.mission("B4", "A6")
def test_an_organisation_is_registered_and_listed(desk: Desk) -> None:
    reviewer = desk(Role.REVIEWER)
    said = {
        "key": "o",
        "name": "测试新职业培训学校",
        "uscc": registry.inventor().uscc(registrar="52"),
        "kind": "private_provider",
        "region_code": str(registry.HEPING),
    }
    reviewer.post(reverse("bureau:organisation_new"), said)
    made = Organisation.objects.get(city_code=registry.CITY, name="测试新职业培训学校")
    twice = reviewer.post(reverse("bureau:organisation_new"), said | {"key": "o2"})
    assert "已登记" in twice.content.decode()
    reviewer.post(_url("organisation_directory", made), {"key": "l", "directory-as_provider": "on"})
    made.refresh_from_db()
    assert (made.state, made.in_provider_directory, made.in_evaluation_directory) == ("listed", True, False)
    listed = reviewer.get(reverse("bureau:organisations"), {"text": "测试新", "state": "listed"}).content.decode()
    assert made.name in listed


@pytest.mark.mission("B5")
def test_an_administrator_makes_an_account_and_takes_its_role_back(desk: Desk, at_time: Clock) -> None:
    at_time(registry.AT)
    administrator = desk(Role.ADMINISTRATOR)
    said = {
        "key": "u",
        "username": "heping-reviewer",
        "name": "测试审核员",
        "password": "和平-审核-2026-测试",
        "role": "reviewer",
        "region_code": str(registry.HEPING),
    }
    administrator.post(reverse("bureau:user_new"), said)
    user = User.objects.get(username="heping-reviewer")
    held = RoleAssignment.objects.get(user=user)
    assert (held.role, held.region_id) == ("reviewer", registry.HEPING)
    assert user.check_password("和平-审核-2026-测试")
    administrator.post(reverse("bureau:role_end", args=[user.pk, held.pk]), {"key": "e"})
    held.refresh_from_db()
    assert held.valid_to is not None
    administrator.post(reverse("bureau:user_active", args=[user.pk]), {"key": "a", "active": "no"})
    user.refresh_from_db()
    assert not user.is_active


def test_an_account_whose_role_is_refused_is_not_left_behind(desk: Desk, at_time: Clock) -> None:
    at_time(registry.AT)
    administrator = desk(Role.ADMINISTRATOR)
    said = {
        "key": "u",
        "username": "heping-second",
        "name": "测试管理员",
        "password": "和平-管理-2026-测试",
        "role": "administrator",
        "region_code": str(registry.HEPING),
    }
    assert administrator.post(reverse("bureau:user_new"), said).status_code == 422
    assert not User.objects.filter(username="heping-second").exists()


@pytest.mark.mission("B5")
def test_an_officer_of_two_districts_chooses_where_to_work(desk: Desk) -> None:
    user = registry.user(Role.REVIEWER, region_code=120102)
    registry.organisation(name="测试和平职业培训学校")
    RoleAssignment.objects.create(
        user=user, role=Role.REVIEWER, region_id=registry.HEPING, city_code=TIANJIN, valid_from=registry.AT
    )
    client = desk(registry.actor(user))
    listed = reverse("bureau:organisations")
    assert "测试和平职业培训学校" not in client.get(listed).content.decode()
    client.post(reverse("bureau:place"), {"place": f"{TIANJIN}:{registry.HEPING}"})
    assert "测试和平职业培训学校" in client.get(listed).content.decode()
    client.post(reverse("bureau:place"), {"place": f"{TIANJIN}:120103"})
    assert "测试和平职业培训学校" in client.get(listed).content.decode()


def test_nobody_administers_himself(desk: Desk) -> None:
    user = registry.user(Role.ADMINISTRATOR)
    client = desk(registry.actor(user))
    said = {"key": "r", "role": "approver", "region_code": str(registry.HEPING)}
    answer = client.post(reverse("bureau:user", args=[user.pk]), said)
    assert answer.status_code == 422
    assert RoleAssignment.objects.filter(user=user).count() == 1


@pytest.mark.mission("I6")
def test_the_auditor_reads_events_and_finds_the_chain_whole(desk: Desk, at_time: Clock) -> None:
    made = classes.accepted()
    audit.seal(city_code=made.city_code, at=classes.AT + timedelta(hours=2))
    at_time(classes.AT + timedelta(hours=3))
    auditor = desk(Role.AUDITOR, region_code=TIANJIN)
    text = auditor.get(reverse("bureau:audit"), {"act": "classes.accept_class"}).content.decode()
    assert "同意开班备案" in text
    assert "共 1 条记录" in text
    head = audit.heads()[0]
    page = auditor.get(reverse("bureau:audit_verify")).content.decode()
    assert "没有发现改动" in page
    assert bytes(head.hash).hex() in page


def test_lists_sort_and_export_what_the_address_says(desk: Desk) -> None:
    for name in ("丙测试学校", "甲测试学校", "乙测试学校"):
        registry.organisation(name=name)
    reviewer = desk(Role.REVIEWER)
    url = reverse("bureau:organisations_export")
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(reviewer.get(url, {"sort": "-uscc"}).content))
    rows = sheet.get_sheet_by_index(0).to_python()
    codes = [row[1] for row in rows[1:]]
    assert len(codes) == 3
    assert codes == sorted(codes, reverse=True)
    narrowed = CalamineWorkbook.from_filelike(io.BytesIO(reviewer.get(url, {"text": "甲测试"}).content))
    assert [row[0] for row in narrowed.get_sheet_by_index(0).to_python()[1:]] == ["甲测试学校"]
    assert reviewer.get(reverse("bureau:organisations"), {"sort": "password", "after": "99"}).status_code == 200


def _queries(client: Client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


def test_lists_cost_the_same_queries_however_long(desk: Desk) -> None:
    auditor = desk(Role.AUDITOR, region_code=TIANJIN)
    subsidies.confirmed(subsidies.case(1))
    names = ("classes", "claims", "projects", "voucher_batches", "accounts", "organisations", "users")
    few = {name: _queries(auditor, reverse(f"bureau:{name}")) for name in names}
    for _ in range(3):
        subsidies.confirmed(subsidies.case(2))
    many = {name: _queries(auditor, reverse(f"bureau:{name}")) for name in names}
    assert many == few


def test_the_home_page_costs_the_same_queries_however_much_waits(desk: Desk, at_time: Clock) -> None:
    at_time(classes.AT + timedelta(hours=1))
    reviewer = desk(Role.REVIEWER, region_code=TIANJIN)
    classes.filed()
    few = _queries(reviewer, reverse("bureau:home"))
    for _ in range(3):
        classes.filed()
    assert _queries(reviewer, reverse("bureau:home")) == few

"""An organisation's desk in Chromium: roster to filing without scripts, a lesson, a claim; narrow, readable to axe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from browser import faults_of
from factories import attendance, classes, registry, subsidies
from factories.identity import sign_in
from zhaoliang.attendance.models import Attendance, SignIn
from zhaoliang.classes import selectors as class_selectors
from zhaoliang.classes.models import Enrolment
from zhaoliang.classes.services import import_roster
from zhaoliang.evaluation.models import Exam
from zhaoliang.kernel.roles import Role
from zhaoliang.registry.models import Organisation
from zhaoliang.subsidies import services
from zhaoliang.subsidies.models import ClaimLine

pytestmark = [pytest.mark.browser, pytest.mark.commits, pytest.mark.mission("N3")]

Sit = Callable[..., Page]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    def go(at: datetime) -> None:
        monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: at))

    return go


@pytest.fixture
def sit(browser: Browser, live_server: LiveServer) -> Iterator[Sit]:
    """A desk for a member of an organisation's staff: a browser of their own, signed in."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_desk(organisation: Organisation, role: Role = Role.PROVIDER, *, scripts: bool = True) -> Page:
        user = registry.user(role, organisation=organisation, city_code=organisation.city_code)
        cookie = sign_in(Client(), user).cookies[settings.SESSION_COOKIE_NAME].value
        context = browser.new_context(
            base_url=live_server.url,
            locale="zh-CN",
            viewport={"width": 1440, "height": 900},
            java_script_enabled=scripts,
        )
        contexts.append(context)
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        return page

    yield open_desk
    for context in contexts:
        context.close()
    assert problems == []


@pytest.mark.mission("D1", "D2")
def test_a_refused_roster_is_corrected_and_the_class_filed_without_scripts(
    sit: Sit, clock: Callable[[datetime], None], tmp_path: Path
) -> None:
    made = classes.draft()
    batch = classes.open_batch(made.project)
    good, other = classes.candidate(batch), classes.candidate(batch)
    wrong = tmp_path / "有错.xlsx"
    wrong.write_bytes(classes.workbook([good.row(), other.row(手机号="123")]))
    clock(classes.AT)
    page = sit(made.provider, scripts=False)
    page.goto(reverse("provider:class", args=[made.city_code, made.pk]))
    expect(page.get_by_text("还没有学员名册")).to_be_visible()
    page.get_by_role("link", name="传名册（Excel）").click()
    page.locator("input[type=file]").set_input_files(wrong)
    page.get_by_role("button", name="核对并导入").click()
    expect(page.get_by_role("heading", name="没有导入：1 行要改")).to_be_visible()
    cell = page.get_by_label("第 3 行手机号")
    cell.fill("456")
    page.get_by_role("button", name="改好了，整张表重新核对").click()
    # Still wrong: the whole of it stays out, and the cell says why again.
    expect(page.locator("td.bad")).to_have_count(1)
    assert not Enrolment.objects.filter(city_code=made.city_code, training_class=made).exists()
    page.get_by_label("第 3 行手机号").fill(other.person.phone)
    page.get_by_role("button", name="改好了，整张表重新核对").click()
    expect(page.get_by_role("heading", name="已导入 2 人")).to_be_visible()
    page.get_by_role("link", name="回到班级").click()
    page.get_by_role("button", name="提交开班备案").click()
    expect(page.get_by_text("已提交备案，等待人社部门审核。").first).to_be_visible()
    made.refresh_from_db()
    assert made.state == "filed"


@pytest.mark.mission("D2")
def test_what_is_typed_into_a_wrong_cell_is_kept_at_once(
    sit: Sit, clock: Callable[[datetime], None], tmp_path: Path
) -> None:
    made = classes.draft()
    one = classes.candidate(classes.open_batch(made.project))
    wrong = tmp_path / "有错.xlsx"
    wrong.write_bytes(classes.workbook([one.row(手机号="123", 人员类别="失业人")]))
    clock(classes.AT)
    page = sit(made.provider)
    page.goto(reverse("provider:roster", args=[made.city_code, made.pk]))
    page.locator("input[type=file]").set_input_files(wrong)
    page.get_by_role("button", name="核对并导入").click()
    page.get_by_label("第 2 行手机号").fill(one.person.phone)
    page.get_by_label("第 2 行手机号").press("Tab")
    expect(page.locator("#kept")).to_contain_text("已暂存")
    page.reload()
    masked = f"{one.person.phone[:3]}****{one.person.phone[-4:]}"
    expect(page.get_by_label("第 2 行手机号")).to_have_attribute("placeholder", masked)
    assert not Enrolment.objects.filter(city_code=made.city_code, training_class=made).exists()


@pytest.mark.mission("D3")
def test_a_lesson_is_signed_by_card_and_by_roll_call_with_its_reason(
    sit: Sit, clock: Callable[[datetime], None]
) -> None:
    made = attendance.running(people=3)
    first = attendance.first_attendance(made)
    clock(first.period.lower)
    page = sit(made.provider)
    page.goto("/desk/")
    page.get_by_role("link", name="签到牌").first.click()
    lesson = page.locator("main section").first
    expect(lesson).to_contain_text("0 / 3 人已到")
    # As the reader types it: the cursor is in the field, the line ends with a return.
    expect(lesson.get_by_label("刷卡、刷身份证，或扫学员的券码")).to_be_focused()
    page.keyboard.type(first.person.document_number)
    page.keyboard.press("Enter")
    expect(lesson).to_contain_text("1 / 3 人已到")
    lesson.get_by_text("点名", exact=True).click()
    lesson.get_by_role("checkbox").first.check()
    lesson.get_by_label("为什么代点名").fill("现场没有网络")
    lesson.get_by_role("button", name="点名登记").click()
    expect(lesson).to_contain_text("2 / 3 人已到")
    came = Attendance.objects.filter(city_code=made.city_code, session=first.session, state="present")
    assert came.count() == 2
    assert SignIn.objects.filter(city_code=made.city_code, reason="现场没有网络", method="roll_call").count() == 1


@pytest.mark.mission("F2")
def test_a_disputed_line_goes_to_a_person_with_the_claim(sit: Sit, clock: Callable[[datetime], None]) -> None:
    made = subsidies.case(2)
    claim = services.assemble_claim(actor=made.staff, at=subsidies.ASSESSED, training_class=made.training_class)
    clock(subsidies.ASSESSED)
    page = sit(made.provider)
    page.goto("/desk/")
    page.get_by_role("link", name="核对并提交补贴申领").click()
    page.locator("details.card > summary").first.click()
    page.get_by_label("对这一条有不同意见").first.fill("实际出勤比记录多一次")
    page.get_by_role("button", name="确认无误，提交初审").click()
    expect(page.get_by_text("待初审").first).to_be_visible()
    states = (
        ClaimLine.objects.filter(city_code=claim.city_code, claim=claim).order_by("id").values_list("state", "question")
    )
    assert list(states) == [("to_person", "实际出勤比记录多一次"), ("passed", "")]


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.mission("N4")
def test_every_page_fits_its_screen_and_axe_finds_nothing_serious(
    sit: Sit, clock: Callable[[datetime], None], width: int
) -> None:
    made = subsidies.case(2)
    claim = subsidies.confirmed(made)
    exam = Exam.objects.get(city_code=claim.city_code, training_class=made.training_class)
    clock(subsidies.PUBLISHED)
    lists = ("home", "verify", "verify_log", "classes", "class_new", "exams", "projects", "project_new", "claims")
    lists += ("payments",)
    refused = classes.draft()
    trainee = classes.candidate(classes.open_batch(refused.project)).row(手机号="123", 人员类别="失业人")
    sheet = import_roster(
        actor=classes.staff(refused),
        at=classes.AT,
        training_class=refused,
        file_name="有错.xlsx",
        content=classes.workbook([trainee]),
    )
    rows = dict.fromkeys(("class", "board", "board_wall", "roster"), made.training_class)
    addresses = [reverse(f"provider:{name}") for name in lists]
    addresses += [
        reverse(f"provider:{name}", args=[row.city_code, row.pk])
        for name, row in ({"claim": claim, "exam": exam} | rows).items()
    ]
    desk, other = sit(made.provider), sit(refused.provider)
    for one in (desk, other):
        one.set_viewport_size({"width": width, "height": 844})
    drafts = [("import", sheet), ("class", refused)]
    others = [reverse(f"provider:{name}", args=[row.city_code, row.pk]) for name, row in drafts]
    session = class_selectors.sessions(refused)[0]
    others.append(reverse("provider:session_change", args=[session.city_code, session.pk]))
    assert faults_of(desk, addresses) == {}
    assert faults_of(other, others) == {}

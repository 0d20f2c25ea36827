"""A draft shows what filing it would come to, trainee by trainee; its days, sessions and textbooks can still be changed."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from factories.classes import AT, START, accepted, candidate, draft, enrol, filed, open_batch, staff, workbook
from factories.lawbook import in_force
from zhaoliang.catalogue.models import Project
from zhaoliang.classes import selectors, services
from zhaoliang.classes.forecast import forecast
from zhaoliang.classes.models import ClassSession, Textbook, TrainingClass

pytestmark = pytest.mark.django_db


def _url(made: TrainingClass, name: str = "class") -> str:
    return reverse(f"provider:{name}", args=[made.city_code, made.pk])


def _first(made: TrainingClass) -> ClassSession:
    return ClassSession.objects.filter(city_code=made.city_code, training_class=made).earliest("period")


@pytest.mark.mission("D1", "F2")
def test_a_draft_says_of_every_trainee_what_will_be_paid_and_why_not(sit, at_time) -> None:
    made = draft()
    batch = open_batch(made.project)
    good, retired = candidate(batch), candidate(batch, pension=True)
    services.import_roster(
        actor=staff(made), at=AT, training_class=made, file_name="名册.xlsx", content=workbook([good.row()])
    )
    enrol(made, retired.person)
    at_time(AT)
    client = sit(made.provider)
    text = client.get(_url(made)).content.decode()
    assert "今天提交备案会怎样" in text
    assert "1 人全部通过，0 人还有要核对的" in text
    assert "1 人不符合" in text
    # Tianjin's senior welder: what the rule computes, shown before anybody paid for anything.
    assert "¥2,520.00" in text
    assert "已按月领取养老保险待遇的人员不能享受补贴" in text
    services.file_class(actor=staff(made), at=AT, training_class=made)
    text = client.get(_url(made)).content.decode()
    assert "备案时的规则核对" in text
    assert "1 人不符合" in text


UPLIFT = """
document:
  id: cn-13-01/qingxie
  title: 测试市培训补贴标准
  number: 测人社〔2026〕4号
  issuers: [测试市人力资源和社会保障局]
  in_force: {from: 2026-01-01}
  region: 130100
clauses:
  "1": {ref: 第一条, text: 每人1000元，培训后6个月内就业的提高20%。, verified: true}
amounts:
  standard:
    scheme: training
    says: 每人标准
    base: 100000
    cite: "1"
    steps:
      - {label: 就业提高, when: employed_within_6_months, times: 1.2, cite: "1"}
"""


@pytest.mark.mission("D1", "F3")
def test_while_a_later_job_decides_the_roster_tells_from_what_to_what(sit, at_time) -> None:
    in_force("cn-13-01/qingxie/2026-01-01.yaml", UPLIFT)
    made = draft()
    batch = open_batch(made.project)
    for _ in range(2):
        enrol(made, candidate(batch).person)
    Project.objects.filter(city_code=made.city_code, pk=made.project_id).update(region_id=130100)
    made = TrainingClass.objects.get(city_code=made.city_code, pk=made.pk)
    found = forecast(made, selectors.roster(made))
    assert (found.least, found.most, found.untold) == (200000, 240000, 0)
    assert found.hangs_on == ("employed_within_6_months",)
    at_time(AT)
    text = re.sub(r"<[^>]+>|\s+", "", sit(made.provider).get(_url(made)).content.decode())
    assert "预计补贴¥2,000.00–¥2,400.00（看培训后6个月内就业）" in text
    assert text.count("¥1,000.00–¥1,200.00") == 2


@pytest.mark.mission("D1", "D5")
def test_a_draft_that_would_be_refused_says_so_with_the_clause_before_it_is_handed_in(sit, at_time) -> None:
    made = draft(start=START)
    enrol(made)
    late = AT + timedelta(days=13)
    at_time(late)
    client = sit(made.provider)
    text = client.get(_url(made)).content.decode()
    assert "会被挡回" in text
    assert "开班申请须在开班前5个工作日提出" in text
    refusal = client.post(_url(made, "class_file"))
    assert refusal.status_code >= 400
    assert "开班申请须在开班前5个工作日提出" in refusal.content.decode()


def test_the_forecast_of_a_big_roster_asks_no_more_questions_than_that_of_a_small_one() -> None:
    made = selectors.training_class(*_key(draft()))
    assert made is not None
    enrol(made)
    counts = []
    for _ in range(2):
        rows = selectors.roster(made)
        with CaptureQueriesContext(connection) as asked:
            found = forecast(made, rows)
        counts.append(len(asked))
        assert len(found.lines) == len(rows)
        for _ in range(4):
            enrol(made)
    assert counts[0] == counts[1]


def _key(made: TrainingClass) -> tuple[int, int]:
    return made.city_code, made.pk


def test_dates_move_only_with_the_timetable(sit, at_time) -> None:
    made = draft()
    at_time(AT)
    client = sit(made.provider)
    end = made.ends_on + timedelta(days=3)
    days = {"starts_on": START.isoformat(), "ends_on": end.isoformat(), "exam_on": end.isoformat()}
    assert client.post(_url(made, "class_dates"), days).status_code == 302
    made.refresh_from_db()
    assert made.ends_on == end
    later = {**days, "starts_on": (START + timedelta(days=2)).isoformat()}
    page = client.post(_url(made, "class_dates"), later)
    assert page.status_code >= 400
    assert "课程表里有课不在新的起止日期内" in page.content.decode()
    backwards = {**days, "exam_on": START.isoformat()}
    page = client.post(_url(made, "class_dates"), backwards)
    assert page.status_code == 422
    assert "考核日期不能早于结课日期" in page.content.decode()
    made.refresh_from_db()
    assert (made.starts_on, made.exam_on) == (START, end)


def test_a_session_is_moved_within_the_limits_of_the_day_and_the_teacher(sit, at_time) -> None:
    made = draft()
    first = _first(made)
    at_time(AT)
    client = sit(made.provider)
    url = reverse("provider:session_change", args=[first.city_code, first.pk])
    form = client.get(url).content.decode()
    assert 'value="08:00"' in form
    assert first.content in form
    said = {
        "day": START.isoformat(),
        "begins": "08:30",
        "ends": "11:30",
        "kind": first.kind,
        "hours": "4",
        "teacher": first.teacher.pk,
        "content": "换了内容",
        "room": "实训室",
    }
    assert client.post(url, said).status_code == 302
    first.refresh_from_db()
    assert (first.content, first.room, f"{first.starts_at.astimezone():%M}") == ("换了内容", "实训室", "30")
    # The afternoon's session of the same teacher, then a day that is full, then a day outside the class.
    for changes, says in (
        ({"begins": "13:00", "ends": "16:00"}, "已有课"),
        ({"day": (START + timedelta(days=1)).isoformat(), "begins": "18:00", "ends": "21:00"}, "当天最多还能排 0 课时"),
        ({"day": (START - timedelta(days=3)).isoformat()}, "不在班级起止日期内"),
    ):
        page = client.post(url, said | changes)
        assert page.status_code in (409, 422)
        assert "换了内容" in page.content.decode()
        assert says in page.content.decode()
    first.refresh_from_db()
    assert first.content == "换了内容"


@pytest.mark.mission("D1")
def test_a_textbook_is_taken_off_a_draft_and_stays_on_a_filing(sit, at_time) -> None:
    made = draft()
    at_time(AT)
    client = sit(made.provider)
    book = Textbook.objects.get(city_code=made.city_code, training_class=made)
    remove = reverse("provider:textbook_remove", args=[book.city_code, book.pk])
    assert client.post(remove).status_code == 302
    assert not Textbook.objects.filter(city_code=made.city_code, training_class=made).exists()
    other = filed(draft(made.project, start=date(2026, 4, 13)))
    book = Textbook.objects.get(city_code=other.city_code, training_class=other)
    assert client.post(reverse("provider:textbook_remove", args=[book.city_code, book.pk])).status_code >= 400
    assert Textbook.objects.filter(city_code=other.city_code, training_class=other).exists()
    session = _first(other)
    changed = reverse("provider:session_change", args=[session.city_code, session.pk])
    assert "移除" not in client.get(_url(other)).content.decode()
    assert client.post(changed, {"content": "改"}).status_code == 422


def test_each_step_of_the_spine_leads_to_where_it_is_done(sit, at_time) -> None:
    made = accepted(draft())
    at_time(AT)
    text = sit(made.provider).get(_url(made)).content.decode()
    spine = text[text.index('class="spine"') : text.index("</ol>", text.index('class="spine"'))]
    assert 'href="#filing"' in spine
    assert 'href="#roster"' in spine
    assert f'href="{_url(made, "board")}"' in spine


@pytest.mark.mission("D4", "D8")
def test_an_online_session_is_made_with_its_material_which_must_last_as_long_as_its_hours(sit, at_time) -> None:
    made = draft()
    first = _first(made)
    at_time(AT)
    client = sit(made.provider)
    said = {
        "day": START.isoformat(),
        "begins": "08:00",
        "ends": "11:00",
        "kind": "theory",
        "hours": "4",
        "teacher": first.teacher.pk,
        "content": "安全用电",
        "room": "线上",
        "online": "on",
        "material_kind": "video",
        "material_url": "https://media.example/a.mp4",
        "material_minutes": "180",
    }
    url = reverse("provider:session_change", args=[first.city_code, first.pk])
    for change, says in (
        ({"material_minutes": "60"}, "材料不够长"),
        ({"material_url": "http://media.example/a.mp4"}, "https://"),
        ({"material_url": "https://media.example/;script-src *"}, "https://"),
        ({"online": ""}, "请勾选线上课"),
    ):
        wrong = client.post(url, said | change)
        assert (wrong.status_code, says in wrong.content.decode()) == (422, True), change
    assert client.post(url, said).status_code == 302
    first.refresh_from_db()
    assert (first.online, first.material_kind, first.material_minutes) == (True, "video", 180)
    assert "视频或录音，180 分钟" in client.get(_url(made)).content.decode()
    assert "https://media.example/a.mp4" in client.get(url).content.decode()

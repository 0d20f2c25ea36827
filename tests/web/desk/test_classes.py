"""A provider drafts a class, plans it, brings the roster and files it; nobody else's desk reaches it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from factories import registry
from factories.catalogue import project as listed_project
from factories.classes import AT, START, candidate, draft, open_batch, workbook
from zhaoliang.classes.models import ClassSession, Enrolment, RosterImport, Textbook, TrainingClass

pytestmark = pytest.mark.django_db


def _upload(client: Client, made: TrainingClass, rows: list[dict], name: str = "名册.xlsx") -> object:
    file = SimpleUploadedFile(name, workbook(rows))
    address = reverse("provider:roster", args=[made.city_code, made.pk])
    return client.post(address, {"file": file, "key": name}, follow=True)


@pytest.mark.mission("D1", "N3")
def test_a_class_is_drafted_planned_and_shows_what_is_missing(sit, at_time) -> None:
    project = listed_project(at=AT)
    site = registry.site(project.provider, at=AT)
    at_time(AT)
    client = sit(project.provider)
    said = {
        "project": project.pk,
        "site": site.pk,
        "starts_on": START.isoformat(),
        "ends_on": (START + timedelta(days=11)).isoformat(),
        "exam_on": (START + timedelta(days=11)).isoformat(),
        "capacity": 30,
        "responsible_name": "测试负责人",
        "responsible_phone": "19900000001",
        "exam_method": "理论笔试与实操",
        "key": "new",
    }
    page = client.post(reverse("provider:class_new"), said, follow=True)
    made = TrainingClass.objects.get(city_code=project.city_code)
    assert page.redirect_chain[-1][0] == reverse("provider:class", args=[made.city_code, made.pk])
    text = page.content.decode()
    assert "还不能提交" in text
    assert "还没有课程表" in text
    # A double click makes one class.
    client.post(reverse("provider:class_new"), said)
    assert TrainingClass.objects.filter(city_code=project.city_code).count() == 1


def test_a_wrong_field_is_named_and_what_was_typed_stays(sit, at_time) -> None:
    project = listed_project(at=AT)
    registry.site(project.provider, at=AT)
    at_time(AT)
    page = sit(project.provider).post(
        reverse("provider:class_new"), {"project": project.pk, "responsible_name": "测试负责人"}
    )
    text = page.content.decode()
    assert "请填写开班日期" in text
    assert "测试负责人" in text
    assert not TrainingClass.objects.filter(city_code=project.city_code).exists()


def test_timetable_and_textbooks_are_added_and_a_clash_comes_back_with_the_form(sit, at_time) -> None:
    made = draft()
    at_time(AT)
    client = sit(made.provider)
    session = ClassSession.objects.filter(city_code=made.city_code, training_class=made).order_by("period")[0]
    said = {
        "day": START.isoformat(),
        "begins": "08:30",
        "ends": "11:30",
        "kind": "practice",
        "hours": 4,
        "teacher": session.teacher.pk,
        "content": "撞课",
        "room": "实训室",
    }
    before = ClassSession.objects.filter(city_code=made.city_code).count()
    page = client.post(reverse("provider:session_add", args=[made.city_code, made.pk]), said)
    assert page.status_code in (409, 422)
    assert ClassSession.objects.filter(city_code=made.city_code).count() == before
    client.post(
        reverse("provider:textbook_add", args=[made.city_code, made.pk]),
        {"title": "焊工（高级）", "publisher": "测试出版社"},
    )
    assert Textbook.objects.filter(city_code=made.city_code, training_class=made, title="焊工（高级）").exists()


@pytest.mark.mission("D2")
def test_a_roster_with_a_wrong_row_imports_nothing_and_shows_where(sit, at_time) -> None:
    made = draft()
    batch = open_batch(made.project)
    good, bad = candidate(batch), candidate(batch)
    number = bad.person.document_number
    wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
    at_time(AT)
    client = sit(made.provider)
    page = _upload(client, made, [good.row(), bad.row(证件号=wrong)], "有错.xlsx")
    text = page.content.decode()
    assert "没有导入：1 行要改" in text
    assert 'aria-label="第 3 行证件号"' in text
    assert "人社部函〔2021〕14号" in text
    assert wrong not in text
    assert not Enrolment.objects.filter(city_code=made.city_code).exists()
    row = RosterImport.objects.get(city_code=made.city_code)
    marked = client.get(reverse("provider:import_marked", args=[row.city_code, row.pk]))
    assert marked.content[:2] == b"PK"
    page = _upload(client, made, [good.row(), bad.row()], "改好.xlsx")
    assert "已导入 2 人" in page.content.decode()
    assert Enrolment.objects.filter(city_code=made.city_code, training_class=made).count() == 2


def test_a_file_that_is_no_workbook_is_refused_with_what_to_do(sit, at_time) -> None:
    made = draft()
    at_time(AT)
    file = SimpleUploadedFile("名册.xlsx", "姓名,证件号\n".encode("gb18030"))
    page = sit(made.provider).post(reverse("provider:roster", args=[made.city_code, made.pk]), {"file": file})
    assert page.status_code == 422
    assert "Excel" in page.content.decode()


@pytest.mark.parametrize("name", ["class", "roster", "board"])
def test_another_organisation_does_not_reach_the_class(sit, at_time, name: str) -> None:
    made = draft()
    at_time(AT)
    stranger = sit(registry.organisation())
    assert stranger.get(reverse(f"provider:{name}", args=[made.city_code, made.pk])).status_code == 403
    assert stranger.get(reverse("provider:class", args=[made.city_code, 999_999_999])).status_code == 404
    assert Client().get(reverse(f"provider:{name}", args=[made.city_code, made.pk])).status_code == 302

"""The sheet of a refused roster on the page: its wrong cells are inputs, what is typed is kept, the whole is checked again."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from factories import registry
from factories.classes import AT, GROUPS, Candidate, candidate, draft, open_batch, workbook
from zhaoliang.classes.models import Enrolment, RosterImport, TrainingClass
from zhaoliang.web.desk import mending

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D2")]


def _uploaded(client: Client, made: TrainingClass, rows: list[dict]) -> RosterImport:
    file = SimpleUploadedFile("名册.xlsx", workbook(rows))
    client.post(reverse("provider:roster", args=[made.city_code, made.pk]), {"file": file})
    return RosterImport.objects.filter(city_code=made.city_code, training_class=made).latest("id")


def _url(row: RosterImport, name: str = "import") -> str:
    return reverse(f"provider:{name}", args=[row.city_code, row.pk])


def _two(made: TrainingClass) -> tuple[Candidate, Candidate]:
    batch = open_batch(made.project)
    return candidate(batch), candidate(batch)


def test_wrong_cells_are_inputs_with_reason_and_clause_and_hide_what_is_personal(sit, at_time) -> None:
    made = draft()
    good, bad = _two(made)
    number = bad.person.document_number
    wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
    at_time(AT)
    client = sit(made.provider)
    row = _uploaded(client, made, [good.row(), bad.row(证件号=wrong, 人员类别="失业人")])
    text = client.get(_url(row)).content.decode()
    named = dict(re.findall(r'<input class="input input-sm" name="(c-[^"]+)" value="([^"]*)"', text))
    # The good row is not in the way; the name is open too, for either of the two may be what is wrong.
    assert named == {"c-3-document_number": "", "c-3-name": bad.person.name, "c-3-group": "失业人"}
    assert "人社部函〔2021〕14号" in text
    assert f'<option value="{GROUPS[bad.group]}">' in text
    for secret in (wrong, number, bad.person.phone, bad.person.card_number):
        assert secret not in text
    assert f"{wrong[:3]}***********{wrong[-4:]}" in text


def test_corrected_cells_bring_the_class_in(sit, at_time) -> None:
    made = draft()
    good, bad = _two(made)
    at_time(AT)
    client = sit(made.provider)
    row = _uploaded(client, made, [good.row(), bad.row(手机号="123")])
    page = client.post(_url(row), {"c-3-phone": bad.person.phone, "d-3": "0", "key": "mend"}, follow=True)
    assert "已导入 2 人" in page.content.decode()
    # A double click neither enrols twice nor ends in an error.
    again = client.post(_url(row), {"c-3-phone": bad.person.phone, "d-3": "0", "key": "mend"}, follow=True)
    assert "已导入 2 人" in again.content.decode()
    assert Enrolment.objects.filter(city_code=made.city_code, training_class=made).count() == 2


def test_an_empty_box_leaves_a_hidden_number_and_the_rest_of_the_sheet_alone(sit, at_time) -> None:
    made = draft()
    good, bad = _two(made)
    at_time(AT)
    client = sit(made.provider)
    row = _uploaded(client, made, [good.row(), bad.row(姓名="另有其人")])
    posted = {"c-3-name": bad.person.name, "c-3-document_number": "", "d-3": "0"}
    assert "已导入 2 人" in client.post(_url(row), posted, follow=True).content.decode()


def test_what_was_typed_survives_the_end_of_the_session(sit, at_time) -> None:
    made = draft()
    good, bad = _two(made)
    at_time(AT)
    client = sit(made.provider)
    row = _uploaded(client, made, [good.row(), bad.row(手机号="123", 人员类别="失业人")])
    typed = {"c-3-phone": bad.person.phone, "c-3-group": "失业人", "d-3": "0"}
    kept = client.post(_url(row, "import_keep"), typed)
    assert "已暂存" in kept.content.decode()
    client.logout()
    lost = client.post(_url(row), typed | {"c-3-group": bad.group})
    # Back after signing in again: the address leads to the same page, by GET, with the phone in it.
    assert lost.status_code == 302
    assert _url(row) in lost["Location"]
    client = sit(made.provider)
    assert f"{bad.person.phone[:3]}****{bad.person.phone[-4:]}" in client.get(_url(row)).content.decode()
    page = client.post(_url(row), {"c-3-phone": "", "c-3-group": bad.group, "d-3": "0"}, follow=True)
    assert "已导入 2 人" in page.content.decode()


def test_a_row_left_out_is_shown_so_that_it_can_come_back(sit, at_time) -> None:
    made = draft()
    good, bad = _two(made)
    at_time(AT)
    client = sit(made.provider)
    row = _uploaded(client, made, [good.row(手机号="12"), bad.row(手机号="123")])
    client.post(_url(row), {"d-3": "1", "d-2": "0"})
    again = RosterImport.objects.filter(city_code=made.city_code).latest("id")
    text = client.get(_url(again)).content.decode()
    assert re.search(r'name="d-3" value="1"[^>]* checked', text)
    assert again.wrong_rows == 1
    client.post(_url(again), {"c-2-phone": good.person.phone, "d-2": "0", "d-3": "1"})
    assert Enrolment.objects.filter(city_code=made.city_code, training_class=made).count() == 1


def test_a_sheet_too_wrong_for_one_page_says_so_and_keeps_the_marked_workbook(sit, at_time, monkeypatch) -> None:
    made = draft()
    good, bad = _two(made)
    at_time(AT)
    monkeypatch.setattr(mending, "MOST_INPUTS", 3)
    client = sit(made.provider)
    row = _uploaded(client, made, [good.row(手机号="12"), bad.row(手机号="123")])
    text = client.get(_url(row)).content.decode()
    assert "放不下全部出错的行" in text
    # The row that has no place on the sheet is still explained below it.
    assert "第 3 行“手机号”" in text
    assert client.get(_url(row, "import_marked")).content[:2] == b"PK"


def test_another_organisation_neither_sees_nor_mends(sit, at_time) -> None:
    made = draft()
    good, _ = _two(made)
    at_time(AT)
    row = _uploaded(sit(made.provider), made, [good.row(手机号="12")])
    stranger = sit(registry.organisation())
    assert stranger.get(_url(row)).status_code == 403
    assert stranger.post(_url(row), {"c-2-phone": good.person.phone}).status_code == 403
    assert stranger.post(_url(row, "import_keep"), {"c-2-phone": good.person.phone}).status_code == 403
    assert not Enrolment.objects.filter(city_code=made.city_code).exists()

"""The desk for policy texts: forms that lose nothing, faults at their place, a table by Excel, the list by region."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from factories import enactments as make
from factories import jobs, subsidies
from zhaoliang.enactments import services
from zhaoliang.enactments.models import PolicyDraft
from zhaoliang.kernel.roles import Role
from zhaoliang.registry import lawbook

pytestmark = [pytest.mark.django_db, pytest.mark.mission("N4", "F1")]

Clock = Callable[[datetime], None]
Desk = Callable[..., Client]
TIANJIN = 120000


@pytest.fixture
def drafter(desk: Desk, at_time: Clock) -> Client:
    at_time(make.AT)
    return desk(Role.ADMINISTRATOR, region_code=TIANJIN)


@pytest.fixture
def draft() -> PolicyDraft:
    return make.draft(make.bureau())


def url(name: str, of: PolicyDraft, query: str = "") -> str:
    return reverse(f"bureau:{name}", args=[of.city_code, of.pk]) + query


def test_a_draft_begins_from_a_text_in_force(drafter: Client) -> None:
    page = drafter.get(reverse("bureau:policies")).content.decode()
    assert "天津市职业技能培训补贴实施办法" in page
    address = f"{reverse('bureau:policy_revise')}?document={make.DOCUMENT}&version={make.VERSION}"
    said = {"purpose": "测试", "valid_from": "2027-01-01", "valid_to": "2026-01-01", "key": "a"}
    wrong = drafter.post(address, said)
    assert wrong.status_code == 422
    assert "不能早于生效日" in wrong.content.decode()
    done = drafter.post(address, said | {"valid_to": "2027-07-31", "key": "b"})
    made = PolicyDraft.objects.get(city_code=TIANJIN)
    assert done["Location"] == url("policy", made)
    assert drafter.get(done["Location"]).status_code == 200


def test_a_wrong_figure_is_said_at_its_field_and_what_was_typed_stays(drafter: Client, draft: PolicyDraft) -> None:
    key = "figure:parameters/living_allowance/value"
    said = {"revision": "1", "valid_from": "2027-01-01", "valid_to": "2027-07-31", key: "一千二", "key": "a"}
    wrong = drafter.post(url("policy_figures", draft), said)
    page = wrong.content.decode()
    assert wrong.status_code == 422
    assert "一次性生活费补贴：" in page
    assert 'value="一千二"' in page
    drafter.post(url("policy_figures", draft), said | {key: "1200", "key": "b"})
    draft.refresh_from_db()
    assert "value: 120000" in draft.content
    late = drafter.post(url("policy_figures", draft), said | {key: "1300", "key": "c"})
    assert "您看到的是第 1 稿，现在是第 2 稿" in late.content.decode()
    draft.refresh_from_db()
    assert draft.revision == 2


def test_a_table_is_changed_in_the_grid_and_by_excel(drafter: Client, draft: PolicyDraft) -> None:
    grid = url("policy_tables", draft, "?table=scarcity_factor&index=0")
    assert "非常紧缺" in drafter.get(grid).content.decode()
    wrong = drafter.post(grid, {"revision": "1", "cell:scarce": "九成五", "key": "a"})
    assert (wrong.status_code, "九成五" in wrong.content.decode()) == (422, True)
    drafter.post(grid, {"revision": "1", "cell:scarce": "0.95", "key": "b"})
    draft.refresh_from_db()
    assert "scarce: 0.95" in draft.content
    output = io.BytesIO()
    book = xlsxwriter.Workbook(output, {"in_memory": True})
    sheet = book.add_worksheet()
    for line, row in enumerate([["非常紧缺（very_scarce）", "紧缺（scarce）", "一般（common）"], [1, "x", 0.8]]):
        sheet.write_row(line, 0, row)
    book.close()
    address = url("policy_table_import", draft, "?table=scarcity_factor&index=0")
    upload = SimpleUploadedFile("t.xlsx", output.getvalue())
    answer = drafter.post(address, {"revision": "2", "file": upload, "key": "c"})
    assert answer.status_code == 422
    assert "B2" in answer.content.decode()
    file = drafter.get(url("policy_table_file", draft, "?table=scarcity_factor&index=0"))
    upload = SimpleUploadedFile("t.xlsx", file.content)
    same = drafter.post(address, {"revision": "2", "file": upload, "key": "d"})
    assert "和现在的一样" in same.content.decode()
    draft.refresh_from_db()
    assert draft.revision == 2


def test_a_broken_text_is_kept_and_its_line_shown(drafter: Client, draft: PolicyDraft) -> None:
    broken = draft.content.replace("parameters:", "parameters: {", 1)
    drafter.post(url("policy_text", draft), {"revision": "1", "content": broken, "key": "a"})
    drafter.post(url("policy_run_check", draft), {"key": "b"})
    page = drafter.get(url("policy_text", draft)).content.decode()
    assert "检查发现的问题" in page
    assert 'class="bad"' in page
    for name in ("policy_figures", "policy_tables"):
        answer = drafter.get(url(name, draft))
        assert (answer.status_code, "到全文里改正" in answer.content.decode()) == (422, True)
    for name in ("policy", "policy_check", "policy_difference", "policy_whatif"):
        assert drafter.get(url(name, draft)).status_code == 200
    assert draft.content in drafter.get(url("policy_revision", draft, "?number=1")).context["row"].content


@pytest.mark.mission("F7")
def test_the_what_if_is_a_sentence_bars_and_a_workbook(drafter: Client) -> None:
    case = subsidies.case(2)
    subsidies.confirmed(case)
    office = make.bureau()
    made = make.draft(office)
    # Before anything is changed only the day is another: what comes out otherwise now is no doing of the draft.
    drafter.post(url("policy_run_check", made), {"key": "day"})
    made.refresh_from_db()
    by_day = {(one["index"], one["got"]) for one in made.checked["scenarios"] if not one["ok"]}
    occupation = case.training_class.project.occupation_id
    hours = "120" if case.training_class.hours >= 120 else "80"
    made = services.set_cells(
        actor=office.drafter,
        at=make.AT,
        draft=made,
        revision=1,
        table="standard",
        index=2,
        typed={f"{occupation}/{hours}/senior": "5000"},
    )
    drafter.post(url("policy_run_check", made), {"key": "a"})
    made.refresh_from_db()
    changed = [str(one["index"]) for one in made.checked["scenarios"] if not one["ok"]]
    checked = drafter.get(url("policy_check", made)).content.decode()
    assert "个情形的结果变了" in checked
    assert "100\u00a0% 查得到条款" in checked
    # Other texts end before 2027: what only the day changed is told apart and ticked, what the draft changed is not.
    failing = {(one["index"], one["got"]) for one in made.checked["scenarios"] if not one["ok"]}
    ticked = {int(one) for one in re.findall(r'name="scenario" value="(\d+)"[^>]* checked>', checked)}
    assert ticked == {index for index, _ in failing & by_day}
    assert (bool(failing & by_day), bool(failing - by_day)) == (True, True)
    assert checked.count("现行文本那天也是这样") == len(ticked)
    drafter.post(url("policy_adopt", made), {"revision": "2", "scenario": changed, "key": "b"})
    drafter.post(url("policy_run_check", made), {"key": "c"})
    drafter.post(url("policy_simulate", made), {"key": "d"})
    waiting = drafter.get(url("policy_whatif", made)).content.decode()
    assert "已排队，很快开始" in waiting
    assert "按新规定重算" not in waiting
    (job,) = jobs.run_waiting(make.AT)
    assert job.result == {"lines": 2}
    part = drafter.get(f"{reverse('job', args=[job.city_code, job.pk])}?then=refresh")
    assert part["HX-Refresh"] == "true"
    assert f"试算：{made.title}" in drafter.get(reverse("bureau:jobs")).content.decode()
    page = drafter.get(url("policy_whatif", made)).content.decode()
    assert "按新规定重算，多支出" in page
    assert "<rect" in page
    file = drafter.get(url("policy_whatif_export", made))
    assert file.content.startswith(b"PK")
    difference = drafter.get(url("policy_difference", made)).content.decode()
    assert "<ins>" in difference
    assert "5,000" in difference
    # By the names that people have for them: the occupation, and the other text on whose clause the figure stands.
    assert f"焊工 {occupation}" in difference
    assert "津人社办发〔2026〕10号" in difference
    assert "cn-12/jinrenshebanfa" not in difference.partition("全文逐行比较")[0]
    assert f"焊工 {occupation}" in drafter.get(url("policy", made)).content.decode()


def test_the_second_person_finds_it_in_his_work_and_approves(desk: Desk, at_time: Clock) -> None:
    made = make.submitted(make.bureau())
    at_time(make.AT)
    approver = desk(Role.APPROVER, region_code=TIANJIN)
    home = approver.get(reverse("bureau:home")).content.decode()
    assert "核对差异和试算，批准或退回" in home
    assert "批准，自 2027年1月1日起施行" in approver.get(url("policy", made)).content.decode()
    approver.post(url("policy_approve", made), {"key": "a"})
    made.refresh_from_db()
    assert made.state == "scheduled"
    lawbook.forget()
    assert "2027年1月1日起施行" not in approver.get(reverse("bureau:policies")).content.decode()
    assert "2 个版本" in approver.get(reverse("bureau:policies")).content.decode()


def test_a_region_that_is_not_ones_own_is_not_shown(drafter: Client) -> None:
    assert drafter.get(reverse("bureau:policies") + "?region=370000").status_code == 404
    answer = drafter.get(f"{reverse('bureau:policy_revise')}?document=cn/renshebuhan-2021-14&version=2021-02-01")
    assert answer.status_code == 404

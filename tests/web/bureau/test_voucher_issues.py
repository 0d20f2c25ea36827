"""Targeted issue on the desk: faults row by row, a masked preview, a second person, and the job that issues."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from factories import vouchers
from factories.classes import workbook
from factories.jobs import run_waiting
from zhaoliang.kernel.roles import Role
from zhaoliang.vouchers.models import IssueList, Voucher

pytestmark = [pytest.mark.django_db, pytest.mark.mission("C1", "N4")]

TIANJIN = 120000


def test_a_list_is_uploaded_seen_masked_approved_and_issued(
    desk: Callable[..., Client], at_time: Callable[[datetime], None]
) -> None:
    batch = vouchers.batch(issue="targeted")
    person = vouchers.crowd(1)[0]
    at_time(vouchers.AT)
    first, second = desk(Role.REVIEWER, region_code=TIANJIN), desk(Role.APPROVER, region_code=TIANJIN)
    url = reverse("bureau:issue_new", args=[TIANJIN, batch.pk])

    def upload(number: str) -> SimpleUploadedFile:
        return SimpleUploadedFile("名单.xlsx", workbook([{"姓名": person.name, "证件号码": number}]))

    wrong = first.post(url, {"way": "file", "file": upload("123"), "on_duplicate": "skip", "key": "w"})
    assert wrong.status_code == 422
    assert "名单有 1 处要改" in wrong.content.decode()
    shown = first.post(
        url, {"way": "file", "file": upload(person.document_number), "on_duplicate": "skip", "key": "a"}, follow=True
    )
    text = shown.content.decode()
    for word in ("名单上 1 人", "按今天的政策核对过了", "说不准", "平台还不能查到"):
        assert word in text
    assert person.document_number not in text
    made = IssueList.objects.get(city_code=TIANJIN)
    for name, who in (("issue_submit", first), ("issue_approve", second)):
        who.post(reverse(f"bureau:{name}", args=[TIANJIN, made.pk]), {"key": name})
    run_waiting(vouchers.AT)
    assert Voucher.objects.get(city_code=TIANJIN, batch=batch).person == person
    assert "已发放" in second.get(reverse("bureau:voucher_issue", args=[TIANJIN, made.pk])).content.decode()
    query = {"way": "query", "age_from": "119", "key": "q"}
    assert "0 人" in first.post(url, query | {"step": "preview"}).content.decode()
    assert "没有人符合" in first.post(url, query | {"step": "draft"}).content.decode()


def test_duplicates_are_shown_before_it_is_chosen_what_becomes_of_them_and_several_batches_go_out_by_one_list(
    desk: Callable[..., Client], at_time: Callable[[datetime], None]
) -> None:
    batch, second = vouchers.batch(), vouchers.batch()
    holder, other = vouchers.voucher(batch).person, vouchers.crowd(1)[0]
    at_time(vouchers.AT)
    officer = desk(Role.REVIEWER, region_code=TIANJIN)
    url = reverse("bureau:issue_new", args=[TIANJIN, batch.pk])
    rows = [{"姓名": one.name, "证件号码": one.document_number} for one in (holder, other, holder)]
    said = {"way": "file", "on_duplicate": "skip", "besides": [second.pk], "key": "a"}
    shown = officer.post(url, said | {"file": SimpleUploadedFile("名单.xlsx", workbook(rows))}, follow=True)
    text = shown.content.decode()
    assert "名单第 4 行与前面的人重复" in text
    assert f"“{second.name}”也拟好一份" in text
    made = IssueList.objects.get(city_code=TIANJIN, batch=batch)
    assert IssueList.objects.get(city_code=TIANJIN, batch=second).people == made.people == 2
    page = reverse("bureau:voucher_issue", args=[TIANJIN, made.pk])
    # The holder stands in the list's second row, under its head.
    for wanted, numbers in (("yes", [2]), ("no", [3]), ("", [2, 3])):
        listed = officer.get(page, {"held": wanted}).context["table"].rows
        assert sorted(row.cells[0].value for row in listed) == numbers
    assert "已领取" in officer.get(page, {"held": "yes"}).content.decode()
    choose = reverse("bureau:issue_choose", args=[TIANJIN, made.pk])
    officer.post(choose, {"on_duplicate": "replace", "on_unclear": "skip", "key": "c"})
    made.refresh_from_db()
    assert (made.on_duplicate, made.on_unclear) == ("replace", "skip")
    assert officer.post(choose, {"on_duplicate": "twice", "key": "w"}).status_code == 422
    officer.post(reverse("bureau:issue_submit", args=[TIANJIN, made.pk]), {"key": "s"})
    assert officer.post(choose, {"on_duplicate": "skip", "on_unclear": "skip", "key": "l"}).status_code == 409

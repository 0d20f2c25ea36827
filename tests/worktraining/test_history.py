"""以工代训 as closed history: files are taken whole or not at all, doubles are refused, nothing counts to the trainings of a year."""

from __future__ import annotations

import io
from datetime import date, datetime
from typing import Any

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from factories import registry
from factories.identity import sign_in
from factories.subsidies import CITY, HEPING, assembled, case, trainee
from zhaoliang.careers.selectors import lifelong_record
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.identifiers.invent import Inventor
from zhaoliang.kernel.roles import Place, Role
from zhaoliang.registry.models import Person, PersonGrant
from zhaoliang.subsidies.entitlements import entitlement
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.worktraining.excel import COLUMNS
from zhaoliang.worktraining.models import WorkTrainingGrant, WorkTrainingImport
from zhaoliang.worktraining.services import read_file, take_file

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F5")]
FUND = "职业技能提升行动专账资金"
USCC = Inventor(20211231, region_code=HEPING).uscc()
AT = datetime.fromisoformat("2026-11-23T02:00:00+00:00")


def row(person: Person, **more: str) -> tuple[str, ...]:
    cells = {
        "姓名": person.name,
        "身份证号码": person.document_number,
        "企业名称": "测试制造有限公司",
        "统一社会信用代码": USCC,
        "起始月份": "2021-07",
        "月数": "6",
        "补贴金额（元）": "3000",
        "发放日期": "2022-01-20",
        "资金渠道": FUND,
    } | more
    return tuple(cells[title] for title in COLUMNS)


def book(*rows: tuple[str, ...]) -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as made:
        sheet = made.add_worksheet()
        for number, cells in enumerate((COLUMNS, *rows)):
            for place, text in enumerate(cells):
                sheet.write_string(number, place, text)
    return target.getvalue()


def read(content: bytes) -> WorkTrainingImport:
    actor = registry.actor_with(Role.REVIEWER, person=registry.person())
    return read_file(actor=actor, at=AT, place=Place(CITY, HEPING), file_name="历史.xlsx", content=content)


def take(found: WorkTrainingImport) -> WorkTrainingImport:
    return take_file(actor=registry.actor_with(Role.REVIEWER, person=registry.person()), at=AT, past_import=found)


def faults(found: WorkTrainingImport) -> list[tuple[int, str]]:
    return [(one["row"], one["column"]) for one in found.findings]


def test_a_file_is_taken_whole_and_counts_to_no_training_of_the_year() -> None:
    made = case(1)
    person, other = made.people[0], trainee()
    content = book(
        row(person, 发放日期="2026-02-01"),
        row(person, 起始月份="2021-01"),
        row(other, 起始月份="2021-12", 月数="1"),
    )
    found = read(content)
    assert (found.rows, found.people, found.total_fen, found.findings) == (3, 2, 900_000, [])
    assert not WorkTrainingGrant.objects.filter(city_code=CITY).exists()
    taken = take(found)
    assert (taken.taken_at, taken.content) == (AT, None)
    assert PersonGrant.objects.filter(scheme="work_training", city_code=CITY).count() == 3
    with pytest.raises(Refusal, match="同样的文件已由"):
        read(content)
    # 人社部函〔2021〕14号 二: 不计入每年3次. The grant dated this year changes no count of the claim.
    [line] = ClaimLine.objects.filter(city_code=CITY, claim=assembled(made)).select_related("decision")
    assert line.decision is not None
    counted = {name: fact for name, fact in line.decision.facts.items() if name.startswith("trainings_paid")}
    assert set(counted.values()) == {0}
    assert line.state == "passed"
    told = [one for one in lifelong_record(person).timeline if one.title == "以工代训补贴"]
    assert [one.amount_fen for one in told] == [300_000, 300_000]
    # Nothing can be claimed of it any more.
    with pytest.raises(ValueError, match="work_training"):
        entitlement(person, "work_training", on=date(2026, 11, 23), training=line)


def test_one_wrong_row_and_nothing_is_written() -> None:
    person, other = trainee(), trainee()
    good = row(other)
    cases: dict[tuple[int, str], tuple[str, ...]] = {
        (2, "起始月份"): row(person, 起始月份="2021-08"),  # the sixth month is January 2022
        (2, "身份证号码"): row(person, 身份证号码="12010119900101123X"),
        (2, "统一社会信用代码"): row(person, 统一社会信用代码="91"),
        (2, "月数"): row(person, 月数="25"),
        (2, "补贴金额（元）"): row(person, **{"补贴金额（元）": "三千"}),
        (2, "发放日期"): row(person, 发放日期="2021-06-30"),
        (2, "资金渠道"): row(person, 资金渠道="县财政"),
        (2, "姓名"): row(person, 姓名="测试另名"),
    }
    for (number, column), wrong in cases.items():
        found = read(book(wrong, good))
        assert faults(found) == [(number, column)]
        assert (found.rows, found.content) == (2, None)
        with pytest.raises(Refusal, match="一行也没有写入"):
            take(found)
    assert "人社部函〔2021〕14号" in read(book(row(person, 起始月份="2021-08"))).findings[0]["reason"]
    # The same months of one person at one enterprise, in a file and on file; the months after them are free.
    assert faults(read(book(good, row(other, 起始月份="2021-12", 月数="1")))) == [(3, "起始月份")]
    take(read(book(row(other, 月数="5"))))
    assert faults(read(book(row(other, 起始月份="2021-11", 月数="1")))) == [(2, "起始月份")]
    assert faults(read(book(row(other, 起始月份="2021-12", 月数="1")))) == []
    for content in (b"no workbook", book()):
        with pytest.raises(BadInput):
            read(content)
    assert WorkTrainingGrant.objects.filter(city_code=CITY).count() == 1


def test_two_files_that_waited_do_not_bring_the_same_months_twice() -> None:
    person = trainee()
    first, second = read(book(row(person))), read(book(row(person, 月数="5")))
    take(first)
    with pytest.raises(Refusal, match="已经导入过"):
        take(second)
    with pytest.raises(Refusal, match="同样的文件"):
        take(first)
    assert WorkTrainingGrant.objects.filter(city_code=CITY).count() == 1


def test_the_bureau_sees_a_file_before_it_takes_it_and_an_auditor_exports_what_is_on_file() -> None:
    person = trainee()
    client = sign_in(Client(), registry.user(Role.REVIEWER, region_code=HEPING))
    url = reverse("bureau:work_training")
    assert "还没有以工代训的历史" in client.get(url).content.decode()

    def upload(content: bytes, key: str) -> Any:
        return client.post(url, {"file": SimpleUploadedFile("历史.xlsx", content), "key": key})

    assert "它可能不是 Excel 工作簿" in upload(b"x", "a").content.decode()
    wrong = client.get(upload(book(row(person, 月数="0")), "b")["Location"]).content.decode()
    assert "1 处要改" in wrong
    assert "全部导入" not in wrong
    preview = upload(book(row(person)), "c")["Location"]
    text = client.get(preview).content.decode()
    assert "全部导入" in text
    assert person.document_number not in text
    assert person.name not in text
    assert client.post(f"{preview}take/", {"key": "d"}).status_code == 302
    assert "已导入" in client.get(preview).content.decode()
    auditor = sign_in(Client(), registry.user(Role.AUDITOR, region_code=HEPING))
    page = auditor.get(url).content.decode()
    assert "¥3,000.00" in page
    assert "读取文件" not in page
    assert auditor.get(reverse("bureau:work_training_export")).status_code == 200

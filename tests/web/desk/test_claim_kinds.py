"""The claim desk of an enterprise: what is asked for is handed in there, what changed since filing is told, what comes is shown."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from factories import registry
from factories.people import grouped
from factories.subsidies import ASSESSED, CITY, assembled, case
from zhaoliang.catalogue.models import Project
from zhaoliang.classes.forecast import keep_forecast
from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.classes.selectors import roster
from zhaoliang.subsidies.models import ClaimLine, Evidence

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F2", "F5", "N3")]


def test_an_enterprise_hands_in_what_is_asked_and_sees_what_changed(sit, at_time) -> None:
    enterprise = registry.organisation(kind="enterprise", account_number="6299990000000000019")
    made = case(2, provider=enterprise, group="12", employer_uscc=enterprise.uscc, attended={1: 60 * 45})
    for person in made.people:
        grouped(person, "12", date(2026, 1, 1))
    keep_forecast(made.training_class, roster(made.training_class), registry.AT)
    at_time(ASSESSED)
    client = sit(enterprise)
    listed = client.get(reverse("provider:claims")).content.decode()
    assert "接下来会来多少" in listed
    claim = assembled(made)
    page_url = reverse("provider:claim", args=[CITY, claim.pk])
    text = client.get(page_url).content.decode()
    for said in ("企业直补培训补贴申领", "要补交", "上传培训视频资料", "要补劳动合同", "与备案时不同", "实际出勤课时"):
        assert said in text
    assert "上传培训计划" not in text
    line = ClaimLine.objects.filter(city_code=CITY, claim=claim).earliest("id")
    answer = client.post(
        reverse("provider:contract_add", args=[CITY, line.pk]),
        {"from_on": "2026-03-01", "until": "2027-02-28", "file": SimpleUploadedFile("合同.pdf", b"%PDF"), "key": "c"},
    )
    assert answer.status_code == 302
    answer = client.post(
        reverse("provider:evidence_add", args=[CITY, claim.pk]),
        {"kind": "video", "file": SimpleUploadedFile("课.mp4", b"video"), "key": "v"},
    )
    assert answer.status_code == 302
    kept = Evidence.objects.get(city_code=CITY, kind="video")
    file = client.get(reverse("provider:evidence_file", args=[CITY, kept.pk]))
    assert (file.content, file["X-Content-Type-Options"]) == (b"video", "nosniff")
    assert file["Content-Disposition"].startswith("attachment")
    stranger = sit(registry.organisation())
    assert stranger.get(reverse("provider:evidence_file", args=[CITY, kept.pk])).status_code == 403
    text = client.get(page_url).content.decode()
    assert "已交的 2 份文件" in text
    assert "要补劳动合同" not in text
    wrong = client.post(reverse("provider:contract_add", args=[CITY, line.pk]), {"from_on": "昨天", "key": "x"})
    assert "合同日期没有填对" in wrong.content.decode()
    assert "企业直补" in client.get(reverse("provider:claims") + "?kind=enterprise_direct").content.decode()


def test_a_claim_page_asks_as_many_questions_for_thirty_lines_as_for_two(sit, at_time) -> None:
    at_time(ASSESSED)
    counts = []
    for size in (2, 30):
        made = case(size, with_vouchers=False)
        keep_forecast(made.training_class, roster(made.training_class), registry.AT)
        client = sit(made.provider)
        url = reverse("provider:claim", args=[CITY, assembled(made).pk])
        client.get(url)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(url).status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1]


@pytest.mark.mission("M1")
def test_an_enterprise_records_the_agreement_of_an_apprentice(sit, at_time) -> None:
    enterprise = registry.organisation(kind="enterprise")
    made = case(1, provider=enterprise, group="12", employer_uscc=enterprise.uscc, with_vouchers=False)
    Project.objects.filter(city_code=CITY, pk=made.training_class.project_id).update(kind="apprenticeship")
    TrainingClass.objects.filter(city_code=CITY, pk=made.training_class.pk).update(state="running")
    Enrolment.objects.filter(city_code=CITY, training_class=made.training_class).update(state="attending")
    at_time(ASSESSED)
    client = sit(enterprise)
    url = reverse("provider:agreements", args=[CITY, made.training_class.pk])
    assert "没有协议" in client.get(url).content.decode()
    said = {
        "apprentice": made.enrolments[0].pk,
        "signed_on": "2026-06-01",
        "months": 11,
        "enterprise_mentor": "乙某",
        "contract_from": "2026-06-01",
        "contract_until": "2027-05-31",
    }
    assert "培养期限须为1至2年" in client.post(url, said | {"key": "a"}).content.decode()
    assert client.post(url, said | {"months": 12, "key": "b"}).status_code == 302
    text = client.get(url).content.decode()
    assert "1 名已登记协议" in text
    scheme = {
        "form": "scheme",
        "enterprise_base": "一号车间",
        "goals": "高级工",
        "content": "工学交替",
        "assessment": "结业考核",
    }
    assert "请填写院校培训基地" in client.post(url, scheme | {"key": "s1"}).content.decode()
    assert client.post(url, scheme | {"key": "s2", "school_base": "测试技师学院"}).status_code == 302
    text = client.get(url).content.decode()
    assert all(word in text for word in ("一班一方案", "测试技师学院", "/12 个月"))
    # Tianjin sets no advance: the page says so and nothing is made.
    answer = client.post(reverse("provider:advance", args=[CITY, made.training_class.pk]), {"key": "c"})
    assert "本地现行文件没有规定预支" in answer.content.decode()

"""Finding a training: the list and its filters, a project's price and subsidy, the catalogue, the directories."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from factories import registry, subsidies, vouchers
from zhaoliang.catalogue.models import Project
from zhaoliang.registry.models import Organisation

pytestmark = [pytest.mark.django_db, pytest.mark.mission("N1")]

AT = vouchers.AT + timedelta(hours=1)


@pytest.fixture(autouse=True)
def today(at_time: Callable[[datetime], None]) -> None:
    at_time(AT)


@pytest.fixture
def provider() -> Organisation:
    return registry.organisation()


def _text(client: Client, url: str, **query: str) -> str:
    response = client.get(url, query)
    assert response.status_code == 200, response.content.decode()[:500]
    return response.content.decode()


def test_before_any_city_joined_the_page_says_so(client: Client) -> None:
    response = client.get("/")
    assert response.status_code == 404
    assert "还没有城市接入平台" in response.content.decode()


def test_home_counts_what_can_be_had_now(client: Client, provider: Organisation) -> None:
    batch = vouchers.batch(vouchers.listed_project(provider, name="养老护理员初级班"), quota=7)
    vouchers.voucher(batch)
    text = _text(client, "/")
    assert "养老护理员初级班" in text
    assert "还剩 6 张券" in text
    assert "天津市全部" in text


def test_a_district_is_offered_and_narrows_the_list(client: Client, provider: Organisation) -> None:
    vouchers.listed_project(provider, name="和平区的项目")
    other = registry.organisation(region_code=120102)
    vouchers.listed_project(other, name="河东区的项目")
    text = _text(client, "/projects/", region="120102")
    assert "河东区的项目" in text
    assert "和平区的项目" not in text
    assert "和平区的项目" in _text(client, "/projects/", region="120000")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "护理项目"}, {"护理"}),
        ({"q": vouchers.OCCUPATION}, {"护理", "焊接"}),
        ({"level": "4"}, {"焊接"}),
        ({"voucher": "on"}, {"护理"}),
        ({"q": "没有这种"}, set()),
    ],
)
def test_filters_live_in_the_address(
    client: Client, provider: Organisation, query: dict[str, str], found: set[str]
) -> None:
    vouchers.batch(vouchers.listed_project(provider, name="护理项目甲"))
    other = vouchers.listed_project(provider, name="焊接项目乙")
    Project.objects.filter(city_code=other.city_code, pk=other.pk).update(level=4)
    text = _text(client, "/projects/", **query)
    assert {word for word in ("护理", "焊接") if f"{word}项目" in text} == found


def test_an_unlisted_project_is_not_public(client: Client, provider: Organisation) -> None:
    made = vouchers.listed_project(provider, state="suspended")
    assert client.get(f"/projects/{made.city_code}/{made.pk}/").status_code == 404


@pytest.mark.mission("F1")
def test_a_project_says_who_gets_how_much_by_which_clause(client: Client, at_time: Callable[[datetime], None]) -> None:
    made = subsidies.project(registry.organisation(), registry.organisation(evaluator=True))
    at_time(subsidies.ASSESSED)
    text = _text(client, f"/projects/{made.city_code}/{made.pk}/")
    # 高级工、120 课时、非常紧缺：《目录》标准 100%；“其他”人员只签到不补贴。
    assert "¥3,780.00" in text
    assert "津人社局发〔2022〕20号" in text
    assert "第九条" in text
    assert "其他（只签到不补贴）" in text
    assert "不补贴" in text


def test_the_list_costs_the_same_queries_for_one_project_and_for_ten(client: Client, provider: Organisation) -> None:
    vouchers.batch(vouchers.listed_project(provider))
    with CaptureQueriesContext(
        connection,
    ) as few:
        _text(client, "/projects/")
    for _ in range(9):
        vouchers.batch(vouchers.listed_project(provider))
    with CaptureQueriesContext(connection) as many:
        _text(client, "/projects/")
    assert len(many) == len(few)
    assert len(many) <= 10


def test_the_catalogue_of_the_district_or_of_its_city(client: Client, provider: Organisation) -> None:
    made = vouchers.listed_project(provider)
    text = _text(client, "/catalogue/", region=str(provider.region_id))
    assert made.entry.occupation.name in text
    assert "还没有发布目录" in _text(client, "/catalogue/", region="120102")


def test_both_directories(client: Client, provider: Organisation) -> None:
    evaluator = registry.organisation(evaluator=True, name="测试评价中心")
    hidden = registry.organisation(listed=False, name="还没列入的机构")
    text = _text(client, "/organisations/")
    assert provider.name in text
    assert evaluator.name not in text
    assert hidden.name not in text
    assert evaluator.name in _text(client, "/organisations/", kind="evaluators")
    assert "没有找到机构" in _text(client, "/organisations/", q="不存在的名字")


def test_a_region_outside_the_platform_is_refused_by_name(client: Client, provider: Organisation) -> None:
    response = client.get("/projects/", {"region": "370900"})
    assert response.status_code == 404
    assert "泰安市还没有接入平台" in response.content.decode()

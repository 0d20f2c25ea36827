"""From a rule to the lines it decided, by answer, in one region only."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from factories import registry
from factories.identity import sign_in
from factories.subsidies import CITY, HEPING, assembled, case
from zhaoliang.kernel.roles import Role
from zhaoliang.policy import Outcome
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.subsidies.rulings import Use, lines_by, uses
from zhaoliang.web.portal import clauses

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F3", "N4")]
ADDRESS = "/policies/cn-12/jinrenshe-2022-20/clauses/9/?on=2026-03-02"


def test_what_a_rule_answered_is_counted_and_its_lines_are_found() -> None:
    claim = assembled(case(3, attended={1: 60 * 45}))
    short = ClaimLine.objects.filter(city_code=CITY, claim=claim).order_by("id")[1]
    assert uses(CITY, ["attendance", "no_such_rule"]) == {"attendance": Use(passed=2, refused=1, open=0)}
    assert [line.pk for line in lines_by(CITY, HEPING, "attendance", Outcome.FAIL)] == [short.pk]
    assert lines_by(CITY, CITY, "attendance", Outcome.PASS).count() == 2
    assert lines_by(CITY, 120103, "attendance", Outcome.FAIL).count() == 0
    assert uses(370900, ["attendance"]) == {}


def test_a_new_decision_replaces_the_earlier_one_in_the_count() -> None:
    claim = assembled(case(2))
    assert (
        uses(CITY, ["attendance"])["attendance"].asked == ClaimLine.objects.filter(city_code=CITY, claim=claim).count()
    )


def test_the_officer_goes_from_rule_to_line_to_trace(client: Client) -> None:
    claim = assembled(case(2, attended={1: 60 * 45}))
    desk = sign_in(client, registry.user(Role.REVIEWER))
    page = desk.get("/bureau/rules/attendance/").content.decode()
    short = ClaimLine.objects.filter(city_code=CITY, claim=claim, state="refused").get()
    assert f"/bureau/trace/{CITY}/{short.pk}/" in page
    assert short.person.name not in page
    assert desk.get("/bureau/rules/attendance/export/?outcome=fail").headers["Content-Type"].endswith("sheet")
    assert desk.get("/bureau/rules/no-such-rule/").status_code == 404
    assert "看本地区的明细" in desk.get(ADDRESS).content.decode()


def test_the_public_sees_a_count_but_never_a_handful(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    assembled(case(3, attended={1: 60 * 45}))
    page = client.get(ADDRESS).content.decode()
    assert "用它核对过" not in page
    cache.clear()
    monkeypatch.setattr(clauses, "FEWEST", 3)
    page = client.get(ADDRESS).content.decode()
    assert "3 条申领明细" in page
    assert "不符合 少于 5" in page
    assert "看本地区的明细" not in page
    cache.clear()

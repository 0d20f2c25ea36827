"""What was decided against an organisation stands before whoever takes a step for it: it bars the step, or is laid before him."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from factories import classes, registry, subsidies
from factories.identity import sign_in
from zhaoliang.kernel.roles import Role
from zhaoliang.registry.models import User
from zhaoliang.subsidies.models import ClaimLine

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F4", "I3")]

Clock = Callable[[datetime], None]
Desk = Callable[..., Client]


def _url(face: str, name: str, of: object) -> str:
    return reverse(f"{face}:{name}", args=[of.city_code, of.pk])  # type: ignore[attr-defined]  # any city row


@pytest.mark.parametrize("blacklist", [False, True])
def test_a_filing_and_a_claim_tell_the_reviewer_what_was_decided_against_the_provider(
    blacklist: bool, desk: Desk, at_time: Clock
) -> None:
    unread, made = classes.filed(), subsidies.case(1)
    claim = subsidies.confirmed(made)
    told = subsidies.ASSESSED - timedelta(days=20)
    for held in (unread.provider, made.provider):
        registry.sanctioned(held, "discredited" if blacklist else "unfit_premises", told=told, blacklist=blacklist)
    at_time(subsidies.ASSESSED)
    pages = {
        "class": desk(Role.REVIEWER, region_code=unread.project.region_id).get(_url("bureau", "class", unread)),
        "claim": desk(made.reviewer).get(_url("bureau", "claim", claim)),
    }
    steps = {"class": "不能同意开班备案", "claim": "不能通过补贴审核"}
    for name, page in pages.items():
        text = page.content.decode()
        assert "机构的处理情况" in text
        assert (steps[name] in text) == blacklist
        assert ("请一并考虑后再定" in text) == (not blacklist)
    at_time(subsidies.ASSESSED + timedelta(days=1))
    answer = desk(made.reviewer).post(_url("bureau", "claim_pass_first", claim), {"key": "p"}, follow=True)
    claim.refresh_from_db()
    assert claim.state == ("first_review" if blacklist else "second_review"), answer.content.decode()


def test_a_provider_reads_before_handing_in_that_it_is_barred(at_time: Clock) -> None:
    made, free = subsidies.case(1), subsidies.case(1)
    barred, clear = subsidies.assembled(made), subsidies.assembled(free)
    registry.sanctioned(made.provider, "discredited", told=subsidies.ASSESSED - timedelta(days=20), blacklist=True)
    at_time(subsidies.ASSESSED)
    shown = [
        sign_in(Client(), User.objects.get(pk=one.staff.user_id)).get(_url("provider", "claim", claim)).content.decode()
        for one, claim in ((made, barred), (free, clear))
    ]
    assert ["不能提交补贴申领" in text for text in shown] == [True, False]


def test_a_reviewer_reads_that_an_enterprise_to_be_paid_is_barred_and_its_money_waits(
    desk: Desk, at_time: Clock
) -> None:
    enterprise = registry.organisation(kind="enterprise")
    made = subsidies.case(3, employer_uscc=enterprise.uscc)
    claim = subsidies.confirmed(made)
    first, *_ = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim).order_by("id")
    ClaimLine.objects.filter(city_code=claim.city_code, claim=claim).exclude(pk=first.pk).update(payee="enterprise")
    at_time(subsidies.ASSESSED)
    url, reviewer = _url("bureau", "claim", claim), desk(made.reviewer)
    assert "收款企业的处理情况" not in reviewer.get(url).content.decode()
    told = subsidies.ASSESSED - timedelta(days=20)
    registry.sanctioned(enterprise, "discredited", told=told, blacklist=True)
    text = reviewer.get(url).content.decode()
    assert "收款企业的处理情况" in text
    assert f"“{enterprise.short_name}”在" in text
    assert "应付给上述企业的 2 条明细" in text
    # Nobody else waits for it.
    reviewer.post(_url("bureau", "claim_pass_first", claim), {"key": "p"}, follow=True)
    claim.refresh_from_db()
    assert claim.state == "second_review"

"""Who may open what: every page of the desk asks, the anonymous are sent to sign in, others get the refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from factories import classes, registry, subsidies
from factories.identity import sign_in
from zhaoliang.kernel.roles import BUREAU_ROLES, Role
from zhaoliang.web.access import PageRule
from zhaoliang.web.bureau.nav import entry_at
from zhaoliang.web.bureau.urls import urlpatterns

pytestmark = [pytest.mark.django_db, pytest.mark.mission("N4", "B5")]

LISTS = {
    "home": BUREAU_ROLES,
    "classes": BUREAU_ROLES,
    "projects": BUREAU_ROLES,
    "catalogues": BUREAU_ROLES,
    "claims": BUREAU_ROLES - {Role.ADMINISTRATOR},
    "voucher_batches": BUREAU_ROLES - {Role.ADMINISTRATOR},
    "accounts": BUREAU_ROLES - {Role.ADMINISTRATOR, Role.REVIEWER},
    "books": BUREAU_ROLES - {Role.ADMINISTRATOR, Role.REVIEWER},
    "payments": {Role.FUND_OFFICER, Role.FINANCE, Role.AUDITOR},
    "trace_search": BUREAU_ROLES - {Role.ADMINISTRATOR},
    "people": {Role.REVIEWER, Role.APPROVER, Role.INSPECTOR, Role.AUDITOR},
    "organisations": BUREAU_ROLES,
    "users": {Role.ADMINISTRATOR, Role.AUDITOR},
    "audit": {Role.AUDITOR},
    "audit_verify": {Role.AUDITOR},
}


def test_every_view_declares_what_it_serves() -> None:
    undeclared = [
        pattern.name for pattern in urlpatterns if not isinstance(getattr(pattern.callback, "page", None), PageRule)
    ]
    assert undeclared == []


@pytest.mark.parametrize("role", sorted(BUREAU_ROLES))
def test_each_role_opens_its_lists_and_no_other(role: Role, desk: Callable[..., Client]) -> None:
    client = desk(role)
    answers = {name: client.get(reverse(f"bureau:{name}")).status_code for name in LISTS}
    assert answers == {name: 200 if role in roles else 403 for name, roles in LISTS.items()}


@pytest.mark.parametrize("role", sorted(BUREAU_ROLES))
def test_the_side_bar_shows_nothing_that_is_refused(role: Role, desk: Callable[..., Client]) -> None:
    client = desk(role)
    face = client.get(reverse("bureau:home")).context["face"]
    assert {item.url: client.get(item.url).status_code for item in face.nav} == {item.url: 200 for item in face.nav}


def test_the_side_bar_marks_where_a_page_belongs(desk: Callable[..., Client]) -> None:
    reviewer, officer = desk(Role.REVIEWER), desk(Role.FUND_OFFICER)

    def marked(path: str, client: Client = reviewer) -> list[str]:
        return [item.label for item in client.get(reverse("bureau:home") + path).context["face"].nav if item.current]

    assert marked("") == ["我的待办"]
    assert marked("counter/") == ["培训券"]
    assert marked("appeals/") == marked("rules/attendance/") == ["补贴审核"]
    assert marked("paying-accounts/", officer) == ["资金拨付"]
    starts = {str(pattern.pattern).split("/")[0] for pattern in urlpatterns} - {""}
    # Acts without a page of their own: they lead back to where they were asked.
    acts = "place share-voidings corrections make-ups evidence payment-dues objections amount-corrections findings"
    below_home = {start for start in starts if entry_at(f"{reverse('bureau:home')}{start}/") == "home"}
    assert below_home == set(acts.split())


@pytest.mark.parametrize("name", sorted(LISTS))
def test_the_anonymous_are_sent_to_sign_in_and_come_back(name: str, client: Client) -> None:
    url = reverse(f"bureau:{name}")
    answer = client.get(url)
    assert answer.status_code == 302
    assert f"next={url}" in answer["Location"]


def test_workers_and_providers_stay_outside() -> None:
    provider = registry.user(Role.PROVIDER, organisation=registry.organisation())
    worker = registry.user(Role.WORKER, person=registry.person())
    answers = [sign_in(Client(), user).get(reverse("bureau:home")).status_code for user in (provider, worker)]
    assert answers == [403, 403]


def test_an_officer_of_another_district_sees_neither_list_nor_object(desk: Callable[..., Client]) -> None:
    made = classes.filed()
    elsewhere = 120102 if made.project.region_id != 120102 else 120103
    client = desk(Role.REVIEWER, region_code=elsewhere)
    assert made.name not in client.get(reverse("bureau:classes")).content.decode()
    assert client.get(reverse("bureau:class", args=[made.city_code, made.pk])).status_code == 403
    accept = reverse("bureau:class_accept", args=[made.city_code, made.pk])
    assert client.post(accept, {"key": "k1"}).status_code == 403
    made.refresh_from_db()
    assert made.state == "filed"


def test_what_is_not_there_says_so(desk: Callable[..., Client]) -> None:
    client = desk(Role.REVIEWER)
    for name in ("class", "claim", "project", "catalogue", "voucher_batch", "person", "organisation"):
        answer = client.get(reverse(f"bureau:{name}", args=[registry.CITY, 999_999]))
        assert answer.status_code == 404, name


def test_acts_take_no_get(desk: Callable[..., Client]) -> None:
    made = classes.filed()
    client = desk(classes.reviewer(made).assignments[0].role, region_code=made.project.region_id)
    assert client.get(reverse("bureau:class_accept", args=[made.city_code, made.pk])).status_code == 405


def test_a_worker_named_in_a_claim_cannot_open_its_review(desk: Callable[..., Any]) -> None:
    made = subsidies.case(1)
    claim = subsidies.confirmed(made)
    worker = sign_in(Client(), registry.user(Role.WORKER, person=made.people[0]))
    assert worker.get(reverse("bureau:claim", args=[claim.city_code, claim.pk])).status_code == 403

"""Every page that tells an amount resting on a text nobody has confirmed says so beside it (Tianjin's table of 2026)."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from factories import classes, registry, subsidies, vouchers
from factories.identity import sign_in
from zhaoliang.kernel.roles import Role
from zhaoliang.policy import AmountStep, Citation
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.web.components.templatetags.zl import unchecked

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F1", "F3")]

TABLE = "cn-12/jinrenshebanfa-2026-10"
# What is read without opening anything: not the line in a folded clause.
MARK = re.compile(r'badge-ask">(标准未核|未核)</span>|依据未核实|标准未核实|原文还没有核对')


def test_no_page_tells_an_unconfirmed_amount_as_if_it_were_certain(desk, at_time) -> None:
    assert not lawbook().citation(f"{TABLE}#table").verified
    made = subsidies.case(1)
    claim = subsidies.published(made)
    line = claim.lines.get(city_code=claim.city_code)
    person, city = made.people[0], claim.city_code
    drafted = classes.draft()
    batch = classes.open_batch(drafted.project)
    classes.enrol(drafted, classes.candidate(batch).person)
    school, other = (
        sign_in(Client(), registry.user(Role.PROVIDER, organisation=one.provider, person=registry.person()))
        for one in (made, drafted)
    )
    phone = sign_in(Client(), registry.user(Role.WORKER, person=person))
    reviewer, public = desk(made.reviewer), Client()
    claimable = vouchers.batch(made.training_class.project, at=subsidies.PUBLISHED)
    newcomer = sign_in(Client(), registry.user(Role.WORKER, person=registry.person()))
    catalogue = made.training_class.project.entry.catalogue
    project = made.training_class.project
    pages = {
        "what can I get": (phone, f"{reverse('worker:eligibility')}?region={city}&project={project.pk}"),
        "claim a voucher": (newcomer, reverse("worker:batch", args=[city, claimable.pk])),
        "my subsidy": (phone, reverse("worker:subsidy", args=[city, line.pk])),
        "class and roster": (other, reverse("provider:class", args=[drafted.city_code, drafted.pk])),
        "claim line": (school, reverse("provider:claim", args=[city, claim.pk])),
        "review": (reviewer, reverse("bureau:claim", args=[city, claim.pk])),
        "catalogue": (reviewer, reverse("bureau:catalogue", args=[catalogue.city_code, catalogue.pk])),
        "trace": (reviewer, reverse("bureau:trace", args=[city, line.pk])),
        "project of the catalogue": (public, reverse("portal:project", args=[project.city_code, project.pk])),
        "public notice": (public, reverse("portal:publicity")),
        "clause": (public, reverse("portal:clause", args=[TABLE, "table"])),
    }
    silent = {}
    for name, (client, url) in pages.items():
        at_time(classes.AT if name == "class and roster" else subsidies.PUBLISHED)
        answer = client.get(url)
        text = answer.content.decode()
        if answer.status_code != 200 or not MARK.search(text):
            silent[name] = (answer.status_code, re.findall(r"¥[\d,.]+", text)[:3])
    assert silent == {}


def test_a_confirmed_text_carries_no_mark() -> None:
    def step(verified: bool) -> AmountStep:
        return AmountStep("标准", "100", 100, Citation("cn-98/a", "一号", "一", "第一条", "一百元。", verified, "1"))

    assert unchecked([step(True)]) == unchecked(()) == ""
    assert "标准未核" in unchecked([step(True), step(False)])

"""A decision as data for the provider's own system: rules, clauses, records and steps; nobody else's, and every reading is on file."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from api.test_partners import System
from factories import registry, subsidies
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.policy import Decision
from zhaoliang.registry.models import PartnerKey
from zhaoliang.subsidies.models import ClaimLine

pytestmark = [pytest.mark.django_db, pytest.mark.mission("K3", "F3")]


def test_a_partner_reads_the_decisions_of_its_own_claims(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = subsidies.case(2, attended={0: 60})
    claim = subsidies.confirmed(made)
    monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: subsidies.PUBLISHED))
    own, other = (
        System(client, one, scopes=("subsidies.decisions",)) for one in (made.provider, registry.organisation())
    )
    verifier = System(client, made.provider, scopes=("vouchers.verify",))
    PartnerKey.objects.update(expires_at=subsidies.PUBLISHED + timedelta(days=1))

    def read(system: System, line_id: int) -> tuple[int, Any]:
        answer = client.get(
            "/api/v1/subsidies/decision", {"line_id": line_id}, headers={"Authorization": f"Bearer {system.secret}"}
        )
        return answer.status_code, answer.json()

    lines = list(ClaimLine.objects.filter(city_code=claim.city_code, claim=claim).select_related("decision", "person"))
    outcomes = set()
    for line in lines:
        status, told = read(own, line.pk)
        stored = Decision.from_json(line.decision.record)
        assert (status, told["outcome"], told["fen"]) == (200, stored.outcome.value, stored.fen)
        assert [one["fen"] for one in told["steps"]] == [one.value_fen for one in stored.steps]
        assert [(one["id"], one["clause"]["cite"]) for one in told["rules"]] == [
            (one.rule_id, one.citation.key) for one in stored.results
        ]
        used = {one["name"]: one for rule in told["rules"] for one in rule["facts"]}
        assert used["attended_hours"]["record_id"], "the record a fact rests on"
        assert line.person.name not in str(told)
        assert line.person.document_number not in str(told)
        outcomes.add(told["outcome"])
    assert outcomes == {"pass", "fail"}
    looks = AuditEvent.objects.filter(city_code=claim.city_code, act="look", detail__why="开放接口读取补贴决定")
    assert looks.count() == len(lines)
    assert read(other, lines[0].pk)[0] == 404
    assert read(own, 999_999_999)[0] == 404
    assert read(verifier, lines[0].pk)[1]["code"] == "forbidden"

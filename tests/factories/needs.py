"""Demands, posted through the service."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from factories import registry
from factories.actors import actor
from zhaoliang.kernel.roles import Role
from zhaoliang.needs import services
from zhaoliang.needs.models import Demand
from zhaoliang.registry.models import Organisation

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def demand(enterprise: Organisation | None = None, *, at: datetime = AT, **given: Any) -> Demand:
    """An enterprise looks for thirty welders."""
    enterprise = enterprise or registry.organisation(kind="enterprise", listed=False, at=at)
    arguments: dict[str, Any] = {
        "occupation_code": "6-18-02-04",
        "level": 4,
        "post": "焊工",
        "headcount": 30,
        "skills": "手工电弧焊",
        "pay_low_fen": 600000,
        "pay_high_fen": 800000,
        "start_on": date(2026, 6, 1),
    }
    staff = actor(Role.PROVIDER, city_code=enterprise.city_code, organisation_id=enterprise.pk)
    return services.post_demand(actor=staff, at=at, enterprise=enterprise, **arguments | given)

"""What the application under measurement answers: one address for the service, one for the naive version, no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import close_old_connections

import naive
from zhaoliang.kernel.roles import Actor, Assignment, Role
from zhaoliang.registry.models import Person
from zhaoliang.vouchers.models import VoucherBatch
from zhaoliang.vouchers.services import claim_voucher


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """`/service/<city>/<batch>/<person>` and `/naive/…`: claim, and answer `ok`; a refusal or fault is a 500."""
    how, *numbers = environ["PATH_INFO"].strip("/").split("/")
    city_code, batch_id, person_id = map(int, numbers)
    at = datetime.now(UTC)
    try:
        batch = VoucherBatch.objects.get(city_code=city_code, pk=batch_id)
        person = Person.objects.get(city_code=city_code, pk=person_id)
        if how == "naive":
            naive.claim(batch=batch, person=person, at=at)
        else:
            worker = Actor(person.pk, person.pk, person.name, (Assignment(Role.WORKER, city_code, city_code),))
            claim_voucher(actor=worker, at=at, person=person, batch=batch, declared=True)
    finally:
        close_old_connections()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]

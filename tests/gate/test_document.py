"""Schemathesis over the published document, Django's addresses and the gate's: no fault, no answer that is not written down.

Every operation is asked with what its schema allows and with what it forbids; a partner key is sent along, so that the
requests get past the door.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from factories import registry
from gate.running import RunningGate
from gate.test_other_acts import partner_key
from seeds import fresh_seed, size
from zhaoliang.api.urls import api
from zhaoliang.registry.services.partners import SCOPES
from zhaoliang.wsgi import application

pytestmark = [pytest.mark.sized, pytest.mark.mission("K3")]
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


def ask_everything(secret: str, path: str, *, app: Any = None, base_url: str = "") -> int:
    """Ask every operation under `path` many times; returns how many operations there were."""
    number, count = fresh_seed(), size(ci=12, nightly=300)
    schema = schemathesis.openapi.from_dict(api.get_openapi_schema(path_prefix="/api/v1/"))
    schema = schema.include(path_regex=f"^{path}")
    schema.app = app
    if base_url:
        schema.config.update(base_url=base_url)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @seeded(number)
            @settings(
                max_examples=count,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:
                case.headers["Authorization"] = f"Bearer {secret}"
                case.validate_response(case.call(), checks=CHECKS)

            try:
                ask()
            except Unsatisfiable:
                # An operation that takes nothing cannot be asked wrongly.
                assert mode is GenerationMode.NEGATIVE
    return len(operations)


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Requests in this process leave the test's connection open, as those of Django's own client do."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.mark.django_db
@pytest.mark.usefixtures("one_connection")
def test_the_api_answers_as_its_document_says() -> None:
    organisation = registry.organisation()
    secret = partner_key(organisation, datetime.now().astimezone(), *SCOPES)
    assert ask_everything(secret, "/api/v1/", app=application) >= 6


@pytest.mark.nightly
@pytest.mark.django_db(transaction=True)
def test_the_gate_answers_as_its_document_says(gate: RunningGate, now: datetime) -> None:
    secret = partner_key(registry.organisation(at=now), now, *SCOPES)
    assert ask_everything(secret, "/gate/", base_url=f"http://127.0.0.1:{gate.port}") == 4
    metrics = gate.get("/gate/metrics").body.decode()
    assert 'status="500"' not in metrics

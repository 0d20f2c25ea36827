"""Every state machine, state by event, on a real row: moves exactly as its table says, and the database knows the states."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

import zhaoliang
from rare import rare_rows
from zhaoliang.attendance.models import Attendance
from zhaoliang.kernel import acts
from zhaoliang.kernel.errors import WrongState
from zhaoliang.kernel.models import AuditEvent, StateChange
from zhaoliang.kernel.roles import Reach, Role, system_actor
from zhaoliang.kernel.states import Machine
from zhaoliang.subsidies.models import ClaimLine

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]

AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
CITY = 120000


def _declared() -> dict[str, Machine]:
    """All machines of the platform's `states` modules."""
    found: dict[str, Machine] = {}
    for folder in pkgutil.iter_modules(zhaoliang.__path__):
        if not folder.ispkg or folder.name == "kernel":
            continue
        name = f"zhaoliang.{folder.name}.states"
        if importlib.util.find_spec(name) is not None:
            members = vars(importlib.import_module(name)).values()
            found |= {one.name: one for one in members if isinstance(one, Machine)}
    return found


def _models() -> dict[str, type[models.Model]]:
    """The model of each machine, by the choices of its state field."""
    stateful = {
        str(model._meta.get_field("state").choices): model
        for model in apps.get_models()
        if any(field.name == "state" for field in model._meta.local_fields)
    }
    machines = {name: str(list(machine.states.items())) for name, machine in MACHINES.items()}
    return {name: stateful[choices] for name, choices in machines.items() if choices in stateful}


MACHINES = _declared()
MODELS = _models()
# Rows that may stand in any state: used vouchers, decided lines, lines with one payment only.
RICH: dict[str, dict[str, Any]] = {
    "voucher": {"state": "redeemed"},
    "claim_line": {"state": "paid", "payments__attempt": 1},
    "payment_line": {"state": "paid", "attempt": 1},
}


def row_of(machine: Machine, state: str) -> Any:
    """A row of the demo, put into `state`."""
    model: Any = MODELS[machine.name]
    if machine.name == "payment_due":
        _owe_more()
    found = model.objects.filter(city_code=CITY, **RICH.get(machine.name, {})).order_by("id").first()
    if found is None:
        found = _rare()[machine.name]
    here = model.objects.filter(city_code=CITY, pk=found.pk)
    here.update(state=state)
    return here.get()


def _rare() -> dict[str, Any]:
    """What the demo does not play, made beside its first line that was paid."""
    line = ClaimLine.objects.filter(
        city_code=CITY, state="paid", enrolment__isnull=False, voucher__isnull=False
    ).earliest("id")
    attendance = Attendance.objects.filter(city_code=CITY, enrolment=line.enrolment_id).earliest("id")
    assert line.voucher is not None
    return rare_rows(line, line.voucher.batch, attendance, AT)


def _owe_more() -> None:
    """The demo owes nothing beside first subsidies: a top-up of its first line."""
    line = apps.get_model("subsidies", "ClaimLine").objects.filter(city_code=CITY).earliest("id")
    payable = apps.get_model("funds", "Account").objects.filter(city_code=CITY, kind="payable").earliest("id")
    apps.get_model("subsidies", "PaymentDue").objects.create(
        claim_line=line,
        city_code=CITY,
        purpose="top_up",
        number=1,
        amount_fen=1,
        payee="person",
        payable=payable,
        reason="补差",
        queued_at=AT,
    )


def values(row: Any) -> dict[str, Any]:
    return type(row).objects.filter(city_code=CITY, pk=row.pk).values().get()


def test_every_machine_moves_a_table() -> None:
    assert set(MODELS) == set(MACHINES)
    assert len(MACHINES) >= 15


@pytest.mark.parametrize(
    ("name", "state"), [(name, state) for name, machine in sorted(MACHINES.items()) for state in machine.states]
)
def test_an_event_moves_exactly_where_the_table_says(name: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = MACHINES[name]
    monkeypatch.setattr(acts, "ACTS", {})

    @acts.act("tests.fire", label="试", grants={Role.SYSTEM: Reach.ANY}, on="row")
    def fire(*, actor: acts.Actor, at: datetime, row: Any, event: str) -> None:
        machine.fire(row, event)

    row = row_of(machine, state)
    before = values(row)
    for event in machine.events:
        target = machine.table.get((state, event))
        changes = StateChange.objects.filter(city_code=CITY, machine=name, object_id=row.pk)
        counted, audited = changes.count(), AuditEvent.objects.filter(city_code=CITY).count()
        row.refresh_from_db()
        if target is None:
            with pytest.raises(WrongState) as refusal, transaction.atomic():
                fire(actor=system_actor(), at=AT, row=row, event=event)
            assert machine.states[state] in refusal.value.what
            assert values(row) == before, f"{name}: {event} was refused in {state} and still changed the row"
            assert changes.count() == counted
            assert AuditEvent.objects.filter(city_code=CITY).count() == audited
            continue
        with transaction.atomic():
            fire(actor=system_actor(), at=AT, row=row, event=event)
            assert values(row) == before | {"state": target.target}
            last = changes.latest("id")
            assert (last.source, last.event, last.target, last.at) == (state, event, target.target, AT)
            transaction.set_rollback(True)


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_a_row_that_moved_meanwhile_is_not_moved_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = MACHINES[name]
    monkeypatch.setattr(acts, "ACTS", {})

    @acts.act("tests.fire", label="试", grants={Role.SYSTEM: Reach.ANY}, on="row")
    def fire(*, actor: acts.Actor, at: datetime, row: Any, event: str) -> None:
        machine.fire(row, event)

    # A move to a state that does not know the event, so that the second mover must be refused.
    source, event, target = next(
        (key[0], key[1], one.target) for key, one in machine.table.items() if not machine.allows(one.target, key[1])
    )
    row = row_of(machine, source)
    type(row).objects.filter(city_code=CITY, pk=row.pk).update(state=target)
    with pytest.raises(WrongState), transaction.atomic():
        fire(actor=system_actor(), at=AT, row=row, event=event)
    assert values(row)["state"] == target


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_the_database_refuses_a_state_that_is_not_in_the_table(name: str) -> None:
    machine = MACHINES[name]
    row = row_of(machine, machine.initial)
    table = row._meta.db_table
    with (
        pytest.raises(IntegrityError, match=f"{table}_state_known"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            f"UPDATE {connection.ops.quote_name(table)} SET state = 'nonsense' WHERE city_code = %s AND id = %s",
            [CITY, row.pk],
        )

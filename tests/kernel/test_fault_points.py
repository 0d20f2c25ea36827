"""Every point at which the program may die is declared, and a test lets it die there; the money comes out the same."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from factories.payments import pays_from
from factories.recoveries import LATER, case_of, line_of, paid, revoke
from factories.registry import actor_with
from factories.subsidies import APPROVED, CITY, FULL_FEN, approved, case, published
from zhaoliang.demo.bank import answer_file
from zhaoliang.funds.models import Transfer
from zhaoliang.funds.selectors import verify_books
from zhaoliang.kernel import faults
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.models import AuditEvent, StateChange
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.payments import services as payments
from zhaoliang.payments.excel import bank_file
from zhaoliang.payments.models import PaymentBatch
from zhaoliang.recoveries import services as recoveries
from zhaoliang.recoveries.models import RecoveryCase
from zhaoliang.recoveries.proof import prove
from zhaoliang.subsidies import services as subsidies
from zhaoliang.subsidies.models import ClaimLine

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G2", "G3")]

TESTS = Path(__file__).resolve().parents[1]
BUSINESS = ("subsidies", "payments", "recoveries", "funds", "kernel")


def declared() -> list[str]:
    """All points of the folders that money passes, whichever module a process happens to have loaded."""
    for folder in BUSINESS:
        package = importlib.import_module(f"zhaoliang.{folder}")
        for module in pkgutil.walk_packages(package.__path__, f"zhaoliang.{folder}."):
            if ".migrations" not in module.name:
                importlib.import_module(module.name)
    return faults.points()


def armed_in_tests() -> set[str]:
    """What the tests arm: the names and the beginnings of names given to `faults.armed` and `faults.points`, as written."""
    found: set[str] = set()
    for file in TESTS.rglob("test_*.py"):
        text = file.read_text(encoding="utf-8")
        if "faults." not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                said = node.args[0]
                if node.func.attr in ("armed", "points") and isinstance(said, ast.Constant):
                    found.add(str(said.value))
    return found


def test_every_fault_point_is_one_that_some_test_dies_at() -> None:
    points, armed = declared(), armed_in_tests()
    assert len(points) >= 30
    uncovered = [point for point in points if not any(point.startswith(start) for start in armed)]
    assert uncovered == [], "let a test die there: faults.armed(point) or faults.points(prefix)"
    # An armed name that is no point proves nothing.
    assert [start for start in armed if not any(point.startswith(start) for point in points)] == []


def dies(point: str, act: Callable[[], Any]) -> None:
    """The program dies at a point; everything but what was committed before is gone."""
    with pytest.raises(faults.Crash), transaction.atomic(), faults.armed(point):
        act()


def traces() -> tuple[int, int, int]:
    """How many transfers, changes of state and audit events the city has."""
    here = {"city_code": CITY}
    return (
        Transfer.objects.filter(**here).count(),
        StateChange.objects.filter(**here).count(),
        AuditEvent.objects.filter(**here).count(),
    )


class Stubborn:
    """Does each act as people do when the program dies under them: it dies before the commit, then after it, then they ask again."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, service: Any, **given: Any) -> Any:
        self.number += 1
        key = f"stubborn-{self.number}"
        before = traces()
        with pytest.raises(faults.Crash), transaction.atomic(), faults.armed("act:before_commit"):
            service(**given, key=key)
        assert traces() == before, service.declaration.name
        with pytest.raises(faults.Crash), faults.armed("act:after_commit"):
            service(**given, key=key)
        done = traces()
        assert done != before, service.declaration.name
        answer = service(**given, key=key)
        assert traces() == done, f"{service.declaration.name} was done twice"
        return answer


def test_money_goes_and_comes_back_once_though_every_act_dies_before_and_after_its_commit() -> None:
    do, made = Stubborn(), case(2)
    claim = published(made)
    do(subsidies.approve_claim, actor=made.approver, at=APPROVED, claim=claim)
    fund = made.training_class.project.fund_source
    pays_from(made.place, fund)
    batch = do(payments.build_batch, actor=made.officer, at=APPROVED, place=made.place, fund_source=fund)
    do(payments.seal_batch, actor=made.officer, at=APPROVED, batch=batch)
    do(payments.authorise_batch, actor=made.finance, at=APPROVED, batch=batch)
    do(payments.send_batch, actor=made.officer, at=APPROVED, batch=batch)
    content = answer_file(bank_file(PaymentBatch.objects.get(city_code=CITY, pk=batch.pk)), {})
    do(payments.import_return, actor=system_actor(), at=APPROVED, batch=batch, file_name="回单.xlsx", content=content)
    line = line_of(made)
    assert line.state == "paid"
    wrong = {"line": line, "amount_fen": 0, "cause": "identity", "text": "核查后更正"}
    correction = do(recoveries.propose_correction, actor=actor_with(Role.REVIEWER), at=LATER, **wrong)
    do(recoveries.confirm_correction, actor=actor_with(Role.APPROVER), at=LATER, correction=correction)
    opened = case_of(line)
    officer, approver = actor_with(Role.FUND_OFFICER), actor_with(Role.APPROVER)
    back = {"received_on": chinese_day(LATER), "bank_reference": "HK1"}
    do(recoveries.receive, actor=officer, at=LATER, case=opened, amount_fen=1_000_00, **back)
    do(recoveries.refuse, actor=officer, at=LATER, case=opened, note="不再退还")
    do(recoveries.propose_hand_over, actor=officer, at=LATER, case=opened, to="测试公安机关", note="涉嫌骗取")
    do(recoveries.hand_over, actor=approver, at=LATER, case=opened)
    do(recoveries.propose_write_off, actor=officer, at=LATER, case=opened, note="法院终结执行")
    do(recoveries.write_off, actor=approver, at=LATER, case=opened)
    opened.refresh_from_db()
    assert (opened.state, opened.collected_fen, opened.owed_fen) == ("written_off", 1_000_00, FULL_FEN - 1_000_00)
    assert verify_books(CITY) == []
    assert prove(CITY).findings == ()


def test_a_crash_before_payment_leaves_the_line_and_its_money_reserved() -> None:
    made = case(1)
    approved(made)
    line = line_of(made)
    revoke(line)
    before, again = traces(), {"actor": system_actor(), "at": LATER, "line": line}
    dies("recoveries.reassess:booked", lambda: recoveries.reassess(**again))
    assert (traces(), line_of(made).state) == (before, "approved")
    recoveries.reassess(**again)
    assert line_of(made).state != "approved"
    assert prove(CITY).findings == ()


AFTER_PAYMENT = [point for point in faults.points("recoveries.reassess") if not point.endswith(":booked")]


@pytest.mark.parametrize("point", [*AFTER_PAYMENT, *faults.points("recoveries.open")])
def test_a_crash_while_a_line_is_decided_again_leaves_it_as_it_was(point: str) -> None:
    line = line_of(paid(1))
    revoke(line)
    before = traces()
    again = {"actor": system_actor(), "at": LATER, "line": line}
    dies(point, lambda: recoveries.reassess(**again))
    assert (traces(), RecoveryCase.objects.filter(city_code=CITY).count()) == (before, 0)
    for _ in range(2):
        recoveries.reassess(**again)
    assert case_of(line).amount_fen == FULL_FEN
    assert prove(CITY).findings == ()


@pytest.mark.parametrize("point", faults.points("recoveries.receive"))
def test_a_crash_while_money_that_came_back_is_booked_leaves_it_to_be_booked_once(point: str) -> None:
    line = line_of(paid(1))
    revoke(line)
    recoveries.reassess(actor=system_actor(), at=LATER, line=line)
    opened, officer = case_of(line), actor_with(Role.FUND_OFFICER)
    back = {"amount_fen": FULL_FEN, "received_on": chinese_day(LATER), "bank_reference": "HK1"}
    before = traces()
    dies(point, lambda: recoveries.receive(actor=officer, at=LATER, case=opened, **back))
    assert traces() == before
    recoveries.receive(actor=officer, at=LATER, case=opened, **back)
    opened.refresh_from_db()
    assert (opened.state, prove(CITY).findings) == ("recovered", ())


@pytest.mark.parametrize("point", faults.points("recoveries.set_off"))
def test_a_crash_while_a_payment_is_kept_leaves_both_lines_and_then_keeps_it_once(point: str) -> None:
    made = paid(2, {2: "账号有误"})
    first, second = line_of(made), line_of(made, 1)
    payments.retry_line(actor=made.officer, at=LATER, line=second, same_account=True)
    revoke(first)
    recoveries.reassess(actor=system_actor(), at=LATER, line=first)
    opened, officer = case_of(first), actor_with(Role.FUND_OFFICER)
    on = chinese_day(LATER)
    recoveries.agree(actor=officer, at=LATER, case=opened, way="set_off", first_on=on, note="从下次应付款中抵扣")
    before = traces()
    dies(point, lambda: recoveries.set_off(actor=officer, at=LATER, case=opened, line=line_of(made, 1)))
    assert (traces(), line_of(made, 1).state) == (before, "approved")
    recoveries.set_off(actor=officer, at=LATER, case=opened, line=line_of(made, 1))
    opened.refresh_from_db()
    assert (opened.state, line_of(made, 1).state) == ("recovered", "paid")
    assert ClaimLine.objects.filter(city_code=CITY, state="paid").count() == 2
    assert prove(CITY).findings == ()

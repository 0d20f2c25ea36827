"""Random lives of vouchers against a plain-Python model, with the ledger: at every step the batch's reserved account holds
quota × amount, less what was released, less what was accrued."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from factories.actors import TIANJIN, actor
from factories.funds import account
from factories.vouchers import AT, batch, crowd, worker
from seeds import fresh_seed, size
from zhaoliang.funds.models import Account
from zhaoliang.funds.selectors import verify_books
from zhaoliang.funds.services import post_transfer
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import Refusal, WrongState
from zhaoliang.kernel.roles import Actor, Place, Reach, Role, system_actor
from zhaoliang.vouchers import refusals, selectors, services
from zhaoliang.vouchers.models import Voucher

RUNS, STEPS = size(ci=20, nightly=1_000), size(ci=40, nightly=50)
QUOTA, AMOUNT, PEOPLE = 3, 100_00, 5
LIVE = {"claimed", "used", "verified", "in_claim"}


@act("tests.voucher_model", label="申领步骤", grants={Role.SYSTEM: Reach.ANY}, on="held")
def _claim_step(*, actor: Actor, at: datetime, held: Voucher, step: str, payable: Account, fen: int) -> Voucher:
    """What claims and payments do with a voucher: enter, leave, or accrue its money and redeem it."""
    if step == "enter":
        return services.enter_claim(held)
    if step == "leave":
        return services.leave_claim(held)
    redeemed = services.redeem(held, at=at, reason="补贴已拨付")
    post_transfer(
        kind="accrue",
        debit=held.batch.reserved_account,
        credit=payable,
        amount_fen=fen,
        at=at,
        subject_type="model_line",
        subject_id=held.pk,
        memo="模型",
    )
    return redeemed


class VoucherModel(RuleBasedStateMachine):
    """The model: the state of each person's vouchers, the clock, the batch's state, and two sums of money."""

    def __init__(self) -> None:
        super().__init__()
        self.held = transaction.atomic()
        self.held.__enter__()

    @initialize()
    def publish(self) -> None:
        self.source = batch(quota=QUOTA, amount_fen=AMOUNT)
        self.payable = account("payable", year=2026)
        self.people = crowd(PEOPLE)
        self.officer = actor(Role.FUND_OFFICER)
        self.vouchers: list[Voucher] = []
        self.states: list[str] = []
        self.owners: list[int] = []
        self.batch_state = "open"
        self.at = AT
        self.accrued = self.released = 0

    def tried(self, expected: type[Refusal] | None, call: Callable[..., Any], **terms: Any) -> Any:
        """Call; the platform must do or refuse as the model does. Returns None when both refuse."""
        if expected is None:
            return call(at=self.at, **terms)
        with pytest.raises(expected):
            call(at=self.at, **terms)
        return None

    @rule(who=st.integers(0, PEOPLE - 1), declared=st.sampled_from([True, True, True, False]))
    def claim(self, who: int, declared: bool) -> None:
        expected: type[Refusal] | None = None
        has_one = any(o == who and s != "returned" for o, s in zip(self.owners, self.states, strict=True))
        places = sum(state not in ("returned", "expired") for state in self.states)
        if not declared:
            expected = refusals.NotDeclared
        elif self.batch_state != "open" or self.at > self.source.claim_until:
            expected = refusals.NotOpen
        elif has_one:
            expected = refusals.HasOne
        elif places >= QUOTA:
            expected = refusals.NoneLeft
        person = self.people[who]
        terms = {"actor": worker(person), "person": person, "batch": self.source, "declared": declared}
        made = self.tried(expected, services.claim_voucher, **terms)
        if made is not None:
            self.vouchers.append(made)
            self.states.append("claimed")
            self.owners.append(who)

    @precondition(lambda self: self.vouchers)
    @rule(
        number=st.integers(0, 99),
        action=st.sampled_from(["use", "undo", "return", "verify", "enter", "leave", "redeem"]),
        fen=st.integers(1, AMOUNT),
    )
    def move(self, number: int, action: str, fen: int) -> None:
        index = number % len(self.vouchers)
        voucher, state = self.vouchers[index], self.states[index]
        getattr(self, f"_{action}")(index, voucher, state, fen)

    def _use(self, index: int, voucher: Voucher, state: str, fen: int) -> None:
        expected: type[Refusal] | None = None
        if state in ("used", "verified", "in_claim", "redeemed"):
            expected = refusals.UsedAlready
        elif state != "claimed":
            expected = WrongState
        elif self.at > self.source.use_until:
            expected = refusals.Expired
        project = self.source.project
        terms = {"actor": system_actor(), "voucher": voucher, "provider": project.provider, "project": project}
        if self.tried(expected, services.use_voucher, **terms, class_id=1):
            self.states[index] = "used"

    def _undo(self, index: int, voucher: Voucher, state: str, fen: int) -> None:
        expected = None if state in ("used", "verified") else WrongState
        if self.tried(expected, services.undo_use, actor=system_actor(), voucher=voucher):
            self.states[index] = "claimed"

    def _return(self, index: int, voucher: Voucher, state: str, fen: int) -> None:
        holder = worker(self.people[self.owners[index]])
        expected = None if state == "claimed" else WrongState
        if self.tried(expected, services.return_voucher, actor=holder, voucher=voucher):
            self.states[index] = "returned"

    def _verify(self, index: int, voucher: Voucher, state: str, fen: int) -> None:
        provider = self.source.project.provider
        answer = services.verify_voucher(
            actor=actor(Role.PROVIDER, organisation_id=provider.pk),
            at=self.at,
            place=Place(TIANJIN, TIANJIN, provider.pk),
            code=voucher.code,
            organisation=provider,
            method="typed",
        )
        late = self.at > self.source.use_until
        said = {"claimed": "expired" if late else "good", "used": "verified", "in_claim": "verified"}
        assert answer.answer == said.get(state, state)
        if state == "used":
            self.states[index] = "verified"

    def _enter(self, index: int, voucher: Voucher, state: str, fen: int) -> None:
        self._step(index, voucher, "enter", "verified", "in_claim", fen)

    def _leave(self, index: int, voucher: Voucher, state: str, fen: int) -> None:
        self._step(index, voucher, "leave", "in_claim", "verified", fen)

    def _redeem(self, index: int, voucher: Voucher, state: str, fen: int) -> None:
        if self._step(index, voucher, "redeem", "in_claim", "redeemed", fen):
            self.accrued += fen

    def _step(self, index: int, voucher: Voucher, step: str, source: str, target: str, fen: int) -> bool:
        expected = None if self.states[index] == source else WrongState
        terms = {"actor": system_actor(), "held": voucher, "step": step, "payable": self.payable, "fen": fen}
        if self.tried(expected, _claim_step, **terms) is None:
            return False
        self.states[index] = target
        return True

    @rule(days=st.sampled_from([1, 20, 50]))
    def wait(self, days: int) -> None:
        self.at += timedelta(days=days)

    @rule()
    def strike(self) -> None:
        late = self.at > self.source.use_until
        due = [index for index, state in enumerate(self.states) if state == "claimed" and late]
        done = services.expire_due(actor=system_actor(), at=self.at, place=Place(TIANJIN, TIANJIN))
        assert done == len(due)
        for index in due:
            self.states[index] = "expired"

    @rule(event=st.sampled_from(["suspend", "resume", "close", "settle"]))
    def govern(self, event: str) -> None:
        ways = {
            ("open", "suspend"): "suspended",
            ("suspended", "resume"): "open",
            ("open", "close"): "closed",
            ("suspended", "close"): "closed",
            ("closed", "settle"): "settled",
        }
        target = ways.get((self.batch_state, event))
        expected: type[Refusal] | None = None
        if target is None:
            expected = WrongState
        elif event == "settle" and LIVE & set(self.states):
            expected = refusals.StillAlive
        call = getattr(services, f"{event}_batch")
        if self.tried(expected, call, actor=self.officer, batch=self.source) is not None:
            assert target is not None
            self.batch_state = target
            if event == "settle":
                self.released = QUOTA * AMOUNT - self.accrued

    @invariant()
    def the_database_equals_the_model(self) -> None:
        stored = dict(Voucher.objects.filter(city_code=TIANJIN, batch=self.source).values_list("id", "state"))
        assert [stored[voucher.pk] for voucher in self.vouchers] == self.states
        assert len(stored) == len(self.vouchers)
        found = selectors.funnel(self.source)
        places = sum(state not in ("returned", "expired") for state in self.states)
        assert found["left"] == QUOTA - places
        assert found["held_fen"] == QUOTA * AMOUNT - self.released - self.accrued
        assert (found["accrued_fen"], found["released_fen"]) == (self.accrued, self.released)

    def teardown(self) -> None:
        assert verify_books(TIANJIN) == []
        transaction.set_rollback(True)
        self.held.__exit__(None, None, None)


@pytest.mark.django_db
@pytest.mark.sized
@pytest.mark.mission("C4", "C7", "G2")
def test_random_lives_equal_a_plain_model() -> None:
    run_state_machine_as_test(
        seeded(fresh_seed())(VoucherModel),
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )

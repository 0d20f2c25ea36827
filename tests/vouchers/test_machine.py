"""Random lives of vouchers against a plain-Python model, with the ledger: at every step the batch's reserved account holds
quota × amount, less what was released, less what was accrued."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
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
from factories.funds import account, budget
from factories.voucher_model import changed, governed, places_taken
from factories.vouchers import AT, batch, crowd, worker
from seeds import fresh_seed, size
from zhaoliang.funds.models import Account
from zhaoliang.funds.selectors import verify_books
from zhaoliang.funds.services import post_transfer
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import Refusal, WrongState
from zhaoliang.kernel.roles import Actor, Place, Reach, Role, system_actor
from zhaoliang.vouchers import refusals, selectors, services
from zhaoliang.vouchers.excel import Entry
from zhaoliang.vouchers.models import BatchChange, IssueLine, Voucher

RUNS, STEPS = size(ci=12, nightly=200), size(ci=40, nightly=50)
QUOTA, AMOUNT, PEOPLE = 3, 100_00, 5


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
        money = budget(30 * QUOTA * AMOUNT, year=2026)
        self.source = batch(quota=QUOTA, amount_fen=AMOUNT, budget_account=money)
        self.quota = QUOTA
        self.lists = 0
        self.payable = account("payable", year=2026)
        self.people = crowd(PEOPLE)
        self.officer = actor(Role.FUND_OFFICER)
        self.approver = actor(Role.APPROVER)
        self.vouchers: list[Voucher] = []
        self.states: list[str] = []
        self.owners: list[int] = []
        self.batch_state = "open"
        self.at = AT
        self.accrued = self.released = 0
        self.reserved = QUOTA * AMOUNT

    def tried(self, expected: type[Refusal] | None, call: Callable[..., Any], **terms: Any) -> Any:
        """Call; the platform must do or refuse as the model does. Returns None when both refuse."""
        if expected is None:
            return call(at=self.at, **terms)
        with pytest.raises(expected):
            call(at=self.at, **terms)
        return None

    def has_one(self, who: int) -> bool:
        return any(o == who and s != "returned" for o, s in zip(self.owners, self.states, strict=True))

    def places(self) -> int:
        return places_taken(self.states)

    @rule(who=st.integers(0, PEOPLE - 1), declared=st.sampled_from([True, True, True, False]))
    def claim(self, who: int, declared: bool) -> None:
        expected: type[Refusal] | None = None
        has_one = self.has_one(who)
        if not declared:
            expected = refusals.NotDeclared
        elif self.batch_state != "open" or self.at > self.source.claim_until:
            expected = refusals.NotOpen
        elif has_one:
            expected = refusals.HasOne
        elif self.places() >= self.quota:
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
        action=st.sampled_from(["use", "undo", "return", "verify", "enter", "leave", "redeem", "void"]),
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

    def _void(self, index: int, voucher: Voucher, state: str, fen: int) -> None:
        expected: type[Refusal] | None = None
        if self.batch_state == "settled":
            expected = WrongState
        elif state == "in_claim":
            expected = refusals.InClaim
        elif state not in ("claimed", "used", "verified"):
            expected = WrongState
        if self.changed(expected, None, services.Wish("void", "冒领", voucher=voucher)):
            self.states[index] = "void"

    def changed(
        self, asked: type[Refusal] | None, decided: type[Refusal] | None, wish: services.Wish
    ) -> BatchChange | None:
        """One officer asks, another decides; None when either is refused, as the model expects."""
        made = self.tried(asked, services.propose_change, actor=self.officer, batch=self.source, wish=wish)
        if made is None:
            return None
        done = self.tried(decided, services.approve_change, actor=self.approver, change=made)
        if done is None:
            # Each request reads anew; what a refused approval had set on this object was rolled back with it.
            made.refresh_from_db()
            services.refuse_change(actor=self.officer, at=self.at, change=made)
        self.source.refresh_from_db()
        return done

    @rule(kind=st.sampled_from(["top_up", "shrink", "extend"]), number=st.integers(1, 3))
    def change(self, kind: str, number: int) -> None:
        asked, decided = changed(kind, number, state=self.batch_state, quota=self.quota, taken=self.places())
        later = self.source.use_until + timedelta(days=10 * number)
        wish = services.Wish(kind, "模型", **({"use_until": later} if kind == "extend" else {"quantity": number}))
        if self.changed(asked, decided, wish) is None or kind == "extend":
            return
        self.quota += number if kind == "top_up" else -number
        if kind == "top_up":
            self.reserved += number * AMOUNT
        else:
            self.released += number * AMOUNT

    @rule(who=st.integers(0, PEOPLE - 1))
    def issue(self, who: int) -> None:
        person = self.people[who]
        self.lists += 1
        terms = {
            "actor": self.officer,
            "batch": self.source,
            "entries": (Entry(2, person.name, person.document_type, person.document_number, ""),),
            "file_name": "名单.xlsx",
            "file_hash": str(self.lists),
        }
        # A list that could only be refused line by line is not begun.
        issuing = self.batch_state == "open" and self.at <= self.source.claim_until
        made = self.tried(None if issuing else WrongState, services.draft_issue, **terms)
        if made is None:
            return
        made = services.submit_issue(actor=self.officer, at=self.at, issue=made)
        made = services.approve_issue(actor=self.approver, at=self.at, issue=made)
        assert services.issue_part(actor=self.approver, at=self.at, issue=made) == 1
        line = IssueLine.objects.select_related("voucher").get(city_code=TIANJIN, issue=made)
        if self.has_one(who):
            assert line.state == "held"
        elif self.places() >= self.quota:
            assert line.state == "refused"
        else:
            assert line.state == "issued"
            self.vouchers.append(line.voucher)
            self.states.append("claimed")
            self.owners.append(who)

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
        target, expected = governed(self.batch_state, event, self.states)
        call = getattr(services, f"{event}_batch")
        if self.tried(expected, call, actor=self.officer, batch=self.source) is not None:
            self.batch_state = target
            if event == "settle":
                self.released = self.reserved - self.accrued

    @invariant()
    def the_database_equals_the_model(self) -> None:
        stored = dict(Voucher.objects.filter(city_code=TIANJIN, batch=self.source).values_list("id", "state"))
        assert [stored[voucher.pk] for voucher in self.vouchers] == self.states
        assert len(stored) == len(self.vouchers)
        assert selectors.places_left(TIANJIN, [self.source.pk])[self.source.pk] == self.quota - self.places()
        (held,) = Account.objects.filter(
            city_code=TIANJIN, pk=self.source.reserved_account_id
        ).values_list("balance_fen", flat=True)  # fmt: skip
        assert held == self.reserved - self.released - self.accrued

    def teardown(self) -> None:
        # What every step leaves behind stays: the books and the funnel, which reads them all, are added up once.
        found = selectors.funnel(self.source)
        assert (found["left"], found["held_fen"]) == (
            self.quota - self.places(),
            self.reserved - self.released - self.accrued,
        )
        assert (found["accrued_fen"], found["released_fen"]) == (self.accrued, self.released)
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
            # A failure is printed with its steps and its seed; making it smaller would cost the whole time limit.
            phases=[Phase.generate],
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )

"""Large claims: worked on by statements over all lines, with the outcome of working line by line; as jobs that go on or stop."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import transaction

from factories import jobs as worker
from factories.subsidies import (
    APPROVED,
    ASSESSED,
    CITY,
    FULL_FEN,
    PLANNED,
    PUBLISHED,
    SENIOR,
    WELDER,
    Case,
    case,
    confirmed,
    in_older_order,
    published,
)
from seeds import fresh_seed
from zhaoliang.attendance.models import Attendance
from zhaoliang.certificates.models import Certificate
from zhaoliang.funds.models import Transfer
from zhaoliang.funds.selectors import verify_books
from zhaoliang.kernel.models import StateChange
from zhaoliang.registry.models import GroupMembership, Notice, Person, PersonGrant, PersonStatus
from zhaoliang.subsidies import services, tasks
from zhaoliang.subsidies.models import CheckResult, Claim, ClaimLine
from zhaoliang.subsidies.services import mass
from zhaoliang.vouchers.models import Voucher

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F1", "F2")]


def picture(claim: Claim) -> list[dict[str, Any]]:
    """Everything a claim's lines say, in the order of the roster; without ids that a second play draws anew."""
    shown = []
    for line in (
        ClaimLine.objects.select_related("decision").filter(city_code=CITY, claim=claim).order_by("enrolment_id")
    ):
        decision, checked = line.decision, CheckResult.objects.get(city_code=CITY, pk=line.check_result_id)
        assert decision is not None
        assert decision.claim_line_id == line.pk
        names = ("state", "amount_fen", "payee", "planned_minutes", "credited_minutes", "certificate_id", "voucher_id")
        kept = {name: getattr(line, name) for name in (*names, "alerts", "judgement", "question", "judged_by_user")}
        moves = StateChange.objects.filter(city_code=CITY, machine="claim_line", object_id=line.pk).order_by("id")
        shown.append(
            kept
            | {
                "decision": (decision.policy_version, decision.outcome, decision.amount_fen, decision.paid_to),
                "facts": decision.facts,
                "steps": decision.steps,
                "letters": decision.answers,
                "checked": (checked.answers, {name: said["words"] for name, said in checked.findings.items()}),
                "moves": list(moves.values_list("source", "event", "target")),
            }
        )
    return shown


def played(made: Case, seed: int) -> list[list[dict[str, Any]]]:
    """A claim assembled, handed in with a doubt, judged, and checked again after facts changed; what it said each time."""
    chosen = random.Random(seed)
    claim = services.assemble_claim(actor=made.staff, at=ASSESSED, training_class=made.training_class)
    seen = [picture(claim)]
    rows = list(ClaimLine.objects.filter(city_code=CITY, claim=claim).order_by("enrolment_id"))
    doubted = chosen.choice(rows)
    services.confirm_claim(actor=made.staff, at=ASSESSED, claim=claim, disputes={doubted.pk: "这一条的课时不对"})
    seen.append(picture(claim))
    waiting = [row for row in rows if ClaimLine.objects.get(city_code=CITY, pk=row.pk).state == "to_person"]
    for row in waiting:
        services.judge_line(actor=made.reviewer, at=ASSESSED, line=row, passes=False, text="已看过，不符合")
    for row in rows:
        match chosen.randrange(5):
            case 0:
                PersonStatus.objects.filter(city_code=CITY, person=row.person, kind="pension").update(holds=True)
            case 1:
                Attendance.objects.filter(city_code=CITY, enrolment=row.enrolment).update(
                    credited_minutes=chosen.randrange(PLANNED)
                )
            case 2:
                Certificate.objects.filter(city_code=CITY, person=row.person).update(state="revoked")
            case 3:
                PersonStatus.objects.filter(city_code=CITY, person=row.person).update(source="另一次比对")
            case _:
                pass
    services.run_checks(actor=made.reviewer, at=ASSESSED, claim=claim)
    return [*seen, picture(claim)]


def test_many_lines_at_once_come_to_what_single_lines_come_to(
    monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    settings.REVIEW_SAMPLE_PERMILLE = 0
    seed = fresh_seed()
    chosen = random.Random(seed)
    places = range(5)
    made = case(
        len(places),
        attended={place: chosen.randrange(PLANNED + 1) for place in places if chosen.random() < 0.5},
        failed=frozenset(place for place in places if chosen.random() < 0.2),
        uncertified=frozenset(place for place in places if chosen.random() < 0.2),
    )
    results = []
    for large in (10**9, 0):
        monkeypatch.setattr(mass, "LARGE", large)
        with transaction.atomic():
            results.append(played(made, seed))
            transaction.set_rollback(True)
    singly, at_once = results
    assert at_once == singly


def approved_claim(made: Case) -> dict[str, Any]:
    """A published claim approved after facts changed: what its lines, the books, the register and the people then say."""
    claim = published(made)
    refused, elsewhere, beyond, *_ = made.people
    PersonStatus.objects.filter(city_code=CITY, person=refused, kind="pension").update(holds=True)
    PersonGrant.objects.create(
        person_id=elsewhere.pk,
        scheme="training",
        occupation_code=WELDER,
        level=SENIOR,
        city_code=370900,
        fund_source="employment_subsidy",
        granted_on=date(2026, 7, 9),
        source="泰安",
    )
    # Of one voucher only a share is reserved: the rest is owed by the budget.
    Voucher.objects.filter(city_code=CITY, person=beyond).update(amount_fen=1_000_00)
    claim = services.approve_claim(actor=made.approver, at=APPROVED, claim=claim)
    lines = ClaimLine.objects.select_related("decision", "voucher").filter(city_code=CITY, claim=claim)
    place = {line.pk: number for number, line in enumerate(lines.order_by("enrolment_id"))}
    moved = Transfer.objects.filter(city_code=CITY, kind="accrue", subject_id__in=place).order_by("id")
    grants = PersonGrant.objects.filter(claim_line_id__in=place, city_code=CITY).order_by("person_id")
    columns = ("debit__code", "credit__code", "amount_fen", "subject_type", "subject_id", "memo")
    return {
        "claim": (claim.state, claim.approved_at, claim.approved_by_user),
        "lines": [
            (
                one.state,
                one.amount_fen,
                one.refusal,
                one.decision and one.decision.outcome,
                one.voucher and one.voucher.state,
            )
            for one in lines.order_by("enrolment_id")
        ],
        "moves": sorted(
            (place[one], event)
            for one, event in StateChange.objects.filter(
                city_code=CITY, machine="claim_line", object_id__in=place, at=APPROVED
            ).values_list("object_id", "event")
        ),
        "books": [
            (debit, credit, fen, kind, place[line], memo.replace(str(line), "-"))
            for debit, credit, fen, kind, line, memo in moved.values_list(*columns)
        ],
        "register": list(
            grants.values_list(
                "person_id",
                "scheme",
                "occupation_code",
                "level",
                "certificate_number",
                "fund_source",
                "granted_on",
                "source",
            )
        ),
        "told": sorted(Notice.objects.filter(city_code=CITY, at=APPROVED).values_list("kind", "title", "text")),
        "wrong": verify_books(CITY),
    }


@pytest.mark.mission("F4")
def test_a_large_claim_is_approved_as_its_lines_would_be_one_by_one(
    monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    settings.REVIEW_SAMPLE_PERMILLE = 0
    made = case(5)
    results = []
    for large in (10**9, 0):
        monkeypatch.setattr(mass, "LARGE", large)
        with transaction.atomic():
            results.append(approved_claim(made))
            transaction.set_rollback(True)
    singly, at_once = results
    assert at_once == singly
    assert [state for state, *_ in singly["lines"]] == ["refused", "refused", "approved", "approved", "approved"]
    assert [row[2:4] for row in singly["books"] if row[4] == 2] == [
        (1_000_00, "claim_line"),
        (FULL_FEN - 1_000_00, "claim_line.excess"),
    ]
    assert (len(singly["books"]), len(singly["register"]), singly["wrong"]) == (4, 3, [])


SINGLY_AND_AT_ONCE = pytest.mark.parametrize("large", [10**9, 0], ids=["singly", "at once"])


def line_of(claim: Claim, person: Person) -> ClaimLine:
    return ClaimLine.objects.select_related("decision").get(city_code=CITY, claim=claim, person=person)


def judged(made: Case) -> tuple[Claim, ClaimLine]:
    """A claim in first review with a line that a person judged."""
    GroupMembership.objects.filter(city_code=CITY, person=made.people[0]).update(evidence="declared")
    claim = confirmed(made)
    line = line_of(claim, made.people[0])
    services.judge_line(actor=made.reviewer, at=ASSESSED, line=line, passes=True, text="已核对证明原件")
    return claim, line


@SINGLY_AND_AT_ONCE
def test_a_judgement_outlives_a_release_that_keeps_the_same_facts_in_another_shape(
    large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mass, "LARGE", large)
    made = case(2)
    claim, line = judged(made)
    decision = line.decision
    assert decision is not None
    older = in_older_order(decision)
    assert older.facts == decision.facts
    services.run_checks(actor=made.reviewer, at=ASSESSED, claim=claim)
    kept = line_of(claim, made.people[0])
    assert (kept.state, kept.judgement, kept.decision_id) == ("passed", "已核对证明原件", older.pk)
    # What really changed opens it again.
    Attendance.objects.filter(city_code=CITY, enrolment_id=line.enrolment_id).update(credited_minutes=PLANNED - 45)
    services.run_checks(actor=made.reviewer, at=ASSESSED, claim=claim)
    opened = line_of(claim, made.people[0])
    assert (opened.state, opened.judgement) == ("to_person", "")


@SINGLY_AND_AT_ONCE
def test_a_line_that_is_decided_anew_rests_on_the_rows_of_now(large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mass, "LARGE", large)
    made = case(2)
    claim, line = judged(made)
    earlier = line.decision
    held = GroupMembership.objects.get(city_code=CITY, person=made.people[0])
    assert earlier is not None
    assert held.pk in earlier.rows
    # The same proof entered once more in the place of the first: nothing to decide.
    held.delete()
    held.pk = None
    held.save(force_insert=True)
    services.run_checks(actor=made.reviewer, at=ASSESSED, claim=claim)
    line = line_of(claim, made.people[0])
    assert line.decision is not None
    assert held.pk in line.decision.rows
    assert line.decision.facts == earlier.facts


def test_a_large_claim_is_a_job_that_is_done_once_or_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mass, "LARGE", 0)
    made = case(2)
    given = {"actor": made.staff, "at": ASSESSED, "subject": made.training_class}
    row = tasks.assemble_many.start(**given)
    assert tasks.assemble_many.start(**given) == row
    row.cancel_asked = True
    row.save(update_fields=["cancel_asked"])
    worker.run_waiting(ASSESSED)
    row.refresh_from_db()
    assert row.state == "cancelled"
    assert not Claim.objects.filter(city_code=CITY, training_class=made.training_class).exists()
    assert set(
        Voucher.objects.filter(city_code=CITY, class_id=made.training_class.pk).values_list("state", flat=True)
    ) == {"verified"}
    again = tasks.assemble_many.start(**given)
    worker.run_waiting(ASSESSED)
    again.refresh_from_db()
    assert (again.state, again.refusal) == ("done", {})
    claim = Claim.objects.get(city_code=CITY, pk=again.result["claim"])
    assert ClaimLine.objects.filter(city_code=CITY, claim=claim, state="passed").count() == 2
    rechecked = tasks.recheck_many.start(actor=made.staff, at=ASSESSED, subject=claim)
    worker.run_waiting(ASSESSED)
    rechecked.refresh_from_db()
    assert (rechecked.state, rechecked.refusal) == ("done", {})
    handed = tasks.confirm_many.start(actor=made.staff, at=ASSESSED, subject=claim, disputes={})
    worker.run_waiting(ASSESSED)
    handed.refresh_from_db()
    claim.refresh_from_db()
    assert (handed.state, handed.parameters, claim.state) == ("done", {}, "first_review")
    services.pass_first(actor=made.reviewer, at=PUBLISHED, claim=claim)
    services.pass_second(actor=made.second, at=PUBLISHED, claim=claim)
    approving = tasks.approve_many.start(actor=made.approver, at=APPROVED, subject=claim)
    worker.run_waiting(APPROVED)
    approving.refresh_from_db()
    claim.refresh_from_db()
    assert (approving.state, approving.refusal, claim.state) == ("done", {}, "approved")

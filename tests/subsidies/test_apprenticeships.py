"""Apprenticeship money: agreement, advance, settlement after completion, and the advance of who dropped out taken back.

Nanping (南平市) is the place: half of the yearly 6,000 yuan of a senior worker ahead, the rest after completion, the half back
where the apprentice does not finish. No text of the library sets its publicity, so the test says five working days.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from factories import registry
from factories.apprentices import BEGIN, HALF_AHEAD, NANPING, SHIJIAZHUANG, apprentices, schemed, signed
from factories.lawbook import in_force
from factories.people import Bureau, paid
from factories.subsidies import APPROVED, ASSESSED, CITY, Case
from zhaoliang import policy
from zhaoliang.apprenticeships.selectors import agreements_of, progress, scheme_of
from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.classes.services.roster import drop_enrolment
from zhaoliang.kernel.days import day_start
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.models import StateChange
from zhaoliang.kernel.roles import Role
from zhaoliang.policy import Outcome
from zhaoliang.recoveries.models import RecoveryCase
from zhaoliang.recoveries.proof import prove
from zhaoliang.recoveries.services import reassess
from zhaoliang.recoveries.tasks import look_again
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.registry.models import Notice, PersonGrant
from zhaoliang.subsidies import services
from zhaoliang.subsidies.clocks import Deadline
from zhaoliang.subsidies.kind_facts import months_lasted
from zhaoliang.subsidies.materials import materials
from zhaoliang.subsidies.models import Claim, ClaimLine

pytestmark = [pytest.mark.django_db, pytest.mark.mission("M1")]


@pytest.fixture(autouse=True)
def publicity(monkeypatch: pytest.MonkeyPatch) -> None:
    def counted(claim: Claim, clock: str, day: date) -> Deadline:
        return Deadline(5, day + timedelta(days=7), lawbook().citation("cn/renshebufa-2021-39#5.1"))

    monkeypatch.setattr("zhaoliang.subsidies.services.review.deadline", counted)


def lines(claim: Claim) -> list[ClaimLine]:
    rows = ClaimLine.objects.select_related("decision", "claim__training_class__project")
    return list(rows.filter(city_code=CITY, claim=claim).order_by("id"))


def through(claim: Claim, made: Case, desk: Bureau, at: datetime, region: int = NANPING) -> Claim:
    claim = services.confirm_claim(actor=made.staff, at=at, claim=claim)
    for line in lines(claim):
        if line.state == "to_person":
            services.judge_line(actor=desk.reviewer, at=at, line=line, passes=True, text="已核对工资发放凭证。")
    claim = services.pass_first(actor=desk.reviewer, at=at, claim=claim)
    second = registry.actor_with(Role.APPROVER, person=registry.person(), region_code=region)
    claim = services.pass_second(actor=second, at=at, claim=claim)
    claim = services.approve_claim(actor=desk.approver, at=at + timedelta(days=9), claim=claim)
    paid(claim, desk, at + timedelta(days=10), region)
    return claim


def test_half_ahead_the_rest_after_completion_and_back_from_who_dropped_out() -> None:
    made, desk = apprentices(3)
    schemed(made)
    for enrolment in made.enrolments:
        signed(made, enrolment)
    claim = services.assemble_advance(actor=made.staff, at=BEGIN, training_class=made.training_class)
    assert [(line.state, line.amount_fen, line.payee) for line in lines(claim)] == [
        ("passed", 300_000, "enterprise")
    ] * 3
    through(claim, made, desk, BEGIN)
    assert PersonGrant.objects.filter(scheme="apprenticeship").count() == 3

    gone = lines(claim)[2]
    assert gone.state == "paid"
    drop_enrolment(actor=made.staff, at=ASSESSED, enrolment=made.enrolments[2], reason="离职")
    difference = reassess(actor=desk.reviewer, at=ASSESSED, line=gone)
    assert difference is not None
    assert (difference.before_fen, difference.after_fen) == (300_000, 0)
    assert RecoveryCase.objects.get(city_code=CITY, claim_line=gone).amount_fen == 300_000
    assert reassess(actor=desk.reviewer, at=ASSESSED, line=lines(claim)[0]) is None

    TrainingClass.objects.filter(city_code=CITY, pk=made.training_class.pk).update(state="assessed")
    Enrolment.objects.filter(city_code=CITY, training_class=made.training_class, state="attending").update(
        state="completed"
    )
    settlement = services.assemble_claim(actor=made.staff, at=ASSESSED, training_class=made.training_class)
    assert settlement.kind == "apprenticeship"
    assert [line.state for line in lines(settlement)] == ["to_person"] * 2
    asked = {one.kind for one in materials(settlement, lines(settlement))}
    assert asked == {"video", "receipt", "payroll"}
    for kind in ("video", "receipt", "payroll"):
        services.add_evidence(
            actor=made.staff, at=ASSESSED, claim=settlement, kind=kind, file_name=f"{kind}.pdf", content=kind.encode()
        )
    [first, _] = lines(settlement)
    assert first.decision is not None
    made_now = policy.Decision.from_json(first.decision.record)
    assert [one.rule_id for one in made_now.with_outcome(Outcome.CANNOT_TELL)] == ["apprentice_wage"]
    through(settlement, made, desk, APPROVED)
    # 6,000 yuan less the 3,000 paid ahead, once in the national register.
    assert [(line.state, line.amount_fen) for line in lines(settlement)] == [("paid", 300_000)] * 2
    assert PersonGrant.objects.filter(scheme="apprenticeship").count() == 3
    made.training_class.refresh_from_db()
    assert made.training_class.state == "closed"


def test_an_agreement_keeps_to_the_clauses_and_an_advance_to_the_class() -> None:
    made, _ = apprentices(1)
    with pytest.raises(Refusal) as refused:
        signed(made, made.enrolments[0], months=11)
    assert refused.value.clause is not None
    assert (refused.value.clause.number, refused.value.clause.ref) == ("人社部发〔2021〕39号", "四（二）")
    # One class, one scheme, two bases: without them nothing is paid ahead.
    with pytest.raises(Refusal, match="培养方案和双基地") as without:
        services.assemble_advance(actor=made.staff, at=BEGIN, training_class=made.training_class)
    assert without.value.clause is not None
    with pytest.raises(BadInput) as missing:
        schemed(made, school_base="", goals=" ")
    assert set(missing.value.fields) == {"school_base", "goals"}
    schemed(made)
    assert schemed(made, school_base="", own_centre=True) == scheme_of(made.training_class)
    with pytest.raises(Refusal, match="还没有登记培养协议"):
        services.assemble_advance(actor=made.staff, at=BEGIN, training_class=made.training_class)
    assert signed(made, made.enrolments[0]).notes == []
    with pytest.raises(Refusal, match="已经有培养协议"):
        signed(made, made.enrolments[0])
    [agreement] = agreements_of(CITY, [made.enrolments[0].pk]).values()
    gone = progress(agreement, date(2026, 6, 15), date(2026, 12, 14), (10_000, 1_000))
    assert (gone.months, gone.of_months, gone.behind) == (5, 12, True)
    assert progress(agreement, date(2026, 6, 15), date(2028, 1, 1), (10_000, 8_000)).months == 12
    assert not progress(agreement, date(2026, 6, 15), date(2026, 12, 15), (10_000, 2_500)).behind
    TrainingClass.objects.filter(city_code=CITY, pk=made.training_class.pk).update(state="ended")
    made.training_class.refresh_from_db()
    with pytest.raises(Refusal, match="这个班已经结束"):
        schemed(made)
    with pytest.raises(Refusal, match="还没有结束的学徒班"):
        services.assemble_advance(actor=made.staff, at=BEGIN, training_class=made.training_class)


@pytest.mark.parametrize(
    ("first", "last", "agreed", "months"),
    [
        (date(2024, 9, 2), date(2025, 8, 29), 12, 12),
        (date(2024, 9, 1), date(2025, 8, 31), 12, 12),
        (date(2024, 9, 1), date(2025, 8, 31), 24, 12),
        (date(2024, 9, 1), date(2025, 7, 31), 12, 11),
        (date(2024, 9, 1), date(2025, 11, 30), 24, 15),
        (date(2024, 9, 1), date(2026, 11, 15), 24, 26),
        (date(2024, 9, 1), date(2025, 3, 20), 12, 6),
        (date(2024, 9, 1), date(2025, 3, 20), 0, 6),
    ],
)
def test_a_class_some_days_short_at_its_ends_lasted_as_long_as_agreed(
    first: date, last: date, agreed: int, months: int
) -> None:
    assert months_lasted(first, last + timedelta(days=1), agreed) == months


def test_a_settlement_below_the_advance_becomes_a_recovery_case_by_itself() -> None:
    # The nation's 5,000 a year, half ahead, three months taught: 1,250 are due, 1,250 come back.
    in_force("cn-13-01/xuetuzhi/2026-01-01.yaml", HALF_AHEAD)
    made, desk = apprentices(2, SHIJIAZHUANG)
    schemed(made)
    for enrolment in made.enrolments:
        signed(made, enrolment)
    claim = services.assemble_advance(actor=made.staff, at=BEGIN, training_class=made.training_class)
    through(claim, made, desk, BEGIN, SHIJIAZHUANG)
    assert look_again(CITY, SHIJIAZHUANG, ASSESSED) == 0
    # Filed for a year, ended after three months: the actual time counts.
    TrainingClass.objects.filter(city_code=CITY, pk=made.training_class.pk).update(state="assessed")
    StateChange.objects.create(
        city_code=CITY,
        machine="class",
        object_id=made.training_class.pk,
        source="running",
        event="end",
        target="ended",
        at=day_start(made.training_class.starts_on + timedelta(days=91)),
    )
    Enrolment.objects.filter(city_code=CITY, training_class=made.training_class).update(state="completed")
    settlement = services.assemble_claim(actor=made.staff, at=ASSESSED, training_class=made.training_class)
    for line in lines(settlement):
        assert line.decision is not None
        assert (line.state, line.amount_fen, line.decision.amount_fen) == ("refused", 0, -125_000)
    # Nothing is wanted back before the settlement is reviewed, published and approved.
    assert look_again(CITY, SHIJIAZHUANG, ASSESSED) == 0
    for kind in ("video", "receipt", "payroll"):
        if kind in {one.kind for one in materials(settlement, lines(settlement))}:
            services.add_evidence(
                actor=made.staff, at=ASSESSED, claim=settlement, kind=kind, file_name=f"{kind}.pdf", content=b"x"
            )
    settlement = services.confirm_claim(actor=made.staff, at=ASSESSED, claim=settlement)
    settlement = services.pass_first(actor=desk.reviewer, at=ASSESSED, claim=settlement)
    second = registry.actor_with(Role.APPROVER, person=registry.person(), region_code=SHIJIAZHUANG)
    settlement = services.pass_second(actor=second, at=ASSESSED, claim=settlement)
    services.approve_claim(actor=desk.approver, at=APPROVED, claim=settlement)
    assert look_again(CITY, SHIJIAZHUANG, APPROVED) == 2
    cases = list(RecoveryCase.objects.filter(city_code=CITY).order_by("id"))
    assert [(one.state, one.amount_fen) for one in cases] == [("noticed", 125_000)] * 2
    assert [(one.difference.before_fen, one.difference.after_fen) for one in cases] == [(250_000, 125_000)] * 2
    assert all(one.clause for one in cases)
    assert Notice.objects.filter(city_code=CITY, kind="recovery", organisation=made.provider).count() == 2
    # Once: the next night finds nothing more, and the books agree.
    assert look_again(CITY, SHIJIAZHUANG, APPROVED) == 0
    assert prove(CITY).findings == ()
    made.training_class.refresh_from_db()
    assert made.training_class.state == "closed"

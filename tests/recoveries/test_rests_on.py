"""Lines of the kinds decided one by one: whatever is another than when they were decided is found, whenever it was entered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from factories.funds import budget
from factories.lawbook import in_force
from factories.people import APPLIED, FUND, Bureau, bureau, grouped, holder, insured, paid, to_approval, worker
from factories.recoveries import LATER, attended, corrected
from factories.subsidies import APPROVED, CITY, HEPING, PLANNED, SENIOR, approved, case
from zhaoliang import policy
from zhaoliang.kernel.roles import system_actor
from zhaoliang.recoveries.finding import lines_with_changed_facts
from zhaoliang.recoveries.models import Difference, RecoveryCase
from zhaoliang.recoveries.proof import prove
from zhaoliang.recoveries.tasks import look_again
from zhaoliang.registry.models import GroupMembership, Person, PersonGrant
from zhaoliang.registry.services import record_status, report_grant
from zhaoliang.subsidies.models import ClaimLine, PaymentDue
from zhaoliang.subsidies.services import apply_for, later

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G5", "F5")]

HOUR_FEN = 800


def an_allowance_by_the_hour() -> None:
    """The city's living allowance, which is one sum, as other provinces give it: for each hour attended."""
    path = "cn-12/jinrenshe-2022-20/2022-08-01.yaml"
    text = (settings.POLICIES / path).read_text()
    for before, after in (
        ("unit: fen, says: 一次性生活费补贴, value: 100000", f"unit: fen/hours, says: 生活费补贴, value: {HOUR_FEN}"),
        ("    base: living_allowance\n", "    base: living_allowance * attended_hours\n"),
    ):
        assert text.count(before) == 1
        text = text.replace(before, after)
    in_force(path, text)


@dataclass
class Allowance:
    """A living allowance, with the training it follows and who pays it."""

    line: ClaimLine
    training: ClaimLine
    desk: Bureau


def applied() -> Allowance:
    an_allowance_by_the_hour()
    made = case(1, group="07")
    grouped(made.people[0], "07", date(2026, 1, 1))
    desk = Bureau(made.reviewer, made.approver, made.officer, made.finance)
    paid(approved(made), desk, APPROVED)
    training = ClaimLine.objects.get(city_code=CITY, kind="training")
    person = made.people[0]
    line = apply_for(actor=worker(person), at=APPROVED, person=person, kind="living", training=training)
    return Allowance(line, training, desk)


def upgraded() -> ClaimLine:
    """A skill-upgrade subsidy of 2,000 yuan that arrived."""
    person, certificate = holder(as_of=date(2025, 11, 10))
    budget(10_000_000, region_code=HEPING, fund_source=FUND, year=2025)
    line = apply_for(actor=worker(person), at=APPLIED, person=person, kind="skill_upgrade", certificate=certificate)
    desk = bureau()
    paid(to_approval(line.claim, desk, APPLIED), desk, APPLIED + timedelta(days=20))
    line.refresh_from_db()
    assert (line.state, line.amount_fen) == ("paid", 200_000)
    return line


def insured_in_an_old_import(person: Person) -> None:
    """Eleven months, which are too few, by an import that was begun five days before the decision."""
    insured(person, months=11, as_of=date(2025, 11, 20), at=APPLIED - timedelta(days=5))


def elsewhere(person: Person, occupation: str, level: int, on: date = date(2025, 2, 3)) -> PersonGrant:
    return report_grant(
        actor=system_actor(),
        at=LATER,
        person=person,
        scheme="skill_upgrade",
        occupation_code=occupation,
        level=level,
        city_code=310000,
        certificate_number="",
        fund_source=FUND,
        granted_on=on,
        source="外省",
    )


def found() -> list[int]:
    return lines_with_changed_facts(CITY, HEPING)


def moved(line: ClaimLine) -> list[tuple[str, int]]:
    rows = Difference.objects.filter(city_code=CITY, claim_line=line).order_by("id")
    return list(rows.values_list("action", "change_fen"))


def test_minutes_corrected_after_payment_move_a_living_allowance_by_the_hours_that_were_wrong() -> None:
    made = applied()
    line = made.line
    paid(to_approval(line.claim, made.desk, APPROVED), made.desk, APPROVED + timedelta(days=20))
    line.refresh_from_db()
    assert (line.state, line.amount_fen) == ("paid", 120 * HOUR_FEN)
    assert found() == []
    # Ten lessons were signed for by somebody else.
    attended(line, PLANNED - 450)
    assert found() == [made.training.pk, line.pk]
    look_again(CITY, HEPING, LATER)
    assert moved(line) == [("recovery", -10 * HOUR_FEN)]
    line.refresh_from_db()
    assert line.credited_minutes == PLANNED - 450
    assert RecoveryCase.objects.get(city_code=CITY, claim_line=line).amount_fen == 10 * HOUR_FEN
    assert found() == []
    # One of the two officers was wrong: five lessons less are taken back.
    attended(line, PLANNED - 225)
    look_again(CITY, HEPING, LATER + timedelta(days=3))
    assert moved(line)[1:] == [("settled", 5 * HOUR_FEN)]
    assert RecoveryCase.objects.get(city_code=CITY, claim_line=line).owed_fen == 5 * HOUR_FEN
    assert found() == []
    assert prove(CITY).findings == ()


def test_more_minutes_than_were_known_top_a_living_allowance_up() -> None:
    made = applied()
    attended(made.line, PLANNED - 450)
    # What was corrected between the application and its review is reviewed.
    claim = to_approval(made.line.claim, made.desk, APPROVED)
    paid(claim, made.desk, APPROVED + timedelta(days=20))
    line = made.line
    line.refresh_from_db()
    assert (line.state, line.amount_fen, line.credited_minutes) == ("paid", 110 * HOUR_FEN, PLANNED - 450)
    attended(line, PLANNED)
    look_again(CITY, HEPING, LATER)
    assert moved(line) == [("top_up", 10 * HOUR_FEN)]
    assert PaymentDue.objects.get(city_code=CITY, claim_line=line).amount_fen == 10 * HOUR_FEN
    assert found() == []


def test_minutes_of_a_living_allowance_that_an_earlier_release_decided_are_seen_too() -> None:
    made = applied()
    paid(to_approval(made.line.claim, made.desk, APPROVED), made.desk, APPROVED + timedelta(days=20))
    ClaimLine.objects.filter(city_code=CITY, pk=made.line.pk).update(rests_on=None)
    assert found() == []
    attended(made.line, PLANNED - 450)
    assert made.line.pk in found()
    look_again(CITY, HEPING, LATER)
    assert moved(made.line) == [("recovery", -10 * HOUR_FEN)]
    assert found() == []


def test_a_grant_that_another_place_reports_late_takes_the_subsidy_back_given_back_gives_it_again_and_given_again_takes_it() -> (
    None
):
    line = upgraded()
    assert found() == []
    grant = elsewhere(line.person, line.occupation_id, SENIOR + 1)
    assert found() == [line.pk]
    assert look_again(CITY, HEPING, LATER) == 1
    assert moved(line) == [("recovery", -200_000)]
    assert found() == []
    PersonGrant.objects.filter(pk=grant.pk).update(withdrawn_on=LATER.date())
    assert look_again(CITY, HEPING, LATER + timedelta(days=3)) == 1
    assert moved(line)[1:] == [("settled", 200_000)]
    assert found() == []
    # As `restore_grant` does it.
    PersonGrant.objects.filter(pk=grant.pk).update(withdrawn_on=None)
    assert found() == [line.pk]
    assert look_again(CITY, HEPING, LATER + timedelta(days=6)) == 1
    assert moved(line)[2:] == [("recovery", -200_000)]
    assert found() == []
    assert prove(CITY).findings == ()


def test_a_grant_after_the_lines_own_is_not_its_matter() -> None:
    line = upgraded()
    elsewhere(line.person, line.occupation_id, SENIOR + 1, on=date(2026, 7, 1))
    assert found() == []


# What an import that was begun days before a line's decision wrote only afterwards.
LATE: dict[str, tuple[Callable[[Person], object], list[tuple[str, int]]]] = {
    "an answer of the insurance register": (
        insured_in_an_old_import,
        [("recovery", -200_000)],
    ),
    "a status that changes nothing": (
        lambda person: record_status(
            actor=system_actor(),
            at=APPLIED - timedelta(days=5),
            person=person,
            kind="student",
            holds=False,
            source="学籍比对",
            checked_on=date(2025, 11, 25),
        ),
        [],
    ),
}


@pytest.mark.parametrize("what", LATE)
def test_what_an_import_of_days_writes_after_a_decision_is_seen_whenever_it_was_begun(what: str) -> None:
    writes, follows = LATE[what]
    line = upgraded()
    assert found() == []
    writes(line.person)
    assert found() == [line.pk]
    assert look_again(CITY, HEPING, LATER) == len(follows)
    assert moved(line) == follows
    # Looked at once, and neither the night after nor later.
    assert found() == []
    assert look_again(CITY, HEPING, LATER + timedelta(days=1)) == 0


def test_a_group_put_right_in_its_row_is_seen_though_nothing_was_entered() -> None:
    made = applied()
    paid(to_approval(made.line.claim, made.desk, APPROVED), made.desk, APPROVED + timedelta(days=20))
    GroupMembership.objects.filter(city_code=CITY, person=made.line.person, group="07").update(
        valid_to=date(2026, 2, 1)
    )
    assert made.line.pk in found()


def test_a_line_that_an_earlier_release_decided_is_found_by_when_things_were_entered_and_has_a_mark_afterwards() -> (
    None
):
    line = upgraded()
    ClaimLine.objects.filter(city_code=CITY, pk=line.pk).update(rests_on=None)
    look_again(CITY, HEPING, LATER - timedelta(days=3))
    assert moved(line) == []
    ClaimLine.objects.filter(city_code=CITY, pk=line.pk).update(rests_on=None)
    assert found() == []
    insured(line.person, months=11, at=LATER)
    assert found() == [line.pk]
    assert look_again(CITY, HEPING, LATER) == 1
    assert moved(line) == [("recovery", -200_000)]
    # Not for a day more: it keeps a mark now.
    assert found() == []
    line.refresh_from_db()
    assert line.rests_on is not None


def test_a_look_that_the_texts_broke_off_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    line = upgraded()
    insured_in_an_old_import(line.person)

    def gone(*_: object) -> None:
        raise policy.PolicyVersionGone("stored a, kept b")

    with monkeypatch.context() as patched:
        patched.setattr(later, "decide", gone)
        assert look_again(CITY, HEPING, LATER) == 1
        assert moved(line) == [("ask", 0)]
        assert found() == [line.pk]
    assert look_again(CITY, HEPING, LATER + timedelta(days=1)) == 1
    assert moved(line)[1:] == [("recovery", -200_000)]


def test_a_correction_by_two_people_is_not_undone_by_the_mark() -> None:
    line = upgraded()
    insured_in_an_old_import(line.person)
    look_again(CITY, HEPING, LATER)
    corrected(line, 200_000)
    assert moved(line) == [("recovery", -200_000), ("settled", 200_000)]
    assert found() == []


def test_a_night_reads_lines_decided_one_by_one_in_as_many_statements_whatever_their_number() -> None:
    upgraded()
    with CaptureQueriesContext(connection) as one:
        found()
    upgraded()
    upgraded()
    with CaptureQueriesContext(connection) as three:
        found()
    assert len(three) == len(one)

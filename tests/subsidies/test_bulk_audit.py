"""A whole region decided again at once: what differs is stored beside, nothing moves, nothing is stored twice."""

from __future__ import annotations

import shutil
import threading
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Count

from concurrency import at_once
from factories import registry
from factories.subsidies import ASSESSED, CITY, FULL_FEN, HEPING, assembled, case, confirmed
from zhaoliang.kernel.errors import Forbidden
from zhaoliang.kernel.roles import Place, Role, system_actor
from zhaoliang.policy import PolicyStore
from zhaoliang.registry.lawbook import lawbook, policies_for
from zhaoliang.registry.models import PersonStatus
from zhaoliang.subsidies import selectors, services, stored
from zhaoliang.subsidies.judging import bases, sheet_of, sheets
from zhaoliang.subsidies.models import ClaimLine, Decision
from zhaoliang.subsidies.past import columns
from zhaoliang.subsidies.services.audit import audit_region, compare

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F2", "F3")]


def audit(place: Place | None = None) -> int:
    return audit_region(actor=system_actor(), at=ASSESSED, place=place or Place(CITY, CITY), workers=1)


def test_an_audit_stores_what_differs_once_and_moves_nothing() -> None:
    made = case(3)
    confirmed(made)
    assert audit() == 0
    PersonStatus.objects.filter(city_code=CITY, person=made.people[0], kind="pension").update(holds=True)
    line = ClaimLine.objects.get(city_code=CITY, person=made.people[0])
    found = compare(CITY, CITY)
    assert (found["pass", "fail"].lines, found["pass", "fail"].examples) == (1, (line.pk,))
    assert (found["pass", "fail"].fen_before, found["pass", "pass"].fen_after) == (FULL_FEN, 2 * FULL_FEN)
    assert audit() == 1
    assert audit() == 0
    after = ClaimLine.objects.get(city_code=CITY, pk=line.pk)
    assert (after.state, after.amount_fen, after.decision_id) == ("passed", FULL_FEN, line.decision_id)
    latest = selectors.decisions_of(line)[0]
    assert (latest.outcome, latest.payee) == ("fail", "provider")
    assert latest.evidence["pension_drawn"]["type"] == "registry.personstatus"
    assert [one["rule_id"] for one in latest.record["results"] if one["outcome"] == "fail"] == ["not_drawing_pension"]


def test_a_city_audited_in_many_slices_misses_nobody_and_decides_nobody_twice() -> None:
    made = case(5)
    confirmed(made)
    PersonStatus.objects.filter(city_code=CITY, person__in=made.people[1:4], kind="pension").update(holds=True)
    ranges = selectors.line_people(CITY, 2)
    assert len(ranges) > 1
    assert all(first <= last < following for (first, last), (following, _) in pairwise(ranges))
    place = Place(CITY, CITY)
    assert audit_region(actor=system_actor(), at=ASSESSED, place=place, workers=1, size=2) == 3
    assert audit_region(actor=system_actor(), at=ASSESSED, place=place, workers=1, size=2) == 0


def decisions_of_lines() -> set[int]:
    """How many decisions the city's lines have, each number once."""
    lines = Decision.objects.filter(city_code=CITY).values("claim_line_id")
    return set(lines.annotate(made=Count("id")).values_list("made", flat=True))


@pytest.mark.commits
def test_connections_that_share_an_audit_decide_everybody_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.audit, "PART", 2)
    made = case(14)
    confirmed(made)
    place = Place(CITY, CITY)
    for turn, holds in enumerate((True, False, True), 2):
        PersonStatus.objects.filter(city_code=CITY, kind="pension").update(holds=holds)
        # Two slices in ranges of two lines, each shared by three.
        assert audit_region(actor=system_actor(), at=ASSESSED, place=place, workers=3, size=3) == 14
        assert decisions_of_lines() == {turn}


@pytest.mark.commits
def test_who_breaks_off_a_shared_audit_leaves_his_lines_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.audit, "PART", 2)
    nobody_yet, meet = threading.Lock(), services.audit.Turn.meet

    def breaking(turn: services.audit.Turn) -> None:
        if nobody_yet.acquire(blocking=False):
            raise RuntimeError("the first that has decided its lines breaks off")
        meet(turn)

    made = case(14)
    confirmed(made)
    PersonStatus.objects.filter(city_code=CITY, kind="pension").update(holds=True)
    place = Place(CITY, CITY)
    with monkeypatch.context() as patch:
        patch.setattr(services.audit.Turn, "meet", breaking)
        with pytest.raises(RuntimeError, match="breaks off"):
            audit_region(actor=system_actor(), at=ASSESSED, place=place, workers=3, size=3)
    stored = Decision.objects.filter(city_code=CITY).count() - 14
    assert audit_region(actor=system_actor(), at=ASSESSED, place=place, workers=3, size=3) == 14 - stored
    assert decisions_of_lines() == {2}


@pytest.mark.commits
@pytest.mark.timeout(120)
def test_a_large_check_that_comes_between_waits_for_the_first_and_nobody_waits_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services.audit, "PART", 2)
    made = case(14)
    confirmed(made)
    PersonStatus.objects.filter(city_code=CITY, kind="pension").update(holds=True)
    turns, begin = [], services.audit.Turn.begin

    def beginning(turn: services.audit.Turn, cursor: CursorWrapper, city_code: int) -> bool:
        if turn.number:
            until_waited_for()
        turns.append((turn.number, begin(turn, cursor, city_code)))
        return turns[-1][1]

    def check() -> str:
        until_held()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(services.audit.NO_AUDIT, [CITY])
            return "checked"

    monkeypatch.setattr(services.audit.Turn, "begin", beginning)
    found = at_once(
        [check, lambda: audit_region(actor=system_actor(), at=ASSESSED, place=Place(CITY, CITY), workers=2)]
    )
    assert not found.errors
    assert set(found.answers) == {"checked", 14}
    assert turns == [(0, True), (1, False)]
    assert decisions_of_lines() == {2}


def until_held() -> None:
    """Until somebody keeps off the large checks of this test's database."""
    _until("granted AND mode = 'ShareLock'")


def until_waited_for() -> None:
    """Until a large check waits for that."""
    _until("NOT granted AND mode = 'ExclusiveLock'")


def _until(lock: str) -> None:
    here = "locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    with connection.cursor() as cursor:
        while True:
            cursor.execute(f"SELECT EXISTS (SELECT 1 FROM pg_locks WHERE {here} AND {lock})")
            if cursor.fetchone()[0]:
                return


@pytest.mark.parametrize("sampled", [0.001, 50_000])
def test_everybody_is_in_one_range_however_few_lines_are_looked_at(
    sampled: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = case(5)
    confirmed(made)
    monkeypatch.setattr(selectors, "SAMPLED", sampled)
    ranges = selectors.line_people(CITY, 2)
    assert all(first <= last < following for (first, last), (following, _) in pairwise(ranges))
    for person in made.people:
        assert sum(first <= person.pk <= last for first, last in ranges) == 1


def test_an_audit_by_other_texts_changes_nothing_and_says_what_they_would() -> None:
    assembled(case(2))
    path = "cn-12/jinrenshe-2022-20/2022-08-01.yaml"
    text = (lawbook().root / path).read_text(encoding="utf-8")
    before = Decision.objects.filter(city_code=CITY).count()
    draft = text.replace(
        "{very_scarce: 1.00, scarce: 0.90, common: 0.80}", "{very_scarce: 0.50, scarce: 0.45, common: 0.40}"
    )
    assert draft != text
    found = compare(CITY, CITY, store=type(lawbook()).load(lawbook().root, {path: draft.encode()}))
    assert found["pass", "pass"].fen_after * 2 == found["pass", "pass"].fen_before == 2 * FULL_FEN
    assert Decision.objects.filter(city_code=CITY).count() == before


def test_an_audit_keeps_to_its_region_and_its_people() -> None:
    assembled(case(1))
    assert compare(CITY, 120102) == {}
    assert sum(moved.lines for moved in compare(CITY, HEPING).values()) == 1
    reviewer = registry.actor_with(Role.REVIEWER, person=registry.person())
    with pytest.raises(Forbidden):
        audit_region(actor=reviewer, at=ASSESSED, place=Place(CITY, HEPING), workers=1)


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_the_facts_of_past_lines_leave_without_names_or_numbers(tmp_path: Path, form: str) -> None:
    made = case(2, attended={1: 4321})
    assembled(made)
    path = tmp_path / f"lines.{form}"
    assert selectors.past_line_facts(path, city_code=CITY, region_code=CITY, form=form) == 2
    with duckdb.connect() as engine:
        rows = engine.execute(f"SELECT * FROM '{path}' ORDER BY id").fetchall()
        names = [column[0] for column in engine.description or []]
    assert names == list(columns())
    second = dict(zip(names, rows[1], strict=True))
    assert (second["region"], second["decided"], second["decided_fen"]) == (HEPING, "pass", FULL_FEN)
    assert (second["attended_hours"], second["attended_hours_den"], second["pension_drawn"]) == (4321, 45, False)
    plain = path.read_bytes()
    for person in made.people:
        assert person.name.encode() not in plain
        assert person.document_number.encode() not in plain


def test_replaying_a_decision_gives_the_same_fen_after_its_texts_have_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    line = ClaimLine.objects.get(city_code=CITY, claim=assembled(case(1)))
    assert line.decision is not None
    before = line.decision.record
    root = shutil.copytree(lawbook().root, tmp_path / "policies")
    path = root / "cn-12/jinrenshe-2022-20/2022-08-01.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("very_scarce: 1.00", "very_scarce: 0.50"), encoding="utf-8"
    )
    changed = PolicyStore.load(root)
    stored._policies.cache_clear()
    monkeypatch.setattr(stored, "lawbook", lambda: changed)
    again = Decision.objects.get(city_code=CITY, pk=line.decision_id)
    assert again.record == before
    assert (again.record["fen"], again.record["steps"][-1]["value_fen"]) == (FULL_FEN, FULL_FEN)


@pytest.mark.commits
def test_two_who_decide_by_the_same_texts_for_the_first_time_share_their_bases(
    owner: psycopg.Connection[Any],
) -> None:
    made = case(1)
    line = ClaimLine.objects.filter(city_code=CITY, claim=assembled(made))[0]
    sheet = sheet_of(policies_for(line.claim.region_id, on=line.claim.rules_on))
    owner.execute("SET session_replication_role = replica")
    owner.execute("DELETE FROM decision_basis")
    owner.execute("RESET session_replication_role")

    def make() -> dict[str, int]:
        with transaction.atomic():
            return bases(CITY, sheet)

    found = at_once([make] * 4, threads=4)
    assert not found.errors
    assert len(found.answers) == 4
    assert all(one == found.answers[0] and len(one) == len(sheet.sets) for one in found.answers)


def test_texts_that_ask_the_same_share_a_statement_and_each_is_cited() -> None:
    # On 2025-06-01 a text began that asks nothing of a line, on 2025-03-07 one that does.
    alike = [(HEPING, date(2025, 5, 30)), (HEPING, date(2025, 6, 2))]
    [shared] = sheets(lawbook(), alike)
    versions = [shared.sets[key].version for key in alike]
    assert len(set(versions)) == 2
    assert bases(CITY, shared).keys() == set(versions)
    assert len(sheets(lawbook(), [(HEPING, date(2025, 3, 1)), *alike])) == 2

"""A draft tried on past claims: sums, winners and losers, the newly refused with their clause, the past made again."""

from __future__ import annotations

from typing import Any

import pytest

from factories import enactments as make
from factories import subsidies
from zhaoliang.enactments import past, selectors, services
from zhaoliang.enactments.models import PolicyDraft
from zhaoliang.enactments.services import deciding
from zhaoliang.kernel.errors import Refusal
from zhaoliang.registry import lawbook
from zhaoliang.subsidies.models import ClaimLine, Decision

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F7")]


def tried(
    office: make.Bureau, *, figures: dict[str, str] | None = None, cells: dict[str, str] | None = None
) -> PolicyDraft:
    made = make.draft(office)
    given: dict[str, Any] = {"actor": office.drafter, "at": make.AT}
    if figures:
        made = services.set_figures(**given, draft=made, revision=made.revision, typed=figures)
    if cells:
        made = services.set_cells(**given, draft=made, revision=made.revision, table="standard", index=2, typed=cells)
    made = services.check_draft(**given, draft=made)
    wrong = [one["index"] for one in made.checked["scenarios"] if not one["ok"]]
    if wrong:
        made = services.adopt_results(**given, draft=made, revision=made.revision, indexes=wrong)
        made = services.check_draft(**given, draft=made)
    return services.simulate_draft(**given, draft=made)


def lines_of(case: subsidies.Case) -> list[ClaimLine]:
    return list(
        ClaimLine.objects.filter(city_code=120000, claim__training_class=case.training_class).select_related("decision")
    )


def test_a_higher_standard_shows_its_cost_and_who_gains() -> None:
    case = subsidies.case(3)
    subsidies.confirmed(case)
    passed = [line for line in lines_of(case) if line.decision is not None and line.decision.outcome == "pass"]
    occupation = case.training_class.project.occupation_id
    hours = "120" if case.training_class.hours >= 120 else "80"
    made = tried(make.bureau(), cells={f"{occupation}/{hours}/senior": "5000"})
    total = made.simulated["total"]
    assert total["lines"] == len(lines_of(case))
    assert total["winners"] == len(passed) > 0
    assert total["losers"] == 0
    assert total["before_fen"] == sum(line.decision.amount_fen for line in passed)
    assert total["after_fen"] == len(passed) * 500_000
    for shares in made.simulated["by"].values():
        assert sum(one["after_fen"] for one in shares) == total["after_fen"]
        assert sum(one["lines"] for one in shares) == total["lines"]
    rows = selectors.simulated_lines(made)
    assert {row.line_id for row in rows} == {line.pk for line in lines_of(case)}


def test_the_newly_refused_are_told_with_rule_and_clause() -> None:
    case = subsidies.case(2)
    subsidies.confirmed(case)
    made = tried(make.bureau(), figures={"parameters/min_age/value": "99"})
    refused = [one for one in made.simulated["refused"] if one["outcome"] == "fail"]
    assert [one["rule"] for one in refused] == ["min_age"]
    assert refused[0]["lines"] == made.simulated["total"]["losers"] > 0
    assert "第四条" in refused[0]["clause"]


def test_nothing_that_was_decided_changes() -> None:
    case = subsidies.case(2)
    subsidies.confirmed(case)
    before = {row.pk: (row.outcome, row.amount_fen) for row in Decision.objects.filter(city_code=120000)}
    office = make.bureau()
    made = tried(office, figures={"parameters/min_age/value": "99"})
    assert made.simulated["replayed"] == len(lines_of(case))
    assert made.simulated["changed_past"] == 0
    services.submit(actor=office.drafter, at=make.AT, draft=made)
    services.approve(actor=office.approver, at=make.AT, draft=made)
    lawbook.forget()
    for line in lines_of(case):
        decision = line.decision
        assert decision is not None
        place, _, rest = decision.policy_version.partition("/")
        held = lawbook.lawbook().for_place(int(place), rest.partition("@")[0], line.claim.training_class.starts_on)
        assert held.version == decision.policy_version
        assert before[decision.pk] == (decision.outcome, held.decide(decision.facts).fen)


def test_a_draft_that_would_change_the_past_is_not_submitted() -> None:
    office = make.bureau()
    made = tried(office, figures={"parameters/min_age/value": "17"})
    made.simulated["changed_past"] = 3
    made.save(update_fields=["simulated"])
    with pytest.raises(Refusal, match="不能改动过去"):
        services.submit(actor=office.drafter, at=make.AT, draft=made)


def test_without_history_the_what_if_says_so() -> None:
    made = tried(make.bureau(), figures={"parameters/min_age/value": "17"})
    assert made.state == "simulated"
    assert made.simulated["total"]["lines"] == 0


def test_more_lines_than_are_listed_are_all_added_up_by_the_set_based_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    case = subsidies.case(4, attended={1: 60 * 45})
    subsidies.confirmed(case)
    occupation = case.training_class.project.occupation_id
    hours = "120" if case.training_class.hours >= 120 else "80"
    office = make.bureau()
    dearer = {f"{occupation}/{hours}/senior": "5000"}
    each = tried(office, cells=dearer, figures={"parameters/min_age/value": "40"})
    monkeypatch.setattr(past, "MOST_LINES", 2)
    told: list[tuple[int, int, str]] = []
    monkeypatch.setattr(deciding, "report", lambda *said: told.append(said))
    given: dict[str, Any] = {"actor": office.drafter, "at": make.AT, "draft": each}
    services.drop(**given)
    bulk = tried(make.bureau(), cells=dearer, figures={"parameters/min_age/value": "40"})
    for part in ("total", "by", "newly_passed"):
        assert bulk.simulated[part] == each.simulated[part]
    assert bulk.simulated["listed"] == 2
    assert each.simulated["listed"] is None
    refused = {(one["outcome"], one["rule"]): one["lines"] for one in bulk.simulated["refused"]}
    assert refused == {(one["outcome"], one["rule"]): one["lines"] for one in each.simulated["refused"]}
    lines = bulk.simulated["total"]["lines"]
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert told[-1] == (lines + 2, lines + 2, f"正在合计全部申领：已算 {lines} 笔，共 {lines} 笔")

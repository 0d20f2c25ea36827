"""Decisions: dates, unverified clauses, replay, storage, explanation, payee."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.texts import DOCUMENT, RUN_IDS, RUNS, STORE, Write
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.policy import (
    Decision,
    Fact,
    Outcome,
    PolicyError,
    PolicyVersionGone,
    UnknownCitation,
    explain,
)
from zhaoliang.policy.model import PHASES
from zhaoliang.policy.store import PolicyStore

WELDER = dict(next(run.scenario.given for run in RUNS if "焊工" in run.scenario.name))
TIANJIN = 120000


def decide(on: date, scheme: str = "training", **changes: object) -> Decision:
    return STORE.for_place(TIANJIN, scheme, on).decide({**WELDER, "class_start": on, **changes})


@pytest.mark.mission("F1")
@pytest.mark.parametrize("run", RUNS, ids=RUN_IDS)
def test_replay_from_storage_gives_the_same_decision(run: Any) -> None:
    stored = json.loads(json.dumps(run.decision.to_json(), ensure_ascii=False))
    kept = Decision.from_json(stored)
    assert kept == run.decision
    assert STORE.replay(kept) == run.decision


def test_replay_says_when_the_texts_have_changed() -> None:
    decision = replace(RUNS[0].decision, policy_version="120000/training@0000000000000000")
    with pytest.raises(PolicyVersionGone, match="on disk"):
        STORE.replay(decision)


@pytest.mark.mission("F1")
def test_replay_gives_the_same_after_a_later_text_doubts_a_clause() -> None:
    """The version of a set names every text it rests on, as on its day: what comes later changes nothing before it."""
    path = "cn-12/jinrenshe-2022-20/2022-08-01.yaml"
    text = (STORE.root / path).read_text(encoding="utf-8")
    later = text.replace("{from: 2022-08-01,", "{from: 2027-01-01,", 1).replace("verified: true", "verified: false")
    assert later != text
    beside = {path.replace("2022-08-01", "2027-01-01"): later.encode()}
    book = PolicyStore.load(STORE.root, beside)
    made = decide(date(2026, 6, 1), pension_drawn=True)
    assert made.outcome is Outcome.FAIL
    assert book.for_place(TIANJIN, "training", made.on).version == made.policy_version
    assert book.replay(made) == made


@pytest.mark.mission("F1")
def test_a_cited_text_outside_the_set_is_part_of_its_version() -> None:
    policies = STORE.for_place(TIANJIN, "training", date(2026, 6, 1))
    named = {source.partition("@")[0] for source in policies.sources}
    assert {cite.partition("#")[0] for rule in policies.rules for cite in (rule.cite, *rule.also)} <= named


@pytest.mark.mission("F1")
@given(run=st.sampled_from([run for run in RUNS if run.scenario.given]), data=st.data())
@settings(max_examples=300, deadline=None)
def test_unknown_never_refuses_and_never_approves(run: Any, data: st.DataObject) -> None:
    """Taking facts away moves each rule, and the whole, only toward cannot_tell."""
    names = sorted(run.scenario.given)
    gone = data.draw(st.sets(st.sampled_from(names), min_size=1))
    left = {name: value for name, value in run.scenario.given.items() if name not in gone}
    policies = STORE.for_place(run.scenario.place, run.scenario.scheme, run.scenario.on)
    after = policies.decide(left, phase=run.scenario.phase)
    assert after.outcome in (run.decision.outcome, Outcome.CANNOT_TELL)
    before = {result.rule_id: result.outcome for result in run.decision.results}
    for result in after.results:
        assert result.outcome in (before.get(result.rule_id, Outcome.CANNOT_TELL), Outcome.CANNOT_TELL)
    if after.fen is not None and after.outcome is Outcome.PASS:
        assert after.fen == run.decision.fen


PLACES = sorted({document.region for document in STORE.documents} | {110000})
DAYS = sorted({document.start for document in STORE.documents} | {date(2026, 6, 1), date(2025, 6, 1)})
NUMBERS = st.one_of(
    st.integers(0, 6), st.sampled_from([12, 16, 40, 56, 60, 80, 96, 120, 365, 500]), st.integers(0, 10**7)
)


def some(fact: Fact, codes: Mapping[str, tuple[str, ...]]) -> st.SearchStrategy[Any]:
    """A value of the fact's type, near what policies ask about."""
    match fact.type.kind:
        case "bool":
            return st.booleans()
        case "number":
            return st.one_of(NUMBERS, st.fractions(0, 120, max_denominator=60)) if fact.fraction else NUMBERS
        case "date":
            return st.one_of(st.sampled_from(DAYS), st.dates(date(2020, 1, 1), date(2028, 12, 31)))
        case "enum":
            return st.sampled_from(codes[fact.type.enum])
    return st.sampled_from(["6-18-02-04", "4-10-01-05", "A-1", "A-2"])


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    about = {
        "occupation": st.sampled_from(["6-18-02-04", "4-10-01-05"]),
        "level": st.sampled_from(STORE.facts.enums["level"]),
        "kind": st.sampled_from(STORE.facts.enums["kind"]),
        "fund_source": st.sampled_from(STORE.facts.enums["fund_source"]),
        "certificate": st.sampled_from(["A-1", "A-2"]),
        "class": st.sampled_from(["A-1", "A-2"]),
    }
    known = {"scheme": st.sampled_from(sorted(STORE.facts.schemes)), "on": st.sampled_from(DAYS)}
    return draw(st.lists(st.fixed_dictionaries(known, optional=about), max_size=4))


@pytest.mark.mission("F1")
@given(data=st.data())
@settings(max_examples=400, deadline=None, print_blob=True)
def test_unknown_never_refuses_whatever_the_facts(data: st.DataObject) -> None:
    """Over all shipped texts: taking any one fact away moves each rule, and the whole, only toward cannot_tell."""
    place, on = data.draw(st.sampled_from(PLACES)), data.draw(st.sampled_from(DAYS))
    schema = STORE.facts_for(place)
    policies = STORE.for_place(place, data.draw(st.sampled_from(sorted(schema.schemes))), on)
    phase = data.draw(st.sampled_from(PHASES))
    read = [name for name in policies.facts_needed(phase) if name in schema.facts and not name.startswith("count_")]
    facts: dict[str, Any] = {name: data.draw(some(schema.facts[name], schema.enums)) for name in read}
    facts |= {"history": data.draw(histories())}
    before = policies.decide(facts, phase=phase)
    gone = data.draw(st.sampled_from(sorted(facts)))
    after = policies.decide({**facts, gone: None}, phase=phase)
    assert after.outcome in (before.outcome, Outcome.CANNOT_TELL), gone
    answers = {result.rule_id: result.outcome for result in before.results}
    for result in after.results:
        assert result.outcome in (answers.get(result.rule_id, Outcome.CANNOT_TELL), Outcome.CANNOT_TELL), gone
    assert after.outcome is not before.outcome or after.fen in (before.fen, None), gone


def test_a_date_not_known_leaves_the_versions_it_picks_unconfirmed(write: Write) -> None:
    """A rule that may read an unconfirmed table version does not refuse while the date that picks it is missing."""
    store = write(
        "tables:\n  least: {says: 下限, unit: hours, keys: [level], version_by: class_start, versions: ["
        "{from: 2026-01-01, cite: '1', rows: {senior: 40}}, {from: 2026-07-01, cite: '2', rows: {senior: 40}}]}\n"
        "rules:\n  a: {asks: 示例, says: 示例, must: 'exam_passed and planned_hours >= lookup(least, level)', cite: '1', "
        "schemes: [training], phase: claim}\n"
    )
    policies = store.for_place(990000, "training", date(2026, 6, 1))
    facts = {"exam_passed": False, "level": "senior", "planned_hours": 50}
    early, late = ({**facts, "class_start": day} for day in ("2026-06-30", "2026-07-01"))
    assert [policies.decide(one).outcome for one in (early, late, facts)] == [
        Outcome.FAIL,
        Outcome.CANNOT_TELL,
        Outcome.CANNOT_TELL,
    ]


def test_no_facts_at_all_refuses_nobody() -> None:
    for scheme in STORE.facts.schemes:
        for place in (120000, 370900, 320900, 110000):
            decision = STORE.for_place(place, scheme, date(2025, 6, 1)).decide({})
            assert decision.outcome is not Outcome.FAIL, (place, scheme)


def test_the_facts_needed_are_the_facts_read() -> None:
    policies = STORE.for_place(TIANJIN, "training", date(2026, 6, 1))
    decision = policies.decide(WELDER)
    read = {name for result in decision.results for name in result.facts_used}
    assert read <= set(policies.facts_needed())
    assert {"class_start", "scarcity", "group"} <= set(policies.facts_needed())
    assert "attended_hours" not in policies.facts_needed("preflight")
    assert set(policies.facts_needed("filing")) >= {"filing_lead_days", "theory_hours"}


@pytest.mark.parametrize(
    ("day", "document"),
    [
        (date(2023, 12, 31), "cn-12/mulu-2021-2022"),
        (date(2024, 1, 1), "cn-12/jinrenshebanfa-2023-60"),
        (date(2024, 1, 2), "cn-12/jinrenshebanfa-2023-60"),
        (date(2026, 4, 30), "cn-12/jinrenshebanfa-2023-60"),
        (date(2026, 5, 1), "cn-12/jinrenshebanfa-2026-10"),
        (date(2026, 5, 2), "cn-12/jinrenshebanfa-2026-10"),
    ],
)
def test_the_catalogue_is_that_of_the_class_start(day: date, document: str) -> None:
    decision = decide(day)
    assert decision.steps[0].citation.document_id == document
    assert decision.steps[0].citation.verified is (day.year < 2024)
    assert decision.fen == 378000


def test_each_dated_value_starts_on_its_day(write: Write) -> None:
    store = write(
        "parameters:\n  cap: {unit: fen, says: 上限, values: [{value: 100, cite: '1'}, "
        "{from: 2026-05-01, value: 200, cite: '2'}]}\n"
        "amounts:\n  a: {scheme: training, says: 上限, base: cap, cite: '1'}\n"
    )
    days = [date(2026, 4, 30), date(2026, 5, 1), date(2026, 5, 2)]
    sets = [store.for_place(990000, "training", day) for day in days]
    assert [policies.decide({}).fen for policies in sets] == [100, 200, 200]
    assert [policies.parameter("cap").citation.verified for policies in sets] == [True, False, False]


def test_a_document_binds_from_its_first_to_its_last_day() -> None:
    for document in STORE.documents:
        eve, edges = document.start - timedelta(days=1), [document.start]
        edges += [document.end] if document.end else []
        assert not document.in_force(eve)
        assert all(document.in_force(day) for day in edges)
        assert document.end is None or not document.in_force(document.end + timedelta(days=1))


def test_a_newer_version_and_a_repeal_take_the_place_of_the_old(write: Write) -> None:
    write()
    newer = DOCUMENT.replace("2026-01-01", "2026-07-01").replace("测试办法", "新版").replace("示例条文", "新文")
    store = write(head=newer, path="cn-99/sample/2026-07-01.yaml")
    titles = [
        store.for_place(990000, "training", day).documents[0].title for day in (date(2026, 6, 30), date(2026, 7, 1))
    ]
    assert titles == ["测试办法", "新版"]
    assert store.for_place(990000, "training", date(2026, 6, 30)).citation("cn-99/sample#1").excerpt == "示例条文。"
    repealing = newer.replace("cn-99/sample", "cn-99/heir").replace("  region:", "  repeals: [cn-99/sample]\n  region:")
    store = write(head=repealing, path="cn-99/heir/2026-07-01.yaml")
    assert [one.id for one in store.for_place(990000, "training", date(2026, 7, 1)).documents] == ["cn-99/heir"]


@pytest.mark.parametrize("why", ["clause", "parameter", "reference", "review"], ids=lambda why: f"unverified by {why}")
def test_what_is_not_confirmed_cannot_refuse(write: Write, why: str) -> None:
    head = DOCUMENT.replace("region:", "authority: reference\n  region:") if why == "reference" else DOCUMENT
    clause, figure = ('"2"' if why == "clause" else '"1"'), ('"2"' if why == "parameter" else '"1"')
    effect = ", effect: review" if why == "review" else ""
    store = write(
        f"parameters:\n  least_age: {{unit: years, says: 下限, value: 16, cite: {figure}}}\n"
        f"rules:\n  age: {{asks: 示例, says: 年龄, must: person_age_at_start >= least_age, cite: {clause}, schemes: [training], "
        f"phase: claim{effect}}}\n",
        head=head,
    )
    decision = store.for_place(990000, "training", date(2026, 6, 1)).decide({"person_age_at_start": 15})
    assert decision.outcome is Outcome.CANNOT_TELL
    assert "转人工" in decision.results[0].note
    assert decision.results[0].verified is (why == "review")


def test_scope_of_places() -> None:
    on = date(2025, 6, 1)
    taian = [one.id for one in STORE.for_place(370902, "training", on).documents]
    assert "cn-37-09/zhuanxiang-2021" in taian
    assert "cn-37/lurenshezi-2025-37" in taian
    assert not any(one.startswith(("cn-12", "cn-32", "cn-37-02")) for one in taian)
    assert taian[0].startswith("cn/")
    with pytest.raises(PolicyError, match="没有 'lottery' 这种补贴"):
        STORE.for_place(120000, "lottery", on)


def test_clocks_and_citations() -> None:
    policies = STORE.for_place(TIANJIN, "training", date(2026, 6, 1))
    lead = policies.clock("class_filing_lead")
    assert (lead.value, lead.unit, lead.citation.clause) == (5, "working_days", "第二十四条")
    assert policies.clock("publicity").value == 5
    assert str(policies.citation("cn/renshebuhan-2021-14#6")).endswith("（人社部函〔2021〕14号）六")
    with pytest.raises(UnknownCitation):
        policies.citation("cn/renshebuhan-2021-14#99")
    with pytest.raises(PolicyError, match="no_such_clock"):
        policies.clock("no_such_clock")
    with pytest.raises(PolicyError, match="no_such_figure"):
        policies.parameter("no_such_figure")


def test_the_version_is_stable_and_follows_the_texts(write: Write) -> None:
    june, july = (STORE.for_place(TIANJIN, "training", date(2026, month, 1)).version for month in (6, 7))
    assert june == july
    assert june != STORE.for_place(TIANJIN, "training", date(2026, 4, 30)).version
    first = write().for_place(990000, "training", date(2026, 6, 1)).version
    second = write("# 一处改动\n").for_place(990000, "training", date(2026, 6, 1)).version
    assert first != second


@pytest.mark.parametrize(("group", "code"), [("12", "enterprise"), ("06", "provider"), (None, None)])
def test_who_is_paid(group: str | None, code: str | None) -> None:
    payee = STORE.for_place(TIANJIN, "training", date(2026, 6, 1)).payee({**WELDER, "group": group})
    assert (payee.code if payee else None) == code
    assert payee is None or payee.citation.clause == "第十三条"


def test_kernel_levels_are_the_codes_of_the_schema() -> None:
    codes = STORE.facts.enums["level"]
    assert [codes[level] for level in SkillLevel] == [level.name.lower() for level in SkillLevel]
    assert decide(date(2023, 6, 1), level=SkillLevel.SENIOR).fen == 378000


def test_amounts_are_exact_and_whole() -> None:
    decision = decide(date(2023, 6, 1), scarcity="scarce", mode="blended")
    assert [step.value_fen for step in decision.steps] == [378000, 340200, 238140]
    assert all(type(step.value_fen) is int for step in decision.steps)
    assert "." not in json.dumps([value for value in decision.facts.values() if not isinstance(value, str)])


def test_rounding_happens_once_at_the_end(write: Write) -> None:
    third = "{label: 三分之一, times: 'ratio(1, 3)', cite: '1'}"
    amount = "amounts:\n  a: {scheme: training, says: 示例, base: 100, cite: '1', steps: [%s, {label: 乘三, times: 3, cite: '1'}]%s}\n"
    policies = write(amount % (third, "")).for_place(990000, "training", date(2026, 6, 1))
    assert policies.decide({}).fen == 100
    policies = write(
        f"amounts:\n  a: {{scheme: training, says: 示例, base: 250, cite: '1', steps: [{third}], round: {{mode: down, to_fen: 10}}}}\n"
    )
    decision = policies.for_place(990000, "training", date(2026, 6, 1)).decide({})
    assert decision.fen == 80
    assert decision.steps[-1].operation == "down 到 10 分"


def test_a_refusal_reads_as_what_why_and_what_to_do() -> None:
    lines = explain(decide(date(2023, 6, 1), attended_hours=Decimal("95.88")), STORE.facts)
    assert lines[0] == "这次不能享受补贴。"
    assert "出勤率低于80%" in lines[1]
    assert "《天津市职业技能培训补贴实施办法》（津人社局发〔2022〕20号）第九条" in lines[1]
    assert lines[2].startswith("您可以：")


def test_a_doubt_names_what_is_missing_and_is_no_refusal() -> None:
    lines = explain(decide(date(2023, 6, 1), attended_hours=None), STORE.facts)
    assert "这不是拒绝" in lines[0]
    assert "¥3,780.00" in lines[0]
    assert any(line.startswith("待核实：个人出勤率不低于 80%。缺少：实际出勤课时") for line in lines)


def test_an_unconfirmed_standard_says_so() -> None:
    assert not any("未核实" in line for line in explain(decide(date(2023, 6, 1))))
    assert any("标准未核实" in line for line in explain(decide(date(2026, 6, 1))))


def test_the_engine_stands_without_django() -> None:
    code = "import sys, zhaoliang.policy; sys.exit('django' in sys.modules)"
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], check=False, env=os.environ | path).returncode == 0

"""A text that binds is read as its time read it; one that a later release cannot read any more stops nothing."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from policy.engines.asked import assert_all_agree
from policy.small import rule, text
from policy.texts import ROOT
from zhaoliang.policy import Outcome, PolicyFileError, PolicyStore, explain

PLACE, ON = 990000, date(2026, 6, 1)
LAG = "facts:\n  lag: {type: number, label: 间隔, meaning: 例, unknown: 例}\n"
FEW = (
    "limits:\n  few: {asks: 次数, says: 次数, count: {of: training}, at_most: %s, cite: '1', schemes: [training], "
    "phase: claim}\n"
)
SUM = "amounts:\n  sum: {scheme: training, says: 标准, base: %s, cite: '1'}\n"
# What releases refuse that once was taken, each with what a line came to then.
ONCE_TAKEN = {
    "a number without a unit": (LAG + "rules:" + rule("soon", "lag < 3"), {"lag": 3}, Outcome.FAIL, 0),
    "a limit below one": (FEW % 0, {"history": []}, Outcome.FAIL, 0),
    "a long condition": (
        "rules:" + rule("long", " and ".join(f"planned_hours > {least}" for least in range(120))),
        {"planned_hours": 119},
        Outcome.FAIL,
        0,
    ),
    "money with places": (SUM % "4000.00", {}, Outcome.PASS, 4000),
    "a figure in quotes": (
        'parameters: {most: {unit: fen, says: 例, value: "4000", cite: "1"}}\n' + SUM % "most",
        {},
        Outcome.PASS,
        4000,
    ),
    "a figure named like a fact of today": (
        "parameters: {planned_hours: {unit: hours, says: 例, value: 40, cite: '1'}}\nrules:"
        + rule("enough", "attended_hours >= planned_hours"),
        {"attended_hours": 39, "planned_hours": 1},
        Outcome.FAIL,
        0,
    ),
    "a scenario with a fact of then": (
        "scenarios: [{name: 例, scheme: training, on: 2026-06-01, given: {gone: 1}, expect: {outcome: pass}}]\n"
        + SUM % 4000,
        {},
        Outcome.PASS,
        4000,
    ),
}


def root_of(folder: Path) -> Path:
    root = folder / "policies"
    root.mkdir()
    for name in ("facts.yaml", "schema.json"):
        shutil.copy(ROOT / name, root / name)
    return root


def laid(parts: str, **more: str) -> dict[str, bytes]:
    return {path: content.encode() for path, content in text(parts, **more).items()}


@pytest.mark.mission("F1")
@pytest.mark.parametrize("name", ONCE_TAKEN)
def test_an_accepted_text_is_read_as_its_time_read_it(name: str, tmp_path: Path) -> None:
    parts, facts, outcome, fen = ONCE_TAKEN[name]
    root, overlay = root_of(tmp_path), laid(parts)
    with pytest.raises(PolicyFileError):
        PolicyStore.load(root, overlay)
    store = PolicyStore.load(root, overlay, accepted=overlay)
    assert store.unread == ()
    made = store.for_place(PLACE, "training", ON).decide(facts)
    assert (made.outcome, made.fen) == (outcome, fen)


@pytest.mark.mission("F1")
@pytest.mark.parametrize(
    "fault",
    [
        "rules:" + rule("gone", "fact_of_then > 1"),
        "rules:" + rule("elsewhere", "exam_passed").replace('"1"', "cn/none#1"),
        "tables: {t: {says: 例, unit: fen, keys: [no_fact], cite: '1', rows: {a: 1}}}\n" + SUM % "lookup(t, 'a')",
        "facts:\n  exam_passed: {type: number, unit: count, label: 例, meaning: 例, unknown: 例}\n" + SUM % 1,
        "document: []\n",
    ],
    ids=["a fact that is gone", "a clause that is gone", "a key that is gone", "a fact of another kind", "no head"],
)
def test_a_text_that_cannot_be_read_any_more_sends_its_lines_to_a_person(fault: str, tmp_path: Path) -> None:
    """The older version of the same text does not come to life again, and other texts and places go on."""
    root, older = root_of(tmp_path), laid(SUM % 100, start="2026-01-01")
    overlay = laid(fault, start="2026-05-01") | laid(SUM % 7, region="cn-98") | older | laid("", region="cn")
    with pytest.raises(PolicyFileError):
        PolicyStore.load(root, overlay)
    store = PolicyStore.load(root, overlay, accepted=overlay)
    assert [document.file for document in store.unread] == ["policies/cn-99/sample/2026-05-01.yaml"]
    policies = store.for_place(PLACE, "training", ON)
    made = policies.decide({"exam_passed": True} if "exam_passed:" not in fault else {})
    assert made.outcome is Outcome.CANNOT_TELL
    assert made.fen != 100
    assert any("现在读不出来" in line for line in explain(made, policies.facts))
    assert store.for_place(980000, "training", ON).decide({}).fen == 7
    assert store.for_place(PLACE, "training", date(2026, 4, 30)).decide({}).fen == 100


@pytest.mark.mission("F1")
def test_a_doubted_text_still_refuses_nobody_and_is_doubted_on_every_engine(
    tmp_path: Path, postgres: psycopg.Connection[Any]
) -> None:
    root = root_of(tmp_path)
    parts = "rules:" + rule("kept", "not pension_drawn") + rule("gone", "fact_of_then > 1") + SUM % 500
    overlay = laid(parts)
    policies = PolicyStore.load(root, overlay, accepted=overlay).for_place(PLACE, "training", ON)
    lines = [{"pension_drawn": answer} for answer in (False, True, None)]
    told = assert_all_agree(policies, "claim", lines, postgres)
    assert [policies.decide(line).outcome for line in lines] == [
        Outcome.CANNOT_TELL,
        Outcome.FAIL,
        Outcome.CANNOT_TELL,
    ]
    assert [row[3][-1] for row in told] == ["u"] * len(lines)


@pytest.mark.mission("F1")
@pytest.mark.parametrize(
    "lost", ["age: 1\n", "'\n", "{asks: 例}"], ids=["an entry of no shape", "no YAML", "an entry without a condition"]
)
def test_no_higher_rule_refuses_in_place_of_one_that_cannot_be_read(
    lost: str, tmp_path: Path, postgres: psycopg.Connection[Any]
) -> None:
    """The nation asks for 18 years, the place for 16 by its own decision: who is 17 goes to a person, and is not refused."""
    root = root_of(tmp_path)
    nation = laid("rules:" + rule("age", "person_age_at_start >= 18") + SUM % 100, region="cn")
    place = laid("rules:" + rule("age", "person_age_at_start >= 16", also="[cn/sample#1]") + SUM % 200)
    overlay = nation | place
    lines = [{"person_age_at_start": years} for years in (17, 15, 18)]
    whole = PolicyStore.load(root, overlay, accepted=overlay).for_place(PLACE, "training", ON)
    assert [whole.decide(line).outcome for line in lines] == [Outcome.PASS, Outcome.FAIL, Outcome.PASS]
    (path,) = place
    entry = place[path].decode().partition("rules:")[0] + f"rules:\n  age: {lost}\n" + SUM % 200
    store = PolicyStore.load(root, nation | {path: entry.encode()}, accepted=overlay)
    doubted = store.for_place(PLACE, "training", ON)
    assert [doubted.decide(line).outcome for line in lines] == [Outcome.CANNOT_TELL] * 3
    assert_all_agree(doubted, "claim", lines, postgres)
    elsewhere = store.for_place(980000, "training", ON)
    assert elsewhere.decide(lines[0]).outcome is Outcome.FAIL, "where the text does not bind the nation's rule stands"


@pytest.mark.mission("F1")
def test_a_term_filled_by_a_lost_figure_is_filled_by_no_other(tmp_path: Path) -> None:
    root = root_of(tmp_path)
    term = "opens: {uplift: {unit: ratio, says: 上浮, at_least: 0, at_most: 1, cite: '1'}}\n"
    step = "    steps: [{label: 上浮, times: 1 + uplift, cite: '1'}]\n"
    nation = laid(
        term + "amounts:\n  sum:\n    scheme: training\n    says: 标准\n    base: 100\n    cite: '1'\n" + step,
        region="cn",
    )
    filled = "fills: {cn/sample#uplift: ours}\nparameters: {ours: {unit: %s, says: 上浮, value: %s, cite: '1'}}\n"
    province = laid(filled % ("ratio", "0.1"))
    city = laid(filled % ("ratio", "0.5"), region="cn-99-01")
    lost = laid(filled % ("unit_of_then", "0.5"), region="cn-99-01")
    for texts, fen in ((nation | province, 110), (nation | province | city, 150), (nation | province | lost, None)):
        made = PolicyStore.load(root, texts, accepted=texts).for_place(990100, "training", ON).decide({})
        assert (made.fen, made.outcome is Outcome.PASS) == (fen, fen is not None)


@pytest.mark.mission("F1")
def test_a_text_read_otherwise_has_another_version(tmp_path: Path) -> None:
    """A decision of then is not made again by what can still be read: it is replayed from the texts kept beside it."""
    root, parts = root_of(tmp_path), "rules:" + rule("kept", "lag < 3")
    overlay = laid(LAG.replace("number,", "number, unit: days,") + parts)
    then = PolicyStore.load(root, overlay).for_place(PLACE, "training", ON)
    facts = (root / "schema.json").read_text(encoding="utf-8")
    (root / "schema.json").write_text(facts.replace('"unknown"', '"if_unknown"'), encoding="utf-8")
    now = PolicyStore.load(root, overlay, accepted=overlay)
    assert now.unread
    assert now.for_place(PLACE, "training", ON).version != then.version

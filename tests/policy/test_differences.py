"""What changed between two versions of a text is told figure by figure, each with its clause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from policy.small import library, only, rule, text
from policy.texts import ROOT, STORE
from zhaoliang.cli.policy import app
from zhaoliang.policy.differences import Change, differences, marked
from zhaoliang.policy.expressions import Named
from zhaoliang.policy.model import Clause, Condition, Document

OLD = """
parameters:
  floor: {unit: years, says: 年龄下限, value: 16, cite: "1"}
  share: {unit: ratio, says: 比例, value: 0.8, cite: "1"}
clocks:
  publicity: {value: 5, unit: working_days, says: 公示期, cite: "1"}
tables:
  standard: {says: 标准, unit: fen, keys: [level], cite: "1", rows: {junior: 100000, senior: 200000}}
rules:
""" + rule("age", "person_age_at_start >= floor")
NEW = OLD.replace("value: 16", "value: 18").replace("{value: 5", "{value: 7").replace(
    "senior: 200000", "senior: 210000, technician: 300000"
).replace("person_age_at_start >= floor", "person_age_at_start > floor") + rule("alive", "not pension_drawn")


def changes(tmp_path: Path, old: str = OLD, new: str = NEW) -> tuple[Change, ...]:
    store = library(tmp_path, text(old, end="2026-12-31"), text(new, start="2027-01-01"))
    return differences(*store.documents, store.facts)


def test_figures_cells_clocks_and_rules_are_told_one_by_one(tmp_path: Path) -> None:
    told = {(one.part, one.name, one.field): (one.before, one.after, one.kind) for one in changes(tmp_path)}
    assert told["parameter", "floor", ""] == ("16 年", "18 年", "changed")
    assert told["clock", "publicity", ""] == ("5 个工作日", "7 个工作日", "changed")
    assert told["table", "standard", "[高级工]"] == ("¥2,000.00", "¥2,100.00", "changed")
    assert told["table", "standard", "[技师]"] == ("", "¥3,000.00", "added")
    assert told["rule", "age", "条件"] == ("person_age_at_start >= floor", "person_age_at_start > floor", "changed")
    assert told["rule", "alive", ""] == ("", "not pension_drawn", "added")
    assert told["document", "", "施行"] == ("2026年1月1日", "2027年1月1日", "changed")
    assert told["document", "", "有效期至"] == ("2026年12月31日", "", "removed")
    assert len(told) == 8, "what did not change is not told"


def test_every_change_but_the_head_names_its_clause(tmp_path: Path) -> None:
    for change in changes(tmp_path):
        assert change.part == "document" or change.clause_ref == "第一条", change
    assert "参数改动：年龄下限（第一条）：16 年 → 18 年" in [str(one) for one in changes(tmp_path)]


def test_a_text_does_not_differ_from_itself() -> None:
    for document in STORE.documents:
        assert differences(document, document, STORE.facts) == ()


def test_what_one_way_adds_the_other_way_removes(tmp_path: Path) -> None:
    there = {(one.part, one.name, one.field, one.before, one.after) for one in changes(tmp_path)}
    store = library(tmp_path, text(OLD, end="2026-12-31"), text(NEW, start="2027-01-01"))
    old, new = store.documents
    back = {(one.part, one.name, one.field, one.after, one.before) for one in differences(new, old, store.facts)}
    assert there == back


def test_numbers_stay_whole_in_a_marked_text() -> None:
    assert marked("自2024年1月1日起", "自2026年5月1日起") == (
        ("same", "自"),
        ("gone", "2024"),
        ("new", "2026"),
        ("same", "年"),
        ("gone", "1"),
        ("new", "5"),
        ("same", "月1日起"),
    )


def test_two_files_are_compared_on_the_command_line() -> None:
    files = [
        str(ROOT / "cn-12/jinrenshebanfa-2023-60/2024-01-01.yaml"),
        str(ROOT / "cn-12/jinrenshebanfa-2026-10/2026-05-01.yaml"),
    ]
    done = CliRunner().invoke(app, ["diff", *files, "--root", str(ROOT)])
    assert done.exit_code == 0, done.output
    assert "施行：2024年1月1日 → 2026年5月1日" in done.output
    missing = CliRunner().invoke(app, ["diff", "--document", "cn/none", "--root", str(ROOT)])
    assert missing.exit_code != 0


WHOLE = """
parameters:
  floor: {unit: years, says: 年龄下限, value: 16, cite: "1"}
  share: {unit: ratio, says: 比例, values: [{value: 0.8, cite: "1"}, {from: 2026-06-01, value: 0.9, cite: "1"}]}
clocks:
  publicity: {value: 5, unit: working_days, says: 公示期, cite: "1"}
opens:
  left: {unit: ratio, says: 由市定, at_least: 0.1, at_most: 0.3, set_by: city, cite: "1"}
conditions:
  hard: {says: 困难人员, holds: "group = '07'", cite: "1"}
tables:
  standard:
    says: 标准
    unit: fen
    keys: [level, {name: hours, like: planned_hours, tiers: [0, 40]}]
    version_by: class_start
    versions: [{cite: "1", note: 例, rows: {junior: {0: 100000}, senior: {0: 200000, 40: 300000}}}]
rules:
  aged:
    asks: 年龄
    says: 年龄不够
    do: 等等
    must: person_age_at_start >= floor
    when: hard
    cite: "1"
    also: ["2"]
    schemes: [training]
    phase: claim
limits:
  few:
    asks: 次数
    says: 次数满
    count: {of: training, within: {days: 30}, same: level}
    at_most: 2
    cite: "1"
    schemes: [training]
    phase: claim
amounts:
  paid:
    scheme: training
    says: 补贴
    when: hard
    base: lookup(standard, level, planned_hours)
    cite: "1"
    steps:
      - {label: 打折, times: share, when: exam_passed, cite: "1"}
      - {label: 上浮, cite: "1", uplifts: [{label: 甲, by: 0.1, cite: "1"}, {label: 乙, by: 0.2, when: hard, cite: "2"}]}
    round: {mode: down, to_fen: 100}
    pay_to: {to: "'provider'", cite: "1"}
    instalments:
      advance: {label: 预付, share: share, of: 1000, cite: "1"}
      settlement: {label: 减去, paid: advance_paid, cite: "1"}
      clawback: {label: 追回, when: not exam_passed, cite: "1"}
"""
# What a text does not say itself: its place in the file, what is worked out from the rest, the proof, the machine's names.
NOT_SAID = {
    *("id", "file", "lines", "content_hash", "doubts", "scenarios", "name", "region", "part", "entry", "type", "op"),
    *("source", "base_source", "holds", "note", "is_fact", "column", "ordered"),
}


def bent(value: Any, field: str = "") -> Iterator[tuple[str, Any]]:
    """The value with one thing in it changed, in every place, each with the way there."""
    if isinstance(value, Named):
        return  # its own entry says it
    if is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            if one.name not in NOT_SAID or (one.name == "source" and isinstance(value, Document | Clause | Condition)):
                for where, made in bent(getattr(value, one.name), one.name):
                    yield f"{one.name}.{where}", replace(value, **{one.name: made})
    elif isinstance(value, Mapping):
        for key, held in value.items():
            for where, made in bent(held, field):
                yield f"{key}.{where}", {**value, key: made}
    elif isinstance(value, tuple):
        for place, held in enumerate(value):
            for where, made in bent(held, field):
                yield f"{place}.{where}", (*value[:place], made, *value[place + 1 :])
    elif isinstance(value, bool):
        yield "", not value
    elif isinstance(value, date):
        yield "", value + timedelta(1)
    elif isinstance(value, int | Fraction):
        yield "", value + 1
    elif isinstance(value, str) and value:
        # An operation has a counterpart, a citation names another clause, a unit is another one.
        yield (
            "",
            {"unit": "days", "operation": "add", "cite": "cn-99/sample#2", "also": "cn-99/sample#1"}.get(
                field, f"{value}乙"
            ),
        )


def test_whatever_changes_in_a_text_is_told(tmp_path: Path) -> None:
    """A clause exchanged behind an amount pays nobody another fen, and is a difference all the same."""
    old = only(library(tmp_path, text(WHOLE)))
    untold = [where for where, new in bent(old) if new != old and not differences(old, new)]
    assert untold == []


def test_another_clause_is_told_as_people_call_it(tmp_path: Path) -> None:
    """The clause itself, not its key in a file; two clauses that people call alike keep their keys."""
    found = changes(tmp_path, OLD, OLD.replace('value: 16, cite: "1"', 'value: 16, cite: "2"'))
    told = {(one.part, one.field): (one.before, one.after) for one in found if one.part != "document"}
    assert told == {("parameter", "依据"): ("第一条", "第二条")}
    alike = OLD.replace('value: 16, cite: "1"', 'value: 16, cite: "2"')
    store = library(tmp_path / "alike", text(OLD, end="2026-12-31"), renamed(text(alike, start="2027-01-01")))
    told = {one.field: (one.before, one.after) for one in differences(*store.documents) if one.part == "parameter"}
    assert told == {"依据": ("cn-99/sample#1", "cn-99/sample#2")}


def test_a_dated_figure_names_the_clause_of_its_own_days(tmp_path: Path) -> None:
    old = '\nparameters: {p: {unit: fen, says: 标准, values: [{value: 1, cite: "1"}, {from: 2026-06-01, value: 2, cite: "2"}]}}\n'
    found = changes(tmp_path, old, old.replace("value: 1,", "value: 3,").replace("value: 2,", "value: 4,"))
    told = {one.field: (one.clause_ref, one.after) for one in found if one.part == "parameter"}
    assert told == {"": ("第一条", "¥0.03"), "自2026年6月1日起": ("第二条", "¥0.04")}


def renamed(held: dict[str, str]) -> dict[str, str]:
    """The text with its second clause called as the first is."""
    return {path: content.replace("第二条", "第一条") for path, content in held.items()}

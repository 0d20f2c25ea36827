"""Changing one value of a text leaves every other character where it was, on every text of the library."""

from __future__ import annotations

import random
from datetime import date
from difflib import ndiff
from pathlib import Path

import pytest
from django.conf import settings

from seeds import fresh_seed
from zhaoliang.enactments.editing import figures, tables, versions
from zhaoliang.kernel.errors import BadInput
from zhaoliang.policy.facts import FactSchema

TEXTS = sorted(settings.POLICIES.glob("cn*/*/*.yaml"))
FACTS = FactSchema.load(settings.POLICIES / "facts.yaml")
COMMENTED = """\
document:  # the head
  in_force: {from: 2026-01-01}
parameters:
  floor: {unit: ratio, says: 下限, value: 0.80, cite: "1"}  # why: the clause says so
  dated:
    unit: fen
    says: 标准
    values:
      # until the new catalogue
      - {from: 2026-01-01, value: 100000, cite: "1"}
      - {from: 2026-06-01, value: 120000, cite: "1"}
tables:
  shared:
    says: 两个版本同一张表
    unit: fen
    keys: [level]
    versions:
      - from: 2026-01-01
        cite: "1"
        rows: &rows
          junior: 10000  # kept
          senior: 20000
      - {from: 2026-06-01, cite: "1", rows: *rows}
  plain:
    says: 比例
    unit: ratio
    keys: [scarcity]
    cite: "1"
    rows: {very_scarce: 1.00, scarce: 0.90}
scenarios:
  - {name: 一, on: 2026-02-01, given: {class_start: 2026-02-01}, expect: {outcome: pass, fen: 1}}
"""


def changed_lines(before: str, after: str) -> list[str]:
    return [line for line in ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]


def files_of(path: Path, content: str) -> dict[str, str]:
    return {name: (path.parent / name).read_text("utf-8-sig") for name in versions.table_files(content)}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: f"{path.parent.parent.name}-{path.parent.name}-{path.stem}")
def test_any_figure_of_any_text_changes_alone(path: Path) -> None:
    chance = random.Random(fresh_seed())
    content = path.read_text("utf-8")
    held = figures.figures(figures.tree_of(content))
    for figure in chance.sample(held, min(2, len(held))):
        new = "2031-02-03" if figure.is_date else "7"
        if figure.shown == new:
            continue
        after = figures.set_figures(content, {figure.key: new})
        assert len(changed_lines(content, after)) == 2, figure.key
        assert {one.key: one.shown for one in figures.figures(figures.tree_of(after))} == {
            one.key: new if one.key == figure.key else one.shown for one in held
        }
    assert figures.set_figures(content, {one.key: one.shown for one in held}) == content


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: f"{path.parent.parent.name}-{path.parent.name}-{path.stem}")
def test_any_cell_of_any_table_changes_in_its_version_alone(path: Path) -> None:
    chance = random.Random(fresh_seed())
    content = path.read_text("utf-8")
    files = files_of(path, content)
    held = tables.table_versions(content, files, FACTS)
    for version in chance.sample(held, min(2, len(held))):
        keys = chance.choice(list(version.cells))
        new = "8" if version.cells[keys] != "8" else "9"
        after, made = tables.set_cells(content, files, version, {keys: new}, new_file="new.csv")
        found = {(one.table, one.index): one for one in tables.table_versions(after, made, FACTS)}
        for one in held:
            wanted = one.cells | ({keys: new} if one == version else {})
            assert found[one.table, one.index].cells == wanted, (one.table, one.index)


def test_comments_and_layout_stay() -> None:
    after = figures.set_figures(
        COMMENTED, {"parameters/floor/value": "0.85", "parameters/dated/values/1/value": "1300.5"}
    )
    assert changed_lines(COMMENTED, after) == [
        '-   floor: {unit: ratio, says: 下限, value: 0.80, cite: "1"}  # why: the clause says so',
        '+   floor: {unit: ratio, says: 下限, value: 0.85, cite: "1"}  # why: the clause says so',
        '-       - {from: 2026-06-01, value: 120000, cite: "1"}',
        '+       - {from: 2026-06-01, value: 130050, cite: "1"}',
    ]


@pytest.mark.parametrize("index", [0, 1])
def test_rows_that_two_versions_share_change_in_one_only(index: int) -> None:
    held = tables.table_versions(COMMENTED, {}, FACTS)
    version = next(one for one in held if (one.table, one.index) == ("shared", index))
    after, _ = tables.set_cells(COMMENTED, {}, version, {("junior",): "123"}, new_file="")
    found = {
        one.index: one.cells["junior",] for one in tables.table_versions(after, {}, FACTS) if one.table == "shared"
    }
    assert found == {index: "123", 1 - index: "100"}


def test_a_cell_can_come_and_go() -> None:
    version = next(one for one in tables.table_versions(COMMENTED, {}, FACTS) if one.table == "plain")
    after, _ = tables.set_cells(COMMENTED, {}, version, {("common",): "0.8", ("scarce",): ""}, new_file="")
    assert "rows: {very_scarce: 1, common: 0.8}" in after


def test_scenarios_move_to_days_on_which_the_version_binds() -> None:
    after = versions.set_dates(COMMENTED, date(2027, 1, 1), date(2027, 12, 31))
    assert "in_force: {from: 2027-01-01, to: 2027-12-31}" in after
    assert "on: 2027-02-01, given: {class_start: 2027-02-01}" in after
    assert "from: 2026-06-01" in after, "what a table says of earlier classes stays"
    short = versions.set_dates(COMMENTED, date(2027, 1, 1), date(2027, 1, 31))
    assert "on: 2027-01-01, given: {class_start: 2027-01-01}" in short, "no day of February binds"


def test_earlier_grants_of_a_scenario_move_with_its_day() -> None:
    """Twice in one calendar year stays twice in one calendar year; a leap day becomes the last of February."""
    grants = (
        "[{scheme: training, on: 2026-01-03}, {scheme: training, on: 2025-12-31}, {scheme: training, on: 2024-02-29}]"
    )
    text = COMMENTED.replace("{class_start: 2026-02-01}", f"{{history: {grants}}}")
    after = versions.set_dates(text, date(2027, 1, 1), None)
    assert "on: 2027-02-01" in after
    assert [f"on: {day}}}" in after for day in ("2027-01-03", "2026-12-31", "2025-02-28")] == [True, True, True]


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("fen", "12.345"),
        ("fen", "十二"),
        ("ratio", "NaN"),
        ("ratio", ""),
        ("count", "1.5"),
        ("date", "2027-02-30"),
        ("fen", "9" * 30),
    ],
)
def test_what_is_no_such_value_is_refused(unit: str, text: str) -> None:
    with pytest.raises(BadInput):
        figures.literal(text, unit)


@pytest.mark.parametrize(
    ("unit", "text", "written"),
    [("fen", "3,900", "390000"), ("fen/hours", "15.5", "1550"), ("ratio", "0.950", "0.95"), ("working_days", "5", "5")],
)
def test_a_value_is_written_in_the_unit_of_the_text(unit: str, text: str, written: str) -> None:
    assert figures.literal(text, unit) == written


@pytest.mark.parametrize(
    ("code", "folder"), [(100000, "cn"), (120000, "cn-12"), (370900, "cn-37-09"), (120101, "cn-12-01-01")]
)
def test_a_region_has_its_folder(code: int, folder: str) -> None:
    assert versions.jurisdiction(code) == folder

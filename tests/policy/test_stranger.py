"""A stranger with the manual alone: its example is the tested file, it names everything, and a second city works by it."""

from __future__ import annotations

import json
import random
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from policy.texts import DOCUMENT, ROOT, Write
from zhaoliang.cli.policy import app
from zhaoliang.policy import PolicyError, PolicyStore
from zhaoliang.policy.expressions import FUNCTIONS
from zhaoliang.policy.facts import FactSchema
from zhaoliang.policy.files import path_sources
from zhaoliang.policy.library import read_library
from zhaoliang.policy.model import PHASES
from zhaoliang.policy.scenarios import run_scenarios
from zhaoliang.policy.units import BASES, PLAIN

MANUAL = (ROOT.parent / "docs" / "policies.md").read_text(encoding="utf-8")
EXAMPLE = ROOT.parent / "docs" / "examples" / "yunzhou-2026.yaml"
STRANGERS = Path(__file__).parent / "strangers"
FAULTS = re.findall(r"^\| `(.+?)` \| (.+?) \| (.+?) \|$", MANUAL.split("## Faults and their mends")[1], re.MULTILINE)
runner = CliRunner()


def test_the_blocks_of_the_manual_are_the_example_file() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", MANUAL, re.DOTALL)
    written = EXAMPLE.read_text(encoding="utf-8")
    assert "".join(blocks).replace("\n\n", "\n") == written.replace("\n\n", "\n")


def test_the_example_is_clean_and_every_rule_and_amount_is_tried_on_both_sides() -> None:
    store = PolicyStore.load_paths([EXAMPLE])
    runs = list(run_scenarios(store))
    assert [run.problem for run in runs if run.problem] == []
    (document,) = store.documents
    for rule in document.rules:
        seen = {result.outcome for run in runs for result in run.decision.results if result.rule_id == rule.id}
        assert len(seen) > 1, rule.id
    worked = {run.decision.steps[0].label for run in runs if run.decision.steps}
    assert {amount.says for amount in document.amounts} <= worked
    assert min(run.decision.fen or 0 for run in runs) == -70000, "the manual shows a clawback"


def keys(schema: Any) -> set[str]:
    """Every key a policy file may have."""
    if isinstance(schema, list):
        return {key for part in schema for key in keys(part)}
    if not isinstance(schema, dict):
        return set()
    own = set(schema["properties"]) if isinstance(schema.get("properties"), dict) else set()
    return own | {key for part in schema.values() for key in keys(part)}


def test_the_manual_names_every_key_unit_function_phase_and_word() -> None:
    schema = json.loads((ROOT / "schema.json").read_text(encoding="utf-8"))
    words = {
        str(word) for found in re.findall(r'"enum": (\[[^\]]*\])', json.dumps(schema)) for word in json.loads(found)
    }
    wanted = keys(schema) | set(FUNCTIONS) | set(PHASES) | set(BASES) | set(PLAIN) | words
    prose = re.sub(r"```.*?```", "", MANUAL, flags=re.DOTALL)
    named = set(re.findall(r"[a-z_0-9]+", " ".join(re.findall(r"`([^`]+)`", prose))))
    assert wanted - named == set()


@pytest.mark.parametrize(("written", "said", "mend"), FAULTS, ids=[said for _, said, _ in FAULTS])
def test_each_fault_of_the_manual_says_what_it_promises(write: Write, written: str, said: str, mend: str) -> None:
    with pytest.raises(PolicyError) as refusal:
        write(f"{written}\n")
    assert said in str(refusal.value)
    assert re.match(r"\S+2026-01-01\.yaml:\d+ \(", str(refusal.value)), "file, line and part"
    assert mend


def test_the_table_of_faults_is_read() -> None:
    assert len(FAULTS) > 30


def test_the_published_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(json.loads((ROOT / "schema.json").read_text(encoding="utf-8")))


def test_every_key_is_explained_in_both_languages_for_editors() -> None:
    schema = json.loads((ROOT / "schema.json").read_text(encoding="utf-8"))
    for part, held in schema["properties"].items():
        assert " | " in held["description"], part
        entry = held.get("additionalProperties") or held.get("items") or held
        for key, value in (entry.get("properties") or {}).items() if isinstance(entry, dict) else ():
            described = value.get("description") or schema["$defs"][value["$ref"].rpartition("/")[2]].get("description")
            assert " | " in (described or ""), f"{part}.{key}"


@pytest.mark.mission("C2")
def test_a_second_city_is_expressed_with_documented_words_alone(tmp_path: Path) -> None:
    policy = STRANGERS / "linzhou-2026.yaml"
    checked = runner.invoke(app, ["check", str(policy)])
    assert checked.exit_code == 0, checked.output
    for scheme, phase, on in (
        ("training", "claim", "2026-06-01"),
        ("training", "advance", "2026-06-01"),
        ("living", "claim", "2026-06-01"),
    ):
        facts = STRANGERS / f"linzhou-{scheme}-{phase}.jsonl"
        asked = [
            "eval",
            "--policy",
            str(policy),
            "--facts",
            str(facts),
            "--on",
            on,
            "--scheme",
            scheme,
            "--phase",
            phase,
        ]
        done = runner.invoke(app, [*asked, "--explain"])
        assert done.exit_code == 0, done.output
        answers = {row["id"]: row for row in map(json.loads, done.stdout.splitlines())}
        lines = [json.loads(line) for line in facts.read_text(encoding="utf-8").splitlines()]
        assert list(answers) == [line["id"] for line in lines]
        for line in lines:
            answer = answers[line["id"]]
            decisive = sorted(rule["id"] for rule in answer["rules"] if rule["result"] == answer["outcome"] != "pass")
            assert [answer["outcome"], answer["fen"], decisive] == line["expect"], line["id"]
            assert answer["explain"]


SLIPS = [
    "",
    "null",
    "[]",
    "{}",
    "-1",
    "0",
    "x",
    "1.5",
    "2026-01-01",
    "true",
    "'a",
    "99999999999999999999",
    "80%",
    "{a: 1}",
]


@pytest.mark.parametrize("seed", range(4))
def test_a_slip_of_the_pen_is_told_and_never_crashes(tmp_path: Path, seed: int) -> None:
    """Words of the example are replaced by others at random: the file is read, or refused with file and line."""
    base = FactSchema.load(ROOT / "facts.yaml")
    written, chance, file = EXAMPLE.read_text(encoding="utf-8"), random.Random(seed), tmp_path / "slip.yaml"
    words = list(re.finditer(r"[A-Za-z0-9_.'\"\u4e00-\u9fff-]+", written))
    for _ in range(40):
        word, slip = chance.choice(words), chance.choice(SLIPS)
        file.write_text(written[: word.start()] + slip + written[word.end() :], encoding="utf-8")
        library = read_library(base, ROOT / "schema.json", path_sources([file]))
        for problem in library.problems:
            assert problem.problem, (seed, word.group(), slip)
            assert problem.line or "YAML" in problem.problem, (seed, word.group(), slip)


def test_a_policy_loads_without_the_library(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(DOCUMENT, encoding="utf-8")
    store = PolicyStore.load_paths([file])
    assert [one.id for one in store.for_place(990000, "training", date(2026, 6, 1)).documents] == ["cn-99/sample"]

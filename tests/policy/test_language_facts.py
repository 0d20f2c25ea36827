"""Every fact a rule may use says where it comes from, and that is true."""

from __future__ import annotations

import ast

import pytest

from policy.texts import ROOT, STORE
from zhaoliang.policy.facts import OUTSIDE, FactSchema

SOURCES = ROOT.parent / "src" / "zhaoliang"
PLATFORM = FactSchema.load(ROOT / "facts.yaml")


def produced() -> set[str]:
    """The facts the platform puts on a fact sheet: the keywords of every `sheet.put(…)`."""
    found: set[str] = set()
    for path in ("classes/facts.py", "classes/services/filing.py", "subsidies/facts.py", "subsidies/kind_facts.py"):
        for node in ast.walk(ast.parse((SOURCES / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "put":
                found |= {keyword.arg for keyword in node.keywords if keyword.arg}
    return found


@pytest.mark.mission("C2")
def test_every_fact_is_produced_by_the_platform_or_says_it_comes_from_outside() -> None:
    inside = {name for name, fact in PLATFORM.facts.items() if fact.source != OUTSIDE}
    assert inside - produced() == set(), "these facts name a selector, yet nothing puts them on a sheet"
    assert produced() - inside == set(), "these facts are put on a sheet, yet the schema does not say so"


def test_every_fact_says_what_it_is_and_what_unknown_means() -> None:
    for name, fact in STORE.facts.facts.items():
        assert all((fact.label, fact.meaning, fact.unknown, fact.source)), name
        assert fact.fraction is False or fact.type.kind == "number", name


def test_labels_are_told_apart() -> None:
    labels = [fact.label for fact in PLATFORM.facts.values()]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    assert twice == []

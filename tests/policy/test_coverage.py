"""Every clause of the library is expressed, or says why it is not; the table in the documents is the command's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from policy.texts import DOCUMENT, ROOT, STORE
from zhaoliang.cli.policy import app
from zhaoliang.policy.coverage import REASONS, coverage, markdown

pytestmark = pytest.mark.mission("F1")


def test_every_clause_is_expressed_or_says_why_not() -> None:
    for row in coverage(STORE, STORE.documents):
        where = f"{row.document.id}#{row.clause.id}"
        assert row.parts or row.reason, f"{where}: nothing rests on it and no reason is written (no_rule)"
        assert not (row.parts and row.clause.no_rule), f"{where}: no_rule, though {row.parts} rest on it"


def test_the_documents_hold_the_table_of_today() -> None:
    _, _, table = (ROOT.parent / "docs/policy-coverage.md").read_text(encoding="utf-8").partition("<!-- table -->\n")
    today = "\n".join(markdown(coverage(STORE, STORE.documents)))
    assert table.strip() == today, "write it anew: zhaoliang policy coverage"


def test_a_clause_without_rule_or_reason_is_named_with_the_mend(tmp_path: Path) -> None:
    file = tmp_path / "city.yaml"
    file.write_text(DOCUMENT, encoding="utf-8")
    done = CliRunner().invoke(app, ["coverage", str(file)])
    assert done.exit_code == 1
    assert "没有规则，也没有写明原因" in done.stderr
    assert "no_rule" in done.stderr
    for code, words in REASONS.items():
        file.write_text(re.sub(r"(verified: \w+)", rf"\1, no_rule: {code}", DOCUMENT), encoding="utf-8")
        done = CliRunner().invoke(app, ["coverage", str(file)])
        assert (done.exit_code, words in done.output) == (0, True), code

"""The policy texts of the repository, and a way to write small ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from policy.texts import DOCUMENT, ROOT, STORE, Write
from zhaoliang.policy import PolicyStore


@pytest.fixture
def store() -> PolicyStore:
    return STORE


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Load a store that holds the sample document with the given parts below its clauses."""

    def load(parts: str = "", *, head: str = DOCUMENT, path: str = "cn-99/sample/2026-01-01.yaml") -> PolicyStore:
        root = tmp_path / "policies"
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        for name in ("facts.yaml", "schema.json"):
            shutil.copy(ROOT / name, root / name)
        target.write_text(head + parts, encoding="utf-8")
        return PolicyStore.load(root)

    return load

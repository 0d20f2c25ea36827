"""What is kept of the texts is what the process had read when it decided, not what lies on disk by then."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from zhaoliang.registry import lawbook
from zhaoliang.subsidies.stored import _kept_store, keep_library

DAY = date(2026, 6, 1)


@pytest.mark.django_db
@pytest.mark.mission("F1")
def test_texts_replaced_under_a_running_process_do_not_change_what_is_kept(
    settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "policies"
    shutil.copytree(settings.POLICIES, root)
    settings.POLICIES = root
    monkeypatch.setattr(lawbook, "_held", None)
    read = lawbook.lawbook().for_place(120101, "training", DAY).version
    text = root / "cn-12/jinrenshe-2022-20/2022-08-01.yaml"
    text.write_text(text.read_text(encoding="utf-8").replace("value: 100000", "value: 120000"), encoding="utf-8")
    table = text.with_name("standard-2021-2022.csv")
    table.write_text(table.read_text(encoding="utf-8").replace("378000", "388000"), encoding="utf-8")
    kept = _kept_store(tuple(sorted(keep_library().items())))
    assert kept.for_place(120101, "training", DAY).version == read
    monkeypatch.setattr(lawbook, "_held", None)
    assert lawbook.lawbook().for_place(120101, "training", DAY).version != read

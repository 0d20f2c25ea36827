"""Record which tests prove which mission rows, and how they ended, after a full run: `var/mission.json`."""

import json
from collections import defaultdict
from typing import Any

import pytest
from django.conf import settings

_reports: dict[str, dict[str, Any]] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        rows = sorted({row for mark in item.iter_markers("mission") for row in mark.args})
        if rows:
            # User properties travel with the report from an xdist worker to the controller.
            item.user_properties.append(("mission", ",".join(rows)))


def is_full_run(config: pytest.Config) -> bool:
    """Tell whether the command line left nothing out."""
    chosen = config.option
    narrowed = chosen.keyword or chosen.markexpr or getattr(chosen, "lf", False) or getattr(chosen, "deselect", None)
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not narrowed and not chosen.collectonly


def results(reports: dict[str, dict[str, Any]]) -> dict[str, list[dict[str, str]]]:
    """Return, for each mission row, its tests and their outcomes, sorted."""
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    for test, report in sorted(reports.items()):
        for row in report["rows"]:
            rows[row].append({"test": test, "outcome": report["outcome"]})
    return dict(sorted(rows.items()))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    rows = dict(report.user_properties).get("mission")
    if not rows:
        return
    seen = _reports.setdefault(report.nodeid, {"rows": str(rows).split(","), "outcome": "passed"})
    # A test counts by its worst phase; an expected failure proves nothing.
    if report.outcome != "passed" or hasattr(report, "wasxfail"):
        seen["outcome"] = "failed" if report.failed else "skipped"


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    complete = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    if hasattr(config, "workerinput") or not complete or not is_full_run(config):
        return
    settings.VAR.mkdir(parents=True, exist_ok=True)
    target = settings.VAR / "mission.json"
    fresh = target.with_suffix(".new")
    fresh.write_text(json.dumps({"rows": results(_reports)}, ensure_ascii=False, indent=1), encoding="utf-8")
    fresh.replace(target)

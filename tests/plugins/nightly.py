"""Long tests: left out of `make test`, run by `make nightly`, which prints the figures they measured."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from seeds import NIGHTLY

_figures: list[tuple[str, str, str]] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without `make nightly` no nightly test runs; with it only these and the ones that have a long size."""
    wanted = [
        item
        for item in items
        if (item.get_closest_marker("nightly") is not None) <= NIGHTLY
        and (not NIGHTLY or item.get_closest_marker("sized") or item.get_closest_marker("nightly"))
    ]
    left_out = [item for item in items if item not in wanted]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = wanted


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Note a figure of `docs/measurements.md`: its name and what was measured, unit included."""

    def note(figure: str, result: str) -> None:
        # User properties travel with the report from an xdist worker to the controller.
        request.node.user_properties.append(("figure", f"{figure}\t{result}"))

    return note


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when != "call":
        return
    for name, value in report.user_properties:
        if name == "figure":
            figure, result = str(value).split("\t", 1)
            _figures.append((figure, result, report.nodeid))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if NIGHTLY and _figures:
        terminalreporter.section("figures")
        for figure, result, test in sorted(_figures):
            terminalreporter.write_line(f"{figure}  {result}  ({test})")

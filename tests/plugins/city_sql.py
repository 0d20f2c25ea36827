"""Fail the session on a statement of the platform that reaches a city table without its city (design §3).

Every statement run during a test is captured, of every thread. Not judged: statements inside `national()`, and those
that the test's own code issues (a test may count all rows); code under `src/` issued everything else.
"""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import connections
from django.db.backends.signals import connection_created

from plugins.city_lint import findings, normalised
from zhaoliang.kernel.db.cities import city_field
from zhaoliang.kernel.db.national import is_national

# Normalised statement → the first test that ran it.
captured: dict[str, str] = {}
problems: list[str] = []
_running: list[str] = []


def _issued_by_test() -> bool:
    """Tell whether the innermost frame of ours is in the test suite."""
    frame = sys._getframe(2)
    while frame is not None:
        path = frame.f_code.co_filename
        if "/site-packages/" not in path:
            if "/src/zhaoliang/" in path and "/kernel/db/" not in path:
                return False
            if "/tests/" in path and "/plugins/" not in path:
                return True
        frame = frame.f_back
    return False


def capture(execute: Callable[..., Any], statement: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Django execute wrapper: remember the statement of the running test."""
    if _running and not is_national() and not _issued_by_test():
        captured.setdefault(normalised(str(statement)), _running[-1])
    return execute(statement, params, many, context)


def _watch(connection: Any, **_: Any) -> None:
    if capture not in connection.execute_wrappers:
        connection.execute_wrappers.append(capture)


def pytest_configure() -> None:
    connection_created.connect(_watch, dispatch_uid="city_sql")
    for connection in connections.all(initialized_only=True):
        _watch(connection)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    _running.append(item.nodeid)
    try:
        return (yield)
    finally:
        _running.pop()


def city_tables() -> set[str]:
    """Return the names of all city tables."""
    return {model._meta.db_table for model in apps.get_models() if city_field(model)}


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    tables = city_tables()
    for statement, test in captured.items():
        if found := findings(statement, tables):
            problems.append(f"{'; '.join(found)}\n  first run by {test}\n  {statement[:800]}")
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["city_sql"] = problems
    elif problems and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collect what an xdist worker found."""
    problems.extend(getattr(node, "workeroutput", {}).get("city_sql", []))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if problems:
        terminalreporter.section("city tables reached without their city", red=True)
        for problem in sorted(set(problems)):
            terminalreporter.write_line(problem)
        terminalreporter.write_line(
            "Add city_code= to the query, or put a deliberate national selector inside "
            "zhaoliang.kernel.db.national.national()."
        )

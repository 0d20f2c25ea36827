"""Fail the session on a statement of the platform that reaches a city table without its city (design §3).

Every statement run during a test is captured, of every thread. Not judged: statements inside `national()`, and those
that the test's own code issues (a test may count all rows); code under `src/` issued everything else.

Reading a statement takes longer than running it, and the same ones are run by every process of every run: those that
were found to be in order are remembered under `var/city-sql`, by this lint and these tables.
"""

import hashlib
import inspect
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from django.apps import apps
from django.conf import settings
from django.db import connections
from django.db.backends.signals import connection_created

from plugins import city_lint
from plugins.city_lint import findings, named_in, normalised
from zhaoliang.kernel.db.cities import city_field
from zhaoliang.kernel.db.national import is_national

# Normalised statement → the first test that ran it.
captured: dict[str, str] = {}
problems: list[str] = []
# The same as they were run, so that most are known at a glance.
_as_run: set[str] = set()
_running: list[str] = []
# After so many statements a process tells the others what it found, and looks what they did.
_AT_ONCE = 40


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
    text = str(statement)
    if _running and text not in _as_run and not is_national() and not _issued_by_test():
        _as_run.add(text)
        captured.setdefault(normalised(text), _running[-1])
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


def judged(
    statements: Iterable[str], tables: Collection[str], *, backwards: bool = False
) -> Iterator[tuple[str, list[str]]]:
    """The statements with findings. Processes that end together begin at both ends, so that each reads a part only."""
    memory = _memory(tables)
    todo = sorted(((_short(one), one) for one in statements if named_in(one, tables)), reverse=backwards)
    for start in range(0, len(todo), _AT_ONCE):
        known, good = set(memory.read_text("ascii").splitlines()), []
        for short, statement in todo[start : start + _AT_ONCE]:
            if short in known:
                continue
            if found := findings(statement, tables):
                yield statement, found
            else:
                good.append(f"{short}\n")
        if good:
            # Appended in one piece: lines of processes that write at once do not mix.
            with memory.open("a", encoding="ascii") as file:
                file.write("".join(good))


def _memory(tables: Collection[str]) -> Path:
    lint = f"{inspect.getsource(city_lint)}{sorted(tables)}{sqlglot.__version__}"
    memory = settings.VAR / "city-sql" / f"{_short(lint)}.txt"
    if not memory.exists():
        memory.parent.mkdir(parents=True, exist_ok=True)
        for old in memory.parent.glob("*.txt"):
            old.unlink(missing_ok=True)
        memory.touch()
    return memory


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    worker = getattr(session.config, "workerinput", {}).get("workerid", "")
    for statement, found in judged(captured, city_tables(), backwards=worker[-1:] in tuple("13579")):
        problems.append(f"{'; '.join(found)}\n  first run by {captured[statement]}\n  {statement[:800]}")
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

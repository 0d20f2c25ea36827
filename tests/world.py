"""The world of the demo, for tests that need a bit of everything: played once, cloned for each process.

The first process that needs it plays while the others wait, unless an earlier run kept it (`plugins/kept.py`).

A module that uses it says `pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]`; what a test changes is
rolled back after it. `fresh_world` gives a database in which nothing was played yet and commits are kept.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, connections

from plugins.city_sql import captured
from plugins.database import Cluster, _cluster, _conninfo
from zhaoliang import demo
from zhaoliang.kernel.crypto import key_ring
from zhaoliang.kernel.db.national import national

STATEMENTS = "statements.json"
# A working day after everything that the demo plays.
AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-grid", action="store_true", help="write the permission tables anew instead of testing")
    parser.addoption("--write-queries", action="store_true", help="write each page's number of statements anew")


@dataclass(frozen=True)
class World:
    """A played demo: its database, the folder of its files, what it came to."""

    database: str
    folder: Path
    played: demo.Played
    table: tuple[str, ...]
    counts: dict[str, int]

    def owner(self) -> psycopg.Connection[Any]:
        """A connection of the tables' owner."""
        return psycopg.connect(_conninfo(connection.settings_dict, self.database), autocommit=True)


def counts() -> dict[str, int]:
    """How many rows each table holds."""
    with national():
        return {model._meta.db_table: model._default_manager.count() for model in apps.get_models()}


@contextmanager
def pointed(cluster: Cluster, name: str, folder: Path) -> Iterator[None]:
    """Let Django mean the database `name`, and `folder` for the files of the demo; put both back afterwards."""
    before, var = str(connection.settings_dict["NAME"]), settings.VAR
    # Every process reads with the keys of the one that played.
    key_ring()
    cluster.point_django(name)
    settings.VAR = folder
    try:
        yield
    finally:
        connections.close_all()
        settings.VAR = var
        cluster.point_django(before)


@pytest.fixture(scope="session")
def played_world(
    request: pytest.FixtureRequest,
    django_db_setup: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    cluster = _cluster(request.config)
    with cluster.world_lock.open("w") as lock, django_db_blocker.unblock():
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not cluster.world_files.exists():
            _play(cluster, tmp_path_factory.mktemp("play"))
    captured.update({**json.loads((cluster.world_files / STATEMENTS).read_text("utf-8")), **captured})
    name = cluster.clone(f"{_worker(request)}_world", cluster.world)
    folder = tmp_path_factory.mktemp("world") / "var"
    shutil.copytree(cluster.world_files, folder)
    with django_db_blocker.unblock(), pointed(cluster, name, folder):
        # Played to its end, it is only read.
        played = demo.play(at=AT, echo=lambda text: None)
        found = World(name, folder, played, tuple(demo.chain_table(played.training_class)), counts())
    yield found
    cluster.execute("DROP DATABASE {} WITH (FORCE)", name)
    shutil.rmtree(folder)


def _play(cluster: Cluster, folder: Path) -> None:
    """Play the demo into the database that is cloned, and put its files and statements where the others find them."""
    before = set(captured)
    cluster.execute("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", cluster.world, cluster.template)
    with pointed(cluster, cluster.world, folder):
        demo.play(at=AT, echo=lambda text: None)
    # A run that finds the demo played judges the statements of the play all the same.
    issued = {statement: test for statement, test in captured.items() if statement not in before}
    (folder / STATEMENTS).write_text(json.dumps(issued, ensure_ascii=False), "utf-8")
    folder.rename(cluster.world_files)


def _worker(request: pytest.FixtureRequest) -> str:
    return getattr(request.config, "workerinput", {}).get("workerid", "main")


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, played_world: World, django_db_blocker: Any) -> Iterator[World]:
    """The played demo as the database of this module's tests."""
    with django_db_blocker.unblock(), pointed(_cluster(request.config), played_world.database, played_world.folder):
        yield played_world


@pytest.fixture
def fresh_world(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any, tmp_path: Path
) -> Iterator[Callable[[], psycopg.Connection[Any]]]:
    """An empty database whose commits are kept until the test ends; the value opens a connection of its owner."""
    cluster = _cluster(request.config)
    name = cluster.clone(f"{_worker(request)}_fresh")
    with django_db_blocker.unblock(), pointed(cluster, name, tmp_path):
        yield lambda: psycopg.connect(_conninfo(connection.settings_dict, name), autocommit=True)
    cluster.execute("DROP DATABASE {} WITH (FORCE)", name)

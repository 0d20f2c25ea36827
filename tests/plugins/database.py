"""A throw-away PostgreSQL for the test run: migrated once as owner, cloned for each process, used as `zhaoliang_app`.

Uses an embedded cluster in the temporary folder, or, where `DATABASE_URL` is set, databases of its own on that server.
`kept.py` keeps for the next run what takes long to make.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, connections
from django.test import TransactionTestCase
from psycopg import sql
from pytest_django.plugin import blocking_manager_key

from plugins import kept
from plugins.watchdog import forget_world
from zhaoliang.kernel.db.config import APP_ROLE, parse_url
from zhaoliang.kernel.db.embedded import DATABASE, EmbeddedServer
from zhaoliang.kernel.db.migrate import as_owner, migrate
from zhaoliang.kernel.db.national import national
from zhaoliang.registry.reference import load_reference_data

WORLD = "zhaoliang_world"

cluster_key = pytest.StashKey["Cluster"]()
# Rows of these tables belong to the schema or to the reference data: a committing test leaves them as they are.
kept_tables: frozenset[str] = frozenset()


class Cluster:
    """A server on which this run may create databases, and the migrated database that they are cloned from."""

    def __init__(self, url: str, prefix: str, beside: str) -> None:
        self.url = url
        self.prefix = prefix
        # One process plays the demo under this lock; what the play left outside the database is there when it ended.
        self.world_lock, self.world_files = Path(f"{beside}.lock"), Path(f"{beside}.world")
        self._folder: Path | None = None
        self._kept_world: Path | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    @classmethod
    def make(cls) -> "Cluster":
        """Start a cluster (or take the server of DATABASE_URL) and migrate its template database."""
        prefix = f"zl_test_{secrets.token_hex(4)}"
        folder = Path(tempfile.mkdtemp(prefix="zhaoliang-test-"))
        if url := os.environ.get("DATABASE_URL"):
            folder.rmdir()
            cluster = cls(url, prefix, str(folder))
        else:
            cluster = cls(EmbeddedServer(folder, durable=False).url(), prefix, str(folder))
            cluster._folder = folder
            cluster._watchdog = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("watchdog.py")), str(folder)],
                stdin=subprocess.PIPE,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        try:
            cluster._make_template()
        except BaseException:
            connections.close_all()
            cluster.remove()
            raise
        return cluster

    def _make_template(self) -> None:
        if self._folder:
            self._kept_world = kept.kept_world()
            server = EmbeddedServer(self._folder, durable=False)
            files = kept.fill(server, self._folder, partial(fill_embedded, server))
            self.execute("ALTER DATABASE {} RENAME TO {}", DATABASE, self.template)
            if files is not None:
                self.execute("ALTER DATABASE {} RENAME TO {}", WORLD, self.world)
                shutil.copytree(files, self.world_files)
            return
        self.execute("CREATE DATABASE {}", self.template)
        self.point_django(self.template)
        _fill_schema()

    @property
    def template(self) -> str:
        return f"{self.prefix}_template"

    @property
    def world(self) -> str:
        """The database in which one process of this run plays the demo, for all to clone."""
        return f"{self.prefix}_world"

    def execute(self, statement: str, *names: str) -> None:
        """Run a statement about databases, as the server's user."""
        entry = parse_url(self.url)
        maintenance = "postgres" if self._watchdog or "DATABASE_URL" not in os.environ else entry["NAME"]
        with psycopg.connect(_conninfo(entry, maintenance), autocommit=True) as server:
            server.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def point_django(self, name: str) -> None:
        """Let Django's default connection (of every thread) mean this database."""
        point_django(self.url, name)

    def clone(self, suffix: str, template: str = "") -> str:
        """Create a database from the migrated one (or another) and return its name."""
        name = f"{self.prefix}_{suffix}"
        self.execute("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, template or self.template)
        return name

    def remove(self) -> None:
        """Remove everything that the run created."""
        if self._watchdog:
            assert self._watchdog.stdin is not None
            self._watchdog.stdin.close()
            self._watchdog.wait()
        else:
            for name in (self.world, self.template):
                self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        forget_world(self.world_lock, self.world_files)

    def keep_world(self) -> None:
        """Keep the demo for the next run, where this one played it, from sources that are still the same."""
        target = self._kept_world
        if self._folder is None or target is None or not self.world_files.exists():
            return
        if target.exists() or target != kept.kept_world():
            return
        self.execute("ALTER DATABASE {} RENAME TO {}", self.template, DATABASE)
        self.execute("ALTER DATABASE {} RENAME TO {}", self.world, WORLD)
        server = EmbeddedServer(self._folder, durable=False)
        server.stop()
        kept.keep_world(server.data_folder(), self.world_files, target)


def point_django(url: str, name: str) -> None:
    connection.close()
    entry = parse_url(url) | {"NAME": name}
    entry["OPTIONS"] = {**entry["OPTIONS"], "assume_role": APP_ROLE}
    connection.settings_dict.update(entry)


def fill_embedded(server: EmbeddedServer) -> None:
    """Migrate a started server's database and load the reference data; Django means it from then on."""
    point_django(server.url(), DATABASE)
    _fill_schema()


def _fill_schema() -> None:
    """Migrate the database that Django means now and load the reference data."""
    migrate()
    with as_owner():
        load_reference_data()
    connections.close_all()


def _conninfo(entry: dict[str, Any], name: str) -> str:
    given = {"host": entry["HOST"], "port": entry["PORT"], "user": entry["USER"], "password": entry["PASSWORD"]}
    given |= {key: value for key, value in entry["OPTIONS"].items() if key not in {"assume_role", "pool"}}
    return psycopg.conninfo.make_conninfo(dbname=name, **{key: value for key, value in given.items() if value})


def _cluster(config: pytest.Config) -> Cluster:
    if cluster_key not in config.stash:
        given = getattr(config, "workerinput", {}).get("cluster")
        if given:
            config.stash[cluster_key] = Cluster(*given)
        else:
            with config.stash[blocking_manager_key].unblock(), national():
                config.stash[cluster_key] = Cluster.make()
    return config.stash[cluster_key]


def pytest_configure(config: pytest.Config) -> None:
    # A terminated run must still remove its databases, as an interrupted one does.
    if not hasattr(config, "workerinput"):
        signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the cluster of the controlling process to an xdist worker."""
    cluster = _cluster(node.config)
    node.workerinput["cluster"] = (cluster.url, cluster.prefix, str(cluster.world_lock.with_suffix("")))


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and cluster_key in config.stash:
        connections.close_all()
        try:
            config.stash[cluster_key].keep_world()
        finally:
            config.stash[cluster_key].remove()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("commits"):
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest, django_test_environment: None, django_db_blocker: Any
) -> Iterator[None]:
    """Replace pytest-django's test database by a clone of ours."""
    global kept_tables
    cluster = _cluster(request.config)
    name = cluster.clone(getattr(request.config, "workerinput", {}).get("workerid", "main"))
    with django_db_blocker.unblock():
        cluster.point_django(name)
        with as_owner():
            kept_tables = frozenset(_filled(_tables()))
    yield
    with django_db_blocker.unblock():
        connections.close_all()
        cluster.execute("DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def database_url(db: None) -> str:
    """Address of this process's test database, for programs that a test starts."""
    from urllib.parse import quote, urlencode

    entry = connection.settings_dict
    extra = {key: value for key, value in entry["OPTIONS"].items() if key not in {"assume_role", "pool"}}
    login = quote(entry["USER"], safe="") + (f":{quote(entry['PASSWORD'], safe='')}" if entry["PASSWORD"] else "")
    query = {"host": entry["HOST"], **({"port": entry["PORT"]} if entry["PORT"] else {}), **extra}
    return f"postgresql://{login}@/{entry['NAME']}?{urlencode(query)}"


@pytest.fixture
def owner(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    """A committing connection of the tables' owner, for what the app role may not do."""
    entry = connection.settings_dict
    with psycopg.connect(_conninfo(entry, entry["NAME"]), autocommit=True) as opened:
        yield opened


def _tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return [row[0] for row in cursor.fetchall()]


def _filled(tables: list[str]) -> list[str]:
    if not tables:
        return []
    one = sql.SQL("SELECT {} WHERE EXISTS (SELECT 1 FROM {})")
    asked = sql.SQL(" UNION ALL ").join(one.format(sql.Literal(table), sql.Identifier(table)) for table in tables)
    with national(), connection.cursor() as cursor:
        cursor.execute(asked.as_string())
        return [row[0] for row in cursor.fetchall()]


def empty_business_tables(test: TransactionTestCase) -> None:
    """Remove what a committing test left, as owner (the app role may not truncate); reference rows stay."""
    connections.close_all()
    with as_owner():
        filled = _filled([table for table in _tables() if table not in kept_tables])
        if filled:
            names = sql.SQL(", ").join(map(sql.Identifier, filled))
            with connection.cursor() as cursor:
                # A connection that the test forgot to close would otherwise hold this up for ever.
                cursor.execute("SET lock_timeout = '10s'")
                cursor.execute(sql.SQL("TRUNCATE {} CASCADE").format(names).as_string())


# Django's own tear-down flushes every table, reference data included, with the rights of the app role.
TransactionTestCase._fixture_teardown = empty_business_tables  # pyright: ignore[reportAttributeAccessIssue]

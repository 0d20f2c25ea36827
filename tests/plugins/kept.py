"""What takes long to make, kept for the next run under `var/test-databases` by a hash of what it is made from.

The migrated database, and beside it the played demo (`world.py`), once a run has played it.
"""

import hashlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from django.conf import settings

from zhaoliang.kernel.crypto import key_ring
from zhaoliang.kernel.db.embedded import EmbeddedServer

ROOT = Path(__file__).resolve().parents[2]


def fill(server: EmbeddedServer, folder: Path, fill_schema: Callable[[], None]) -> Path | None:
    """Start the server with a filled database: from the copy that an earlier run kept, while its sources are the same.

    Returns the files of the played demo where that is in it too, as the database `zhaoliang_world`.
    """
    # Each run of a single file would otherwise migrate from empty.
    kept, world = settings.VAR / "test-databases" / _schema_digest(), kept_world()
    if world.exists() or kept.exists():
        folder.rmdir()
        _copy(world if world.exists() else kept, folder)
        server.start()
        return _files_of(world) if world.exists() else None
    server.start()
    fill_schema()
    server.stop()
    shutil.rmtree(kept.parent, ignore_errors=True)
    _keep(server.data_folder(), kept)
    server.start()
    return None


def kept_world() -> Path:
    """Where the played demo of these sources is kept, whether it is there or not."""
    return settings.VAR / "test-databases" / f"world-{_world_digest()}"


def keep_world(data: Path, files: Path, kept: Path) -> None:
    """Keep the data folder of a stopped server with a played demo, and the demo's files, in place of earlier ones."""
    for old in kept.parent.glob("world-*"):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(files, _files_of(kept), dirs_exist_ok=True)
    _keep(data, kept)


def _files_of(kept: Path) -> Path:
    return kept.with_name(f"{kept.name}.files")


def _keep(data: Path, kept: Path) -> None:
    fresh = kept.with_name(f"{kept.name}.{secrets.token_hex(4)}")
    fresh.parent.mkdir(parents=True, exist_ok=True)
    _copy(data, fresh)
    try:
        fresh.rename(kept)
    except OSError:
        # Another run that began with the same sources was first.
        shutil.rmtree(fresh)


def _copy(source: Path, target: Path) -> None:
    # The files belong to the server's user; a copy in Python would make them ours.
    subprocess.run(["cp", "-Rp", str(source), str(target)], check=True)


def _schema_digest() -> str:
    """One hash of everything that a migrated database with reference data is made from."""
    source = ROOT / "src" / "zhaoliang"
    patterns = ("*/migrations/*.py", "**/models.py", "**/models/*.py", "**/sql/*.sql", "kernel/db/**/*.py")
    paths = {path for pattern in patterns for path in source.glob(pattern)}
    paths |= {*(source / "registry" / "data").iterdir(), source / "registry" / "reference.py", source / "settings.py"}
    paths |= set((ROOT / "requirements").glob("*.txt"))
    return _digest(paths)


def _world_digest() -> str:
    """One hash of everything that the played demo is made from: all programs and texts, and the keys of its secrets."""
    key_ring()
    paths = {*(ROOT / "src").glob("**/*.py"), *(ROOT / "src").glob("**/*.sql"), *(ROOT / "policies").glob("**/*.*")}
    paths |= {ROOT / "tests" / "world.py", settings.VAR / "keys.json"}
    keys = [os.environ.get(name, "") for name in ("ZHAOLIANG_KEYS", "ZHAOLIANG_KEY_FILE")]
    return hashlib.sha256(f"{_schema_digest()}{_digest(paths)}{keys}".encode()).hexdigest()[:32]


def _digest(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in sorted(paths):
        if path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{path.relative_to(ROOT)} {content}\n".encode())
    return total.hexdigest()[:32]

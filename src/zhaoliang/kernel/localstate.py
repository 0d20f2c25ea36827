"""Small secrets that a first start makes for itself under `var/`, readable by their owner only."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def read_or_make(path: Path, make: bytes) -> bytes:
    """The content of `path`; written with `make` and mode 0600 when missing. Two starters at once end with one content."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path, make)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_bytes()


def replace(path: Path, content: bytes) -> None:
    """Give the file another content, whole or not at all."""
    _draft(path, content).rename(path)


def _draft(path: Path, content: bytes) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft


def secret_key(var: Path) -> str:
    """Django's secret key: `ZHAOLIANG_SECRET_KEY`, or one made once and kept under `var/`."""
    given = os.environ.get("ZHAOLIANG_SECRET_KEY")
    if given:
        return given
    return read_or_make(var / "secret-key", secrets.token_urlsafe(48).encode()).decode()

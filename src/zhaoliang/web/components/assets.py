"""Built front-end files, found through Vite's manifest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

DIST = Path(__file__).resolve().parents[1] / "static" / "dist"
# The two CJK fonts of printed documents, put there by the front-end build.
FONTS = DIST / "fonts"


@dataclass(frozen=True)
class Bundle:
    """The files one entry needs, as paths below the static root."""

    styles: tuple[str, ...]
    scripts: tuple[str, ...]
    preloads: tuple[str, ...]


def built() -> bool:
    """Whether the front end has been built."""
    return (DIST / "manifest.json").is_file()


def bundle(entry: str) -> Bundle:
    """Files of `entry` (`worker.ts`, `app.css`); raises KeyError when the build has no such entry."""
    path = DIST / "manifest.json"
    # Keyed by the time of the build, so a rebuild shows without a restart.
    return _bundle(entry, path, path.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _bundle(entry: str, path: Path, _built_at: int) -> Bundle:
    manifest: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))
    chunk = manifest[entry]
    styles: list[str] = []
    preloads: list[str] = []

    def walk(key: str) -> None:
        for name in manifest[key].get("css", ()):
            if name not in styles:
                styles.append(name)
        for child in manifest[key].get("imports", ()):
            if manifest[child]["file"] not in preloads:
                preloads.append(manifest[child]["file"])
                walk(child)

    walk(entry)
    is_style = chunk["file"].endswith(".css")
    if is_style:
        styles.insert(0, chunk["file"])
    return Bundle(
        styles=tuple(f"dist/{name}" for name in styles),
        scripts=() if is_style else (f"dist/{chunk['file']}",),
        preloads=tuple(f"dist/{name}" for name in preloads),
    )

"""Which texts a command reads: those named, or all below the root."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zhaoliang.cli.policy.group import load, loaded
from zhaoliang.policy import Document, PolicyStore

Paths = Annotated[
    list[Path] | None, typer.Argument(help="政策文件或文件夹；不写则为 --root 下全部", exists=True, show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="输出 JSON")]


def chosen_texts(paths: list[Path] | None, root: Path) -> tuple[PolicyStore, tuple[Document, ...]]:
    """The store to read in, and the documents named: texts below the root are read together with all others there."""
    if not paths:
        store = load(root)
        return store, store.documents
    wanted = [path.resolve() for path in paths]
    if all(path.is_relative_to(root.resolve()) for path in wanted):
        store = load(root)
        files = {(root.resolve().parent / document.file): document for document in store.documents}
        return store, tuple(
            document for file, document in files.items() if any(file.is_relative_to(path) for path in wanted)
        )
    store = loaded(lambda: PolicyStore.load_paths(paths))
    return store, store.documents

"""The command group `zhaoliang policy` and what its commands share. All of them work on files alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from zhaoliang.policy import PolicyError, PolicyFileError, PolicyStore
from zhaoliang.policy.store import SCHEMAS

app = typer.Typer(help="政策文件：检查、事实清单、逐条判断、比较、试算", no_args_is_help=True)

Root = Annotated[Path, typer.Option("--root", help="政策文件目录", exists=True, file_okay=False)]
# The library of the place one works in, else the one that came with the program.
DEFAULT_ROOT = next((schema.parent for schema in SCHEMAS if schema.is_file()), SCHEMAS[0].parent)


def load(root: Path) -> PolicyStore:
    """All texts below `root`; ends the program with every problem and exit code 1 when one is not sound."""
    return loaded(lambda: PolicyStore.load(root))


def loaded(read: Callable[[], PolicyStore]) -> PolicyStore:
    """What `read` reads; ends the program with every problem and exit code 1 when a text is not sound."""
    try:
        return read()
    except PolicyFileError as problem:
        for one in problem.problems:
            typer.echo(str(one), err=True)
        typer.echo(f"政策文件有误：共 {len(problem.problems)} 处", err=True)
        raise typer.Exit(1) from problem
    except PolicyError as problem:
        typer.echo(f"政策文件有误：{problem}", err=True)
        raise typer.Exit(1) from problem

"""The command group `zhaoliang policy` and what its commands share. All of them work on files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zhaoliang.policy import PolicyError, PolicyStore

app = typer.Typer(help="政策文件：检查、事实清单、逐条解释", no_args_is_help=True)

Root = Annotated[Path, typer.Option("--root", help="政策文件目录", exists=True, file_okay=False)]
DEFAULT_ROOT = Path("policies")


def load(root: Path) -> PolicyStore:
    """All texts below `root`; ends the program with the problem and exit code 1 when one is not sound."""
    try:
        return PolicyStore.load(root)
    except PolicyError as problem:
        typer.echo(f"政策文件有误：{problem}", err=True)
        raise typer.Exit(1) from problem

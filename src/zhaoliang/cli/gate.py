"""`zhaoliang gate`: the fast path in a process of its own."""

import os
import signal
import subprocess
import sys
from types import FrameType
from typing import Annotated

import typer

from zhaoliang.cli.environment import database

NAME = "快速通道"
HOST = "127.0.0.1"
# What is accepted is answered within this time after a request to stop.
DRAIN_SECONDS = 15


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(gate)


def gate(
    port: Annotated[int, typer.Option(envvar="GATE_PORT", min=1, max=65535, help="快速通道端口")] = 8081,
    host: Annotated[str, typer.Option(help="监听地址")] = HOST,
    workers: Annotated[int, typer.Option(min=1, max=64, help="进程数")] = 1,
) -> None:
    """只启动快速通道（领券、验券、用券、签到），直到 Ctrl-C。数据库须已迁移。"""
    with database():
        child = subprocess.Popen(command(port, host=host, workers=workers), env=environment(), start_new_session=True)

        def stop(number: int, frame: FrameType | None) -> None:
            child.send_signal(signal.SIGTERM)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, stop)
        typer.echo(f"快速通道：http://{host}:{port}/gate/   （Ctrl-C 停止）")
        raise typer.Exit(max(0, child.wait()))


def port_beside(port: int) -> int:
    """The gate's port where the pages are on `port`: GATE_PORT, or a thousand further on."""
    given = os.environ.get("GATE_PORT")
    if given:
        return int(given)
    return port + 1000 if port + 1000 <= 65535 else port - 1000


def command(port: int, *, host: str = HOST, workers: int = 1) -> list[str]:
    """The command line that serves the gate; a worker process that dies is started again."""
    line = [sys.executable, "-m", "granian", "--interface", "rsgi", "--host", host, "--port", str(port)]
    line += ["--workers", str(workers), "--loop", "uvloop", "--no-ws", "--http", "1", "--backlog", "2048"]
    line += ["--http1-header-read-timeout", "5000", "--http1-buffer-size", "16384"]
    line += ["--respawn-failed-workers", "--respawn-interval", "0.5", "--workers-kill-timeout", str(DRAIN_SECONDS)]
    return [*line, "--backpressure", "4096", "--log-level", "error", "zhaoliang.gate.app:application"]


def environment() -> dict[str, str]:
    """The environment of the gate's process: its few look-ups through Django need no pool."""
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "zhaoliang.settings", "ZHAOLIANG_DB_POOL": "0"}
